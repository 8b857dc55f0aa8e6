"""Long names of micrographs make no dock wider."""

from __future__ import annotations

from typing import Any

import pytest
from magicgui.widgets import ComboBox

from napari_drpnet.widgets.kit.job import JobBar
from napari_drpnet.widgets.kit.narrow import narrow

LONG = "001234567890123456789_FoilHole_21766342_Data_21768957_21768958_20260101_fractions_patch_aligned_doseweighted"


@pytest.mark.gui
def test_a_box_and_a_message_are_no_wider_for_a_long_name(qtbot: Any):
    box, bar = narrow(ComboBox(choices=["m"])), JobBar("Run", lambda: None)
    before = box.native.minimumSizeHint().width(), bar.native.minimumSizeHint().width()
    box.choices = [LONG]
    bar.say(f"{LONG}: picking")
    assert (box.native.minimumSizeHint().width(), bar.native.minimumSizeHint().width()) == before
