"""The button that a form is for: it looks like one, in both themes."""

from __future__ import annotations

from qtpy.QtWidgets import QPushButton

# Text and ground; of their own, since no colour is readable on the ground of both themes.
READY, HOVERED, OFF = ("#ffffff", "#1f6fd0"), ("#ffffff", "#2a63ab"), ("#ffffff", "#5b6470")
_STYLE = "QPushButton%s {{ color: {}; background-color: {}; border: none; padding: 5px; font-weight: bold; }}"
PRIMARY = "\n".join(
    (_STYLE % state).format(*colours) for state, colours in (("", READY), (":hover", HOVERED), (":pressed", HOVERED))
) + (_STYLE % ":disabled").format(*OFF).replace("bold", "normal")


def make_primary(button: QPushButton, primary: bool = True) -> None:
    """Let a button look like the one that the form is for, or like all others."""
    button.setStyleSheet(PRIMARY if primary else "")
