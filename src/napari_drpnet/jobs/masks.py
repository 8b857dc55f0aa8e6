"""Masks of the particles of real micrographs: the map of a refinement, projected at each particle's angles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from warnings import warn

import numpy as np

from napari_drpnet.errors import UserError
from napari_drpnet.io.images import open_image
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.io.names import own_name, places, some
from napari_drpnet.io.picks.known_micrographs import KnownMicrographs
from napari_drpnet.io.picks.star_poses import Posed, read_poses
from napari_drpnet.io.star_lists import MicrographEntry
from napari_drpnet.jobs.inputs import find_micrographs
from napari_drpnet.settings import MaskSettings
from napari_drpnet.simulation.reprojection import outlines, solid
from napari_drpnet.simulation.structures import Volume, read_voxels
from napari_drpnet.steps import Job, Progress


@dataclass(frozen=True)
class MaskReport:
    """What was written: masks, how many particles they show, and the level and the extent of the map in Angstrom."""

    paths: tuple[Path, ...]
    particles: int
    level: float
    diameter: float


def make_masks(
    micrographs: Sequence[str], particles: Path, structure: Path, settings: MaskSettings, out: Path
) -> Job[MaskReport]:
    """Write ``<name>.mrc`` for every micrograph that has particles: 0 ice, 1 particle, as a simulation writes masks.

    Parameters
    ----------
    micrographs
        Files, folders, patterns, or STAR files that list micrographs.
    particles
        Particles STAR of a 3D refinement.
    structure
        Its map, MRC. The particles' angles are of this map, its hand and its box.
    settings
        Level and pixel sizes.
    out
        The folder.

    Returns
    -------
    MaskReport
        Interrupted, finished masks stay.

    Raises
    ------
    UserError
        When no micrograph is found or has particles, a pixel size is not known, or a file cannot be read or written.

    Warns
    -----
    UserWarning
        For micrographs without particles, particles of other micrographs, and micrographs that cannot be used.
    """
    entries = _found(micrographs)
    by_name = _posed(entries, particles, settings)
    if without := [name for name in entries if name not in by_name]:
        warn(f"{particles}: no particles, and so no masks, of {some(without, 'and')}.", stacklevel=2)
    size = next(part.picks.frame.pixel_size for parts in by_name.values() for part in parts)
    if size is None:
        raise UserError("The pixel size of the micrographs is not known.", "Give --pixel-size.")
    values, told = read_voxels(structure)
    voxel = settings.map_pixel_size or _voxel(structure, told, next(iter(by_name.values()))[0])
    volume, level = solid(values, voxel, size, structure, settings.level)
    written: list[Path] = []
    done = 0
    called = places(by_name)
    for count, (name, parts) in enumerate(by_name.items()):
        yield Progress(count, len(by_name), done, name)
        written.append(_write(entries[name], parts, volume, out / f"{called[name]}.mrc"))
        done += sum(len(part.rot) for part in parts)
    yield Progress(len(by_name), len(by_name), done, "done")
    return MaskReport(tuple(written), done, level, volume.diameter)


def _found(micrographs: Sequence[str]) -> dict[str, MicrographEntry]:
    tasks, refusals = find_micrographs(micrographs)
    if not tasks:
        raise refusals[0].error if refusals else UserError("There are no micrographs.", "Name some.")
    for refusal in refusals:
        warn(str(refusal.error), stacklevel=3)
    return {task.micrograph.name: task.micrograph for task in tasks}


def _posed(entries: dict[str, MicrographEntry], path: Path, settings: MaskSettings) -> dict[str, list[Posed]]:
    """The particles of those micrographs that are meant, in their pixels and by their names."""
    known = KnownMicrographs(list(entries.values()), settings.pixel_size)
    raw = read_poses(path, known.frame_of)
    own = known.assign([(one.picks.frame.micrograph, path) for one in raw])
    own.settle(path)
    if own.unknown:
        warn(f"{path}: particles of other micrographs are left out: {some(own.unknown, 'and')}.", stacklevel=3)
    found: dict[str, list[Posed]] = {}
    for one in raw:
        if own_name(one.picks.frame.micrograph, path) in own.of:
            (placed,) = known.placed([one.picks], path)
            posed = Posed(placed, one.rot, one.tilt, one.image_pixel)
            found.setdefault(placed.frame.micrograph, []).append(posed)
    if not found:
        raise UserError(f"{path}: it has no particles of these micrographs.", "Name the micrographs it was made from.")
    return found


def _voxel(structure: Path, told: float, posed: Posed) -> float:
    """What the header says, if it is to be believed: many programs write 1 A for what they do not know."""
    if told <= 0:
        raise UserError(f"{structure}: its header does not tell the voxel size.", "Give --map-pixel-size.")
    if told == 1 and abs(posed.image_pixel - 1) > 0.05:
        raise UserError(
            f"{structure}: its header says 1 A a voxel, but the particles have {posed.image_pixel:g} A a pixel.",
            "Give the map's with --map-pixel-size.",
        )
    return told


def _write(entry: MicrographEntry, parts: Sequence[Posed], volume: Volume, path: Path) -> Path:
    h, w = open_image(entry.path).array.shape[-2:]
    mask = np.zeros((h, w), np.uint8)
    for part in parts:
        pixel_size = part.picks.frame.known_pixel_size()
        angles = np.stack([part.rot, part.tilt, part.picks.psi], axis=1)
        mask |= outlines(volume, part.picks.yx, angles, (h, w), pixel_size)
    return write_mrc(mask, path, parts[0].picks.frame.pixel_size)
