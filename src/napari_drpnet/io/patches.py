"""Patch sets: a folder with two image stacks and a STAR file, which other programs can open.

``particles.mrcs`` and ``background.mrcs`` hold the patches as the network sees them, with their pixel size in the
header; ``patches.star`` has a row for each, with the micrograph, the place, the label, the split, who says so, and
where it stands in its stack, as RELION writes that (``000001@particles.mrcs``).
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from napari_drpnet.data import ImageArray, PatchSet
from napari_drpnet.errors import UserError, short
from napari_drpnet.io.files import write_text
from napari_drpnet.io.mrc import open_mrc, write_mrc
from napari_drpnet.io.paths import exists, is_dir, is_file
from napari_drpnet.io.picks.star import known, score_texts
from napari_drpnet.io.picks.star_fields import SCORE, X, Y
from napari_drpnet.io.safe_names import is_safe
from napari_drpnet.io.star_lists import MICROGRAPH
from napari_drpnet.io.star_table import Table, format_table, read_tables
from napari_drpnet.io.words import as_array

_STACKS = {"particle": "particles.mrcs", "background": "background.mrcs"}
_LIST = "patches.star"
_IMAGE = "rlnImageName"
_LABEL, _SPLIT, _ORIGIN, _DIAMETER = "drpnetLabel", "drpnetSplit", "drpnetOrigin", "drpnetDiameter"
_GREY, _GREYS = "drpnetGreyLevels", ("percentiles", "robust")
_NUMBER = re.compile(r"[0-9]{1,9}")
_SPLITS = ("training", "validation")
_AGAIN = "Harvest the patch set anew, or copy its whole folder again."


def patch_sets(folder: Path) -> list[str]:
    """Names of the patch sets in a folder."""
    return sorted(path.parent.name for path in folder.glob(f"*/{_LIST}"))


def write_patches(patches: PatchSet, folder: str | Path) -> Path:
    """Write a patch set as a folder, whole or not at all; one of the same name is replaced.

    Raises
    ------
    UserError
        When there are no patches, the folder is there and is no patch set, or the disk cannot be written.
    """
    folder = Path(folder)
    if not len(patches):
        raise UserError("There are no patches to write.", "Harvest from micrographs with labels or picks.")
    if exists(folder) and not is_file(folder / _LIST) and not (is_dir(folder) and not any(folder.iterdir())):
        raise UserError(f"{folder} is there already, and is no patch set.", "Choose another name.")
    beside = folder.with_name(f".{secrets.token_hex(6)}")
    try:
        _write(patches, beside)
        _put(beside, folder)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror or error}.", "Choose another folder.") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder


def _write(patches: PatchSet, folder: Path) -> None:
    names = np.full(len(patches), "", dtype=object)
    for label, file in _STACKS.items():
        which = np.flatnonzero(patches.particle == (label == "particle"))
        if len(which):
            write_mrc(patches.images[which], folder / file, patches.pixel_size)
        names[which] = [f"{i:06d}@{file}" for i in range(1, len(which) + 1)]
    columns = {
        MICROGRAPH: patches.micrograph.tolist(),
        X: [f"{x:.2f}" for x in patches.yx[:, 1]],
        Y: [f"{y:.2f}" for y in patches.yx[:, 0]],
        _IMAGE: names.tolist(),
        SCORE: score_texts(patches.score),
        _LABEL: np.where(patches.particle, "particle", "background").tolist(),
        _SPLIT: patches.split.tolist(),
        _ORIGIN: patches.origin.tolist(),
        _DIAMETER: [f"{patches.diameter:g}"] * len(patches),
        _GREY: [patches.grey] * len(patches),
    }
    write_text(
        format_table(columns, "patches", [f"napari-drpnet patches, particle {patches.diameter:g} A"]), folder / _LIST
    )


def _put(made: Path, folder: Path) -> None:
    """Rename a folder; what has the name now is kept until the new one is there."""
    if not exists(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        made.rename(folder)
        return
    old = folder.with_name(f".{secrets.token_hex(6)}")
    folder.rename(old)
    try:
        made.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def read_patches(folder: str | Path) -> PatchSet:
    """Read a patch set, at the scale it has.

    Parameters
    ----------
    folder
        As `write_patches` makes it. Sets of other programs need ``rlnImageName`` and ``drpnetLabel`` only; where they
        do not tell the diameter of the particle, it is half the side of a patch.

    Raises
    ------
    UserError
        When a file is missing, damaged or shorter than the list says.
    """
    folder = Path(folder)
    if not is_file(folder / _LIST):
        raise UserError(f"{folder} is no patch set: it has no {_LIST}.", "Name the folder that harvest has written.")
    table = read_tables(folder / _LIST)[-1]
    table.require(_IMAGE, _LABEL)
    if not len(table):
        raise UserError(f"{folder}: the patch set is empty.", _AGAIN)
    images, pixel_size = _images(folder, table)
    return PatchSet(
        images,
        pixel_size,
        _diameter(table, pixel_size * images.shape[2] / 2),
        np.array(_words(table, _LABEL, tuple(_STACKS))) == "particle",
        as_array(table.texts(MICROGRAPH) if MICROGRAPH in table else [""] * len(table), table.path),
        np.column_stack([known(table, Y), known(table, X)]),
        np.array(_words(table, _SPLIT, _SPLITS) if _SPLIT in table else "training"),
        as_array(table.texts(_ORIGIN) if _ORIGIN in table else ["label"] * len(table), table.path),
        known(table, SCORE),
        # Sets that do not say it are older, or of other programs.
        "robust" if _GREY in table and _words(table, _GREY, _GREYS)[0] == "robust" else "percentiles",
    )


def _images(folder: Path, table: Table) -> tuple[ImageArray, float]:
    """The patch of each row, and Angstrom per pixel."""
    rows = [_position(table, name) for name in table.texts(_IMAGE)]
    stacks = {file: open_mrc(folder / file) for file in sorted({file for _, file in rows})}
    arrays = {file: array[None] if array.ndim == 2 else array for file, (array, _) in stacks.items()}
    sizes = {size for _, size in stacks.values()}
    if len(sizes) > 1 or len({array.shape[1:] for array in arrays.values()}) > 1:
        raise UserError(f"{folder}: its stacks are not of one pixel size and shape.", _AGAIN)
    size = sizes.pop()
    for index, file in rows:
        if not 0 < index <= len(arrays[file]):
            raise UserError(
                f"{folder / file} has {len(arrays[file])} patches, the list asks for number {index}.", _AGAIN
            )
    images = np.stack([np.asarray(arrays[file][index - 1], np.float32) for index, file in rows])
    if not np.isfinite(images).all():
        raise UserError(f"{folder}: a patch holds pixels that are no numbers.", _AGAIN)
    # 1 A in a header means that nobody set it, but here it may be the truth; then it agrees with the diameter.
    return images, size or 1.0


def _position(table: Table, name: str) -> tuple[int, str]:
    index, at, file = name.partition("@")
    file = os.path.basename(file)  # noqa: PTH119 - RELION's names have folders of its project before them
    if not at or not _NUMBER.fullmatch(index) or not is_safe(file):
        raise UserError(f"{table.path}: {short(name)} is not the place of an image in a stack.", _AGAIN)
    return int(index), file


def _words(table: Table, column: str, allowed: Sequence[str]) -> list[str]:
    words = table.texts(column)
    odd = next((word for word in words if word not in allowed), None)
    if odd is not None:
        raise UserError(f"{table.path}: {short(odd)} in the column {column}.", f"It is one of {', '.join(allowed)}.")
    return words


def _diameter(table: Table, usual: float) -> float:
    """In Angstrom."""
    told = known(table, _DIAMETER)
    told = told[np.isfinite(told) & (told > 0)]
    return float(np.median(told)) if len(told) else usual
