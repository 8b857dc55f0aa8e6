"""Micrographs and score maps as image layers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import Frame, ScoreMap
from napari_drpnet.io import micrograph_stem
from napari_drpnet.layers.placement import LayerTuple, assign, metadata_of, placement

if TYPE_CHECKING:
    from napari.layers import Image

COARSE = 512  # pixels along the shorter side of the coarsest level


def pyramid(image: Any) -> list[Any]:
    """An ``(h, w)`` image, its 2 x 2 means, theirs, and so on down to about 512 pixels.

    A micrograph is far larger than the window and mostly noise. Drawn by leaving out pixels, its particles drown
    in that noise; drawn as means they stand out. The first level is ``image`` itself, which stays lazy.
    """
    levels = [image]
    while min(levels[-1].shape) >= 2 * COARSE:
        levels.append(_halved(np.asarray(levels[-1])))
    return levels


def _halved(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    a, b, c, d = (image[y:height:2, x:width:2].astype(np.float32) for y in (0, 1) for x in (0, 1))
    mean = (a + b + c + d) * np.float32(0.25)
    return np.rint(mean).astype(image.dtype) if image.dtype.kind in "iu" else mean.astype(image.dtype)


def contrast_limits(image: Any) -> tuple[float, float]:
    """Grey levels to show as black and white, from an ``(h, w)`` image: percentiles, and a little room around them.

    Of a large image give a coarse level of its `pyramid`: the noise of the single pixels hides the particles' range.
    """
    sample = np.asarray(image, dtype=np.float32)
    sample = sample[np.isfinite(sample)]
    if sample.size == 0:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(sample, (0.5, 99.5)))
    room = 0.1 * (high - low)
    return (low - room, high + room) if high > low else (low, low + 1.0)


def image_layer(
    image: Any, frame: Frame, *, name: str | None = None, path: Path | None = None, role: str = "micrograph"
) -> LayerTuple:
    """An Image layer of an ``(..., h, w)`` array in working pixels of ``frame``.

    One image becomes a multiscale layer (see `pyramid`), whose ``data[0]`` is the array as given. Stacks stay as
    they are, lazy where they were.
    """
    single = image.ndim == 2
    levels = pyramid(image if single else image[tuple(size // 2 for size in image.shape[:-2])])
    attributes = {
        "name": name or micrograph_stem(frame.micrograph),
        "colormap": "gray",
        "contrast_limits": contrast_limits(levels[-2] if len(levels) > 1 else levels[0]),
        "interpolation2d": "linear",
        "multiscale": single,
        "metadata": metadata_of(frame, role, path),
        **placement(frame, image.ndim - 2),
    }
    return levels if single else image, attributes, "image"


def score_layer(score_map: ScoreMap) -> LayerTuple:
    """A picker's map over its micrograph, bright where it sees particles; only of a picker that has one."""
    frame, values = score_map.frame, score_map.values
    assert values is not None, "there is a map to show"
    low, high = (float(value) for value in np.percentile(values, (50, 99.9)))
    attributes = {
        "name": f"{micrograph_stem(frame.micrograph)} score map",
        "colormap": "inferno",
        "blending": "translucent",
        "opacity": 0.65,
        "interpolation2d": "linear",
        "contrast_limits": (max(low, 0.0), max(low, 0.0, high) + 1e-3),
        "metadata": metadata_of(frame, "score map"),
        **placement(frame),
    }
    return values, attributes, "image"


def twin_layer(layer: Image, name: str) -> LayerTuple:
    """The same image once more, of the same arrays: for a place beside the first one."""
    data, attributes, kind = layer.as_layer_data_tuple()
    looks = ("contrast_limits", "colormap", "gamma", "interpolation2d", "multiscale")
    place = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
    kept = {key: attributes[key] for key in (*looks, *place)}
    return data, {**kept, "name": name, "metadata": {**layer.metadata, "role": "twin"}}, kind


def swap_image(layer: Image, made: LayerTuple) -> None:
    """Show another image in an existing layer, where it lies and with its own contrast; main thread only."""
    data, attributes, _ = made
    layer.data = data
    names = ("scale", "translate", "units", "contrast_limits", "metadata", "name")
    assign(layer, {name: attributes[name] for name in names})
