"""Half maps and masks: which two files belong together, and their voxels with the size of a pixel."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_drpnet.data import ImageArray
from napari_drpnet.errors import UserError
from napari_drpnet.io.images import ImageFile, open_image
from napari_drpnet.io.limits import LARGEST
from napari_drpnet.io.mrc import MRC_SUFFIXES, in_order
from napari_drpnet.io.paths import exists, files_in, is_dir, resolved, shown

# RELION: run_half1_class001_unfil; cryoSPARC: J42_volume_map_half_A; EMDB: emd_1234_half_map_1; EMAN2: even and odd.
_HALF = re.compile(
    r"(?<![a-z])half[_-]?(?:maps?|vol(?:ume)?)?[_-]?([12ab])(?![a-z\d])|(?<![a-z])(even|odd)(?![a-z])", re.IGNORECASE
)
# RELION has half maps of each iteration beside those of the end.
_OF_THE_END, _ITERATION = "_unfil", re.compile(r"_it\d+_", re.IGNORECASE)
# cryoSPARC numbers the maps of each iteration, those of the end as well.
_NUMBERED = re.compile(r"_\d{3}_volume_", re.IGNORECASE)
_OTHER = {"1": "2", "2": "1", "a": "b", "b": "a", "even": "odd", "odd": "even"}
_FIRST = ("1", "a", "even")
_SAME_PIXEL = 1e-3
_NAMES = "Half maps are called as RELION (_half1_, _half2_) or cryoSPARC (_half_A, _half_B) call them; or give both."


@dataclass(frozen=True, eq=False)
class Map:
    """A 3D volume.

    Attributes
    ----------
    values
        ``(z, y, x)`` float32, all finite, whatever the order of the axes in the file.
    pixel_size
        Angstrom; None where the file does not tell.
    path
        Its file.
    """

    values: ImageArray
    pixel_size: float | None
    path: Path


@dataclass(frozen=True, eq=False)
class HalfMaps:
    """The maps of the two halves of the particles.

    Attributes
    ----------
    first, second
        ``(z, y, x)`` float32 each, of one size.
    pixel_size
        Angstrom.
    paths
        Their files.
    """

    first: ImageArray
    second: ImageArray
    pixel_size: float
    paths: tuple[Path, Path]


def other_half(path: Path) -> Path | None:
    """What the map of the other half is called; None where the name does not tell which half it is."""
    found = _of_name(path)
    if found is None:
        return None
    start, end = found.span(found.lastindex or 0)
    said = path.name[start:end]
    other = _OTHER[said.lower()]
    cased = other.upper() if said.isupper() else other.title() if said.istitle() else other
    return path.with_name(path.name[:start] + cased + path.name[end:])


def pair_up(paths: Sequence[Path]) -> tuple[Path, Path]:
    """The two half maps that are meant, the first half first.

    Parameters
    ----------
    paths
        Both, in any order; one, beside which the other lies; or a folder with one pair in it.

    Raises
    ------
    UserError
        When it is not clear which two are meant, or one is missing.
    """
    if len(paths) == 1 and is_dir(paths[0]):
        return _pair_in(paths[0])
    if len(paths) == 1:
        (path,) = paths
        other = other_half(path)
        if other is None:
            raise UserError(f"{path} is one map, and its name does not tell the other half.", _NAMES)
        if not exists(other):
            raise UserError(f"{path}: the other half, {other.name}, is not beside it.", "Give both half maps.")
        return _ordered(path, other)
    if len(paths) != 2:
        raise UserError(f"Two half maps are needed, not {len(paths)}.", _NAMES)
    first, second = paths
    if resolved(first) == resolved(second):
        raise UserError(f"{first} is given twice.", "Give the maps of both halves of the particles.")
    if _is_first(first) is not None and _is_first(first) == _is_first(second):
        raise UserError(f"{first.name} and {second.name} are both the same half.", "Give the maps of both halves.")
    return _ordered(first, second)


def has_halves(folder: Path) -> bool:
    """Whether there is a half map, by its name, in a folder; RELION's of iterations do not count."""
    found = (path for path in files_in(folder) if _is_first(path) is not None and is_map(path))
    return any(not _ITERATION.search(path.name) for path in found)


def read_map(path: Path, pixel_size: float | None = None) -> Map:
    """Read a 3D volume from an MRC file, packed or not.

    Parameters
    ----------
    path
        The file.
    pixel_size
        Angstrom; goes before what the file says.

    Raises
    ------
    UserError
        When it cannot be read, is an image or a stack of them, holds values that are no numbers, gives axes that cannot
        be, or is too large.
    """
    if not path.name.lower().removesuffix(".gz").removesuffix(".bz2").endswith(MRC_SUFFIXES):
        raise UserError(f"{shown(path)} is no MRC file.", "Give maps as .mrc or .map.")
    file = open_image(path)
    if file.array.ndim != 3 or not file.volume:
        kind = "one image" if file.array.ndim == 2 else f"a stack of {file.frames} images"
        raise UserError(f"{path} is {kind}, not a 3D volume.", "Give a map, with a header that says so.")
    if file.array.size * 4 > LARGEST:
        raise UserError(f"{path}: {_size(file.array.shape)} voxels are too many for memory.", "Bin the map.")
    values = np.ascontiguousarray(in_order(path, _voxels(file)))
    bad = int(values.size - np.count_nonzero(np.isfinite(values)))
    if bad:
        raise UserError(f"{path}: {bad} of its voxels are no numbers.", "Make the map anew.")
    return Map(values, pixel_size or file.pixel_size, path)


def read_half_maps(paths: Sequence[Path], pixel_size: float | None = None) -> HalfMaps:
    """Read two half maps, see `pair_up`, and compare what they say of themselves.

    Parameters
    ----------
    paths
        As `pair_up` takes them.
    pixel_size
        Angstrom; goes before what the files say.

    Raises
    ------
    UserError
        When one is missing or cannot be read, or they differ in size or in the size of their pixels.
    """
    first, second = (read_map(path, pixel_size) for path in pair_up(paths))
    if first.values.shape != second.values.shape:
        raise UserError(
            f"{first.path.name} is {_size(first.values.shape)} px, {second.path.name} {_size(second.values.shape)} px.",
            "Half maps have one size: give those of one refinement.",
        )
    _require_same_pixels(first, second)
    size = first.pixel_size or second.pixel_size
    if size is None:
        raise UserError(
            f"{first.path} does not tell its pixel size (1 A is what is written where nobody knows it).",
            "Give it (--map-pixel-size).",
        )
    return HalfMaps(first.values, second.values, size, (first.path, second.path))


def read_mask(path: Path, maps: HalfMaps) -> ImageArray:
    """The voxels of a mask, ``(z, y, x)`` float32.

    Raises
    ------
    UserError
        When it cannot be read, or the size of its pixels is not that of the maps.
    """
    mask = read_map(path)
    _require_same_pixels(Map(maps.first, maps.pixel_size, maps.paths[0]), mask)
    return mask.values


def _voxels(file: ImageFile) -> ImageArray:
    """Section by section, so that a file that was cut meanwhile is an error, and not the end of the process."""
    try:
        values = np.empty(file.array.shape, np.float32)
        with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite, and is told
            for number in range(len(values)):
                values[number] = file.read(number)
    except MemoryError as error:
        raise UserError(f"{file.path}: there is not enough memory to read it.", "Close other programs.") from error
    return values


def _require_same_pixels(one: Map, other: Map) -> None:
    if one.pixel_size and other.pixel_size and abs(one.pixel_size / other.pixel_size - 1) > _SAME_PIXEL:
        raise UserError(
            f"{one.path.name} has {one.pixel_size:g} A per pixel, {other.path.name} {other.pixel_size:g} A.",
            "Give maps of one refinement, or correct the header.",
        )


def _pair_in(folder: Path) -> tuple[Path, Path]:
    """The one pair in a folder."""
    files = {path.name: path for path in files_in(folder) if _is_first(path) is not None and is_map(path)}
    pairs = []
    for path in files.values():
        other = other_half(path)
        if other is not None and other.name in files and _is_first(path):
            pairs.append((path, other))
    final = [pair for pair in pairs if _OF_THE_END in pair[0].name]
    pairs = final if len(final) == 1 else _last_numbered(pairs)
    if len(pairs) != 1:
        few = ", ".join(first.name for first, _ in pairs[:3])
        if pairs:
            what = f"{len(pairs)} pairs of half maps ({few}{', ...' if len(pairs) > 3 else ''})"
            raise UserError(f"{folder} has {what}.", "Name one half map.")
        if files:
            raise UserError(f"{folder} has {next(iter(files))}, but not its other half.", _NAMES)
        raise UserError(f"{folder} has no half maps.", _NAMES)
    return pairs[0]


def _last_numbered(pairs: list[tuple[Path, Path]]) -> list[tuple[Path, Path]]:
    """Of pairs whose names differ in the number of cryoSPARC's iteration alone, the last one; else all."""
    found = [_NUMBERED.search(first.name) for first, _ in pairs]
    stems = {first.name.replace(one[0], "") if one else None for (first, _), one in zip(pairs, found, strict=True)}
    if len(stems) != 1 or None in stems:
        return pairs
    return [max(pairs, key=lambda pair: pair[0].name)]


def _ordered(one: Path, other: Path) -> tuple[Path, Path]:
    return (other, one) if _is_first(one) is False else (one, other)


def _is_first(path: Path) -> bool | None:
    """Whether a name says that it is the first half; None where it says nothing."""
    found = _of_name(path)
    return None if found is None else (found[1] or found[2]).lower() in _FIRST


def _of_name(path: Path) -> re.Match[str] | None:
    """Where a name tells the half: the last such place."""
    found = list(_HALF.finditer(path.name))
    return found[-1] if found else None


def is_map(path: Path) -> bool:
    """Whether a name is that of a map, packed or not."""
    return path.name.lower().removesuffix(".gz").removesuffix(".bz2").endswith((".mrc", ".map"))


def _size(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))
