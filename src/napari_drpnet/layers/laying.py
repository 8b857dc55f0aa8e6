"""Layers of ours on an image that somebody scaled, moved or turned: they go where the image is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_drpnet.data import FloatArray, Picks
from napari_drpnet.errors import UserError, short
from napari_drpnet.layers.choice import NEAR
from napari_drpnet.layers.ground import Ground
from napari_drpnet.layers.placement import LayerTuple, assign, placement
from napari_drpnet.layers.points import points_layer
from napari_drpnet.layers.transforms import padded, to_world

if TYPE_CHECKING:
    from napari.layers import Layer, Points

LAID = "affine"  # the key of the metadata that tells how a layer was laid on its image


def laid_on(made: LayerTuple, ground: Ground) -> LayerTuple:
    """A layer tuple of ours, placed by its frame, so that it lies on an image of that micrograph."""
    data, attributes, kind = made
    affine = _offset(ground, len(attributes["scale"]))
    if np.allclose(affine, np.eye(len(affine))):
        return made
    return data, {**attributes, "affine": affine, "metadata": {**attributes["metadata"], LAID: affine}}, kind


def lay_on(layer: Layer, ground: Ground) -> None:
    """Let a layer of ours, placed by its frame, lie on an image of that micrograph; main thread only."""
    affine = _offset(ground, layer.ndim)
    if not np.allclose(layer.affine.affine_matrix, affine):
        layer.affine = affine
    if LAID in layer.metadata or not np.allclose(affine, np.eye(len(affine))):
        layer.metadata = {**layer.metadata, LAID: affine}


def adopt(layer: Points, picks: Picks, ground: Ground, position: tuple[int, ...] = ()) -> None:
    """Make a layer of other making one of ours with these picks, which are its own; main thread only.

    Its points stay where they are seen, and count as micrograph pixels from now on. One that is ours stays as it is.

    Raises
    ------
    UserError
        When it has other axes than the image that it lies on.
    """
    data, attributes, _ = laid_on(points_layer(picks, position=position), ground)
    if {"frame", "position", "colour", "stand_in"} <= set(layer.metadata) and np.allclose(layer.data, data, atol=NEAR):
        return
    if layer.ndim != len(position) + 2:
        raise UserError(
            f"Layer {short(layer.name, 40)} has {layer.ndim} axes, its image {len(position) + 2}.",
            "Put the points into a layer that was made on the image.",
        )
    layer.selected_data = set()
    layer.data = data
    assign(layer, {name: attributes[name] for name in ("scale", "translate", "units")})
    layer.rotate, layer.shear = np.eye(layer.ndim), np.eye(layer.ndim)
    layer.affine = attributes.get("affine", np.eye(layer.ndim + 1))
    layer.metadata = attributes["metadata"]


def _offset(ground: Ground, ndim: int) -> FloatArray:
    """From where an image lies by its frame to where it does lie, for a layer of so many axes."""
    axes = len(ground.shape)
    offset = ground.matrix @ np.linalg.inv(to_world(placement(ground.frame, axes - 2), axes, ground.by_units))
    return padded(offset, ndim)[-ndim - 1 :, -ndim - 1 :]
