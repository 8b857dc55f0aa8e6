"""Keys that go through the places where two sets differ, on the canvas and in the form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QShortcut  # type: ignore[attr-defined]  # qtpy puts it there in Qt 5, too
from qtpy.QtWidgets import QWidget

from napari_drpnet.widgets.kit.key_list import tell_keys

if TYPE_CHECKING:
    from napari.viewer import Viewer

NEXT, BEFORE, LEAVE = "J", "Shift-J", "K"
tell_keys("Compare", ((NEXT, "next place where two differ"), (BEFORE, "the place before"), (LEAVE, "show all again")))


class Keys:
    """Keys of the whole viewer: those of the layer that is chosen go before them.

    Parameters
    ----------
    viewer
        On whose canvas they work.
    form
        In which they work as well.
    actions
        What they do, by `NEXT`, `BEFORE` and `LEAVE`.
    """

    def __init__(self, viewer: Viewer, form: QWidget, actions: Mapping[str, Callable[[], None]]) -> None:
        self._viewer, self._names = viewer, tuple(actions)
        for key, action in actions.items():
            viewer.bind_key(key, lambda _, action=action: action(), overwrite=True)
            shortcut = QShortcut(QKeySequence(key.replace("-", "+")), form)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(action)

    def release(self) -> None:
        """Give them back."""
        for key in self._names:
            self._viewer.bind_key(key, None, overwrite=True)
