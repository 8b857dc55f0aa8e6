"""Picks from points layers, of our own or any other making."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray, Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.layers.placement import square_pixel_size

if TYPE_CHECKING:
    from napari.layers import Points


def picks_of(layer: Points) -> Picks:
    """The picks that a Points layer shows."""
    data, attributes, _ = layer.as_layer_data_tuple()
    return picks_from_layer(data, attributes)


def picks_from_layer(data: npt.ArrayLike, attributes: Mapping[str, Any]) -> Picks:
    """The picks of a Points layer, from its data and attributes, of our own or any other making.

    Hidden points are no picks. The coordinates of a layer made elsewhere are taken as micrograph pixels.

    Raises
    ------
    UserError
        When the points lie on more than one frame of a stack.
    """
    points = np.asarray(data, dtype=np.float64)
    name = str(attributes.get("name", "points"))
    metadata = attributes.get("metadata") or {}
    shown = np.broadcast_to(np.asarray(attributes.get("shown", True), dtype=bool), len(points))
    points = points[shown]
    if points.shape[1] > 2 and len(np.unique(np.rint(points[:, :-2]), axis=0)) > 1:
        raise UserError(
            f"Layer {name!r} has points on more than one frame.", "Keep the points of one frame in one layer."
        )
    return Picks(
        _points_frame(attributes, metadata, name),
        points[:, -2:],
        diameter=_diameters(attributes, metadata, shown),
        **_columns(attributes.get("features"), shown),
    )


def _points_frame(attributes: Mapping[str, Any], metadata: Mapping[str, Any], name: str) -> Frame:
    frame = metadata.get("frame") or Frame(name)
    if "scale" not in attributes or "units" not in attributes:
        return frame
    return replace(frame, pixel_size=square_pixel_size(attributes["scale"], attributes["units"], 1.0, name))


def _diameters(attributes: Mapping[str, Any], metadata: Mapping[str, Any], shown: npt.NDArray[np.bool_]) -> FloatArray:
    """Sizes in micrograph pixels; NaN where only the stand-in was drawn."""
    size = np.asarray(attributes.get("size", np.nan), dtype=np.float64)
    size = np.broadcast_to(size, len(shown))[shown] / metadata.get("part", 1.0)
    return np.where(np.isclose(size, metadata.get("stand_in") or np.nan, rtol=1e-9), np.nan, size)


def _columns(table: Any, shown: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Columns of `Picks` from a layer's table; what is missing stays at its default."""
    if table is None:
        return {}
    names = {"score": "score", "label": "label", "source": "source", "class": "class_number", "psi": "psi"}
    return {names[column]: np.asarray(table[column])[shown] for column in names if column in table}
