"""A Qt that brings Python down is told of before it does: PySide6 6.12 with Python 3.11 is one."""

from __future__ import annotations

import sys
from collections.abc import Callable

from napari.utils.notifications import show_warning
from qtpy import API_NAME
from qtpy.QtCore import QObject

_CALLS = 200
_told = False


def warn_of_binding() -> None:
    """Say once that this Qt crashes after a while, and what to install."""
    global _told
    if not _told and loses_none(QObject().parent):
        show_warning(
            f"This version of {API_NAME} closes napari without a word after some minutes (Python "
            f"{sys.version_info.major}.{sys.version_info.minor}). Install another one: pip install 'PySide6<6.12', or "
            "use Python 3.12."
        )
    _told = True


def loses_none(returns_none: Callable[[], object]) -> bool:
    """Whether each call of Qt gives back a reference to None that it never took, until Python has none left."""
    before = sys.getrefcount(None)
    for _ in range(_CALLS):
        returns_none()
    return before - sys.getrefcount(None) > _CALLS // 2
