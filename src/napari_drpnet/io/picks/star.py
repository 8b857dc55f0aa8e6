"""Picks in RELION's STAR files.

RELION's coordinates are ours, in the other order: ``rlnCoordinateX = x`` and ``rlnCoordinateY = y`` count
pixels of the unbinned micrograph from 0, row 0 first. RELION cuts off what follows the decimal point, so
positions are written as the nearest whole pixel.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any
from warnings import warn

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray, Frame, MaskArray, Picks
from napari_drpnet.errors import UserError, cut, short
from napari_drpnet.io.beside import FrameOf, frame_beside
from napari_drpnet.io.files import micrograph_stem, write_text
from napari_drpnet.io.paths import exists
from napari_drpnet.io.picks.box import read_box
from napari_drpnet.io.picks.rows import class_numbers, rows_by_name
from napari_drpnet.io.picks.star_fields import (
    BOX,
    CLASS,
    LABEL,
    ORIGIN,
    PSI,
    SCORE,
    X,
    Y,
    helical,
    helical_texts,
    refuse_tomograms,
    unread,
)
from napari_drpnet.io.picks.star_names import names_of_rows, one_name
from napari_drpnet.io.picks.star_origins import asked, origins
from napari_drpnet.io.star_lists import COORDINATES, find_in_project, read_coordinate_list
from napari_drpnet.io.star_optics import pixel_sizes
from napari_drpnet.io.star_table import Table, format_table, number_texts, parse_tables, read_text

# RELION's own mark for "unknown", in manual picks.
_UNKNOWN = -999
# What RELION has no column for: a comment, which it reads over.
_OURS = "# napari-drpnet picks"
_NOTE = re.compile(rf"^{_OURS}(?: diameter=(?P<diameter>[\d.e+-]+))?(?: source=(?P<source>.*))?$", re.M)
# How RELION 3 calls the file that stands for all coordinate files of a job.
JOB_MARK = "coords_suffix_"
_SHOWN = 10  # columns in a message
_LONG = 150  # characters of a name


def read_star(path: str | Path, frame_of: FrameOf = frame_beside) -> list[Picks]:
    """Picks of a STAR file, one `Picks` per micrograph.

    Parameters
    ----------
    path
        Picks of one micrograph, a particles STAR (their origins are taken into account), several of these in one file,
        or the list of coordinate files that RELION 4 and 5 call ``autopick.star``, which is followed.
    frame_of
        What is known of a micrograph; asked for the pixel size where origins need it and the file does not tell.

    Raises
    ------
    UserError
        When the file is missing, damaged, contradicts itself, is of tomograms, or without coordinates; when origins
        cannot be read without a pixel size that nobody knows; when no file of a list can be read.

    Warns
    -----
    UserWarning
        For columns that are not read, files of a list that cannot be read, names taken from stacks of particles, and a
        file that may be cut.
    """
    path = Path(path)
    text = read_text(path)
    _refuse_mark(path, text)
    tables = parse_tables(text, path)
    listed = any(COORDINATES in table for table in tables)
    if listed and not any(map(_has_coordinates, tables)):
        return _followed(path, frame_of)
    if listed:
        warn(f"{path}: it has coordinates and a list of other files; the list is not followed.", stacklevel=3)
    found, columns = _read(path, text, tables, frame_of)
    _tell_unread(path, columns)
    return found


def _refuse_mark(path: Path, text: str) -> None:
    """Refuse what RELION 3 leaves in a job's folder in the place of a list."""
    if path.name.startswith(JOB_MARK) and "data_" not in text:
        raise UserError(
            f"{path}: it has no picks: RELION 3 keeps those below this folder.", f"Give the folder {path.parent}."
        )


def _has_coordinates(table: Table) -> bool:
    return X in table and Y in table


def _followed(path: Path, frame_of: FrameOf) -> list[Picks]:
    found: dict[PurePosixPath, Picks] = {}
    failed: list[UserError] = []
    columns: dict[str, None] = {}
    for name, file in read_coordinate_list(path):
        if PurePosixPath(name) in found:
            raise UserError(f"{path}: it lists two files of {short(name)}.", "Keep one of them.")
        try:
            picks, unknown = _listed(name, _followable(name, file, path), frame_of)
        except UserError as error:
            failed.append(error)
            continue
        found[PurePosixPath(name)] = picks
        columns |= dict.fromkeys(unknown)
    if failed and not found:
        raise failed[0]
    if failed:
        count = len(failed) + len(found)
        warn(f"{path}: {len(failed)} of {count} files are left out: {cut(str(failed[0]), 200)}", stacklevel=4)
    _tell_unread(path, columns)
    return list(found.values())


def _followable(name: str, file: str, path: Path) -> Path:
    """The file that a list gives for a micrograph, if there can be one of that name."""
    if name and file and "\0" not in name + file:
        found = find_in_project(file, path)
        # Reading says what is wrong with a file, and repeats its name.
        if len(file) <= _LONG or exists(found):
            return found
    raise UserError(f"{path}: there is no file {short(file)} for {short(name)}.", "Correct the list.")


def read_listed(name: str, path: Path, frame_of: FrameOf = frame_beside) -> Picks:
    """The picks in a coordinate file that a list gives for the micrograph called ``name``; errors as of `read_star`."""
    picks, columns = _listed(name, path, frame_of)
    _tell_unread(path, columns)
    return picks


def _listed(name: str, path: Path, frame_of: FrameOf) -> tuple[Picks, Sequence[str]]:
    if path.suffix.lower() == ".box":  # RELION takes these, too
        (picks,) = read_box(path)
        return replace(picks, frame=Frame(name)), ()
    text = read_text(path)
    (picks,), columns = _read(path, text, parse_tables(text, path), frame_of, name)
    return picks, columns


def _tell_unread(path: Path, columns: Iterable[str]) -> None:
    names = list(columns)
    if names:
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        told = cut(", ".join(names[:_SHOWN]), 200)
        warn(f"{path}: columns that are not read: {told}{more}.", stacklevel=4)


def _tell_cut(text: str, path: Path) -> None:
    """Warn of a file that does not end as its writer ends files."""
    ours = _NOTE.match(text) is not None
    if not text.endswith("\n") or (ours and not text.endswith("\n\n")):
        warn(f"{path}: its last line has no end: if the file was cut, picks are missing or wrong.", stacklevel=5)


def _read(
    path: Path, text: str, tables: Sequence[Table], frame_of: FrameOf, name: str | None = None
) -> tuple[list[Picks], list[str]]:
    """The picks in all tables, all of the micrograph ``name`` if one is given, and the columns that are not read."""
    holding = [table for table in tables if _has_coordinates(table)]
    if not holding:
        for table in tables:
            refuse_tomograms(table)
        next((table for table in tables if X in table or Y in table), tables[-1]).require(X, Y)
    _tell_cut(text, path)
    parts: dict[PurePosixPath, list[Picks]] = {}
    stem = name or micrograph_stem(path)
    names = one_name(holding, name) if name else names_of_rows(holding, stem)
    for table, of_rows, note in zip(holding, names, _notes(text, len(holding)), strict=True):
        for part in _of_table(tables, table, of_rows, note, frame_of):
            parts.setdefault(PurePosixPath(part.frame.micrograph), []).append(part)
    if not parts:
        parts = {PurePosixPath(stem): [Picks(Frame(stem), np.empty((0, 2)))]}
    return [_together(several, path) for several in parts.values()], unread(holding)


def _of_table(
    tables: Sequence[Table], table: Table, names: Sequence[str], note: tuple[float, str], frame_of: FrameOf
) -> list[Picks]:
    """The picks of a table by their micrographs, each in the pixels that its coordinates count."""
    refuse_tomograms(table)
    sizes = pixel_sizes(tables, table)
    moved = origins(table, sizes)
    yx = np.column_stack([table.numbers(Y), table.numbers(X)])
    said: dict[str, Any] = {"diameter": np.array(note[0]), "source": np.array(note[1]), "helix": helical(table)}
    if ORIGIN in table:
        said["source"] = np.array(table.texts(ORIGIN), dtype=np.str_)
    said["box"] = np.column_stack([known(table, side) for side in BOX])
    rows = rows_by_name(names)
    picks = Picks(Frame(next(iter(rows), "")), yx, label=_labels(table), **said, **score_columns(table))
    found = []
    for name, numbers in rows.items():
        whole = len(numbers) == len(picks)
        which = slice(None) if whole else np.array(numbers)
        part = picks if whole else picks.select(numbers)
        size = _one_size(sizes.micrograph[which], name, table)
        if moved[which].any():
            frame = None if size else frame_of(name, table.path)
            size = size or (frame.pixel_size if frame else None)
            if size is None:
                raise asked(table)
            # As RELION does when it extracts again.
            part = replace(part, yx=part.yx - _rounded(moved[which] / size))
        frame = Frame(name, pixel_size=size)
        found.append(part if part.frame == frame else replace(part, frame=frame))
    return found


def _rounded(values: FloatArray) -> FloatArray:
    """The nearest whole numbers, halves away from 0, as RELION rounds."""
    return np.copysign(np.floor(np.abs(values) + 0.5), values)


def _one_size(sizes: FloatArray, name: str, table: Table) -> float | None:
    known = sizes[np.isfinite(sizes)]
    if len(known) == 0:
        return None
    if not np.allclose(known, known[0], rtol=1e-3, atol=0):
        raise UserError(f"{table.path}: rows of {short(name)} have two pixel sizes.", "Correct its optics groups.")
    return float(known[0])


def _together(parts: Sequence[Picks], path: Path) -> Picks:
    """The picks of one micrograph from several tables."""
    (first, *others), name = parts, parts[0].frame.micrograph
    for other in others:
        one, two = first.frame.pixel_size, other.frame.pixel_size
        if one and two and not np.isclose(one, two, rtol=1e-3):
            raise UserError(
                f"{path}: its tables have pixel sizes of {one:g} and {two:g} A for {short(name)}.",
                "Give each table a file of its own.",
            )
        if first.helix.keys() != other.helix.keys():
            raise UserError(
                f"{path}: of {short(name)} only some tables have helical tubes.", "Give each table a file of its own."
            )
    return Picks.joined(parts) if others else first


def _labels(table: Table) -> npt.NDArray[np.str_]:
    """Particle or background, as projects and patch sets tell it."""
    labels = np.array(table.texts(LABEL) if LABEL in table else "particle", dtype=np.str_)
    if wrong := set(np.atleast_1d(labels).tolist()) - {"particle", "background"}:
        raise UserError(f"{table.path}: {short(min(wrong))} is no label.", "Labels are particle and background.")
    return labels


def score_columns(table: Table) -> dict[str, Any]:
    """Score, class and in-plane rotation as columns of `Picks`."""
    angle = known(table, PSI)
    return {
        "score": known(table, SCORE),
        "class_number": class_numbers(known(table, CLASS), table.path),
        "psi": np.where(np.isnan(angle), 0, angle),
    }


def known(table: Table, column: str) -> FloatArray:
    """A column where unknown values, or all when it is missing, are NaN."""
    if column not in table:
        return np.full(len(table), np.nan)
    values = table.numbers(column)
    return np.where(values == _UNKNOWN, np.nan, values)


def _notes(text: str, tables: int) -> list[tuple[float, str]]:
    """What `read_note` tells of each table: files of ours that were joined have a note each."""
    found = [_noted(match) for match in _NOTE.finditer(text)] if _OURS in text else []
    if len(found) == tables:
        return found
    return found * tables if len(found) == 1 else [(np.nan, "")] * tables


def read_note(text: str) -> tuple[float, str]:
    """Diameter in micrograph pixels and source, where we wrote a file with this text and all its picks shared them."""
    found = _NOTE.search(text)
    return _noted(found) if found else (np.nan, "")


def _noted(found: re.Match[str]) -> tuple[float, str]:
    try:
        return float(found["diameter"] or "nan"), (found["source"] or "").strip()
    except ValueError:  # such as 1e-+
        return np.nan, (found["source"] or "").strip()


def write_star(picks: Picks, path: str | Path) -> Path:
    """Write the picks of one micrograph for RELION.

    Positions become whole pixels, because RELION would cut them off instead of rounding them. Unknown scores
    become -999, as in RELION's manual picks. The diameter and the source are kept in a comment where all
    picks agree on them.

    Raises
    ------
    UserError
        When the file cannot be written.

    Warns
    -----
    UserWarning
        When picks are left out: those labelled background, which RELION would take for particles, and those
        whose centre is outside the micrograph, on which its extraction stops.
    """
    path = Path(path)
    kept = extractable(picks, path)
    return write_text(format_table(star_columns(kept), comments=note(kept)), path)


def star_columns(picks: Picks) -> dict[str, list[str]]:
    """What RELION reads of picks, at whole pixels."""
    y, x = whole_pixels(picks.yx).T
    columns = {X: number_texts(x, "%d"), Y: number_texts(y, "%d"), SCORE: score_texts(picks.score)}
    helix = {name: helical_texts(name, values) for name, values in picks.helix.items()}
    return columns | orientation_columns(picks) | helix


def score_texts(score: FloatArray) -> list[str]:
    """Scores as RELION writes them."""
    texts = number_texts(score, "%.6f")
    for row in np.flatnonzero(~np.isfinite(score)).tolist():
        texts[row] = str(_UNKNOWN)
    return texts


def orientation_columns(picks: Picks) -> dict[str, list[str]]:
    """Class and in-plane rotation."""
    return {CLASS: number_texts(picks.class_number, "%d"), PSI: number_texts(picks.psi, "%.6f")}


def whole_pixels(yx: FloatArray) -> npt.NDArray[np.int64]:
    """Positions as the nearest whole pixels, halves upwards."""
    return np.floor(yx + 0.5).astype(np.int64)


def extractable(picks: Picks, path: Path) -> Picks:
    """The picks that RELION may have: particles with their centres on the micrograph; others are told of."""
    return picks.select(are_extractable(picks, path, stacklevel=4))


def are_extractable(picks: Picks, path: Path, stacklevel: int = 3) -> MaskArray:
    """``(n,)`` which of the picks `extractable` gives."""
    particle = np.asarray(picks.label != "background", dtype=np.bool_)
    if not particle.all():
        count = np.sum(~particle)
        warn(f"{path}: {count} picks labelled background are left out; CSV keeps them.", stacklevel=stacklevel)
    if picks.frame.shape is None:
        return particle
    (h, w), (y, x) = picks.frame.shape, whole_pixels(picks.yx).T
    inside = (y >= 0) & (y < h) & (x >= 0) & (x < w)
    if not inside[particle].all():
        count = np.sum(particle & ~inside)
        warn(f"{path}: {count} picks outside the micrograph are left out.", stacklevel=stacklevel)
    return np.asarray(particle & inside, dtype=np.bool_)


def note(picks: Picks) -> list[str]:
    """The comment that keeps what all picks share; nothing where they differ."""
    diameters = set(picks.diameter[np.isfinite(picks.diameter)].tolist())
    sources = set(picks.source.tolist()) - {""}
    diameter = diameters.pop() if len(diameters) == 1 and np.isfinite(picks.diameter).all() else np.nan
    source = sources.pop() if len(sources) == 1 and (picks.source != "").all() else ""
    return [note_of(diameter, " ".join(source.split()))]


def note_of(diameter: float, source: str) -> str:
    """The comment of picks with one diameter in micrograph pixels, NaN when unknown, and one source."""
    told = f" diameter={diameter!r}" * bool(np.isfinite(diameter)) + f" source={source}" * bool(source)
    return f"napari-drpnet picks{told}"
