"""Layers in a viewer: which are still there, and how another one comes in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from napari_drpnet.layers.placement import LayerTuple

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer

L = TypeVar("L", bound="Layer")


def there(viewer: Viewer | None, layer: L | None) -> L | None:
    """A layer as long as it is in the viewer, else None."""
    return layer if viewer is not None and layer is not None and layer in viewer.layers else None


def viewer_of(layer: LayerTuple) -> Viewer | None:
    """The viewer that shows a layer, else the one that is in use; None where there is no viewer."""
    from napari import Viewer, current_viewer  # the window

    current = current_viewer()
    # In napari there is no public list of its viewers.
    viewers = [] if current is None else [current, *getattr(Viewer, "_instances", ())]
    return next((viewer for viewer in viewers if any(_is(layer, shown) for shown in viewer.layers)), current)


def _is(layer: LayerTuple, shown: Layer) -> bool:
    data, attributes, kind = layer
    if attributes.get("name") != shown.name or shown._type_string != kind or len(shown.data) != len(data):
        return False
    return all(np.array_equal(one, other) for one, other in zip(shown.data, data, strict=True))


def add(viewer: Viewer, made: LayerTuple, index: int | None = None) -> Any:
    """Add a layer at a place in the list, by default on top; what was selected stays selected. Main thread only."""
    data, attributes, kind = made
    selected = set(viewer.layers.selection)
    layer = getattr(viewer, f"add_{kind}")(data, **attributes)
    if index is not None and index < len(viewer.layers) - 1:
        viewer.layers.move(len(viewer.layers) - 1, index)
    viewer.layers.selection = selected
    return layer
