"""Which files of a folder are its picks, and whose they are."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from warnings import warn

from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import micrograph_stem, reading
from napari_drpnet.io.names import is_of_file, own_name, some
from napari_drpnet.io.paths import exists, files_in, is_dir, natural
from napari_drpnet.io.picks.cryosparc_group import CRYOSPARC_SUFFIXES, of_no_particles
from napari_drpnet.io.picks.formats import FORMATS, PICK_SUFFIXES, is_picks
from napari_drpnet.io.picks.known_micrographs import KnownMicrographs
from napari_drpnet.io.picks.rows import HeightError
from napari_drpnet.io.picks.star import JOB_MARK
from napari_drpnet.io.star_lists import COORDINATES, MicrographEntry

# RELION's list of the other files in its folder, and what only our own runs have beside it.
_LIST, _OF_A_RUN = "autopick.star", "summary.tsv"
_ANY = frozenset(f.suffix for f in FORMATS.values())
# Of a STAR file so much is looked at to see whether it has coordinates.
_LOOKED_AT = 2**20


class NoPicksError(UserError):
    """A folder without picks."""


def pick_files(
    source: Path, suffixes: Collection[str] = _ANY, runs: bool = True
) -> tuple[list[Path], tuple[Path, ...]]:
    """The files of picks that are meant by a file or a folder, and those in the folder that only look like some.

    Of a folder with an ``autopick.star`` only that is meant; of any other, files with these suffixes; where there is
    none, those in its subfolders, as RELION's jobs have them. Without ``runs`` what a run of this program wrote there
    is passed over: who looks for labels must not find picks.

    Raises
    ------
    UserError
        When there is no such file, no picks lie in the folder, or its subfolders have picks of one name in two formats.
    """
    if not exists(source):
        raise UserError(f"{source}: there is no such file or folder.", "Check the name.")
    if not is_dir(source):
        return [source], ()
    with reading(source), os.scandir(source):
        pass  # whether it can be looked into
    if exists(source / _LIST) and (runs or not exists(source / _OF_A_RUN)):
        return [source / _LIST], ()
    for found in (_inside(source, suffixes), _below(source, suffixes)):
        like_picks = [file for file in found if runs or not _is_of_a_run(file, source)]
        files = [file for file in like_picks if is_picks(file) and not _is_other_star(file)]
        files = _without_lists(files) or files
        _refuse_two_formats(files, source)
        if files:
            return files, tuple(file for file in like_picks if file not in set(files))
    raise NoPicksError(
        f"{source}: no picks lie in this folder.", f"Files of picks end in {', '.join(sorted(suffixes))}."
    )


def _without_lists(files: Sequence[Path]) -> list[Path]:
    """Those that are not what else a job of cryoSPARC has in its folder, such as its micrographs."""
    others = of_no_particles([file for file in files if file.suffix.lower() in CRYOSPARC_SUFFIXES])
    return [file for file in files if file not in others]


def _refuse_two_formats(files: Sequence[Path], source: Path) -> None:
    """Refuse what may be the same picks twice, as crYOLO writes them into its folders CBOX, EMAN and STAR."""
    first: dict[str, Path] = {}
    for file in files:
        other = first.setdefault(micrograph_stem(file), file)
        if other.parent != file.parent and other.suffix.lower() != file.suffix.lower():
            raise UserError(
                f"{source}: {other.name} and {file.name} in its subfolders may be the same picks in two formats.",
                f"Give one of these folders, such as {other.parent}.",
            )


def _inside(folder: Path, suffixes: Collection[str]) -> list[Path]:
    inside = sorted(files_in(folder), key=lambda file: natural(file.name))
    return [file for file in inside if file.suffix.lower() in suffixes]


def _below(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Those in subfolders at any depth; folders that cannot be read are passed over."""
    folders = sorted((Path(here) for here, _, _ in os.walk(folder)), key=lambda path: natural(path.as_posix()))
    return [file for here in folders if here != folder for file in _inside(here, suffixes)]


def _is_of_a_run(file: Path, source: Path) -> bool:
    """Whether a run of this program, in this folder or in one up to the source, wrote these picks."""
    if not file.name.endswith(_LIST):
        return False
    between = [folder for folder in file.parents if folder == source or source in folder.parents]
    return any(exists(folder / _OF_A_RUN) for folder in between)


def _is_other_star(file: Path) -> bool:
    """Whether this is a STAR file of something else, as RELION's jobs have in their folders."""
    if file.suffix.lower() != ".star":
        return False
    try:
        with reading(file), file.open("rb") as stream:
            start = stream.read(_LOOKED_AT)
    except UserError:
        return False  # what is wrong with it is told when it is read
    columns = b"\n_" in start
    if file.name.startswith(JOB_MARK):
        return b"data_" not in start
    return columns and b"CoordinateX" not in start and COORDINATES.encode() not in start


def with_folders(picks: Picks, file: Path, source: Path) -> Picks:
    """Picks whose file does not tell their micrograph, called by the folders below ``source`` that it lies in, too."""
    folder = file.parent
    if not is_of_file(picks.frame.micrograph, file) or folder == source or not folder.is_relative_to(source):
        return picks
    name = (folder.relative_to(source) / picks.frame.micrograph).as_posix()
    return replace(picks, frame=replace(picks.frame, micrograph=name))


def picks_of(
    sources: Sequence[Path], micrographs: Sequence[MicrographEntry], pixel_size: float | None = None
) -> dict[str, Picks]:
    """The picks in files and folders, in pixels of their micrographs and by their names; others are left out.

    Parameters
    ----------
    sources
        Files of picks, and folders with some; of several, some may have none.
    micrographs
        Those that are meant.
    pixel_size
        Of all micrographs, in Angstrom; None: as their entries or files say.

    Raises
    ------
    NoPicksError
        When none of the sources has picks.
    UserError
        When a file cannot be read, two files have picks of one micrograph, a name does not tell of which it has, or
        most picks of a micrograph lie outside of it.

    Warns
    -----
    UserWarning
        For picks that are left out, and pixel sizes that differ, with what was done.
    """
    found: dict[str, Picks] = {}
    nothing: list[NoPicksError] = []
    for source in sources:
        try:
            files, _ = pick_files(source, PICK_SUFFIXES)
        except NoPicksError as error:
            nothing.append(error)
            continue
        for picks in _placed(files, source, KnownMicrographs(micrographs, pixel_size)):
            name = picks.frame.micrograph
            if name in found:
                raise UserError(
                    f"{source}: there are other picks of {name}, too.", "Keep one file for each micrograph."
                )
            found[name] = picks
    if nothing and len(nothing) == len(sources):
        raise nothing[0]
    return found


def _placed(files: Sequence[Path], source: Path, known: KnownMicrographs) -> list[Picks]:
    """The picks in the files of a source that are of micrographs that are known, within those."""
    raw: list[tuple[Picks, Path]] = []
    strange: list[str] = []
    for file in files:
        try:
            raw += [(picks, file) for picks in known.raw(file)]
        except HeightError:
            # Of a folder for a whole data set, most files may be of other micrographs, whose images nobody has.
            if known.entry(micrograph_stem(file), file):
                raise
            strange.append(micrograph_stem(file))
    own = known.assign([(picks.frame.micrograph, file) for picks, file in raw])
    own.settle(source)
    if strange := [*own.unknown, *strange]:
        warn(f"{source}: picks of other micrographs are left out: {some(strange, 'and')}.", stacklevel=4)
    by_file: dict[Path, list[Picks]] = {}
    for picks, file in raw:
        if own_name(picks.frame.micrograph, file) in own.of:
            by_file.setdefault(file, []).append(picks)
    return [picks for file, entries in by_file.items() for picks in known.within(entries, file)]
