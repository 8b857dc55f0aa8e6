"""Layers in a viewer: which are still there, and how another one comes in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

import numpy as np

from napari_drpnet.layers.placement import LayerTuple

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer

L = TypeVar("L", bound="Layer")
_SCALED: WeakSet[Viewer] = WeakSet()  # viewers that were given a scale bar


def there(viewer: Viewer | None, layer: L | None) -> L | None:
    """A layer as long as it is in the viewer, else None."""
    return layer if viewer is not None and layer is not None and layer in viewer.layers else None


def show_scale_bar(viewer: Viewer | None = None) -> None:
    """Show the scale bar of a viewer, by default of the one in use, if there is one; who hides it does so for good."""
    from napari import current_viewer  # the window

    viewer = current_viewer() if viewer is None else viewer
    if viewer is not None and viewer not in _SCALED:
        _SCALED.add(viewer)
        viewer.canvas.overlays.scale_bar.visible = True


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
