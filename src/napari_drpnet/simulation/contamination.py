"""What else lies on a grid: ice crystals, droplets, frost, cracks, wrinkles, dirt.

Potentials are in V A projected along the beam; ``diameter`` is the particle's, or the object's own, in pixels.
Crystalline ice scatters out of the aperture and is darker than its thickness says, which a larger height stands for.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from napari_drpnet.data import FloatArray, ImageArray
from napari_drpnet.simulation.scene import Scene
from napari_drpnet.simulation.specimen import cloud, stretch
from napari_drpnet.simulation.structures import ICE_POTENTIAL


def contaminate(rng: np.random.Generator, scene: Scene, diameter: float, kinds: int) -> None:
    """Add contamination of so many kinds, drawn by how common they are; ``diameter`` of the particle in pixels."""
    common = np.array([0.3, 0.3, 0.12, 0.08, 0.1, 0.1])
    makers = (_crystals, _droplets, _frost, _cracks, _wrinkles, _dots)
    for kind in rng.choice(len(makers), size=min(kinds, len(makers)), replace=False, p=common):
        makers[int(kind)](rng, scene, diameter)


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _anywhere(rng: np.random.Generator, scene: Scene) -> tuple[FloatArray, float]:
    """A place on the canvas, on the upper or lower surface of the ice."""
    return rng.uniform(0, scene.full, 2), float(rng.choice(scene.heights[[0, -1]]))


def _crystals(rng: np.random.Generator, scene: Scene, diameter: float) -> None:
    """A few crystals of any size, the largest ones much larger than particles."""
    for _ in range(int(rng.integers(1, 12))):
        size = min(diameter * _log_uniform(rng, 0.3, 10), 0.6 * scene.full)
        scene.add_object(crystal(rng, size, scene.pixel_size), *_anywhere(rng, scene))


def _droplets(rng: np.random.Generator, scene: Scene, diameter: float) -> None:
    """Many droplets of ice or ethane, of about one size, which may be that of the particles."""
    typical, spread = diameter * _log_uniform(rng, 0.3, 2.0), rng.uniform(0.1, 0.5)
    strength = rng.uniform(0.5, 3.0)
    for _ in range(int(_log_uniform(rng, 4, 70))):
        size = typical * float(np.exp(rng.normal(0, spread)))
        image = droplet(rng, min(size, 0.2 * scene.full), scene.pixel_size)
        scene.add_object(image * np.float32(strength * rng.uniform(0.3, 1.0)), *_anywhere(rng, scene))


def _dots(rng: np.random.Generator, scene: Scene, diameter: float) -> None:
    """Small dense grains, such as nanoparticles of metal: black, with Fresnel fringes."""
    size = max(diameter * rng.uniform(0.08, 0.4), 3.0)
    strength = rng.uniform(2.0, 6.0)
    for _ in range(int(_log_uniform(rng, 2, 40))):
        image = ball(size * rng.uniform(0.8, 1.2), scene.pixel_size) * np.float32(strength)
        scene.add_object(image, *_anywhere(rng, scene))


def _frost(rng: np.random.Generator, scene: Scene, diameter: float) -> None:
    """Patches of the picture, or all of it, under a coarse, grainy layer."""
    patch = np.clip(3 * (cloud(rng, scene.shape, 3.5) - np.float32(rng.uniform(-0.5, 1.8))), 0, 1)
    scene.cover(patch * grains(rng, scene, diameter), patch > 0.15)


def grains(rng: np.random.Generator, scene: Scene, diameter: float) -> ImageArray:
    """A mottled layer over the whole canvas, with a texture from finer to coarser than a particle."""
    layer: ImageArray = np.zeros(scene.shape, dtype=np.float32)
    for size in diameter * np.exp(rng.uniform(np.log(0.15), np.log(2.0), size=2)):
        coarse = tuple(max(8, int(n / max(size, 3.0))) for n in scene.shape)
        mottle = stretch(rng.standard_normal(coarse, dtype=np.float32), scene.shape)
        layer += np.float32(rng.uniform(0.2, 1.0)) * mottle
    if rng.random() < 0.5:  # peaks stand out of the layer as dark spots
        layer = np.exp(0.8 * layer)
    height = _log_uniform(rng, 20, 300)
    return np.asarray(np.float32(ICE_POTENTIAL * height) * (1 + layer), dtype=np.float32)


def _cracks(rng: np.random.Generator, scene: Scene, diameter: float) -> None:
    """Breaks in the ice: thinner along a line that wanders through the picture, with thicker rims."""
    for _ in range(int(rng.integers(1, 4))):
        width = diameter * _log_uniform(rng, 0.05, 0.6)
        distance = _across(rng, scene) + diameter * rng.uniform(0.3, 2) * cloud(rng, scene.shape, 3.7, 128)
        along = np.abs(distance) / np.float32(width)
        gap = np.exp(-(along**4))
        rim = np.exp(-((along - 1.5) ** 2) * 4)
        depth = ICE_POTENTIAL * rng.uniform(100, 600)
        potential = np.float32(depth) * (np.float32(rng.uniform(0, 0.6)) * rim - gap)
        scene.cover(potential.astype(np.float32), along < 1.5)


def _wrinkles(rng: np.random.Generator, scene: Scene, diameter: float) -> None:
    """Folds of the film, bend contours, and steps in the ice: bands of other thickness across the picture."""
    distance = _across(rng, scene) + np.float32(0.1 * scene.full) * cloud(rng, scene.shape, 4)
    positions = np.cumsum(diameter * np.exp(rng.uniform(np.log(0.3), np.log(6), size=100)))
    positions -= positions[50]
    steps = np.float32(ICE_POTENTIAL * _log_uniform(rng, 10, 300)) * rng.standard_normal(100)
    profile = np.interp(np.arange(-scene.full, scene.full), positions, steps)
    profile = ndimage.gaussian_filter1d(profile, diameter * _log_uniform(rng, 0.1, 2))
    index = np.clip(distance + scene.full, 0, 2 * scene.full - 1).astype(np.int32)
    scene.cover(profile.astype(np.float32)[index], np.zeros(scene.shape, dtype=np.bool_))


def _across(rng: np.random.Generator, scene: Scene) -> ImageArray:
    """Signed distance in pixels from a straight line through the picture."""
    angle, through = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.9, 2) * scene.full
    axis = np.arange(scene.full, dtype=np.float32)
    y, x = axis[:, None] - np.float32(through[0]), axis[None, :] - np.float32(through[1])
    return np.asarray(np.float32(np.cos(angle)) * y + np.float32(np.sin(angle)) * x, dtype=np.float32)


def crystal(rng: np.random.Generator, diameter: float, pixel_size: float) -> ImageArray:
    """One ice crystal or other thick contamination on a grid of its own.

    A polygon with rounded or sharp corners, from flat plates, some of them hexagonal, to lumps as thick as they are
    wide; some are crossed by the bend contours of a crystal.
    """
    n = int(1.6 * diameter) + 8
    y, x = np.mgrid[:n, :n].astype(np.float32) - np.float32(n / 2)
    angle, distance = np.arctan2(y, x), np.hypot(y, x)
    hexagonal = rng.random() < 0.25
    corners = np.linspace(-np.pi, np.pi, 6 if hexagonal else int(rng.integers(6, 14)), endpoint=False)
    corners += rng.uniform(0, 0.5)
    radii = 0.5 * diameter * (rng.uniform(0.9, 1.05, 6) if hexagonal else rng.uniform(0.7, 1.15, len(corners)))
    outline = _polygon(angle, corners, radii, rounding=rng.uniform(0.5, 3) if hexagonal else rng.uniform(6, 20))
    bevel = rng.uniform(0.05, 0.3) if hexagonal else rng.uniform(0.2, 1.0)  # part of the radius where it gets thicker
    depth = np.clip((outline - distance) / np.float32(bevel * 0.5 * diameter), 0, 1)
    height = min(0.5 * diameter * pixel_size, rng.uniform(150, 2500))
    lumps = 1 + 0.3 * stretch(rng.standard_normal((5, 5)).astype(np.float32), (n, n))
    if rng.random() < 0.3:
        direction, period = rng.uniform(0, np.pi), diameter * rng.uniform(0.08, 0.5)
        lumps *= 1 + 0.4 * np.sin((x * np.cos(direction) + y * np.sin(direction)) * (2 * np.pi / period) + 2 * lumps)
    return np.asarray(ICE_POTENTIAL * height * np.sqrt(depth * (2 - depth)) * np.maximum(lumps, 0.3), dtype=np.float32)


def _polygon(angle: ImageArray, corners: FloatArray, radii: FloatArray, rounding: float) -> ImageArray:
    """Distance from the middle to a polygon's outline in each direction, smoothed over ``rounding`` degrees."""
    directions = np.linspace(-np.pi, np.pi, 360, endpoint=False)
    following = np.searchsorted(corners, directions) % len(corners)
    before = following - 1
    gap = (corners[following] - corners[before]) % (2 * np.pi)
    along = (directions - corners[before]) % (2 * np.pi)
    a, b = radii[before], radii[following]
    edge = a * b * np.sin(gap) / (a * np.sin(along) + b * np.sin(gap - along))
    rounded = ndimage.gaussian_filter1d(edge, rounding, mode="wrap")
    return np.asarray(np.interp(angle, directions, rounded, period=2 * np.pi), dtype=np.float32)


def ball(diameter: float, pixel_size: float) -> ImageArray:
    """Ice in the form of a ball, with a rim one pixel wide."""
    n = 2 * int(0.5 * diameter + 2) + 1
    y, x = np.mgrid[:n, :n].astype(np.float32) - np.float32(n // 2)
    half = np.sqrt(np.maximum((0.5 * diameter) ** 2 - y**2 - x**2, 0))
    return np.asarray(ICE_POTENTIAL * pixel_size * 2 * half, dtype=np.float32)


def droplet(rng: np.random.Generator, diameter: float, pixel_size: float) -> ImageArray:
    """One droplet, round, oval, or several run together, from flat to as high as it is wide."""
    n = int(3.2 * diameter) + 9
    y, x = np.mgrid[:n, :n].astype(np.float32) - np.float32(n / 2)
    height: ImageArray = np.zeros((n, n), dtype=np.float32)
    place, flatness = np.zeros(2), rng.uniform(0.15, 0.5)
    for _ in range(int(rng.choice([1, 2, 3], p=[0.7, 0.2, 0.1]))):
        turn, squash = rng.uniform(0, np.pi), rng.uniform(0.75, 1.0)
        dy, dx = y - np.float32(place[0]), x - np.float32(place[1])
        u = dy * np.cos(turn) + dx * np.sin(turn)
        v = (dx * np.cos(turn) - dy * np.sin(turn)) / squash
        inside = np.clip(1 - (u**2 + v**2) / (0.5 * diameter) ** 2, 0, 1)
        height = np.maximum(height, inside**flatness)
        direction = rng.uniform(0, 2 * np.pi)
        place = place + 0.45 * diameter * np.array([np.sin(direction), np.cos(direction)])
    scale = ICE_POTENTIAL * pixel_size * diameter * rng.uniform(0.3, 1.0)
    return np.asarray(height * np.float32(scale), dtype=np.float32)
