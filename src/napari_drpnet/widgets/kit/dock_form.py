"""A form of magicgui that is a dock of its own."""

from __future__ import annotations

from typing import Any

from magicgui.widgets import Container
from qtpy.QtWidgets import QWidget

from napari_drpnet.widgets.kit.parts import NeverCut, grows, in_column


class DockForm(Container[Any]):
    """It scrolls where the window is too low for it. That of magicgui which does so loses it when it becomes a dock."""

    _area: NeverCut | None = None

    @property
    def form(self) -> Any:
        """What holds the controls, with their layout."""
        return super().native

    @property
    def native(self) -> QWidget:
        """What becomes the dock."""
        if self._area is None:
            self._area = _Area(self.form)
        return self._area

    def show(self, run: bool = False) -> Any:
        """Show it as a window of its own."""
        self.native.show()
        return super().show(run)


class _Area(NeverCut):
    """What a form is in. Only when it is seen everything has been put on the form."""

    def __init__(self, form: QWidget) -> None:
        self._form = form
        super().__init__(in_column(form))

    def showEvent(self, event: Any) -> None:  # noqa: N802 - Qt's own method
        super().showEvent(event)
        inside = self.widget()
        column: Any = None if inside is None else inside.layout()
        if column is not None:
            column.setStretchFactor(self._form, int(grows(self._form)))
