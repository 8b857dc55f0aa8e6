"""What a data set's own micrographs give to learn from: places of good particles and of background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from napari_drpnet.candidates import inside
from napari_drpnet.data import FloatArray, ImageArray, MaskArray, Micrograph
from napari_drpnet.errors import UserError
from napari_drpnet.pickers.deepcryo.circles import circles
from napari_drpnet.pickers.deepcryo.clusters import by_intensity, by_superpixels, cleaned
from napari_drpnet.pickers.deepcryo.enhance import enhance
from napari_drpnet.pickers.deepcryo.shapes import GOOD, Blob, Shape, blobs, shapes_of
from napari_drpnet.pickers.seen import check_size, network_image
from napari_drpnet.preprocess import finished
from napari_drpnet.rescaling import rescale
from napari_drpnet.settings import DeepCryoPickerSettings, PreprocessSettings

# Diameter of a particle where pixels are clustered: noise of single pixels is averaged away, the outline still there.
_DIAMETER = 24
# Background is so far from every object, in diameters, and so many places a micrograph.
_AWAY, _PLACES = 0.35, 400
# Background beside a good particle lies so far from its centre, in diameters: so the map peaks at the centre.
_BESIDE = (0.5, 0.65)
# Where so many of the possible circles are there, the particles are round; on simulated and development sets with other
# particles it is 0.02 to 0.2.
_ROUND = 0.25
# A pixel of the smaller image is good where so much of what it stands for is.
_GOOD = 0.99
# Part of the places of each class that is not learnt from, as in the paper, and the most of them that are looked at.
_HELD_OUT, _MOST_HELD_OUT = 0.2, 200
# With fewer good particles there is nothing to learn from.
_FEWEST = 5


Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Scene:
    """One micrograph to learn from; places are in pixels of its image.

    Attributes
    ----------
    image
        ``(h, w)``, as the classifier sees it, kept in bytes; see `shown`.
    intensity, superpixels
        Objects by the two ways of clustering.
    circles
        ``(n, 2)`` centres of circles by their outline.
    roundness
        Share of the possible circles that these are.
    background
        ``(n, 2)`` places away from all of them.
    """

    image: Bytes
    intensity: list[Blob]
    superpixels: list[Blob]
    circles: FloatArray
    roundness: float
    background: FloatArray


@dataclass(frozen=True, eq=False)
class Examples:
    """Windows to learn from.

    Attributes
    ----------
    images
        The micrographs, see `Scene`.
    shapes
        The last classes; the first is background, and between may be the objects that are no good particles.
    places
        For each class ``(n, 4)``: number of the image, y and x of the window's centre, and its quarter turns.
    held_out
        The same of those that are not learnt from, to see what was learnt; none of a class with very few.
    """

    images: tuple[Bytes, ...]
    shapes: tuple[Shape, ...]
    places: tuple[FloatArray, ...]
    held_out: tuple[FloatArray, ...]


def scene(micrograph: Micrograph, number: int, settings: DeepCryoPickerSettings, diameter: float) -> Scene:
    """Cluster the pixels of a micrograph; ``diameter`` is the particle's in pixels of what the classifier sees.

    Raises
    ------
    UserError
        When the diameter does not fit the image, the pixel size is unknown, or the image is constant.
    """
    check_size(micrograph, settings.diameter)
    seen = network_image(micrograph, settings.diameter, diameter, settings.invert, add_noise=False)
    coarse = _coarser(seen, _DIAMETER / diameter)
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
    rings, roundness = circles(coarse.image, _DIAMETER, settings.seed)
    away = _away(masks[0] | masks[1] | _discs(rings, coarse.image.shape) | ~good, settings.seed)
    return Scene(_kept(seen.image), intensity, superpixels, moved(rings), roundness, moved(away))


def _kept(image: ImageArray) -> Bytes:
    """Grey levels -0.5 to 0.5 as 0 to 255: a quarter of the memory, and quick to cut windows from."""
    return np.asarray(np.rint((image + np.float32(0.5)) * 255), np.uint8)


def shown(kept: Bytes) -> ImageArray:
    """The grey levels, -0.5 to 0.5, of an image that a `Scene` keeps."""
    return kept.astype(np.float32) / np.float32(255) - np.float32(0.5)


def _coarser(seen: Micrograph, factor: float) -> Micrograph:
    """What the classifier sees, at ``factor`` times its size and with its grey levels stretched anew."""
    smaller, valid = rescale(seen.image, factor), seen.valid
    if valid is not None:
        valid = rescale(valid.astype(np.float32), factor) > _GOOD
    even = replace(seen, image=smaller, frame=seen.frame.rescaled(factor), valid=valid)
    stretched = finished(even, PreprocessSettings(stretch=True))
    return replace(stretched, image=stretched.image - np.float32(0.5))


def _discs(centres: FloatArray, shape: tuple[int, ...]) -> MaskArray:
    """Where it is nearer to a centre than background may be."""
    empty = np.ones(shape, bool)
    empty[tuple(np.rint(centres).astype(int).T)] = False
    if empty.all():
        return ~empty
    return np.asarray(ndimage.distance_transform_edt(empty) < (_BESIDE[0] - _AWAY) * _DIAMETER, np.bool_)


def _away(taken: MaskArray, seed: int) -> FloatArray:
    """Random places ``(n, 2)`` away from everything that was found, half a particle inside the image."""
    far = np.argwhere(ndimage.distance_transform_edt(~taken) > _AWAY * _DIAMETER).astype(np.float64)
    far = far[inside(far, (taken.shape[0], taken.shape[1]), _DIAMETER / 2)]
    return np.random.default_rng(seed).permutation(far)[:_PLACES]


def choose(scenes: Sequence[Scene], settings: DeepCryoPickerSettings, diameter: float) -> Examples:
    """The good particles of all scenes by the rules of their shapes, and background, so many of each.

    Raises
    ------
    UserError
        When there are too few particles, or no background, to learn from.
    """
    good = good_particles(scenes, settings.shape)
    particles = np.concatenate([np.empty((0, 3)), *good.values()])
    if len(particles) < _FEWEST:
        raise UserError(
            f"There is nothing to learn from: {len(particles)} objects in {len(scenes)} micrographs look like "
            f"particles of {settings.diameter:g} A.",
            "Check the diameter, and whether the particles are brighter than their background (invert); or give more "
            "micrographs, or less crowded ones.",
        )
    rng = np.random.default_rng(settings.seed)
    background = _background(scenes, particles, diameter, rng)
    if not len(background):
        raise UserError("There is no background to learn from.", "Check the diameter, or give more micrographs.")
    bad = [_bad(scenes, particles, diameter)] if settings.negative else []
    classes = (background, *(some for some in bad if len(some)), *good.values())
    parts = [np.split(rng.permutation(at), [int(_HELD_OUT * len(at))]) for at in classes]
    return Examples(
        tuple(one.image for one in scenes),
        tuple(good),
        tuple(balanced(learnt, settings.examples, rng) for _, learnt in parts),
        tuple(np.insert(kept[:_MOST_HELD_OUT], 3, 0, axis=1) for kept, _ in parts),
    )


def _bad(scenes: Sequence[Scene], particles: FloatArray, diameter: float) -> FloatArray:
    """``(n, 3)`` scene, y and x: objects of either clustering that are no good particles; clumps among them."""
    places = [np.empty((0, 3))]
    for number, one in enumerate(scenes):
        at = np.array([blob.yx for blob in (*one.intensity, *one.superpixels)]).reshape(-1, 2)
        good = particles[particles[:, 0] == number, 1:]
        places.append(_numbered(number, at[cKDTree(good).query(at)[0] > diameter / 2] if len(good) and len(at) else at))
    return np.concatenate(places)


def good_particles(scenes: Sequence[Scene], asked: Literal["auto"] | Shape) -> dict[Shape, FloatArray]:
    """Good particles of every shape that the data set has, ``(n, 3)``: number of the scene, y and x.

    Where many outlines are circles, these are the particles. Else round and square ones are objects of intensity-based
    clustering and irregular ones of super-pixels, as in the paper.
    """
    if asked == "round" or (asked == "auto" and np.mean([one.roundness for one in scenes]) >= _ROUND):
        return {"round": np.concatenate([_numbered(number, one.circles) for number, one in enumerate(scenes)])}
    intensity = [blob for one in scenes for blob in one.intensity]
    superpixels = [blob for one in scenes for blob in one.superpixels]
    shapes = shapes_of(intensity) if asked == "auto" else (asked,)
    found = {shape: GOOD[shape](superpixels if shape == "irregular" else intensity) for shape in shapes}
    return {shape: np.array([[b.micrograph, *b.yx] for b in some]) for shape, some in found.items() if some}


def _numbered(number: int, yx: FloatArray) -> FloatArray:
    return np.insert(yx, 0, number, axis=1)


def _background(
    scenes: Sequence[Scene], particles: FloatArray, diameter: float, rng: np.random.Generator
) -> FloatArray:
    """``(n, 3)`` scene, y and x: places away from every object, and beside good particles but at no other one."""
    places = [np.empty((0, 3))]
    for number, one in enumerate(scenes):
        at = particles[particles[:, 0] == number, 1:]
        angle = rng.uniform(0, 2 * np.pi, len(at))
        away = diameter * rng.uniform(*_BESIDE, len(at))
        beside = at + away[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1)
        if len(at):
            beside = beside[cKDTree(at).query(beside)[0] > 0.9 * _BESIDE[0] * diameter]
        places.append(_numbered(number, np.concatenate([one.background, beside])))
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
