"""Where a harvest finds its particles: layers of the viewer, or the project that is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QListWidget, QListWidgetItem

from napari_drpnet.data import Micrograph, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.project import Project
from napari_drpnet.jobs import Field, file_fields, project_fields
from napari_drpnet.layers import picks_of
from napari_drpnet.widgets.source import Source

if TYPE_CHECKING:
    from napari.layers import Points
    from napari.viewer import Viewer

_OURS = {"ring", "marks"}  # layers that only point at something


@dataclass(frozen=True, eq=False)
class LayerField(Field):
    """A micrograph whose pixels are in a layer.

    Attributes
    ----------
    source
        What was taken of that layer.
    """

    source: Source | None = None

    def read(self) -> Micrograph:
        """Its pixels."""
        assert self.source is not None
        return self.source.micrograph()


def layer_field(source: Source, points: Sequence[Points], complete: bool) -> LayerField:
    """The micrograph of an image layer with the picks of Points layers; main thread only.

    Raises
    ------
    UserError
        When the points of a layer lie on several frames.
    """
    frame = source.frame
    sets = tuple(replace(picks_of(layer), frame=frame) for layer in points)
    name = Path(frame.micrograph).stem or "micrograph"
    return LayerField(name, Path(frame.micrograph), frame.pixel_size, sets, complete=complete, source=source)


def fields_of(project: Project, source: str, most: int, other: Path | None) -> list[Field]:
    """The micrographs of a project that a harvest goes through; reads files.

    Parameters
    ----------
    project
        With labels or picks.
    source
        As in `HarvestSettings`: ``labels`` takes all micrographs with labels.
    most
        So many micrographs at most of the other two, spread over the project.
    other
        Coordinates of another picker for ``agreement``, a file or a folder.

    Raises
    ------
    UserError
        When the other coordinates cannot be read, or are of other micrographs.
    """
    if source == "labels":
        return project_fields(project)
    if source == "confidence":
        return project_fields(project, spread([entry.name for entry in project.micrographs], most))
    if other is None:
        raise UserError("Agreement needs a second set of picks.", "Choose those of another picker.")
    picked = {row.name for row in project.rows() if row.picks}
    paths = [str(entry.path) for entry in project.micrographs if entry.name in picked]
    if not paths:
        raise UserError("No micrograph of the project has picks.", "Press 'Pick all' in the Micrographs dock.")
    theirs = {field.name: field for field in file_fields(paths, [other])}
    chosen = spread(sorted(theirs), most)
    return [replace(field, sets=(_particles(project, field.name), *theirs[field.name].sets), picked=None)
            for field in project_fields(project, chosen)]  # fmt: skip


def _particles(project: Project, name: str) -> Picks:
    picks = project.read_picks(name)
    return picks.select(picks.label == "particle")


def spread(names: Sequence[str], most: int) -> list[str]:
    """At most so many of them, at even steps."""
    count = min(most, len(names))
    return [names[i] for i in np.linspace(0, len(names) - 1, count).round().astype(int)] if count else []


class PointsList(QListWidget):
    """The Points layers of a viewer, each with a box to tick.

    Parameters
    ----------
    viewer
        Whose layers are listed.
    """

    changed = Signal()

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self._viewer = viewer
        self.setMaximumHeight(96)
        self.setToolTip("Layers of points on this image; a point counts as what its label says.")
        self.itemChanged.connect(lambda _: self.changed.emit())
        for event in self._events():
            event.connect(self._fill)
        self._fill()

    @property
    def chosen(self) -> list[Points]:
        """The layers that are ticked."""
        return [layer for layer, item in self._items() if item.checkState() == Qt.CheckState.Checked]

    def tick(self, *layers: Any) -> None:
        """Tick these and no others."""
        for layer, item in self._items():
            item.setCheckState(Qt.CheckState.Checked if layer in layers else Qt.CheckState.Unchecked)

    def release(self) -> None:
        """The form is gone: listen no more."""
        for event in self._events():
            event.disconnect(self._fill)

    def _items(self) -> list[tuple[Any, Any]]:
        items = [self.item(row) for row in range(self.count())]
        return [(item.data(Qt.ItemDataRole.UserRole), item) for item in items if item is not None]

    def _events(self) -> tuple[Any, ...]:
        events = self._viewer.layers.events
        return events.inserted, events.removed, events.renamed

    def _fill(self, event: Any = None) -> None:
        from napari.layers import Points

        chosen = self.chosen
        self.blockSignals(True)
        self.clear()
        for layer in self._viewer.layers:
            if isinstance(layer, Points) and layer.metadata.get("role") not in _OURS:
                item = QListWidgetItem(layer.name)
                item.setData(Qt.ItemDataRole.UserRole, layer)
                item.setCheckState(Qt.CheckState.Checked if layer in chosen else Qt.CheckState.Unchecked)
                self.addItem(item)
        self.blockSignals(False)
        self.changed.emit()
