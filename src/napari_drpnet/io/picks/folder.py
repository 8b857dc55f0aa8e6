"""Which files of a folder are its picks."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import micrograph_stem, reading
from napari_drpnet.io.inputs import natural
from napari_drpnet.io.picks.formats import FORMATS, PICK_SUFFIXES, is_picks, read_picks

# RELION's list of the other files in its folder.
_LIST = "autopick.star"
_ANY = frozenset(f.suffix for f in FORMATS.values())


def pick_files(source: Path, suffixes: Collection[str] = _ANY) -> tuple[list[Path], tuple[Path, ...]]:
    """The files of picks that are meant by a file or a folder, and those in the folder that only look like some.

    Of a folder with an ``autopick.star`` only that is meant; of any other, files with these suffixes.

    Raises
    ------
    UserError
        When there is no such file, or no picks lie in the folder.
    """
    if not source.exists():
        raise UserError(f"{source}: there is no such file or folder.", "Check the name.")
    if not source.is_dir():
        return [source], ()
    if (source / _LIST).exists():
        return [source / _LIST], ()
    like_picks = _with_suffix(source, suffixes)
    files = [file for file in like_picks if is_picks(file)]
    if not files:
        raise UserError(
            f"{source}: no picks lie in this folder.", f"Files of picks end in {', '.join(sorted(suffixes))}."
        )
    return files, tuple(file for file in like_picks if file not in files)


def picks_by_stem(source: Path) -> dict[str, Picks]:
    """Picks by the stem of their micrograph: of a file of several, or of a folder of one file for each.

    Raises
    ------
    UserError
        When a file cannot be read.
    """
    if not source.is_dir():
        return {micrograph_stem(picks.frame.micrograph): picks for picks in read_picks(source)}
    files = [file for file in _with_suffix(source, PICK_SUFFIXES) if file.name != _LIST]
    # A file of one micrograph may not tell its name.
    return {micrograph_stem(file.name): picks for file in files for picks in read_picks(file)[:1]}


def _with_suffix(folder: Path, suffixes: Collection[str]) -> list[Path]:
    with reading(folder):
        inside = sorted(folder.iterdir(), key=lambda file: natural(file.name))
    return [file for file in inside if file.suffix.lower() in suffixes and file.is_file()]
