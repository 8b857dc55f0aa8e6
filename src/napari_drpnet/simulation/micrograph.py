"""Simulated micrographs with exact truth, each with its own structure, specimen, microscope and treatment."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from napari_drpnet.data import FloatArray, ImageArray, Micrograph, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.settings import SimulationSettings
from napari_drpnet.simulation import camera, layout, specimen
from napari_drpnet.simulation.exposure import Exposure, expose, visibility
from napari_drpnet.simulation.optics import Lens
from napari_drpnet.simulation.scene import Scene, Views, make_views
from napari_drpnet.simulation.structures import procedural_structure, read_structure

_PROCEDURAL = 64  # different made-up particles, where no structures are given


def simulate(settings: SimulationSettings) -> Iterator[tuple[Micrograph, Picks]]:
    """Micrographs one after the other, each with its true picks.

    Yields
    ------
    Micrograph, Picks
        Particles are dark. Micrograph ``i`` depends on the settings and on ``i`` alone.

    Raises
    ------
    UserError
        When a structure, or a micrograph of ``noise_like``, cannot be read or is larger than the picture.
    """
    for index in range(settings.count):
        yield simulate_one(settings, index)


def simulate_one(settings: SimulationSettings, index: int) -> tuple[Micrograph, Picks]:
    """Micrograph number ``index`` of the settings and its true picks; raises as `simulate` does."""
    rng = np.random.default_rng([settings.seed, index])
    views = _views_of(settings, index)
    pixel_size = settings.pixel_size
    if settings.diameter_px is not None:
        pixel_size = views.diameter / rng.uniform(*settings.diameter_px)
    diameter = views.diameter / pixel_size
    if diameter > settings.size / 2:
        raise UserError(
            f"{views.name}: a particle of {diameter:.0f} px is too large for a micrograph of {settings.size} px.",
            "Choose a larger size or a larger pixel size.",
        )
    scene = Scene(settings.size, pixel_size)
    exposure = draw_exposure(rng, settings)
    _add_surroundings(rng, settings, scene, diameter)
    centres, psi = _add_particles(rng, settings, scene, views, exposure)
    image = _develop(rng, settings, expose(rng, scene, exposure), exposure, pixel_size)
    micrograph = Micrograph.from_array(image, pixel_size, f"{views.name}_{index:05d}")
    return micrograph, truth(micrograph, centres, psi, diameter)


def truth(micrograph: Micrograph, centres: FloatArray, psi: FloatArray, diameter: float) -> Picks:
    """Particles whose centre lies on the micrograph; lengths in pixels, angles in degrees."""
    inside = ((centres >= -0.5) & (centres < np.asarray(micrograph.image.shape) - 0.5)).all(axis=1)
    return Picks(
        micrograph.frame,
        centres[inside],
        diameter=np.asarray(diameter),
        psi=psi[inside],
        source=np.asarray("simulation"),
    )


def _views_of(settings: SimulationSettings, index: int) -> Views:
    """The structure of this micrograph: all are used, in an order shuffled anew each time round."""
    choices: tuple[Path | int, ...] = settings.structures or tuple(range(_PROCEDURAL))
    turn, place = divmod(index, len(choices))
    order = np.random.default_rng([settings.seed, turn, 11]).permutation(len(choices))
    return load_views(choices[order[place]], settings.views, settings.seed)


@lru_cache(maxsize=256)
def load_views(source: Path | int, count: int, seed: int) -> Views:
    """Projections of a structure's file, or of the procedural particle of that number."""
    particle = procedural_structure(source) if isinstance(source, int) else read_structure(source)
    return make_views(particle, count, seed)


def _log_uniform(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    low, high = limits
    return float(np.exp(rng.uniform(np.log(low), np.log(high)))) if low > 0 else rng.uniform(low, high)


def draw_exposure(rng: np.random.Generator, settings: SimulationSettings) -> Exposure:
    """Conditions within the ranges of the settings."""
    lens = Lens(
        voltage=float(rng.choice(settings.voltage)),
        defocus=rng.uniform(*settings.defocus) * 1e4,
        astigmatism=rng.uniform(0, settings.astigmatism),
        astigmatism_angle=rng.uniform(0, np.pi),
        cs=settings.cs * 1e7,
        amplitude_contrast=rng.uniform(*settings.amplitude_contrast),
        b_factor=rng.uniform(*settings.b_factor),
        phase_shift=np.pi / 2 if rng.random() < settings.phase_plate else 0.0,
    )
    thickness = rng.uniform(*settings.ice)
    uneven = rng.random() < 0.2  # most real ice is flat to the eye, some is not
    return Exposure(
        lens,
        dose=_log_uniform(rng, settings.dose),
        thickness=thickness,
        texture=_log_uniform(rng, settings.structural_noise),
        waviness=thickness * _log_uniform(rng, (0.001, 0.1 if uneven else 0.02)),
        shading=rng.uniform(0, 0.12),
    )


def _add_surroundings(rng: np.random.Generator, settings: SimulationSettings, scene: Scene, diameter: float) -> None:
    """Film and contamination; ``diameter`` of the particle in pixels."""
    if rng.random() < settings.carbon:
        gold = bool(rng.random() < 0.25)
        scene.cover(*specimen.film_edge(rng, scene.shape, scene.pixel_size, gold))
    if rng.random() < settings.contamination:
        for _ in range(int(rng.integers(1, 12))):
            scene.add_crystal(rng, diameter * _log_uniform(rng, (0.3, 5)), rng.uniform(0, scene.full, 2))
        if rng.random() < 0.25:
            scene.cover(*specimen.droplets(rng, scene.shape, diameter))


def _add_particles(
    rng: np.random.Generator, settings: SimulationSettings, scene: Scene, views: Views, exposure: Exposure
) -> tuple[FloatArray, FloatArray]:
    """Centres in micrograph pixels and in-plane angles of the whole, visible particles."""
    if rng.random() < settings.empty:
        return np.empty((0, 2)), np.empty(0)
    diameter = views.diameter / scene.pixel_size
    contrast = rng.uniform(*settings.contrast)
    contrast *= float(np.clip(1, *np.asarray(settings.visibility) / (contrast * visibility(views, exposure))))
    coverage, clumping = _log_uniform(rng, settings.coverage), rng.uniform(*settings.clumping)
    centres = layout.scatter(rng, scene.visible, diameter, coverage, clumping)
    whole = rng.random(len(centres)) >= rng.uniform(*settings.broken)
    psi = scene.add_particles(rng, views.whole, views.voxel, centres[whole], contrast)
    scene.add_particles(rng, views.broken, views.voxel, centres[~whole], contrast)
    centres = centres[whole]
    if rng.random() < settings.aggregates:
        heaps = [
            layout.heap(rng, rng.uniform(0, scene.full, 2), diameter, int(rng.integers(5, 25)))
            for _ in range(int(rng.integers(1, 4)))
        ]
        heap = np.concatenate(heaps)
        scene.add_particles(rng, views.whole, views.voxel, heap, contrast)
        free = layout.distance_to(centres, heap) > 0.6 * diameter
        centres, psi = centres[free], psi[free]
    return centres - scene.margin, psi


def _develop(
    rng: np.random.Generator, settings: SimulationSettings, intensity: ImageArray, exposure: Exposure, pixel_size: float
) -> ImageArray:
    """Count the electrons, and do what is done to a micrograph before anybody picks on it."""
    if settings.noise_like and rng.random() < 0.5:
        spectrum = _spectrum_of(settings.noise_like[int(rng.integers(len(settings.noise_like)))])
        image = camera.counts_with_spectrum(rng, intensity, exposure.dose, pixel_size, spectrum)
    else:
        image = camera.count_electrons(rng, intensity, exposure.dose, pixel_size)
        image = camera.filter_radially(image, camera.detector_response(rng.uniform(0.1, 0.8)))
    if rng.random() < settings.defects:
        image = camera.add_defects(rng, image)
    if rng.random() < settings.processed:
        image = camera.post_process(rng, image)
    return image


@lru_cache(maxsize=256)
def _spectrum_of(path: Path) -> FloatArray:
    from napari_drpnet.io import read_micrograph

    return camera.radial_spectrum(read_micrograph(path).image)
