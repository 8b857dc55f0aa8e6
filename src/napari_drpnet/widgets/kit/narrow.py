"""Boxes that choose among long names, and are no wider for it than their dock."""

from __future__ import annotations

from magicgui.widgets import ComboBox
from qtpy.QtWidgets import QComboBox

_LETTERS = 12  # that have room in any case


def narrow(box: ComboBox) -> ComboBox:
    """The box, with long names cut where it is narrow; its list shows them whole."""
    native = box.native
    native.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    native.setMinimumContentsLength(_LETTERS)
    return box
