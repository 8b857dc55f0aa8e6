"""The diameter of the particle, which can be typed, or measured on the micrograph in view."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container, Label, PushButton
from qtpy.QtCore import QCoreApplication, QEvent, QObject, Qt
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_drpnet.layers import Ground
from napari_drpnet.widgets.kit.eye import Eye
from napari_drpnet.widgets.kit.measure import Measure
from napari_drpnet.widgets.kit.ring import Ring

if TYPE_CHECKING:
    from napari.viewer import Viewer

_TOOLTIP = (
    "Drag across a particle in the image, from edge to edge, and its diameter is filled in. Of several particles it "
    "is the mean. Esc, or this button once more, ends it."
)


class DiameterRow(Container[Any]):
    """The box of the diameter with a button that measures it.

    While somebody measures the box follows, and says so when the mouse button is released.

    Parameters
    ----------
    viewer, ring, ground
        As for `Measure`.
    box
        The control of the diameter.
    """

    def __init__(self, viewer: Viewer, ring: Ring, ground: Callable[[], Ground | None], box: Any) -> None:
        self.box = box
        self.button = PushButton(text="Measure", tooltip=_TOOLTIP)
        self.button.native.setCheckable(True)
        self.said = Label(label=" ", value="")
        self.said.native.setWordWrap(True)
        self.said.native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        super().__init__(widgets=[box, self.button], layout="horizontal", labels=False, label=box.label)
        self.margins = (0, 0, 0, 0)
        self.tooltip = box.tooltip
        self.measure = Measure(viewer, ring, ground)
        self._eye = Eye.of(viewer)
        self._told = ""
        self._watch = _Watch(self.native, lambda: self.measure.switch(False))
        self.button.native.toggled.connect(self.measure.switch)
        self.measure.switched.connect(self._switch)
        self.measure.changed.connect(self._follow)
        self.measure.measured.connect(self._take)

    def tell(self, text: str) -> None:
        """What is said of the diameter while nobody measures."""
        self._told = text
        self._say()

    def leave(self, window: bool) -> None:
        """The form is gone."""
        if window:
            self.measure.switch(False)

    def _say(self) -> None:
        self.said.value = self.measure.said if self.measure.on else self._told

    def _switch(self, on: bool) -> None:
        self.button.native.setChecked(on)
        self._watch.listen(on)
        if on:
            self._eye.show()  # who measures wants to see particles
        self._say()

    def _follow(self) -> None:
        if self.measure.diameter is not None:
            with self.box.changed.blocked():
                self.box.value = float(max(1, round(self.measure.diameter)))
        self._say()

    def _take(self) -> None:
        if self.measure.diameter is not None:
            self.box.changed.emit(self.box.value)
        self._say()


class _Watch(QObject):
    """Calls ``end`` when somebody presses Esc, wherever the keyboard is, or puts the form out of sight.

    A shortcut would not do: other docks have one on the same key.
    """

    def __init__(self, form: QWidget, end: Callable[[], None]) -> None:
        super().__init__(form)
        self._form, self._end = form, end

    def listen(self, on: bool) -> None:
        """Listen, or no more."""
        application = QCoreApplication.instance()
        if application is not None:
            (application.installEventFilter if on else application.removeEventFilter)(self)

    def eventFilter(self, target: Any, event: Any) -> bool:  # noqa: N802 - Qt's own method
        kind = event.type()
        if kind == QEvent.Type.Hide and target is self._form and not event.spontaneous():
            self._end()
        elif kind in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress) and event.key() == Qt.Key.Key_Escape:
            event.accept()
            if kind == QEvent.Type.KeyPress:
                self._end()
            return True
        return False
