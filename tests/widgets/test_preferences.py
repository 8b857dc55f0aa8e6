"""napari's Preferences show the plugin's values as they are in force."""

from __future__ import annotations

from typing import Any

import pytest
from napari._qt.dialogs.preferences_dialog import PreferencesDialog
from napari.settings import get_plugin_settings
from qtpy.QtWidgets import QAbstractSpinBox, QLineEdit, QWidget

from napari_drpnet.widgets.kit.preferences import preference

pytestmark = pytest.mark.gui
NAMES = ("device", "memory", "diameter")


def shown(dialog: PreferencesDialog, name: str) -> Any:
    """What the field of a setting shows."""
    for form in dialog.findChildren(QWidget):
        fields = getattr(form, "widgets", None)
        if isinstance(fields, dict) and set(NAMES) <= set(fields):
            inside = (fields[name], *fields[name].findChildren(QWidget))
            box = next((widget for widget in inside if isinstance(widget, QAbstractSpinBox)), None)
            line = next((widget for widget in inside if isinstance(widget, QLineEdit)), None)
            return line.text() if box is None else box.value()
    raise AssertionError(f"no field of {name}")


@pytest.mark.parametrize("diameter", [180.0, 99.99, 1234.5])
def test_what_is_shown_is_in_force(diameter: float, viewer: Any, qtbot: Any) -> None:
    settings = get_plugin_settings("napari-drpnet").picking
    before = settings.diameter
    settings.diameter = diameter
    dialog = PreferencesDialog()
    qtbot.addWidget(dialog)
    try:
        assert {name: shown(dialog, name) for name in NAMES} == {name: preference(name) for name in NAMES}
        assert preference("diameter") == diameter
    finally:
        settings.diameter = before
