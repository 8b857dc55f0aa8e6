"""Contaminated regions as labels layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_drpnet.data import Frame, MaskArray
from napari_drpnet.layers.placement import LayerTuple, assign, metadata_of, placement

if TYPE_CHECKING:
    from napari.layers import Labels

REGION_COLOUR = "#c86bff"


def regions_layer(mask: MaskArray, frame: Frame, name: str = "contaminated") -> LayerTuple:
    """A Labels layer to paint in: an ``(h, w)`` mask of coarse pixels that cover the micrograph of ``frame``."""
    from napari.utils.colormaps import DirectLabelColormap  # slow to load

    colours = {0: "transparent", None: REGION_COLOUR}
    attributes = {
        "name": name,
        "opacity": 0.35,
        "colormap": DirectLabelColormap(color_dict=colours),
        "metadata": metadata_of(frame, "regions"),
        **_coarse_placement(mask, frame),
    }
    return mask.astype(np.uint8), attributes, "labels"


def swap_regions(layer: Labels, mask: MaskArray, frame: Frame) -> None:
    """Show the regions of another micrograph in an existing layer; main thread only."""
    layer.data = mask.astype(np.uint8)
    assign(layer, _coarse_placement(mask, frame))
    layer.metadata = metadata_of(frame, "regions")


def _coarse_placement(mask: MaskArray, frame: Frame) -> dict[str, Any]:
    """Where coarse pixels lie that share the outer edges of the micrograph."""
    place = placement(frame.unbinned)
    shape = frame.shape or mask.shape
    factor = np.array(shape) / mask.shape
    step = place["scale"][-1]
    return {**place, "scale": tuple(factor * step), "translate": tuple((factor - 1) / 2 * step)}
