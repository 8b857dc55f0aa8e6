"""Fields that are wrong are red and say why, in plain words; the button that a form is for is readable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from blobs import DIAMETER, PIXEL_SIZE, grid_of_blobs, write_mrc
from napari_drpnet.errors import UserError
from napari_drpnet.settings import SimulationSettings
from napari_drpnet.widgets.kit.forms import controls, filled
from napari_drpnet.widgets.kit.primary import HOVERED, OFF, READY

pytestmark = pytest.mark.gui


def red(widget: Any) -> bool:
    return "border" in widget.native.styleSheet()


def test_a_field_that_is_wrong_is_red_until_it_is_right(viewer: Any, tmp_path: Path) -> None:
    viewer.open(str(write_mrc(tmp_path / "a.mrc", grid_of_blobs()[0], PIXEL_SIZE)), plugin="napari-drpnet")
    _, form = viewer.window.add_plugin_dock_widget("napari-drpnet", "Pick")
    field, usual = form.diameter, form.diameter.tooltip
    field.value = 0.0
    assert form.job.status.value == "The diameter must be more than 0."
    assert red(field)
    assert field.tooltip.startswith("Must be more than 0.")
    field.value = 100_000.0
    assert form.job.status.value.startswith("A particle of 100000 Å is ")
    assert red(field)
    field.value = DIAMETER
    assert not red(field)
    assert field.tooltip == usual
    assert form.job.button.enabled
    assert not red(form.source.pixel_size)
    form.source.pixel_size.value = 0.0
    assert red(form.source.pixel_size)
    assert form.job.status.value.endswith("Give the pixel size in Angstrom.")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("count", 0, "The micrographs must be at least 1."),
        ("dose", (5.0, 1.0), "The electron dose: a range goes from"),
        ("size", "x", "The size must be a whole number."),
    ],
)
def test_what_is_wrong_is_said_in_the_words_of_the_form(field: str, value: Any, said: str, qapp: Any) -> None:
    class Control:
        """A control that holds any value."""

        def __init__(self, real: Any) -> None:
            self.name, self.native, self.tooltip, self.value = real.name, real.native, real.tooltip, value

    (real,) = controls(SimulationSettings, [field])
    with pytest.raises(UserError) as error:
        filled(SimulationSettings, [Control(real)])
    assert error.value.plain.startswith(said)
    assert red(real)


def luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    r, g, b = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


@pytest.mark.parametrize("pair", [READY, HOVERED, OFF])
def test_the_blue_button_can_be_read(pair: tuple[str, str]) -> None:
    dark, light = sorted(map(luminance, pair))
    assert (light + 0.05) / (dark + 0.05) >= 4.5
