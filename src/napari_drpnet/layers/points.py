"""Picks as points layers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray, Frame, Picks
from napari_drpnet.io import micrograph_stem
from napari_drpnet.layers.colouring import PICK_COLOUR, let_labels_stand_out, plain_colours, recolour
from napari_drpnet.layers.placement import LayerTuple, assign, metadata_of, placement
from napari_drpnet.settings import USUAL_DIAMETER

if TYPE_CHECKING:
    from napari.layers import Points

STAND_IN_DIAMETER = USUAL_DIAMETER  # Angstrom, drawn where a file holds no diameter
STAND_IN_PIXELS = 100.0  # and where the pixel size is not known either
NEW_POINT = {"score": np.nan, "label": "particle", "source": "manual", "pick_id": -1, "class": 0, "psi": 0.0}
# Height and width, only in the tables of picks that have them.
BOX = ("box_height", "box_width")
_AS_BOXES = "boxes"  # of a layer's metadata
LABELS = ("particle", "background")
_DRAWING = ("set_data", "highlight", "size", "symbol", "border_width", "border_color")


def points_layer(
    picks: Picks,
    *,
    name: str | None = None,
    path: Path | None = None,
    position: tuple[int, ...] = (),
    colour: str = PICK_COLOUR,
    part: float = 1.0,
) -> LayerTuple:
    """A Points layer of circles as large as the particles.

    Parameters
    ----------
    picks
        Of one micrograph (or of one frame of a stack).
    name
        Name of the layer; by default that of the micrograph.
    path
        File they came from.
    position
        Numbers of the frame, one for each leading axis of the image they lie on.
    colour
        Of the circles; picks labelled background are red in any case.
    part
        Of the particles' size that circles are drawn in, so that those of several layers lie in each other.
    """
    frame, usual, table = picks.frame, stand_in(picks.frame), features(picks)
    background = picks.label == "background"
    attributes = {
        "name": name or f"{micrograph_stem(frame.micrograph)} picks",
        "symbol": "disc",
        "face_color": "transparent",
        "border_color": plain_colours(background, colour) if background.any() else colour,
        "border_width": 0.06,
        "size": _one_or_all(part * sizes(picks, usual), part * usual),
        "features": table,
        "feature_defaults": new_point(table),
        "metadata": metadata_of(frame, "picks", path, position=position, colour=colour, stand_in=usual, part=part),
        **placement(frame, len(position)),
    }
    return coordinates(picks, position), attributes, "points"


def swap_points(layer: Points, picks: Picks) -> None:
    """Show other picks of the same micrograph in an existing layer; main thread only."""
    visible, layer.visible = layer.visible, True  # napari loses count of the points of a layer that is hidden
    layer.selected_data = set()
    layer.data = coordinates(picks, layer.metadata["position"])
    fill_table(layer, picks)
    if len(picks):
        layer.size = drawn_sizes(layer, picks)
        recolour(layer)
        if _AS_BOXES in layer.metadata:
            layer.symbol = _symbols(layer)
        layer.shown = True
    layer.visible = visible


def move_points(layer: Points, frame: Frame, position: tuple[int, ...] = (), diameter: float | None = None) -> None:
    """Let an existing layer lie on another micrograph, whose frames have as many numbers; main thread only.

    ``diameter`` in micrograph pixels is that of picks that have none of their own, by default `stand_in`.
    """
    assign(layer, placement(frame, len(position)))
    place = {"frame": frame, "pixel_size": frame.pixel_size, "position": position}
    layer.metadata = {**layer.metadata, **place, "stand_in": diameter or stand_in(frame)}


def show_first(layer: Points, picks: Picks, n: int) -> None:
    """Show the first ``n`` picks in a layer that shows more or fewer of them, at once; main thread only.

    This is for sliders. The layer's table is left behind: `fill_table` brings it up to date when the slider rests.
    """
    few = replace(picks.frame, shape=None)
    shown = Picks(few, picks.yx[:n], diameter=picks.diameter[:n])
    with drawn_once(layer), layer.events.data.blocker(), layer.events.features.blocker():
        layer.selected_data = set()
        layer.data = coordinates(shown, layer.metadata["position"])
        if n:
            layer.size = drawn_sizes(layer, shown)


def fill_table(layer: Points, picks: Picks) -> None:
    """Give a layer the table of the picks that it shows already; main thread only."""
    layer.features = features(picks)
    layer.feature_defaults = new_point(layer.features)  # the line above makes them the last pick's


@contextmanager
def drawn_once(layer: Points) -> Iterator[None]:
    """Several changes of a layer, drawn once: each would cost as much as all of them."""
    with ExitStack() as blocked:
        for name in _DRAWING:
            blocked.enter_context(layer.events[name].blocker())
        yield
    layer.refresh()


def show_labels(layer: Points, picks: Picks) -> None:
    """Tell apart the picker's picks, particles and background that a person labelled: by colour, line and shape."""
    if len(picks) == 0:
        return
    let_labels_stand_out(layer)
    recolour(layer)
    layer.border_width = np.where(picks.by_hand, 0.1, 0.06)
    layer.symbol = _symbols(layer)


def show_boxes(layer: Points, visible: bool) -> None:
    """Draw the picks of a layer that have a box as squares, from now on, or as circles again; main thread only."""
    if layer.metadata.get(_AS_BOXES, False) == visible:
        return
    layer.metadata = {**layer.metadata, _AS_BOXES: visible}
    if len(layer.data):
        layer.symbol = _symbols(layer)


def _symbols(layer: Points) -> npt.NDArray[np.str_]:
    """Squares for background, and for boxes where they are to be shown, by the table of the layer."""
    square = np.asarray(layer.features["label"] == "background")
    if layer.metadata.get(_AS_BOXES) and BOX[0] in layer.features:
        square = square | np.isfinite(layer.features[BOX[0]].to_numpy())
    return np.where(square, "square", "disc")


def mark_manual(layer: Points, rows: Sequence[int]) -> None:
    """Tell that a person made these points; napari copies the features of whatever is selected."""
    table = layer.features.copy()
    for column, value in new_point(table).items():
        table.iloc[list(rows), table.columns.get_loc(column)] = value
    layer.features = table
    layer.feature_defaults = new_point(table)


def coordinates(picks: Picks, position: tuple[int, ...]) -> FloatArray:
    """``(n, leading + 2)``: the frame's numbers, then y and x in micrograph pixels."""
    return np.hstack([np.broadcast_to(np.asarray(position, float), (len(picks), len(position))), picks.yx])


def features(picks: Picks) -> dict[str, Any]:
    """The columns of the layer's table."""
    import pandas as pd  # slow to load

    table = {
        "score": picks.score,
        "label": pd.Categorical(picks.label, categories=LABELS),
        "source": picks.source.astype(object),
        "pick_id": np.arange(len(picks)),
        "class": picks.class_number,
        "psi": picks.psi,
    }
    return table | (dict(zip(BOX, picks.box.T, strict=True)) if np.isfinite(picks.box).any() else {})


def new_point(table: Collection[str]) -> dict[str, Any]:
    """What the columns of a layer's table say of a point that a person adds."""
    return NEW_POINT | {column: np.nan for column in BOX if column in table}


def stand_in(frame: Frame) -> float:
    """The diameter in micrograph pixels that is drawn where none is known."""
    return STAND_IN_DIAMETER / frame.pixel_size if frame.pixel_size else STAND_IN_PIXELS


def sizes(picks: Picks, usual: float) -> FloatArray:
    """Diameters in micrograph pixels, the ``usual`` one where a pick has none."""
    drawn: FloatArray = np.where(np.isfinite(picks.diameter), picks.diameter, usual)
    return drawn


def drawn_sizes(layer: Points, picks: Picks) -> FloatArray:
    """Of circles in an existing layer."""
    part = float(layer.metadata.get("part", 1.0))
    return part * sizes(picks, layer.metadata["stand_in"])


def _one_or_all(size: FloatArray, usual: float) -> float | FloatArray:
    """One size where all are the same: napari then gives it to new points, too."""
    if len(size) == 0:
        return usual
    return float(size[0]) if (size == size[0]).all() else size
