"""Picks in any format: which there are, how files are told apart, and whose rows count from the bottom."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from warnings import warn

from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError, cut
from napari_drpnet.io.beside import FrameOf, frame_beside
from napari_drpnet.io.images import is_image
from napari_drpnet.io.picks.box import read_box, write_box
from napari_drpnet.io.picks.cbox import read_cbox, write_cbox
from napari_drpnet.io.picks.cryoppp import CRYOPPP_COLUMNS, read_cryoppp, write_cryoppp
from napari_drpnet.io.picks.cryosparc import read_cryosparc, write_cryosparc
from napari_drpnet.io.picks.cryosparc_group import GROUP_SUFFIX, read_group
from napari_drpnet.io.picks.csv import column_names, read_csv, write_csv
from napari_drpnet.io.picks.eman_json import is_eman_json, read_eman_json, write_eman_json
from napari_drpnet.io.picks.losses import BOX as SIDES
from napari_drpnet.io.picks.losses import COLUMNS, HELIX, losses, particles
from napari_drpnet.io.picks.rows import checked, mirrored, upside_down
from napari_drpnet.io.picks.star import read_star, write_star
from napari_drpnet.io.picks.star_particles import write_particles
from napari_drpnet.io.picks.topaz import TOPAZ_COLUMNS, read_topaz, write_topaz
from napari_drpnet.io.tiff import is_tiff
from napari_drpnet.stages import stage


@dataclass(frozen=True)
class PickFormat:
    """One kind of file for picks.

    Attributes
    ----------
    name
        As in ``--to``.
    title
        For people.
    suffix
        Of its files.
    ending
        What follows the micrograph's name in the name of its file; of a format for several micrographs, the file.
    read, write
        Rows are left as the file counts them. Origins and shifts of particles need what is known of micrographs.
    several
        Whether one file holds the picks of several micrographs.
    kept
        What it has a place for, see `losses`.
    shared
        What of it only if all picks of a micrograph have the same.
    bottom_up
        Whether its rows count from the bottom.
    tiff_rows
        How its program counts the rows of a TIFF: ``turned`` as RELION and this one do, ``stored`` from the first row
        of the file, or ``unknown``.
    """

    name: str
    title: str
    suffix: str
    ending: str
    read: Callable[[Path, FrameOf], list[Picks]]
    write: Callable[[Sequence[Picks], Path], Path]
    several: bool
    kept: Collection[str]
    shared: Collection[str] = ()
    bottom_up: bool = False
    tiff_rows: Literal["turned", "stored", "unknown"] = "turned"


def _alone(read: Callable[[Path], list[Picks]]) -> Callable[[Path, FrameOf], list[Picks]]:
    """A reader that needs nothing but the file, called like those that do."""
    return lambda path, _: read(path)


def _one(write: Callable[[Picks, Path], Path]) -> Callable[[Sequence[Picks], Path], Path]:
    """A writer of one micrograph's picks, called like those for several."""

    def written(found: Sequence[Picks], path: Path) -> Path:
        (picks,) = found
        return write(picks, path)

    return written


_FRACTIONS = "fractions of a pixel"
STAR = PickFormat(
    *("star", "RELION STAR", ".star", "_autopick.star", read_star, _one(write_star), False),
    kept=(COLUMNS - {_FRACTIONS, SIDES}) | {HELIX},
    shared={"diameter", "source"},
)
PARTICLES = PickFormat(
    *("particles", "RELION particles STAR", ".star", "particles.star", read_star, write_particles, True),
    kept=STAR.kept,
    shared=STAR.shared,
)
CSV = PickFormat("csv", "CSV", ".csv", ".csv", _alone(read_csv), _one(write_csv), False, COLUMNS | {"label"})
BOX = PickFormat(
    "box", "EMAN box", ".box", ".box", _alone(read_box), _one(write_box), False, {"score", "diameter", SIDES}
)
EMAN_JSON = PickFormat(
    *("json", "EMAN2 JSON", ".json", "_info.json", _alone(read_eman_json), _one(write_eman_json), False),
    kept={"score", "source", _FRACTIONS},
)
CBOX = PickFormat(
    *("cbox", "crYOLO cbox", ".cbox", ".cbox", _alone(read_cbox), _one(write_cbox), False),
    kept={"score", "diameter", SIDES, _FRACTIONS},
)
TOPAZ = PickFormat(
    *("topaz", "Topaz table", ".txt", "particles.txt", _alone(read_topaz), write_topaz, True),
    kept={"score", _FRACTIONS},
    tiff_rows="stored",
)
CRYOSPARC = PickFormat(
    *("cryosparc", "cryoSPARC", ".cs", "particles.cs", read_cryosparc, write_cryosparc, True),
    kept={"score", "diameter", _FRACTIONS},
    bottom_up=True,
    tiff_rows="unknown",
)
# Only read: it names tables, and is written beside one (`cryosparc_group.write_csg`).
_GROUP = replace(
    CRYOSPARC,
    title="cryoSPARC group",
    suffix=GROUP_SUFFIX,
    read=lambda path, frame_of: read_group([path], frame_of),
)
CRYOPPP = PickFormat(
    *("cryoppp", "CryoPPP CSV", ".csv", ".csv", _alone(read_cryoppp), _one(write_cryoppp), False),
    kept={"diameter", "psi", _FRACTIONS},
    bottom_up=True,
    tiff_rows="unknown",
)
# Of formats with one suffix, the first is the one that a file is written in when nothing else is said.
FORMATS = {f.name: f for f in (STAR, PARTICLES, CSV, BOX, EMAN_JSON, CBOX, TOPAZ, CRYOSPARC, CRYOPPP)}
_SUFFIXES = {f.suffix: f for f in reversed(FORMATS.values())}
# Those that say enough: files that end so in a folder are its picks, one file for each micrograph.
PICK_SUFFIXES = (".star", ".csv", ".box", ".cbox")


def format_of(path: str | Path) -> PickFormat:
    """The format that a file's suffix stands for.

    Raises
    ------
    UserError
        When it stands for none.
    """
    found = _SUFFIXES.get(Path(path).suffix.lower())
    if found is None:
        suffixes = ", ".join(dict.fromkeys(f.suffix for f in FORMATS.values()))
        raise UserError(f"{path}: not a kind of file for picks.", f"Those are: {suffixes}.")
    return found


def is_picks(path: Path) -> bool:
    """Whether a file holds picks: by its suffix, and where other files have the same suffix, by its content."""
    if path.suffix.lower() == GROUP_SUFFIX:
        return True
    found = _SUFFIXES.get(path.suffix.lower())
    if found is CSV:
        names = column_names(path)
        # What is wrong with a file that cannot be looked into is told when it is read.
        return names is None or {"x", "y"} <= names or set(CRYOPPP_COLUMNS) <= names
    if found is TOPAZ:
        return set(TOPAZ_COLUMNS) <= (column_names(path) or set())
    if found is EMAN_JSON:
        return is_eman_json(path)
    return found is not None


def read_picks(
    path: str | Path, *, flip_y: bool = False, frame_of: FrameOf = frame_beside, scale: float = 1
) -> list[Picks]:
    """Read a file of picks, one `Picks` per micrograph in it.

    Parameters
    ----------
    path
        RELION STAR (3.0 to 5: picks, particles, or a list of coordinate files), CSV, EMAN .box, EMAN2 JSON, crYOLO
        .cbox, Topaz .txt, cryoSPARC .cs or .csg, or CryoPPP CSV, told apart by the suffix and the first line.
    flip_y
        The rows run the other way than this format has them; angles are mirrored with them.
    frame_of
        What is known of a micrograph, from its name and ``path``; asked for its height where rows count from the
        bottom and the file does not say it.
    scale
        Pixels of the micrograph for each pixel of the file, where a user said so. Picks stay in pixels of the file.

    Returns
    -------
    list of Picks
        ``frame.micrograph`` is the name written in the file, or else the file's own name without suffix and
        without ``_autopick``. A file without picks gives one empty `Picks`.

    Raises
    ------
    UserError
        When the file is missing, damaged, of another format, or without coordinates; when rows are to be turned and
        the micrograph's height is not known.

    Warns
    -----
    UserWarning
        For what is passed over in the file.
    """
    path = Path(path)
    found = _GROUP if path.suffix.lower() == GROUP_SUFFIX else format_of(path)
    if found is CSV and set(CRYOPPP_COLUMNS) <= (column_names(path) or set()):
        found = CRYOPPP
    picks = [checked(one, path) for one in found.read(path, frame_of if scale == 1 else _binned(frame_of, scale))]
    if found.tiff_rows == "unknown":
        warn_of_tiff(path, [p for p in picks if _on_tiff(p, path, frame_of)], found)
    picks = [_in_our_rows(p, path, found, flip_y, frame_of, scale) for p in picks]
    return [mirrored(p) for p in picks] if flip_y else picks


def _binned(frame_of: FrameOf, scale: float) -> FrameOf:
    """What is known of micrographs, in pixels of a file of which each is ``scale`` of theirs."""

    def binned(name: str, path: Path) -> Frame | None:
        known = frame_of(name, path)
        return known and _in_pixels_of(known, scale)

    return binned


def _in_pixels_of(known: Frame, scale: float) -> Frame:
    shape = known.shape and (round(known.shape[0] / scale), round(known.shape[1] / scale))
    return replace(known, shape=shape, pixel_size=known.pixel_size and known.pixel_size * scale)


def _in_our_rows(picks: Picks, path: Path, found: PickFormat, flip_y: bool, frame_of: FrameOf, scale: float) -> Picks:
    stored = found.tiff_rows == "stored" and _on_tiff(picks, path, frame_of)
    turn = (found.bottom_up != flip_y) != stored
    return _turned(picks, path, frame_of, int(stored), scale) if turn else picks


def _turned(picks: Picks, path: Path, frame_of: FrameOf, first: int, scale: float) -> Picks:
    """The picks with their rows turned where those of the micrograph are, not the whole number of binned ones."""
    height, shape = None, picks.frame.shape
    if shape is None and (known := frame_of(picks.frame.micrograph, path)) is not None:
        binned = _in_pixels_of(known, scale)
        size = picks.frame.pixel_size or binned.pixel_size
        picks = replace(picks, frame=replace(picks.frame, shape=binned.shape, pixel_size=size))
        height = known.shape and known.shape[0] / scale
        # Nobody knows how many whole pixels the binned image has.
        shape = binned.shape if scale == 1 else None
    turned = upside_down(picks, path, first / scale, height) if len(picks) else picks
    return replace(turned, frame=replace(turned.frame, shape=shape))


def _on_tiff(picks: Picks, path: Path, frame_of: FrameOf) -> bool:
    """Whether the micrograph is a TIFF, by its name; where that has no suffix, by the name of the one that is found."""
    name = picks.frame.micrograph
    known = None if is_image(name) else frame_of(name, path)
    return is_tiff(name if known is None else known.micrograph)


def warn_of_tiff(path: Path, found: Sequence[Picks], program: PickFormat) -> None:
    """Warn of picks on TIFF, whose rows a program counts nobody knows how, where there are any."""
    if found:
        name = cut(Path(found[0].frame.micrograph).name, 60)
        warn(
            f"{path}: {name} is a TIFF, and it is not known from which end {program.title} counts its rows. Look at "
            "some picks; flip_y turns them.",
            stacklevel=4,
        )


@stage("write")
def write_picks(picks: Picks, path: str | Path) -> Path:
    """Write the picks of one micrograph, in the format that the suffix names.

    ``.star`` is what RELION extracts from: whole pixels, particles only. ``.csv`` keeps everything. A file
    of that name is replaced, whole or not at all; missing folders are made.

    Raises
    ------
    UserError
        When the suffix is unknown, the format needs what the picks do not have, or the file cannot be written.

    Warns
    -----
    UserWarning
        For what the format has no place for. When a STAR file leaves out picks: background labels, or centres outside
        the micrograph.
    """
    return write_all([picks], path)


def write_all(found: Sequence[Picks], path: str | Path, to: PickFormat | None = None, quiet: bool = False) -> Path:
    """Write the picks of some micrographs into one file, in the format that the suffix names or that is given.

    Parameters
    ----------
    found
        One for each micrograph; a single one unless the format is for several.
    path, to
        Where to, and in which format.
    quiet
        Whether the caller tells what is lost.

    Raises
    ------
    UserError
        As `write_picks` does, which also says what it warns of.
    """
    path = Path(path)
    to = to or format_of(path)
    # STAR files tell of what they leave out themselves, and what else they lose is the same each time.
    lost = "" if quiet or to is STAR else losses(found, to.kept, to.shared)
    if lost:
        warn(f"{path}: {to.title} files have no place for: {lost}", stacklevel=3)
    if to is not STAR and "label" not in to.kept:
        found = [particles(picks) for picks in found]
    if to.bottom_up:
        found = [upside_down(picks, path) if len(picks) else picks for picks in found]
    if to.tiff_rows == "stored":
        found = [upside_down(p, path, 1) if len(p) and is_tiff(p.frame.micrograph) else p for p in found]
    elif to.tiff_rows == "unknown":
        warn_of_tiff(path, [p for p in found if is_tiff(p.frame.micrograph)], to)
    return to.write(found, path)
