"""Picks from Points and Shapes layers, of our own or any other making, in pixels of the micrograph under them.

Points of our own layers are micrograph pixels, as long as the layer lies on its micrograph. All others are turned into
micrograph pixels by the transforms of their layer and of the image under them: what is seen is what is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from warnings import warn

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray, Frame, Picks
from napari_drpnet.errors import UserError, short
from napari_drpnet.layers.choice import ground_of_other, ground_of_own, matrix_of
from napari_drpnet.layers.ground import Ground, Sight
from napari_drpnet.layers.laying import LAID
from napari_drpnet.layers.marks import Marks, marks_of
from napari_drpnet.layers.placement import LayerTuple, placement, square_pixel_size
from napari_drpnet.layers.transforms import between, to_world

if TYPE_CHECKING:
    from napari.layers import Points, Shapes


@dataclass(frozen=True, eq=False)
class Placed:
    """The picks of one layer.

    Attributes
    ----------
    picks
        ``n`` of them, on all frames; a layer on no image has a micrograph without a name.
    positions
        ``(n, leading)`` numbers of the frame of each pick, from 0; no columns where they are of the whole image.
    leading
        Sizes of these axes; None where they are not known.
    paths
        Of a stack of files: the file of each step of the first axis.
    file
        Of the image that they lie on, as far as is known.
    """

    picks: Picks
    positions: npt.NDArray[np.int64]
    leading: tuple[int, ...] | None = None
    paths: tuple[str, ...] = ()
    file: str | None = None

    def frames(self) -> list[tuple[int, ...]]:
        """The positions that there are, in order; none where the picks are of the whole image."""
        if not self.positions.shape[1]:
            return []
        return [tuple(position) for position in np.unique(self.positions, axis=0).tolist()]

    def on(self, position: tuple[int, ...]) -> Picks:
        """The picks on one frame; those of the whole image are on every frame."""
        axes = self.positions.shape[1]
        return self.picks.select((self.positions == position[len(position) - axes :]).all(axis=1))


def picks_of(layer: Points | Shapes, ground: Ground | None = None, position: tuple[int, ...] | None = None) -> Picks:
    """The picks that a layer shows.

    Parameters
    ----------
    layer
        Of our own, where no image is given.
    ground
        The image that they are picks of.
    position
        Numbers of its frame, one for each leading axis; by default there is only one that has points.

    Raises
    ------
    UserError
        When it is not known which pixels of the micrograph the points are, or the points lie on several frames and
        none is given.
    """
    placed = place(layer.as_layer_data_tuple(), Sight() if ground is None else Sight((ground,)))
    return _on_one_frame(placed, layer.name) if position is None else placed.on(position)


def picks_from_layer(data: npt.ArrayLike, attributes: Mapping[str, Any]) -> Picks:
    """The picks of a Points layer of our own, from its data and attributes, on one frame."""
    return _on_one_frame(place((data, dict(attributes), "points"), Sight()), str(attributes.get("name", "points")))


def _on_one_frame(placed: Placed, name: str) -> Picks:
    if len(placed.frames()) > 1:
        raise UserError(
            f"Layer {short(name, 40)} has points on more than one frame.", "Keep the points of one frame in one layer."
        )
    return placed.picks


def place(layer: LayerTuple, sight: Sight) -> Placed:
    """The picks of a Points or Shapes layer, in pixels of the micrograph under it.

    Hidden points are no picks.

    Parameters
    ----------
    layer
        Layer tuple, as napari gives it.
    sight
        The images that it may lie on.

    Raises
    ------
    UserError
        When the layer holds no picks, or it is not known which pixels of which micrograph they are.

    Warns
    -----
    UserWarning
        For what is left out, and where another image could be meant.
    """
    marks = marks_of(layer)
    if marks.frame is not None:
        return _of_own(marks, marks.frame, sight)
    ground = ground_of_other(marks, sight)
    return _without_image(marks) if ground is None else _seen_on(marks, ground)


def _of_own(marks: Marks, frame: Frame, sight: Sight) -> Placed:
    ground, there = ground_of_own(marks, sight)
    if ground is None or there:
        return _as_it_says(marks, frame, ground)
    if _moved(marks, frame):
        warn(f"Layer {marks.title} was moved; its picks are taken where they lie on {ground.title}.", stacklevel=4)
        return _seen_on(marks, replace(ground, frame=replace(ground.frame, micrograph=frame.micrograph)))
    if marks.added:
        raise UserError(
            f"Layer {marks.title} does not lie on its micrograph {ground.title}, and has points that were added there.",
            "Give both layers the same scale and translate.",
        )
    warn(
        f"Layer {marks.title} does not lie on its micrograph {ground.title}; its picks are taken as they were found, "
        "not where they are seen.",
        stacklevel=4,
    )
    return _as_it_says(marks, frame, ground)


def _moved(marks: Marks, frame: Frame) -> bool:
    """Whether somebody moved or scaled the layer since it was put on its micrograph."""
    put = to_world({**placement(frame, marks.ndim - 2), "affine": marks.metadata.get(LAID)}, marks.ndim)
    return not np.allclose(put, to_world(marks.attributes, marks.ndim))


def _as_it_says(marks: Marks, frame: Frame, ground: Ground | None) -> Placed:
    """Points that are micrograph pixels."""
    attributes = marks.attributes
    if "scale" in attributes and "units" in attributes:
        size = square_pixel_size(attributes["scale"], attributes["units"], 1.0, marks.name)
        frame = replace(frame, pixel_size=size)
    picks = Picks(frame, marks.points[:, -2:], diameter=marks.diameters(), box=marks.boxes(), **marks.columns)
    return _on_frames(marks, picks, marks.points[:, :-2], ground)


def _seen_on(marks: Marks, ground: Ground) -> Placed:
    """Points turned into pixels of the micrograph by where they lie on an image of it."""
    matrix = matrix_of(marks, ground)
    there = ground.places(marks.points, matrix)
    onto = between(matrix, ground.matrix)
    diameter, box = (size / ground.frame.scale for size in (marks.diameters(onto), marks.boxes(onto)))
    yx = ground.to_micrograph(there[:, -2:])
    if ground.turned:
        warn(
            f"Layer {marks.title}: {ground.title} is a TIFF that another reader opened. Rows are counted from its last "
            "one, as RELION does.",
            stacklevel=5,
        )
    picks = Picks(ground.frame, yx, diameter=diameter, box=box, **marks.columns)
    numbers = there[:, :-2]
    if marks.ndim < len(ground.shape):
        if ground.is_stack:
            warn(f"Layer {marks.title}: its points are on no single frame of {ground.title}.", stacklevel=5)
        numbers = numbers[:, :0]
    return _on_frames(marks, picks, numbers, ground)


def _on_frames(marks: Marks, picks: Picks, numbers: FloatArray, ground: Ground | None) -> Placed:
    """Picks with the nearest frame of each; those on no frame of their stack are left out."""
    positions = np.rint(numbers).astype(np.int64)
    if ground is None:
        return Placed(picks, positions)
    if positions.shape[1] != len(ground.leading):
        return Placed(picks, positions[:, :0], ground.leading, ground.paths, ground.file)
    there = np.asarray(((positions >= 0) & (positions < ground.leading)).all(axis=1))
    if not there.all():
        warn(f"Layer {marks.title}: {np.sum(~there)} points are on no frame of {ground.title}: left out.", stacklevel=6)
    return Placed(picks.select(there), positions[there], ground.leading, ground.paths, ground.file)


def _without_image(marks: Marks) -> Placed:
    """Points that can only be micrograph pixels as they are."""
    if len(marks) and not np.allclose(to_world(marks.attributes, marks.ndim, by_units=False), np.eye(marks.ndim + 1)):
        raise UserError(
            f"Layer {marks.title} is scaled or moved, and there is no image that tells where its pixels are.",
            "Open the micrograph that the points were made on.",
        )
    if len(marks):
        warn(
            f"Layer {marks.title}: there is no image under its points, which are taken as pixels of the micrograph.",
            stacklevel=4,
        )
    picks = Picks(Frame(""), marks.points[:, -2:], diameter=marks.diameters(), box=marks.boxes(), **marks.columns)
    return Placed(picks, np.rint(marks.points[:, :-2]).astype(np.int64))
