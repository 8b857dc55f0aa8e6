"""Simulated micrographs with exact truth, each with its own structure, specimen, microscope and treatment."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from napari_drpnet.data import FloatArray, ImageArray, MaskArray, Micrograph, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io import read_micrograph
from napari_drpnet.lens import Lens
from napari_drpnet.settings import SimulationSettings
from napari_drpnet.simulation import background, camera, layout, specimen
from napari_drpnet.simulation.background import Background
from napari_drpnet.simulation.contamination import contaminate, grains
from napari_drpnet.simulation.exposure import Exposure, draw_exposure, expose, image_of, log_uniform
from napari_drpnet.simulation.filters import filter_radially, radial_spectrum
from napari_drpnet.simulation.optics import slab_heights
from napari_drpnet.simulation.orientations import directions, random_views, view_weights
from napari_drpnet.simulation.scene import LabelArray, Poses, Scene, draw_poses, outline_boxes
from napari_drpnet.simulation.stain import stain
from napari_drpnet.simulation.strength import balance, signal_to_noise, wanted
from napari_drpnet.simulation.structures import procedural_structure, read_structure
from napari_drpnet.simulation.treatment import treat
from napari_drpnet.simulation.views import BROKEN, Views, make_views

_PROCEDURAL = 64  # different made-up particles, where no structures are given


@dataclass(frozen=True, eq=False)
class Simulated:
    """One micrograph and all that is known about it.

    Attributes
    ----------
    micrograph
        Particles are dark, in negative stain bright.
    truth
        The whole, visible particles whose centre lies on the micrograph. The diameter is the longest extent of the
        structure, the same for all; the box is as high and as wide as the outline of the particle's projection.
    rot, tilt
        ``(n,)`` degrees, beside ``truth.psi``; RELION's convention (`orientations`).
    height
        ``(n,)`` Angstrom, what each particle's underfocus exceeds the lens's by.
    lens
        The microscope.
    mask
        ``(h, w)`` uint8: 0 ice, 1 particle (inside the outline of its projection), 2 film, crystals, heaps and other
        contamination that hide particles.
    clean
        ``(h, w)`` float32 intensity without the texture of the ice, counting, detector and treatment; None unless the
        settings ask for it.
    stained
        In negative stain, where particles are bright.
    """

    micrograph: Micrograph
    truth: Picks
    rot: FloatArray
    tilt: FloatArray
    height: FloatArray
    lens: Lens
    mask: LabelArray
    clean: ImageArray | None = None
    stained: bool = False


def simulate_one(settings: SimulationSettings, index: int) -> Simulated:
    """Micrograph number ``index`` of the settings, which depends on them and on ``index`` alone.

    Raises
    ------
    UserError
        When a structure, the detector's MTF, or a real image cannot be read, or a particle is larger than the picture.
    """
    rng = np.random.default_rng([settings.seed, index])
    views = _views_of(settings, index)
    pixel_size = settings.pixel_size
    if settings.diameter_px is not None:
        pixel_size = views.diameter / rng.uniform(*settings.diameter_px)
    diameter = views.diameter / pixel_size
    _check_size(views.name, diameter, settings.size)
    exposure, contrast, ground = draw_exposure(rng, settings), 1.0, None
    if settings.backgrounds and rng.random() < settings.transplanted:
        ground = background.cut(rng, settings, diameter)
    else:
        contrast, exposure = balance(rng, settings, views, exposure)
    scene = Scene(settings.size, pixel_size, slab_heights(exposure.thickness, exposure.lens, pixel_size))
    if ground is not None:
        scene.hide(~ground.free)
    empty = bool(rng.random() < settings.empty)
    _add_surroundings(rng, settings, scene, diameter, empty)
    poses = _add_particles(rng, settings, scene, views, exposure, contrast, empty)
    if ground is not None:
        image, clean = _transplant(rng, settings, scene, views, exposure, ground)
    else:
        intensity, clean = expose(rng, scene, exposure, settings.noise_free)
        image = _count(rng, settings, intensity, exposure, pixel_size)
    if rng.random() < settings.defects:
        image = camera.add_defects(rng, image)
    if rng.random() < settings.processed:
        image = treat(rng, image, diameter)
    micrograph = Micrograph.from_array(image, pixel_size, f"{views.name}_{index:05d}")
    return found(micrograph, scene, views, poses, exposure, clean)


def found(
    micrograph: Micrograph,
    scene: Scene,
    views: Views,
    poses: Poses,
    exposure: Exposure,
    clean: ImageArray | None = None,
) -> Simulated:
    """A micrograph with those of its particles whose centre lies on it."""
    yx = poses.yx - scene.margin
    inside = lie_on(yx, micrograph.image.shape)
    poses = poses.select(inside)
    truth = Picks(
        micrograph.frame,
        yx[inside],
        diameter=np.asarray(views.diameter / scene.pixel_size),
        psi=poses.psi,
        box=outline_boxes(views.whole, poses) * views.voxel / scene.pixel_size,
        source=np.asarray("simulation"),
    )
    rot, tilt = views.rot[poses.view], views.tilt[poses.view]
    return Simulated(micrograph, truth, rot, tilt, poses.height, exposure.lens, scene.mask(), clean, exposure.stained)


def lie_on(yx: FloatArray, shape: tuple[int, ...]) -> MaskArray:
    """Which of the places ``(n, 2)`` lie on an image of that shape."""
    return np.asarray(((yx >= -0.5) & (yx < np.asarray(shape) - 0.5)).all(axis=1), dtype=np.bool_)


def structure_of(settings: SimulationSettings, index: int) -> Path | int:
    """The structure of this micrograph: all are used, in an order shuffled anew each time round.

    A file, or the number of a made-up particle.
    """
    choices: tuple[Path | int, ...] = settings.structures or tuple(range(_PROCEDURAL))
    turn, place = divmod(index, len(choices))
    order = np.random.default_rng([settings.seed, turn, 11]).permutation(len(choices))
    return choices[int(order[place])]


def _views_of(settings: SimulationSettings, index: int) -> Views:
    source = structure_of(settings, index)
    if settings.diameter_px is not None:
        # The same views whatever the seed, so that several sets of a training need them once: they take as long as five
        # micrographs.
        return load_views(source, settings.views, 0)
    return load_views(source, settings.views, settings.seed, settings.pixel_size, settings.size)


def _check_size(name: str, diameter: float, size: int) -> None:
    """Refuse a particle of ``diameter`` pixels that has no room to lie in on a micrograph of ``size`` pixels."""
    if diameter > size / 2:
        raise UserError(
            f"{name}: a particle of {diameter:.0f} px is too large for a micrograph of {size} px.",
            "Choose a larger size or a larger pixel size.",
        )


@lru_cache(maxsize=256)
def load_views(source: Path | int, count: int, seed: int, pixel_size: float | None = None, size: int = 0) -> Views:
    """Projections of a structure's file, or of the procedural particle of that number.

    They are 72 px wide, or, as far as memory goes, as fine as a given ``pixel_size`` in Angstrom, for a picture
    of ``size`` pixels.
    """
    particle = procedural_structure(source) if isinstance(source, int) else read_structure(source)
    if pixel_size is None:
        return make_views(particle, count, seed)
    across = particle.diameter / pixel_size
    _check_size(particle.name, across, size)
    return make_views(particle, count, seed, int(np.clip(across, 72, 128)))


def _add_surroundings(
    rng: np.random.Generator, settings: SimulationSettings, scene: Scene, diameter: float, empty: bool
) -> None:
    """Film and contamination; ``diameter`` of the particle in pixels.

    Where there are no particles there is often a reason: more dirt, bare film, or ice of a coarse texture.
    """
    if rng.random() < settings.carbon:
        gold = bool(rng.random() < 0.25)
        reach = rng.uniform(0.3, 2.0) if empty else None
        film, hides = specimen.film_edge(rng, scene.shape, scene.pixel_size, gold, reach)
        if not gold and rng.random() < settings.on_carbon:
            hides = specimen.rim(hides, 0.3 * diameter)
        scene.cover(film, hides)
    if empty and settings.contamination and rng.random() < 0.3:
        everywhere: MaskArray = np.ones(scene.shape, dtype=np.bool_)
        scene.cover(grains(rng, scene, diameter), everywhere)
    likely = settings.contamination**0.3 if empty else settings.contamination
    if rng.random() < likely:
        contaminate(rng, scene, diameter, kinds=int(rng.integers(1, 5 if empty else 3)))


def _add_particles(
    rng: np.random.Generator,
    settings: SimulationSettings,
    scene: Scene,
    views: Views,
    exposure: Exposure,
    contrast: float,
    empty: bool,
) -> Poses:
    """The whole, visible particles; ``contrast`` is the factor on their potential."""
    anyhow = np.full(len(views.whole), 1 / len(views.whole))
    if empty:
        return draw_poses(rng, np.empty((0, 2)), anyhow)
    before = scene.potential[0].copy() if exposure.stained else None
    diameter = views.diameter / scene.pixel_size
    weights = _preferences(rng, settings, views)
    reach, surface = max(0.0, exposure.thickness - views.diameter) / 2, rng.uniform(*settings.surface)
    centres = layout.scatter(
        rng, scene.visible, diameter, log_uniform(rng, settings.coverage), rng.uniform(*settings.clumping)
    )
    whole = rng.random(len(centres)) >= rng.uniform(*settings.broken)
    poses = draw_poses(rng, centres[whole], weights, reach, surface)
    scene.add_particles(views.whole, views.voxel, poses, contrast, outline=scene.particles)
    if not whole.all():
        pieces = draw_poses(rng, centres[~whole], np.full(BROKEN, 1 / BROKEN), reach, surface)
        scene.add_particles(views.broken, views.voxel, pieces, contrast)
    if rng.random() < settings.aggregates:
        heap = layout.heaps(rng, scene.full, diameter)
        clutter: MaskArray = np.zeros(scene.shape, dtype=np.bool_)
        scene.add_particles(views.whole, views.voxel, draw_poses(rng, heap, anyhow, reach), contrast, outline=clutter)
        scene.visible &= ~clutter
        poses = poses.select(layout.distance_to(poses.yx, heap) > 0.6 * diameter)
    if before is not None:
        protein = scene.potential[0] - before
        scene.potential[0] = before + stain(rng, protein, scene.pixel_size, diameter)
    return poses


def _preferences(rng: np.random.Generator, settings: SimulationSettings, views: Views) -> FloatArray:
    """How often each view is seen on this micrograph: one to three preferred ones, and all others."""
    preferred = directions(*random_views(int(rng.integers(1, 4)), rng))
    part = rng.uniform(*settings.preferred_views)
    return view_weights(directions(views.rot, views.tilt), preferred, log_uniform(rng, (4.0, 60.0)), part)


def _transplant(
    rng: np.random.Generator,
    settings: SimulationSettings,
    scene: Scene,
    views: Views,
    exposure: Exposure,
    ground: Background,
) -> tuple[ImageArray, ImageArray | None]:
    """The picture of the scene without noise on a real background, and, on demand, that on an even one."""
    power, at = background.noise_power(ground.image, views.diameter / scene.pixel_size)

    def noise(fy: ImageArray, fx: ImageArray) -> FloatArray:
        return np.interp(np.hypot(fy, fx) * scene.pixel_size, at, power) * scene.pixel_size**2

    gain = np.float32(wanted(rng, settings) / signal_to_noise(views, exposure.lens, noise))
    picture = image_of(scene, exposure.lens)
    return ground.image + gain * (picture - 1), picture if settings.noise_free else None


def _count(
    rng: np.random.Generator, settings: SimulationSettings, intensity: ImageArray, exposure: Exposure, pixel_size: float
) -> ImageArray:
    """What the detector makes of the intensity."""
    falloff = rng.uniform(0.1, 0.8)
    if settings.noise_like and rng.random() < 0.5:
        spectrum = _spectrum_of(settings.noise_like[int(rng.integers(len(settings.noise_like)))])
        return camera.counts_with_spectrum(rng, intensity, exposure.dose, pixel_size, spectrum)
    response = camera.detector_response(falloff) if settings.mtf is None else _mtf_of(settings.mtf)
    return filter_radially(camera.count_electrons(rng, intensity, exposure.dose, pixel_size), response)


_mtf_of = lru_cache(maxsize=8)(camera.read_mtf)


@lru_cache(maxsize=256)
def _spectrum_of(path: Path) -> FloatArray:
    return radial_spectrum(read_micrograph(path).image)
