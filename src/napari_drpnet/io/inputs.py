"""What a user names as micrographs: files, folders, patterns, and lists of RELION and cryoSPARC."""

from __future__ import annotations

import os
from glob import has_magic
from pathlib import Path

from napari_drpnet.errors import UserError
from napari_drpnet.io.files import reading
from napari_drpnet.io.images import is_image
from napari_drpnet.io.paths import exists, is_dir, leads_to_dir, matching, natural, shown
from napari_drpnet.io.picks.cryosparc_group import CRYOSPARC_SUFFIXES, read_exposures
from napari_drpnet.io.star_lists import MicrographEntry, read_micrographs


def expand(text: str, root: Path = Path()) -> list[MicrographEntry]:
    """The micrographs that one input means, in their order.

    Parameters
    ----------
    text
        An image file, a folder (the images in it, not those in its subfolders; ``a2`` comes before ``a10``), a pattern
        (``**`` for any number of folders), or a list, see `read_list`. An image file that does not exist is given back
        like any other.
    root
        Where relative names start.

    Raises
    ------
    UserError
        When a folder or a pattern means no micrograph, or the list cannot be read.
    """
    path = root / text
    if path.suffix.lower() in (".star", *CRYOSPARC_SUFFIXES):
        return read_list(path, root)
    if is_dir(path):
        files = [Path(text, name).as_posix() for name in _images_in(path)]
        if not files:
            raise UserError(
                f"{shown(text)}: no micrograph lies in this folder.",
                f"For its subfolders write '{shown(text)}/**/*.mrc'.",
            )
    elif has_magic(text) and not exists(path):
        files = [Path(file).as_posix() for file in matching(text, root) if is_image(file)]
        if not files:
            raise UserError(
                f"{shown(text)}: no micrograph matches this pattern.", "Check the folder, and put it in quotes."
            )
    else:
        files = [Path(text).as_posix()]
    return [MicrographEntry(file, root / file, None) for file in sorted(files, key=natural)]


def read_list(path: Path, root: Path = Path()) -> list[MicrographEntry]:
    """The micrographs that a STAR file of RELION lists, or exposures of cryoSPARC (.cs, .csg).

    Parameters
    ----------
    path
        The list.
    root
        Where the names in a STAR file start.

    Raises
    ------
    UserError
        When it cannot be read.
    """
    return read_exposures(path) if path.suffix.lower() in CRYOSPARC_SUFFIXES else read_micrographs(path, root)


def _images_in(folder: Path) -> list[str]:
    """Images by name; a link that leads nowhere is one, so that reading it tells what is wrong."""
    with reading(folder), os.scandir(folder) as found:
        return [file.name for file in found if is_image(file.name) and not leads_to_dir(file)]
