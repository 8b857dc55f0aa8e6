"""Picks of several kinds, such as right, wrong and missed ones, as one points layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import Picks
from napari_drpnet.layers.placement import LayerTuple
from napari_drpnet.layers.points import coordinates, drawn_once, drawn_sizes, points_layer

if TYPE_CHECKING:
    from napari.layers import Points


def kinds_layer(
    picks: Picks, kind: npt.NDArray[np.str_], looks: Mapping[str, tuple[str, str]], name: str, position: tuple[int, ...]
) -> LayerTuple:
    """A Points layer of places of several kinds.

    Parameters
    ----------
    picks
        ``n`` places.
    kind
        ``(n,)`` of which kind each is.
    looks
        Colour and symbol of each kind.
    name, position
        As for `points_layer`.
    """
    data, attributes, layer_type = points_layer(picks, name=name, position=position)
    attributes |= {"border_width": 0.1, "features": _kinds_table(picks, kind, looks), "feature_defaults": None}
    if len(picks):
        attributes |= {"border_color": [looks[k][0] for k in kind], "symbol": [looks[k][1] for k in kind]}
    return data, attributes, layer_type


def swap_kinds(layer: Points, picks: Picks, kind: npt.NDArray[np.str_], looks: Mapping[str, tuple[str, str]]) -> None:
    """Show other places of the same kinds in an existing layer; main thread only."""
    visible, layer.visible = layer.visible, True  # napari loses count of the points of a layer that is hidden
    with drawn_once(layer):
        layer.selected_data = set()
        layer.data = coordinates(picks, layer.metadata["position"])
        layer.features = _kinds_table(picks, kind, looks)
        if len(picks):
            layer.size = drawn_sizes(layer, picks)
            layer.border_color = [looks[k][0] for k in kind]
            layer.border_width = 0.1
            layer.symbol = [looks[k][1] for k in kind]
    layer.visible = visible


def _kinds_table(picks: Picks, kind: npt.NDArray[np.str_], looks: Mapping[str, Any]) -> dict[str, Any]:
    import pandas as pd  # slow to load

    return {"score": picks.score, "kind": pd.Categorical(kind, categories=list(looks))}
