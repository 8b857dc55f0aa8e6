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
        """What becomes the dock: all of it has been put on the form by then."""
        if self._area is None:
            self._area = NeverCut(in_column(self.form, growing=self.form if grows(self.form) else None))
        return self._area

    def show(self, run: bool = False) -> Any:
        """Show it as a window of its own."""
        self.native.show()
        return super().show(run)
