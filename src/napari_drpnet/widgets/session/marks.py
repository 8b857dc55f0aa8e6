"""A layer of circles that only point at something on the session's micrograph; nobody can edit it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_drpnet import layers
from napari_drpnet.data import Picks
from napari_drpnet.widgets.session.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Points
    from napari.viewer import Viewer


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
        return layers.there(self._session.viewer, self._layer)

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
        viewer = self._session.viewer
        if viewer is None:
            return
        layer = self.layer or self._add(viewer, picks)
        layers.assign(layer, layers.placement(picks.frame))
        layer.visible = True  # first: napari does not keep a hidden layer's list of what is in view up to date
        layer.data = picks.yx
        if len(picks):
            layer.size = layers.sizes(picks, self._session.diameter(picks.frame) or layers.stand_in(picks.frame))
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

    def _add(self, viewer: Viewer, picks: Picks) -> Any:
        data, attributes, kind = layers.points_layer(picks, name=self._name)
        self._layer = layer = layers.add(viewer, (data, {**attributes, "metadata": {"role": "marks"}}, kind))
        layer.editable = False
        return layer
