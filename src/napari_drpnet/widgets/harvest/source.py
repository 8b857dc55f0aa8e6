"""Where a harvest finds its particles: layers of the viewer, or the project that is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QSizePolicy

from napari_drpnet.data import Micrograph
from napari_drpnet.jobs import LabelledMicrograph
from napari_drpnet.layers import picks_of
from napari_drpnet.widgets.kit.check_list import CheckList
from napari_drpnet.widgets.kit.source import ChosenImage, picks_layers
from napari_drpnet.widgets.kit.subscriptions import Subscriptions

if TYPE_CHECKING:
    from napari.layers import Points, Shapes
    from napari.viewer import Viewer

_HEIGHT = 84  # pixels, of about five layers


@dataclass(frozen=True, eq=False)
class LayerField(LabelledMicrograph):
    """A micrograph whose pixels are in a layer.

    Attributes
    ----------
    source
        What was taken of that layer.
    """

    source: ChosenImage | None = None

    def read(self) -> Micrograph:
        """Its pixels."""
        assert self.source is not None
        return self.source.micrograph()


def layer_field(source: ChosenImage, points: Sequence[Points | Shapes], complete: bool) -> LayerField:
    """The micrograph of an image layer with the picks of Points and Shapes layers; main thread only.

    Raises
    ------
    UserError
        When it is not clear where the points of a layer lie on this micrograph.
    """
    frame = source.frame
    sets = tuple(replace(picks_of(layer, source.ground, source.position), frame=frame) for layer in points)
    name = Path(frame.micrograph).stem or "micrograph"
    return LayerField(name, Path(frame.micrograph), frame.pixel_size, sets, complete=complete, source=source)


class PointsList(CheckList):
    """The Points and Shapes layers of a viewer, each with a box to tick.

    Parameters
    ----------
    viewer
        Whose layers are listed.
    """

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self._viewer = viewer
        self.setFixedHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)  # or the rows of the form spread
        self.setToolTip("Layers of points or boxes on this image; a point counts as what its label says.")
        events = viewer.layers.events
        self.heard = Subscriptions(
            (events.inserted, self._fill), (events.removed, self._fill), (events.renamed, self._fill)
        )
        self._fill()

    def _fill(self, event: Any = None) -> None:
        self.offer(((layer.name, layer) for layer in picks_layers(self._viewer)), self.chosen)
