"""Layers of ours on an image that somebody scaled, moved or turned: they go where the image is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_drpnet.data import FloatArray
from napari_drpnet.layers.ground import Ground
from napari_drpnet.layers.placement import LayerTuple, placement
from napari_drpnet.layers.transforms import padded, to_world

if TYPE_CHECKING:
    from napari.layers import Layer

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


def _offset(ground: Ground, ndim: int) -> FloatArray:
    """From where an image lies by its frame to where it does lie, for a layer of so many axes."""
    axes = len(ground.shape)
    offset = ground.matrix @ np.linalg.inv(to_world(placement(ground.frame, axes - 2), axes, ground.by_units))
    return padded(offset, ndim)[-ndim - 1 :, -ndim - 1 :]
