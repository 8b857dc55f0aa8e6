"""Files that tell the CTF of micrographs: STAR files, cryoSPARC's tables, CTFFIND's text files, Gctf's logs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from warnings import warn

import numpy as np

from napari_drpnet.data import FloatArray
from napari_drpnet.errors import UserError, cut, short
from napari_drpnet.io.ctf import CTF, KnownCTF, mean_ctf, one_lens
from napari_drpnet.io.ctf_cryosparc import ctf_of_tables, tells_ctf
from napari_drpnet.io.files import micrograph_stem
from napari_drpnet.io.paths import files_in, is_dir
from napari_drpnet.io.picks.cryosparc_group import CRYOSPARC_SUFFIXES
from napari_drpnet.io.picks.plain_text import number, read_plain
from napari_drpnet.io.picks.rows import rows_by_name
from napari_drpnet.io.star_lists import MICROGRAPH
from napari_drpnet.io.star_optics import lens
from napari_drpnet.io.star_table import Table, read_tables

DEFOCUS_U, DEFOCUS_V, DEFOCUS_ANGLE = "rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle"
PHASE_SHIFT = "rlnPhaseShift"
FIT_RESOLUTION = "rlnCtfMaxResolution"
_LENS = ("rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast")
_ANEW = "Correct it, or estimate the CTF anew."

_CTFFIND = re.compile(r"\s*#\s*Output from CTFFIND", re.IGNORECASE)
_CTFFIND_INPUT = re.compile(r"#\s*Input file:\s*(?P<name>[^\n]*?)\s*(?:;[^\n;]*)?\n")
_CTFFIND_LENS = ("acceleration voltage", "spherical aberration", "amplitude contrast")
# Number, two defoci, azimuth and phase shift; how good they are, and CTFFIND5's tilt and thickness, follow.
_CTFFIND_COLUMNS = 5

_GCTF_LOG = "_gctf.log"
_GCTF_FINAL = re.compile(
    r"^[ \t]*(?P<columns>Defocus_U[ \t]+Defocus_V[ \t][^\n]*)\n\s*(?P<values>[^\n]*?)[ \t]+Final Values", re.MULTILINE
)
_GCTF_LENS = re.compile(r"CS\[mm\],[ \t]*HT\[kV\],[ \t]*AmpCnst[^\n]*\n\s*(?P<values>[^\n]+)")
_GCTF_OPTIONS = ("kv", "cs", "ac")


def read_ctf(path: str | Path) -> KnownCTF:
    """The CTF of micrographs from one file, or from all files in a folder that tell it.

    Parameters
    ----------
    path
        A STAR file of RELION or Gctf that lists micrographs, or particles: of these a micrograph has the mean. A table
        of cryoSPARC, or a group that names several, which are joined. A text file of CTFFIND 4 or 5; a stack has a row
        for each image. A log of Gctf. Or a folder of such files: STAR files in it that list micrographs with their CTF
        go before tables of cryoSPARC, and those before the others.

    Raises
    ------
    UserError
        When the file is missing or damaged, lacks a column, or no CTF in it can be; when the folder has none.

    Warns
    -----
    UserWarning
        When values that cannot be are left out, or damaged files of a folder.
    """
    path = Path(path)
    return _of_folder(path) if is_dir(path) else _of_file(path)


def ctf_beside(micrographs: Iterable[Path]) -> KnownCTF:
    """What CTFFIND and Gctf left beside micrographs, in text files; often nothing. Warnings as of `read_ctf`."""
    folders = dict.fromkeys(path.parent for path in micrographs)
    parts = [_together(texts, folder) for folder in folders if (texts := _texts_in(folder))]
    return KnownCTF.joined(parts, "The files beside the micrographs")


def fit_resolutions(path: Path) -> dict[str, float]:
    """To which resolution the CTF was fitted, in Angstrom, by the names of micrographs in a STAR file that tells it.

    Raises
    ------
    UserError
        When the file is missing or damaged.
    """
    tables = [table for table in read_tables(path) if FIT_RESOLUTION in table and MICROGRAPH in table]
    return {
        name: float(value)
        for table in tables
        for name, value in zip(table.texts(MICROGRAPH), table.numbers(FIT_RESOLUTION), strict=True)
    }


def _of_file(path: Path) -> KnownCTF:
    if path.suffix.lower() == ".star":
        return _of_star(path)
    if path.suffix.lower() in CRYOSPARC_SUFFIXES:
        return _of_cryosparc([path], path)
    text = read_plain(path)
    if _CTFFIND.match(text):
        return _of_ctffind(path, text)
    if _GCTF_FINAL.search(text) or path.name.endswith(_GCTF_LOG):
        return _of_gctf(path, text)
    raise UserError(
        f"{path}: it tells no CTF: it is no STAR file, no table of cryoSPARC, and no output of CTFFIND or Gctf.",
        "Give micrographs_ctf.star of RELION's CTF job, the exposures (.cs) of cryoSPARC's, or what CTFFIND (.txt) or "
        "Gctf (_gctf.log) wrote.",
    )


def _of_folder(folder: Path) -> KnownCTF:
    stars, tables = ([path for path in files_in(folder) if path.suffix.lower() == end] for end in (".star", ".cs"))
    files = [path for path in stars if _lists_ctf(path)]
    if not files and any(map(tells_ctf, tables)):
        return _of_cryosparc(tables, folder)
    files = files or _texts_in(folder)
    if not files:
        raise UserError(
            f"{folder}: no file in this folder tells the CTF of micrographs.",
            "Give micrographs_ctf.star of RELION's CTF job, the exposures (.cs) of cryoSPARC's, or the folder with "
            "what CTFFIND (.txt) or Gctf (_gctf.log) wrote.",
        )
    return _together(files, folder)


def _of_cryosparc(paths: list[Path], where: Path) -> KnownCTF:
    return KnownCTF(_sound(where, ctf_of_tables(paths, where)), where=where)


def _lists_ctf(path: Path) -> bool:
    """Whether a STAR file lists micrographs, not particles, with their defocus; a damaged one does not."""
    try:
        tables = read_tables(path)
    except UserError:
        return False
    return any(MICROGRAPH in table and DEFOCUS_U in table and "rlnCoordinateX" not in table for table in tables)


def _texts_in(folder: Path) -> list[Path]:
    """The text files of CTFFIND and Gctf in a folder, without CTFFIND's profiles."""
    files = [path for path in files_in(folder) if path.suffix.lower() == ".txt" or path.name.endswith(_GCTF_LOG)]
    return [path for path in files if path.name.endswith(_GCTF_LOG) or _begins_as_ctffind(path)]


def _begins_as_ctffind(path: Path) -> bool:
    if path.stem.endswith("_avrot"):
        return False
    try:
        with path.open("rb") as file:
            return _CTFFIND.match(file.read(100).decode("latin-1")) is not None
    except OSError:
        return False


def _together(files: list[Path], folder: Path) -> KnownCTF:
    parts: list[KnownCTF] = []
    failed: list[UserError] = []
    for file in files:
        try:
            parts.append(_of_file(file))
        except UserError as error:
            failed.append(error)
    if failed and not parts:
        raise failed[0]
    if failed:
        warn(f"{folder}: {len(failed)} of {len(files)} files are left out: {cut(str(failed[0]), 200)}", stacklevel=4)
    return KnownCTF.joined(parts, folder)


def _sound(path: Path, values: Mapping[str, CTF]) -> dict[str, CTF]:
    """Those that can be; the others are told of."""
    faults = {name: fault for name, ctf in values.items() if (fault := ctf.fault)}
    if not faults:
        return dict(values)
    name, fault = next(iter(faults.items()))
    told = f"{short(name)}: {fault}"
    if len(faults) == len(values):
        raise UserError(f"{path} has no CTF that can be. Of {told}.", _ANEW)
    warn(f"{path}: {len(faults)} of {len(values)} CTFs cannot be, and are left out. Of {told}.", stacklevel=4)
    return {name: ctf for name, ctf in values.items() if name not in faults}


# ---------------------------------------------------------------- STAR


def _of_star(path: Path) -> KnownCTF:
    tables = read_tables(path)
    telling = [table for table in tables if DEFOCUS_U in table]
    if not telling:
        raise UserError(
            f"{path}: it has no CTF: no table has the column {DEFOCUS_U}.",
            "Give the STAR file of the CTF job (micrographs_ctf.star), or of particles that were extracted after it.",
        )
    values: dict[str, CTF] = {}
    for table in telling:
        table.require(MICROGRAPH)
        columns = _columns(tables, table)
        for name, which in rows_by_name(table.texts(MICROGRAPH)).items():
            one_lens(path, name, dict(zip(_LENS, columns[3:6, which], strict=True)))
            values.setdefault(name, mean_ctf(columns[:, which]))
    if not values:
        raise UserError(f"{path}: it lists no micrograph.", "Give the STAR file of the CTF job.")
    return KnownCTF(_sound(path, values), where=path)


def _columns(tables: list[Table], table: Table) -> FloatArray:
    """The fields of `CTF` for each row, ``(7, n)``; angle and phase shift are 0 where no column tells them."""
    u = table.numbers(DEFOCUS_U)
    v = table.numbers(DEFOCUS_V) if DEFOCUS_V in table else u
    angle, shift = (
        table.numbers(name) if name in table else np.zeros(len(table)) for name in (DEFOCUS_ANGLE, PHASE_SHIFT)
    )
    told = lens(tables, table)
    if missing := [name for name in _LENS if told and not any(name in row for row in told)]:
        raise UserError(
            f"{table.path}: a CTF needs {', '.join(missing)}, which is neither in {table.title} nor in data_optics.",
            "Export it anew with these columns.",
        )
    of_lens = [
        Table(table.path, table.name, [name], [[row.get(name, "nan")] for row in told]).numbers(name) for name in _LENS
    ]
    return np.stack([u, v, angle, *of_lens, shift])


# ---------------------------------------------------------------- CTFFIND


def _of_ctffind(path: Path, text: str) -> KnownCTF:
    lines = text.splitlines()
    header = "\n".join(line for line in lines if line.lstrip().startswith("#")) + "\n"
    if "defocus 1" not in header:
        raise UserError(
            f"{path}: it has CTFFIND's profiles, not the defocus.", "Give the file without _avrot in its name."
        )
    voltage, cs, amplitude = (_in_header(path, header, name) for name in _CTFFIND_LENS)
    rows = [_row(path, line) for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not rows:
        raise UserError(f"{path}: CTFFIND wrote no result into it.", _ANEW)
    named = _CTFFIND_INPUT.search(header)
    values, by_file = {}, {}
    for count, u, v, angle, shift in rows:
        ctf = CTF(u, v, angle, voltage, cs, amplitude, math.degrees(shift))
        prefix = f"{int(count):06d}@" if len(rows) > 1 else ""
        by_file[prefix + micrograph_stem(path)] = ctf
        if named and named["name"]:
            values[prefix + named["name"]] = ctf
    by_file = _sound(path, by_file)
    return KnownCTF({name: ctf for name, ctf in values.items() if not ctf.fault}, by_file, path)


def _in_header(path: Path, header: str, name: str) -> float:
    found = re.search(rf"{name}\s*:\s*(\S+)", header)
    if found is None:
        raise UserError(f"{path}: the {name} is not in its header.", "Take the file as CTFFIND wrote it.")
    return _number(path, found[1])


def _row(path: Path, line: str) -> list[float]:
    words = line.split()
    if len(words) < _CTFFIND_COLUMNS + 2:
        raise UserError(
            f"{path}: a row has {len(words)} columns, and CTFFIND writes at least {_CTFFIND_COLUMNS + 2}.",
            "The file was cut: copy it anew.",
        )
    row = [_number(path, word) for word in words[:_CTFFIND_COLUMNS]]
    if not (1 <= row[0] < 1e6 and row[0] == int(row[0])):
        raise UserError(f"{path}: a row is of the micrograph number {row[0]:g}.", _ANEW)
    return row


def _number(path: Path, text: str) -> float:
    try:
        return number(text)
    except ValueError as error:
        raise UserError(f"{path}: {short(text)} is not a number.", _ANEW) from error


# ---------------------------------------------------------------- Gctf


def _of_gctf(path: Path, text: str) -> KnownCTF:
    finals = list(_GCTF_FINAL.finditer(text))
    if not finals:
        raise UserError(f"{path}: it has no final values.", "Run Gctf to its end.")
    names, words = finals[-1]["columns"].split(), finals[-1]["values"].split()
    if len(names) != len(words) or "Angle" not in names:
        raise UserError(f"{path}: its final values are not those of its columns.", _ANEW)
    found = {name: _number(path, word) for name, word in zip(names, words, strict=True)}
    voltage, cs, amplitude = _gctf_lens(path, text)
    shift = found.get("Phase_shift", 0.0)
    ctf = CTF(found["Defocus_U"], found["Defocus_V"], found["Angle"], voltage, cs, amplitude, shift)
    name = micrograph_stem(path.name.removesuffix(_GCTF_LOG))
    return KnownCTF(_sound(path, {name: ctf}), where=path)


def _gctf_lens(path: Path, text: str) -> tuple[float, float, float]:
    """Voltage, spherical aberration and amplitude contrast: from the card of the estimation, or from the options."""
    if (card := _GCTF_LENS.search(text)) and len(words := card["values"].replace(",", " ").split()) >= 3:
        cs, voltage, amplitude = (_number(path, word) for word in words[:3])
        return voltage, cs, amplitude
    options = {name: re.search(rf"--{name}[ \t=]+(\S+)", text, re.IGNORECASE) for name in _GCTF_OPTIONS}
    found = {name: _number(path, match[1]) for name, match in options.items() if match}
    if missing := [f"--{name}" for name in _GCTF_OPTIONS if name not in found]:
        raise UserError(
            f"{path}: it does not tell {', '.join(missing)}.", "Give micrographs_all_gctf.star, which Gctf writes, too."
        )
    return found["kv"], found["cs"], found["ac"]
