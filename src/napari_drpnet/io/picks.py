"""Read and write picks in any format."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.csv import read_csv, write_csv
from napari_drpnet.io.star_picks import read_star, write_star

T = TypeVar("T")

_READERS = {".star": read_star, ".csv": read_csv}
_WRITERS = {".star": write_star, ".csv": write_csv}
PICK_SUFFIXES = tuple(_READERS)


def read_picks(path: str | Path) -> list[Picks]:
    """Read a file of picks, one `Picks` per micrograph in it.

    Parameters
    ----------
    path
        ``.star`` (RELION 3.0 to 5: picks, particles, or a list of coordinate files) or ``.csv``.

    Returns
    -------
    list of Picks
        ``frame.micrograph`` is the name written in the file, or else the file's own name without suffix and
        without ``_autopick``. A file without picks gives one empty `Picks`.

    Raises
    ------
    UserError
        When the file is missing, damaged, of another format, or without coordinates.
    """
    return _chosen(_READERS, path)(path)


def write_picks(picks: Picks, path: str | Path) -> Path:
    """Write the picks of one micrograph, in the format that the suffix names.

    ``.star`` is what RELION extracts from: whole pixels, particles only. ``.csv`` keeps everything. A file
    of that name is replaced, whole or not at all; missing folders are made.

    Raises
    ------
    UserError
        When the suffix is unknown or the file cannot be written.

    Warns
    -----
    UserWarning
        When a STAR file leaves out picks: background labels, or centres outside the micrograph.
    """
    return _chosen(_WRITERS, path)(picks, path)


def _chosen(by_suffix: dict[str, T], path: str | Path) -> T:
    suffix = Path(path).suffix.lower()
    if suffix not in by_suffix:
        raise UserError(f"{path}: not a kind of file for picks.", f"Those are: {', '.join(by_suffix)}.")
    return by_suffix[suffix]
