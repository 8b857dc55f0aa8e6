"""Buttons that bring layers and files into the comparison, and take a set out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtWidgets import QFileDialog, QMenu, QWidget

from napari_drpnet.widgets.kit.parts import button, in_row, lay_out
from napari_drpnet.widgets.kit.path_line import picks_filter

if TYPE_CHECKING:
    from napari.layers import Points, Shapes


class AddBar(QWidget):
    """Three buttons beside each other."""

    wanted = Signal()  # the menu of layers is about to open: `offer` is to fill it
    layer = Signal(object)  # a layer of picks was chosen
    files = Signal(list)  # files were chosen

    def __init__(self) -> None:
        super().__init__()
        self.add_layer = button("Add layer", "Compare the points of a layer as well; it is hidden meanwhile.")
        self.add_file = button("Add file…", "Compare picks of any program: STAR, box, json, cbox, txt, cs or CSV.")
        self.remove = button("Remove", "Take the chosen set out of the comparison.")
        self.menu = QMenu(self)
        self.add_layer.setMenu(self.menu)
        self.menu.aboutToShow.connect(self.wanted.emit)
        self.add_file.clicked.connect(self._ask)
        lay_out(self, in_row(self.add_layer, self.add_file, self.remove))

    def offer(self, layers: Sequence[Points | Shapes]) -> None:
        """List these in the menu."""
        self.menu.clear()
        for layer in layers:
            action = self.menu.addAction(layer.name)
            assert action is not None
            action.triggered.connect(lambda _=False, layer=layer: self.layer.emit(layer))
        if not layers:
            nothing = self.menu.addAction("No other layer of points")
            assert nothing is not None
            nothing.setEnabled(False)

    def _ask(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "Picks to compare", "", picks_filter())
        if names:
            self.files.emit([Path(name) for name in names])
