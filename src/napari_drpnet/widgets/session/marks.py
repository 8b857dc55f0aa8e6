"""A layer of circles that only point at something on the session's micrograph; nobody can edit it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_drpnet import layers
from napari_drpnet.data import Picks
from napari_drpnet.widgets.session.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Points


class Marks:
    """One Points layer, made when it is first needed, then hidden rather than removed.

    Parameters
    ----------
    session
        On whose micrograph it lies.
    name
        Of the layer.
    """

    def __init__(self, session: Session, name: str) -> None:
        self._session, self._name = session, name
        self._layer: Points | None = None

    @property
    def layer(self) -> Points | None:
        """The layer, None when there is none in the viewer."""
        viewer = self._session.viewer
        return self._layer if viewer is not None and self._layer is not None and self._layer in viewer.layers else None

    def show(self, picks: Picks, colours: Sequence[str], symbols: Sequence[str], width: float = 0.08) -> None:
        """Mark places, each in its colour and with its symbol.

        Parameters
        ----------
        picks
            ``n`` places on the current micrograph.
        colours, symbols
            ``n`` of each, as napari names them.
        width
            Of the line, as a part of the size.
        """
        if self._session.viewer is None:
            return
        layer = self.layer or self._add(picks)
        layers.assign(layer, layers.placement(picks.frame))
        layer.visible = True  # first: napari does not keep a hidden layer's list of what is in view up to date
        layer.data = picks.yx
        if len(picks):
            layer.size = layers.sizes(picks, self._diameter(picks))
            layer.border_color = list(colours)
            layer.border_width = width
            layer.symbol = list(symbols)

    def hide(self) -> None:
        """Take them out of sight."""
        if self.layer is not None:
            self.layer.visible = False

    def close(self) -> None:
        """Leave nothing behind in the viewer."""
        viewer = self._session.viewer
        if viewer is not None and self.layer is not None:
            viewer.layers.remove(self.layer)

    def _diameter(self, picks: Picks) -> float:
        """In micrograph pixels, where the picks do not tell."""
        project = self._session.project
        known = None if project is None else project.settings.diameter
        pixel_size = picks.frame.pixel_size
        return (known or layers.STAND_IN_DIAMETER) / pixel_size if pixel_size else layers.STAND_IN_PIXELS

    def _add(self, picks: Picks) -> Any:
        viewer = self._session.viewer
        assert viewer is not None
        selected = set(viewer.layers.selection)
        data, attributes, _ = layers.points_layer(picks, name=self._name)
        self._layer = layer = viewer.add_points(data, **{**attributes, "metadata": {"role": "marks"}})
        layer.editable = False
        viewer.layers.selection = selected or {layer}
        return layer
