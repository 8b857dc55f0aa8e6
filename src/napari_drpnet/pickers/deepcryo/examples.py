"""What a data set's own micrographs give to learn from: places of good particles and of background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from napari_drpnet.candidates import inside
from napari_drpnet.data import FloatArray, MaskArray, Micrograph
from napari_drpnet.errors import UserError
from napari_drpnet.pickers.deepcryo.clusters import by_intensity, by_superpixels, cleaned
from napari_drpnet.pickers.deepcryo.enhance import enhance
from napari_drpnet.pickers.deepcryo.shapes import GOOD, Blob, Shape, blobs, shapes_of
from napari_drpnet.pickers.network import check_size, network_image
from napari_drpnet.settings import DeepCryoPickerSettings

# Diameter of a particle where pixels are clustered: noise of single pixels is averaged away, the outline still there.
_DIAMETER = 24
# Background is so far from every object, in diameters, and so many places a micrograph.
_AWAY, _PLACES = 0.35, 400
# Background beside a good particle lies so far from its centre, in diameters: so the map peaks at the centre.
_BESIDE = (0.5, 0.65)
# With fewer good particles there is nothing to learn from.
_FEWEST = 5


@dataclass(frozen=True, eq=False)
class Scene:
    """One micrograph to learn from; places are in pixels of its image.

    Attributes
    ----------
    image
        ``(h, w)`` float16, as the classifier sees it.
    intensity, superpixels
        Objects by the two ways of clustering.
    background
        ``(n, 2)`` places away from all of them.
    """

    image: npt.NDArray[np.float16]
    intensity: list[Blob]
    superpixels: list[Blob]
    background: FloatArray


@dataclass(frozen=True, eq=False)
class Examples:
    """Windows to learn from.

    Attributes
    ----------
    images
        The micrographs, as the classifier sees them.
    shapes
        The classes after background, which is the first.
    places
        For each class ``(n, 4)``: number of the image, y and x of the window's centre, and its quarter turns.
    """

    images: tuple[npt.NDArray[np.float16], ...]
    shapes: tuple[Shape, ...]
    places: tuple[FloatArray, ...]


def scene(micrograph: Micrograph, number: int, settings: DeepCryoPickerSettings, diameter: float) -> Scene:
    """Cluster the pixels of a micrograph; ``diameter`` is the particle's in pixels of what the classifier sees.

    Raises
    ------
    UserError
        When the diameter does not fit the image, the pixel size is unknown, or the image is constant.
    """
    check_size(micrograph, settings.diameter)
    coarse, seen = (
        network_image(micrograph, settings.diameter, across, settings.invert) for across in (_DIAMETER, diameter)
    )
    good = np.ones(coarse.image.shape, bool) if coarse.valid is None else coarse.valid
    enhanced = enhance(coarse.image + np.float32(0.5), _DIAMETER)
    masks = (
        cleaned(good & by_intensity(enhanced, settings.clusters), _DIAMETER),
        cleaned(good & by_superpixels(enhanced, _DIAMETER, settings.clusters, settings.seed), _DIAMETER),
    )

    def moved(yx: FloatArray) -> FloatArray:
        return seen.frame.from_micrograph(coarse.frame.to_micrograph(yx))

    intensity, superpixels = (
        [replace(blob, yx=moved(blob.yx), micrograph=number) for blob in blobs(mask, coarse.image, _DIAMETER)]
        for mask in masks
    )
    away = _away(masks[0] | masks[1] | ~good, settings.seed)
    return Scene(seen.image.astype(np.float16), intensity, superpixels, moved(away))


def _away(taken: MaskArray, seed: int) -> FloatArray:
    """Random places ``(n, 2)`` away from everything that was found, half a particle inside the image."""
    far = np.argwhere(ndimage.distance_transform_edt(~taken) > _AWAY * _DIAMETER).astype(np.float64)
    far = far[inside(far, (taken.shape[0], taken.shape[1]), _DIAMETER / 2)]
    return np.random.default_rng(seed).permutation(far)[:_PLACES]


def choose(scenes: Sequence[Scene], settings: DeepCryoPickerSettings, diameter: float) -> Examples:
    """The good particles of all scenes by the rules of their shapes, and background, so many of each.

    Round and square particles are objects of intensity-based clustering, irregular ones of super-pixels, as in the
    paper.

    Raises
    ------
    UserError
        When there are too few particles, or no background, to learn from.
    """
    intensity = [blob for one in scenes for blob in one.intensity]
    superpixels = [blob for one in scenes for blob in one.superpixels]
    shapes = shapes_of(intensity) if settings.shape == "auto" else (settings.shape,)
    good = {shape: GOOD[shape](superpixels if shape == "irregular" else intensity) for shape in shapes}
    good = {shape: found for shape, found in good.items() if found}
    particles = [blob for found in good.values() for blob in found]
    if len(particles) < _FEWEST:
        raise UserError(
            f"There is nothing to learn from: {len(particles)} objects in {len(scenes)} micrographs look like "
            f"particles of {settings.diameter:g} A.",
            "Check the diameter, and whether the particles are brighter than their background (invert); or give more "
            "micrographs.",
        )
    rng = np.random.default_rng(settings.seed)
    background = _background(scenes, particles, diameter, rng)
    if not len(background):
        raise UserError("There is no background to learn from.", "Check the diameter, or give more micrographs.")
    places = [background, *(np.array([[b.micrograph, *b.yx] for b in found]) for found in good.values())]
    return Examples(
        tuple(one.image for one in scenes),
        tuple(good),
        tuple(balanced(at, settings.examples, rng) for at in places),
    )


def _background(
    scenes: Sequence[Scene], particles: Sequence[Blob], diameter: float, rng: np.random.Generator
) -> FloatArray:
    """``(n, 3)`` image, y and x: places away from every object, and beside good particles but at no other object."""
    places = [np.empty((0, 3))]
    for number, one in enumerate(scenes):
        at = np.array([blob.yx for blob in particles if blob.micrograph == number]).reshape(-1, 2)
        angle = rng.uniform(0, 2 * np.pi, len(at))
        away = diameter * rng.uniform(*_BESIDE, len(at))
        beside = at + away[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1)
        every = np.array([blob.yx for blob in (*one.intensity, *one.superpixels)]).reshape(-1, 2)
        if len(every):
            beside = beside[cKDTree(every).query(beside)[0] > 0.9 * _BESIDE[0] * diameter]
        both = np.concatenate([one.background, beside])
        places.append(np.concatenate([np.full((len(both), 1), number), both], axis=1))
    return np.concatenate(places)


def balanced(places: FloatArray, number: int, rng: np.random.Generator) -> FloatArray:
    """So many examples of a class, drawn from its places and these turned by 90, 180 and 270 degrees.

    Where even those are too few, all come several times.

    Parameters
    ----------
    places
        ``(n, 3)`` image, y and x.
    number
        Of examples.
    rng
        Draws them.

    Returns
    -------
    numpy.ndarray
        ``(number, 4)``: image, y, x and quarter turns.
    """
    turned = np.concatenate([np.insert(places, 3, quarter, axis=1) for quarter in range(4)])
    return np.resize(rng.permutation(turned), (number, 4))
