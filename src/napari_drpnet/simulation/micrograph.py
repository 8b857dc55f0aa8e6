"""Simulated micrographs with exact truth: particles in ice, photographed and developed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.fft
from scipy import ndimage

from napari_drpnet.data import FloatArray, ImageArray, MaskArray, Micrograph, Picks
from napari_drpnet.settings import SimulationSettings
from napari_drpnet.simulation import camera, layout, specimen
from napari_drpnet.simulation.optics import Lens, ctf, frequencies, image_intensity, interaction
from napari_drpnet.simulation.projection import project, random_orientations
from napari_drpnet.simulation.structures import Scatterers, centred, density, procedural_structure, read_structure

_PROCEDURAL = 64  # different made-up particles, where no structures are given
_GRID = 72  # voxels across a particle


@dataclass(frozen=True, eq=False)
class Views:
    """Projections of one structure.

    Attributes
    ----------
    name
        Of the structure.
    whole, broken
        ``(k, n, n)`` projected potential in V A, the centre of mass at ``n // 2``; broken ones lack a part.
    voxel
        Angstrom per pixel of the projections.
    diameter
        Longest extent in Angstrom.
    """

    name: str
    whole: npt.NDArray[np.float32]
    broken: npt.NDArray[np.float32]
    voxel: float
    diameter: float


@dataclass(frozen=True)
class Exposure:
    """The conditions one micrograph was taken under.

    Attributes
    ----------
    lens
        The microscope.
    dose
        Electrons per square Angstrom.
    thickness
        Of the ice, in Angstrom.
    texture
        Power of the ice's texture relative to pure water.
    """

    lens: Lens
    dose: float
    thickness: float
    texture: float


def simulate(settings: SimulationSettings) -> Iterator[tuple[Micrograph, Picks]]:
    """Micrographs one after the other, each with its true picks.

    Yields
    ------
    Micrograph, Picks
        Particles are dark. Micrograph ``i`` depends on the settings and on ``i`` alone.

    Raises
    ------
    UserError
        When a structure or a micrograph of ``noise_like`` cannot be read.
    """
    for index in range(settings.count):
        yield simulate_one(settings, index)


def simulate_one(settings: SimulationSettings, index: int) -> tuple[Micrograph, Picks]:
    """Micrograph number ``index`` of the settings and its true picks."""
    rng = np.random.default_rng([settings.seed, index])
    views = _views_of(settings, index)
    pixel_size = settings.pixel_size
    if settings.diameter_px is not None:
        pixel_size = views.diameter / rng.uniform(*settings.diameter_px)
    scene = _Scene(rng, settings.size, pixel_size)
    exposure = draw_exposure(rng, settings)
    allowed = _surroundings(rng, settings, scene, views.diameter / pixel_size)
    centres, psi = _place(rng, settings, scene, views, exposure, allowed)
    image = _photograph(rng, settings, scene, exposure)
    name = f"{views.name}_{index:05d}"
    inside = ((centres >= -0.5) & (centres < settings.size - 0.5)).all(axis=1)
    micrograph = Micrograph.from_array(image, pixel_size, name)
    picks = Picks(
        micrograph.frame,
        centres[inside],
        diameter=np.asarray(views.diameter / pixel_size),
        psi=psi[inside],
        source=np.asarray("simulation"),
    )
    return micrograph, picks


def _views_of(settings: SimulationSettings, index: int) -> Views:
    """The structure of this micrograph: all are used, in an order shuffled anew each time round."""
    choices = settings.structures or tuple(range(_PROCEDURAL))
    turn, place = divmod(index, len(choices))
    order = np.random.default_rng([settings.seed, turn, 11]).permutation(len(choices))
    return load_views(choices[order[place]], settings.views, settings.seed)


@lru_cache(maxsize=256)
def load_views(source: Path | int, count: int, seed: int) -> Views:
    """Projections of a structure's file, or of the procedural particle of that number."""
    particle = procedural_structure(source) if isinstance(source, int) else read_structure(source)
    return make_views(particle, count, seed)


def make_views(particle: Scatterers, count: int, seed: int, grid: int = _GRID) -> Views:
    """Projections of whole particles, and some of broken ones, ``grid`` pixels across."""
    rng = np.random.default_rng([seed, 13])
    voxel = particle.diameter / grid
    volume = density(particle, voxel)
    n = volume.density.shape[0]
    broken = [_pad_to(project(density(_broken(particle, rng), voxel), random_orientations(2, rng)), n) for _ in range(4)]
    whole = project(volume, random_orientations(count, rng))
    return Views(particle.name, whole, np.concatenate(broken), voxel, particle.diameter)


def _broken(particle: Scatterers, rng: np.random.Generator) -> Scatterers:
    """What is left of a particle on one side of a random plane."""
    direction = rng.normal(size=3)
    along = particle.xyz @ direction
    keep = along > np.quantile(along, rng.uniform(0.35, 0.75))
    return centred(particle.name, particle.xyz[keep], particle.weight[keep])


def _pad_to(images: npt.NDArray[np.float32], n: int) -> npt.NDArray[np.float32]:
    """Centred in ``(k, n, n)``."""
    result = np.zeros((len(images), n, n), dtype=np.float32)
    small = min(n, images.shape[1])
    a, b = n // 2 - small // 2, images.shape[1] // 2 - small // 2
    result[:, a : a + small, a : a + small] = images[:, b : b + small, b : b + small]
    return result


class _Scene:
    """Projected potential on a canvas wider than the picture, because things beyond its border reach into it."""

    def __init__(self, rng: np.random.Generator, size: int, pixel_size: float) -> None:
        self.size = size
        self.pixel_size = pixel_size
        self.full = scipy.fft.next_fast_len(size + max(64, size // 16))
        self.margin = (self.full - size) // 2
        self.potential: ImageArray = np.zeros((self.full, self.full), dtype=np.float32)
        self._rng = rng

    def add(self, stamp: ImageArray, y: int, x: int) -> None:
        """Add an image with its first pixel at (y, x) of the canvas, cut at the border."""
        h, w = stamp.shape
        top, left = max(0, y), max(0, x)
        bottom, right = min(self.full, y + h), min(self.full, x + w)
        if top < bottom and left < right:
            self.potential[top:bottom, left:right] += stamp[top - y : bottom - y, left - x : right - x]

    def add_particles(self, images: npt.NDArray[np.float32], voxel: float, centres: FloatArray, contrast: float) -> FloatArray:
        """Stamp random views at the centres (canvas pixels) at random in-plane angles, which are returned in degrees."""
        zoom = self.pixel_size / voxel  # projection pixels per canvas pixel
        n = images.shape[1]
        box = int(np.ceil(n / zoom * 1.05)) + 3
        if zoom > 1:
            images = ndimage.gaussian_filter(images, (0, 0.5 * zoom, 0.5 * zoom))
        which = self._rng.integers(len(images), size=len(centres))
        angles = self._rng.uniform(-180, 180, size=len(centres))
        for k, centre, angle in zip(which, centres, np.deg2rad(angles), strict=True):
            corner = np.floor(centre).astype(int) - box // 2
            turn = zoom * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
            offset = n // 2 - turn @ (centre - corner)
            stamp = ndimage.affine_transform(images[k], turn, offset, (box, box), order=1)
            self.add(stamp * np.float32(contrast), int(corner[0]), int(corner[1]))
        return np.asarray(angles)

    def picture(self, image: ImageArray) -> ImageArray:
        """The part of a canvas that becomes the micrograph."""
        inner = slice(self.margin, self.margin + self.size)
        return np.ascontiguousarray(image[inner, inner])


def _surroundings(
    rng: np.random.Generator, settings: SimulationSettings, scene: _Scene, diameter: float
) -> MaskArray:
    """Add film and contamination to the scene; True where a particle can be seen."""
    shape = scene.potential.shape
    allowed = np.ones(shape, dtype=np.bool_)
    if rng.random() < settings.carbon:
        potential, film = specimen.film_edge(rng, shape, scene.pixel_size, gold=bool(rng.random() < 0.25))
        scene.potential += potential
        allowed &= ~film
    if rng.random() < settings.contamination:
        for _ in range(int(rng.integers(1, 12))):
            width = diameter * np.exp(rng.uniform(np.log(0.3), np.log(5)))
            stamp = specimen.crystal(rng, width, scene.pixel_size)
            y, x = (int(v) for v in rng.integers(-len(stamp) // 2, scene.full, size=2))
            scene.add(stamp, y, x)
            yy, xx = max(0, y), max(0, x)
            part = stamp[yy - y : scene.full - y, xx - x : scene.full - x] > 0
            allowed[yy : yy + part.shape[0], xx : xx + part.shape[1]] &= ~part
        if rng.random() < 0.25:
            potential, covered = specimen.droplets(rng, shape, diameter, scene.pixel_size)
            scene.potential += potential
            allowed &= ~covered
    return allowed


def _place(
    rng: np.random.Generator,
    settings: SimulationSettings,
    scene: _Scene,
    views: Views,
    exposure: Exposure,
    allowed: MaskArray,
) -> tuple[FloatArray, FloatArray]:
    """Add particles to the scene; centres in micrograph pixels and in-plane angles of the whole, visible ones."""
    diameter = views.diameter / scene.pixel_size
    contrast = rng.uniform(*settings.contrast)
    contrast *= float(np.clip(1, *np.asarray(settings.visibility) / (contrast * visibility(views, exposure))))
    coverage = np.exp(rng.uniform(*np.log(np.maximum(settings.coverage, 1e-4))))
    if rng.random() < settings.empty:
        return np.empty((0, 2)), np.empty(0)
    centres = layout.scatter(rng, allowed, diameter, coverage, rng.uniform(*settings.clumping))
    whole = rng.random(len(centres)) >= rng.uniform(*settings.broken)
    psi = scene.add_particles(views.whole, views.voxel, centres[whole], contrast)
    scene.add_particles(views.broken, views.voxel, centres[~whole], contrast)
    if rng.random() < 0.25:
        for _ in range(int(rng.integers(1, 4))):
            heap = layout.clump(rng, rng.uniform(0, scene.full, 2), diameter, int(rng.integers(5, 25)))
            scene.add_particles(views.whole, views.voxel, heap, contrast)
            near = np.sqrt(((centres[:, None] - heap) ** 2).sum(axis=-1)).min(axis=1, initial=np.inf) < 0.6 * diameter
            hidden = near[whole]
            psi = psi[~hidden]
            whole[np.flatnonzero(whole)[hidden]] = False
    return centres[whole] - scene.margin, psi


def visibility(views: Views, exposure: Exposure) -> float:
    """Signal-to-noise ratio of a particle to a filter that knows it, from detail coarser than half a diameter.

    ``d'^2 = sum |signal|^2 / noise`` over frequencies (North 1963), where the ice's texture and the counting of electrons
    make the noise. About 1.6 in EMPIAR-10059 and 8 in EMPIAR-10028, by the power that the particles add to their spectra.
    """
    n = views.whole.shape[1]
    fy, fx = frequencies((n, n), views.voxel)
    lens = exposure.lens
    power = np.mean(np.abs(scipy.fft.fft2(views.whole[:20], workers=1)) ** 2, axis=0) * (views.voxel / n) ** 2
    transfer = (2 * interaction(lens.voltage) * ctf(lens, fy, fx)) ** 2
    noise = transfer * specimen.ice_power(exposure.thickness, exposure.texture) + 1 / exposure.dose
    coarse = np.hypot(fy, fx) < 2 / views.diameter
    return float(np.sqrt((power * transfer / noise)[coarse].sum()))


def _photograph(
    rng: np.random.Generator, settings: SimulationSettings, scene: _Scene, exposure: Exposure
) -> ImageArray:
    """Ice, lens, electrons, detector, and what was done afterwards."""
    shape, pixel_size, lens, dose = scene.potential.shape, scene.pixel_size, exposure.lens, exposure.dose
    scene.potential += specimen.ice_texture(rng, shape, pixel_size, exposure.thickness, exposure.texture)
    waviness = exposure.thickness * np.exp(rng.uniform(np.log(0.001), np.log(0.1 if rng.random() < 0.2 else 0.02)))
    scene.potential += np.float32(specimen.ICE_POTENTIAL * waviness) * specimen.cloud(rng, shape, rng.uniform(3.5, 5))
    intensity = image_intensity(scene.potential * np.float32(interaction(lens.voltage)), lens, pixel_size)
    intensity = scene.picture(intensity) * beam(rng, scene.size)
    if settings.noise_like and rng.random() < 0.5:
        image = _with_noise_of(rng, settings, intensity, dose, pixel_size)
    else:
        image = camera.count_electrons(rng, intensity, dose, pixel_size)
        image = camera.filter_radially(image, camera.detector_response(rng.uniform(0.1, 0.8)))
    if rng.random() < settings.defects:
        image = camera.add_defects(rng, image)
    if rng.random() < settings.processed:
        image = camera.post_process(rng, image)
    return image


def _with_noise_of(
    rng: np.random.Generator, settings: SimulationSettings, intensity: ImageArray, dose: float, pixel_size: float
) -> ImageArray:
    """Electron counts whose counting noise has the spectrum of a real micrograph instead of a white one."""
    path = settings.noise_like[int(rng.integers(len(settings.noise_like)))]
    electrons = dose * pixel_size**2
    noise = camera.shaped_noise(rng, intensity.shape, _spectrum_of(path))
    return np.asarray(electrons * intensity + noise * np.float32(1.5 * np.sqrt(electrons)), dtype=np.float32)


@lru_cache(maxsize=256)
def _spectrum_of(path: Path) -> FloatArray:
    from napari_drpnet.io import read_micrograph

    return camera.radial_spectrum(read_micrograph(path).image)


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
    dose = np.exp(rng.uniform(*np.log(settings.dose)))
    texture = np.exp(rng.uniform(*np.log(settings.structural_noise)))
    return Exposure(lens, float(dose), rng.uniform(*settings.ice), float(texture))


def beam(rng: np.random.Generator, size: int, strength: float | None = None) -> ImageArray:
    """Illumination of the picture, near 1: a broad beam that is not quite centred."""
    strength = rng.uniform(0.0, 0.12) if strength is None else strength
    cy, cx = rng.uniform(-0.7, 0.7, size=2)
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    return np.asarray(1 - strength * ((axis[:, None] - cy) ** 2 + (axis[None, :] - cx) ** 2) / 2, dtype=np.float32)
