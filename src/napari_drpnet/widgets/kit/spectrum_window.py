"""A window beside the viewer with the power spectrum of the micrograph in view."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QDialog, QFileDialog, QWidget

from napari_drpnet import jobs
from napari_drpnet.errors import UserError
from napari_drpnet.widgets.kit.background import Background
from napari_drpnet.widgets.kit.eye import Eye, View
from napari_drpnet.widgets.kit.parts import button, in_row, lay_out, wrapped
from napari_drpnet.widgets.kit.spectrum_picture import SpectrumPicture

if TYPE_CHECKING:
    from napari.viewer import Viewer

_POINT = "Move the mouse over the rings to read their resolution."
_WINDOWS: WeakKeyDictionary[Any, SpectrumWindow] = WeakKeyDictionary()


class SpectrumWindow:
    """The power spectrum, which follows the micrograph in view as long as its window is open."""

    @classmethod
    def of(cls, viewer: Viewer) -> SpectrumWindow:
        """The one of a viewer, made when it is first asked for."""
        viewer = getattr(viewer, "__wrapped__", viewer)
        if viewer not in _WINDOWS:
            _WINDOWS[viewer] = cls(Eye.of(viewer))
        return _WINDOWS[viewer]

    def __init__(self, eye: Eye) -> None:
        self._eye = eye
        self._file: Path | None = None
        self.background = Background()
        self.dialog: QDialog | None = None
        eye.looked.connect(self._follow)

    def open(self, parent: QWidget | None) -> None:
        """Show the window over its ``parent``."""
        if self.dialog is None:
            self._build(parent)
        assert self.dialog is not None
        self.dialog.show()
        self.dialog.raise_()
        self._follow()

    def _build(self, parent: QWidget | None) -> None:
        self.dialog = dialog = QDialog(parent)
        dialog.setWindowTitle("Power spectrum")
        dialog.destroyed.connect(self._lose)
        self.picture = SpectrumPicture()
        self.picture.pointed.connect(self._point)
        self.pointed = wrapped(_POINT)
        self.said = wrapped()
        self.half = QCheckBox("CTF on the right half")
        self.half.setToolTip("What the CTF lets through beside what is there: its rings go on in those of the image.")
        self.half.setChecked(self.picture.halved)
        self.half.toggled.connect(self.picture.halve)
        told = "A STAR file or exposures (.cs) of a CTF job, or what CTFFIND or Gctf wrote."
        self.choose = button("CTF from a file…", told)
        self.choose.clicked.connect(self._choose)
        for label in (self.pointed, self.said):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column = lay_out(
            dialog, self.picture, self.pointed, self.said, in_row(self.half, self.choose, stretch=(1, 0)), margin=8
        )
        column.setStretchFactor(self.picture, 1)

    def _lose(self) -> None:
        """The viewer's window is gone, and this one with it."""
        self.dialog = None
        self.background.leave(False)

    def _follow(self) -> None:
        """Show the micrograph that is in view now."""
        if self.dialog is None or not self.dialog.isVisible():
            return
        view = self._eye.view
        if view is None:
            self._show(None, "Open a micrograph first.")
            return
        self.said.setText("Computing…")
        self.background.order(partial(_compute, view, self._file), partial(self._take, view))

    def _take(self, view: View, seen: jobs.SeenSpectrum | str) -> None:
        now = self._eye.view
        if self.dialog is None or now is None or now.key != view.key:
            return
        if isinstance(seen, str):
            self._show(None, seen)
        else:
            self._show(seen, seen.said)

    def _show(self, seen: jobs.SeenSpectrum | None, said: str) -> None:
        if self.dialog is None:
            return
        self.picture.show_spectrum(seen)
        self.said.setText(said)
        self.half.setEnabled(seen is not None and seen.ctf is not None)
        name = "" if seen is None else f" of {Path(seen.name).name}"
        self.dialog.setWindowTitle(f"Power spectrum{name}")

    def _point(self, resolution: float) -> None:
        self.pointed.setText(f"{resolution:.1f} Å" if resolution else _POINT)

    def _choose(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self.dialog, "CTF from a file", "", "CTF (*.star *.txt *.log);;All (*)")
        if path:
            self._file = Path(path)
            self._follow()


def _compute(view: View, file: Path | None) -> jobs.SeenSpectrum | str:
    """The spectrum, or why there is none."""
    try:
        return jobs.seen_spectrum(view.read(), file, view.lists)
    except UserError as error:
        return error.plain
