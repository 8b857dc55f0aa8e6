"""The images that lie under points: which micrograph each shows, and where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray, Frame, MaskArray
from napari_drpnet.errors import UserError, short
from napari_drpnet.io.names import same_micrograph
from napari_drpnet.layers.placement import LayerTuple, named_frame, picture_shape, square_pixel_size, turned
from napari_drpnet.layers.transforms import apply, between, to_world, transforms_of, units_agree
from napari_drpnet.layers.viewing import viewer_of

if TYPE_CHECKING:
    from napari.layers import Image, Layer


@dataclass(frozen=True, eq=False)
class Ground:
    """An image that points may lie on.

    Attributes
    ----------
    name
        Of the layer.
    frame
        What its pixels are of the micrograph. Those of an image of other making are the micrograph's own.
    matrix
        From its pixels to the world, see `to_world`.
    shape
        Of the array: sizes of the leading axes (the frames of a stack), then rows and columns.
    file
        Where the micrograph was read from, as far as is known.
    paths
        Of a stack of files: the file of each step of the first axis.
    known
        Whether the image is known to be a micrograph, not something made of one.
    visible
        Whether it is shown.
    by_units
        As in `to_world`.
    turned
        Whether its last row is the micrograph's first one.
    """

    name: str
    frame: Frame
    matrix: FloatArray
    shape: tuple[int, ...]
    file: str | None = None
    paths: tuple[str, ...] = ()
    known: bool = False
    visible: bool = True
    by_units: bool = True
    turned: bool = False

    @property
    def title(self) -> str:
        """The name of the layer in messages."""
        return short(self.name, 40)

    @property
    def leading(self) -> tuple[int, ...]:
        """Sizes of the axes before y and x."""
        return self.shape[:-2]

    @property
    def is_stack(self) -> bool:
        """Whether there are several frames."""
        return int(np.prod(self.leading)) > 1

    @property
    def whole(self) -> bool:
        """Whether it shows all of the micrograph that it names; a part does not tell where it was cut out."""
        return self.frame.shape is None or np.allclose(
            np.array(self.frame.shape) * self.frame.scale, self.shape[-2:], atol=1.0
        )

    def shows(self, micrograph: str) -> bool:
        """Whether it may be of the micrograph of this name."""
        return same_micrograph(self.frame.micrograph, micrograph)

    def like(self, other: Ground) -> bool:
        """Whether both are of one micrograph."""
        apart = self.file is not None and other.file is not None and self.file != other.file
        return not apart and self.shows(other.frame.micrograph)

    def places(self, points: FloatArray, matrix: FloatArray) -> FloatArray:
        """Points ``(n, d)`` of a layer with this matrix, as ``(n, leading + 2)`` in the pixels of this image."""
        return apply(between(matrix, self.matrix), points, len(self.shape))

    def to_micrograph(self, yx: FloatArray) -> FloatArray:
        """Pixels of this image, ``(n, 2)``, as those of the micrograph."""
        if self.turned:
            yx = np.column_stack([self.shape[-2] - 1 - yx[:, 0], yx[:, 1]])
        return self.frame.to_micrograph(yx)

    def under(self, world: npt.ArrayLike) -> FloatArray:
        """A place of the world, its last two numbers y and x, as ``(1, 2)`` pixels of the micrograph."""
        there = self.places(np.asarray(world, dtype=np.float64)[None, -2:], np.eye(3))
        return self.to_micrograph(there[:, -2:])

    def seen_at(self, position: tuple[int, ...], yx: FloatArray) -> FloatArray:
        """Where a place of the micrograph, y and x in its pixels on a frame of the stack, is in the world."""
        pixel = self.frame.from_micrograph(yx)
        if self.turned:
            pixel = np.array([self.shape[-2] - 1 - pixel[0], pixel[1]])
        return apply(self.matrix, [(*position, *pixel)], len(self.shape))[0, -2:]

    def holds(self, points: FloatArray, matrix: FloatArray) -> MaskArray:
        """``(n,)`` True for points that lie on this image."""
        yx = self.places(points, matrix)[:, -2:]
        return np.asarray(((yx >= -0.5) & (yx <= np.array(self.shape[-2:]) - 0.5)).all(axis=1))


@dataclass(frozen=True, eq=False)
class Sight:
    """The images of a viewer.

    Attributes
    ----------
    grounds
        From the topmost to the lowest.
    beside
        Whether they are drawn beside each other, not one over the other.
    """

    grounds: tuple[Ground, ...] = ()
    beside: bool = False


def ground_of(layer: Image, among: Iterable[Layer] = ()) -> Ground:
    """What an image layer is to points on it, ``among`` the layers of a viewer."""
    by_units = units_agree(other.units for other in among)
    frame, shape = named_frame(layer), picture_shape(layer)
    try:
        frame = replace(frame, pixel_size=square_pixel_size(layer.scale, layer.units, frame.scale, layer.name))
    except UserError:  # places are known nevertheless
        frame = replace(frame, pixel_size=None)
    return Ground(
        layer.name,
        frame,
        to_world(transforms_of(layer), len(shape), by_units),
        shape,
        file=layer.metadata.get("path") or layer.source.path,
        paths=tuple(layer.metadata.get("paths") or ()),
        known=isinstance(layer.metadata.get("frame"), Frame) or layer.source.path is not None,
        visible=layer.visible,
        by_units=by_units,
        turned=turned(layer),
    )


def sight_of(layers: Iterable[Layer], beside: bool = False) -> Sight:
    """The images among the layers of a viewer, which are given from the lowest to the topmost."""
    from napari.layers import Image  # the window

    layers = list(layers)
    images = [layer for layer in reversed(layers) if isinstance(layer, Image)]
    return Sight(tuple(ground_of(image, layers) for image in images), beside)


def present_sight(layer: LayerTuple) -> Sight:
    """The images of the viewer that shows a layer, else of the one in use; none where there is no viewer."""
    viewer = viewer_of(layer)
    return Sight() if viewer is None else sight_of(viewer.layers, bool(viewer.canvas.grid.enabled))
