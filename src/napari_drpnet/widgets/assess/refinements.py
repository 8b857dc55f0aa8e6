"""The refinements that are assessed: folders and files that somebody added, each folder one row."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from psygnal import Signal
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QKeySequence, QShortcut  # type: ignore[attr-defined]  # qtpy puts it there in Qt 5, too
from qtpy.QtWidgets import QFileDialog, QListWidget, QListWidgetItem, QSizePolicy, QWidget

from napari_drpnet.errors import without_options
from napari_drpnet.io.refinements import Refinement
from napari_drpnet.widgets.assess.run import files_of, look_up
from napari_drpnet.widgets.kit.background import Background
from napari_drpnet.widgets.kit.parts import button, in_row, lay_out, wrapped

_HINT = (
    "Drop folders of refinements here, of RELION or cryoSPARC: Refine3D/job012, J42. Or add their files: two half "
    "maps, the particles with their angles (run_data.star, .cs), postprocess.star."
)
_FILES = "Files of a refinement (*.mrc *.map *.mrc.gz *.map.gz *.star *.cs *.csg);;All files (*)"
_ROWS, _MOST = 2, 5
_ROOM = 6  # pixels of the list's frame


class RefinementList(QWidget):
    """The rows, and buttons that add and remove them."""

    changed = Signal()
    said = Signal(str)  # why something was not added

    def __init__(self) -> None:
        super().__init__()
        self.refinements: list[Refinement] = []
        self._sources: list[Path] = []
        self._added: list[Path] = []  # what is being looked at
        self.looking = Background()
        self.hint = wrapped(_HINT)
        self.rows = QListWidget()
        self.rows.setToolTip("A double click shows its figures and pictures.")
        self.rows.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.rows.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.rows.hide()
        folder = button("Add folder…", "Add the folder of a refinement: Refine3D/job012 of RELION, J42 of cryoSPARC.")
        files = button(
            "Add files…", "Add half maps, particles, postprocess.star; those of one folder are one refinement."
        )
        self.remove = button("Remove", "Take the chosen refinement off the list (Del).")
        folder.clicked.connect(self._ask_folder)
        files.clicked.connect(self._ask_files)
        self.remove.clicked.connect(self.remove_chosen)
        self.rows.itemSelectionChanged.connect(self._allow)
        delete = QShortcut(QKeySequence("Delete"), self.rows)
        delete.activated.connect(self.remove_chosen)
        lay_out(self, self.hint, self.rows, in_row(folder, files, self.remove))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._allow()

    def add(self, paths: Sequence[Path]) -> None:
        """Add folders and files; those that are of no refinement are refused, and the others stay."""
        self._added += [path for path in paths if path not in (*self._sources, *self._added)]
        self._look()

    def remove_chosen(self) -> None:
        """Take the chosen row off the list."""
        row = self.rows.currentRow()
        if not 0 <= row < len(self.refinements):
            return
        files = files_of(self.refinements[row])
        gone = {*files, *(file.parent for file in files)}
        self._sources = [path for path in self._sources if path not in gone]
        self._look()

    def _look(self) -> None:
        self.looking.order(partial(look_up, list(self._sources), list(self._added)), self._take)

    def _take(self, looked: tuple[list[Path], list[Refinement]] | str) -> None:
        self._added = []
        if isinstance(looked, str):
            self.said.emit(looked)
            return
        self._sources, self.refinements = looked
        found = self.refinements
        self.rows.clear()
        for refinement in found:
            item = QListWidgetItem(f"{refinement.name}:  {_parts(refinement)}")
            item.setToolTip("\n".join(map(str, files_of(refinement))))
            self.rows.addItem(item)
        self.rows.setVisible(bool(found))
        self.hint.setVisible(not found)
        high = max(self.rows.sizeHintForRow(0), 1)
        for item in self.rows.findItems("", Qt.MatchFlag.MatchContains):  # all of them
            item.setSizeHint(QSize(1, high))  # as wide as the list: a bar for long names would hide a row
        self.rows.setFixedHeight(high * min(max(len(found), _ROWS), _MOST) + _ROOM)
        self._allow()
        self.changed.emit()
        for problem in (problem for refinement in found for problem in refinement.problems):
            self.said.emit(without_options(problem))

    def _allow(self) -> None:
        self.remove.setEnabled(bool(self.rows.selectedItems()))

    def _ask_folder(self) -> None:
        if folder := QFileDialog.getExistingDirectory(self, "The folder of a refinement"):
            self.add([Path(folder)])

    def _ask_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "Files of a refinement", "", _FILES)
        if names:
            self.add([Path(name) for name in names])


def _parts(refinement: Refinement) -> str:
    """What there is of a refinement, in words."""
    there = {
        "half maps": refinement.halves,
        "particles": refinement.particles,
        "RELION's postprocessing": refinement.postprocess,
    }
    return ", ".join(name for name, part in there.items() if part is not None)
