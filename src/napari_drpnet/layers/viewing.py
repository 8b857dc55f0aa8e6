"""Layers in a viewer: which are still there, and how another one comes in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from napari_drpnet.layers.placement import LayerTuple

if TYPE_CHECKING:
    from napari.layers import Layer
    from napari.viewer import Viewer

L = TypeVar("L", bound="Layer")


def there(viewer: Viewer | None, layer: L | None) -> L | None:
    """A layer as long as it is in the viewer, else None."""
    return layer if viewer is not None and layer is not None and layer in viewer.layers else None


def add(viewer: Viewer, made: LayerTuple, index: int | None = None) -> Any:
    """Add a layer at a place in the list, by default on top; what was selected stays selected. Main thread only."""
    data, attributes, kind = made
    selected = set(viewer.layers.selection)
    layer = getattr(viewer, f"add_{kind}")(data, **attributes)
    if index is not None and index < len(viewer.layers) - 1:
        viewer.layers.move(len(viewer.layers) - 1, index)
    viewer.layers.selection = selected
    return layer
