"""A line for a path, with a button that chooses one."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from qtpy.QtWidgets import QFileDialog, QLineEdit, QMenu, QPushButton, QWidget

from napari_drpnet.io.picks.formats import FORMATS
from napari_drpnet.widgets.kit.parts import in_row, lay_out

Kind = Literal["folder", "inputs", "list", "save", "picks"]
_STAR = "RELION (*.star)"
_LIST = "Lists of micrographs (*.star *.cs *.csg)"


def picks_filter() -> str:
    """The files of picks that are read, as Qt's windows for files want to be told."""
    endings = " ".join(f"*{suffix}" for suffix in dict.fromkeys(f.suffix for f in FORMATS.values()))
    return f"Picks ({endings});;All files (*)"


class PathLine(QWidget):
    """A line for a path, and a button that chooses one.

    Parameters
    ----------
    empty, tooltip
        What it shows in grey, and what it means.
    kind
        What can be chosen: a folder; ``inputs``, a folder or a STAR file; ``list``, a file that lists micrographs;
        ``save``, a folder or a file to be made; ``picks``, a folder or a file of picks.

    Attributes
    ----------
    edit, menu
        The line, and what can be chosen where there is more than one kind.
    """

    def __init__(self, empty: str, tooltip: str, kind: Kind = "folder") -> None:
        super().__init__()
        self.edit = QLineEdit()
        self.edit.setPlaceholderText(empty)
        self.edit.setToolTip(tooltip)
        button = QPushButton("Browse")
        self.menu = QMenu(button)
        choose = {"inputs": self._choose_file, "save": self._choose_new_file, "picks": self._choose_picks}
        if kind in choose:
            self.menu.addAction("Folder …", self._choose_folder)
            self.menu.addAction("STAR file …" if kind == "inputs" else "File …", choose[kind])
            button.setMenu(self.menu)
        else:
            button.clicked.connect(self._choose_folder if kind == "folder" else self._choose_list)
        lay_out(self, in_row(self.edit, button, stretch=(1, 0)))

    @property
    def text(self) -> str:
        """What is written in it."""
        return str(self.edit.text()).strip()

    @property
    def path(self) -> Path:
        """That as a path."""
        return Path(self.text).expanduser()

    def _choose_folder(self) -> None:
        self._set(QFileDialog.getExistingDirectory(self, "Choose a folder", self.text))

    def _choose_file(self) -> None:
        self._set(QFileDialog.getOpenFileName(self, "Choose a STAR file", self.text, _STAR)[0])

    def _choose_list(self) -> None:
        self._set(QFileDialog.getOpenFileName(self, "Choose a list of micrographs", self.text, _LIST)[0])

    def _choose_picks(self) -> None:
        self._set(QFileDialog.getOpenFileName(self, "Choose a file of picks", self.text, picks_filter())[0])

    def _choose_new_file(self) -> None:
        self._set(QFileDialog.getSaveFileName(self, "Choose a file", self.text)[0])

    def _set(self, chosen: str) -> None:
        if chosen:
            self.edit.setText(chosen)
