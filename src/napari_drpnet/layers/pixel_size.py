"""A new pixel size of a micrograph: all that lies on it stays there."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_drpnet.data import FloatArray, Frame
from napari_drpnet.errors import UserError
from napari_drpnet.io.names import NameIndex
from napari_drpnet.layers.choice import ground_of_other
from napari_drpnet.layers.ground import Sight, ground_of, sight_of
from napari_drpnet.layers.laying import LAID, lay_on
from napari_drpnet.layers.marks import marks_of
from napari_drpnet.layers.placement import assign, called, named_frame, placement
from napari_drpnet.layers.transforms import padded, to_world, transforms_of

if TYPE_CHECKING:
    from napari.layers import Image, Layer, Points, Shapes


def set_pixel_size(layers: Sequence[Layer], micrograph: str, pixel_size: float | None) -> None:
    """Give all layers of one micrograph a new pixel size (Angstrom), in place; None puts them into pixels.

    Points and shapes of other making that lie on it go with it.
    """
    own = _layers_of(layers, micrograph)
    image = _image(own)
    followers = [] if image is None else list(_on_it(layers, micrograph))
    before = None if image is None else _yx_to_world(image)
    for layer in own:
        frame = replace(_frame(layer), pixel_size=pixel_size)
        assign(layer, placement(frame, layer.ndim - 2))
        layer.metadata = {
            "role": "micrograph",
            "path": None,
            **layer.metadata,
            "frame": frame,
            "pixel_size": pixel_size,
        }
    if image is not None and before is not None:
        ground = ground_of(image, layers)
        for layer in own:
            if layer is not image:
                lay_on(layer, ground)
        _carry(followers, _yx_to_world(image) @ np.linalg.inv(before), image.units[-2:])


def _carry(followers: Iterable[Layer], change: FloatArray, units: tuple[Any, ...]) -> None:
    for layer in followers:
        layer.affine = padded(change, layer.ndim) @ padded(layer.affine.affine_matrix, layer.ndim)
        layer.units = (*layer.units[:-2], *units)


def _image(own: Iterable[Layer]) -> Image | None:
    """The image that others were laid on."""
    from napari.layers import Image  # the window

    images = [layer for layer in own if isinstance(layer, Image)]
    return min(images, key=lambda layer: LAID in layer.metadata, default=None)


def _layers_of(layers: Iterable[Layer], micrograph: str) -> list[Layer]:
    """The images of a micrograph and the layers of our own that name it, and no other that is open."""
    from napari.layers import Image  # the window

    ours = [layer for layer in layers if isinstance(layer, Image) or isinstance(layer.metadata.get("frame"), Frame)]
    index = NameIndex([micrograph, *(_frame(layer).micrograph for layer in ours if isinstance(layer, Image))])
    return [layer for layer in ours if index.find(called(_frame(layer), layer.metadata)) == [micrograph]]


def _frame(layer: Layer) -> Frame:
    frame = layer.metadata.get("frame")
    return frame if isinstance(frame, Frame) else named_frame(layer)


def _yx_to_world(image: Image) -> FloatArray:
    """The part of its matrix that is about y and x."""
    return to_world(transforms_of(image), image.ndim, by_units=False)[-3:, -3:]


def _on_it(layers: Iterable[Layer], micrograph: str) -> Iterator[Points | Shapes]:
    """The layers of points and shapes that are not ours, and lie on the micrograph."""
    from napari.layers import Points, Shapes  # the window

    sight = sight_of(layers)
    for layer in layers:
        other = isinstance(layer, Points | Shapes) and not {"frame", "role"} & set(layer.metadata)
        if other and _lies_on(layer, sight, micrograph):
            yield layer


def _lies_on(layer: Points | Shapes, sight: Sight, micrograph: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are about saving
            ground = ground_of_other(marks_of(layer.as_layer_data_tuple()), sight)
    except UserError:
        return False
    return ground is not None and ground.shows(micrograph)
