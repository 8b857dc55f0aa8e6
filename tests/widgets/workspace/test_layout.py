"""Nothing is cut off, and no dock makes the window larger: every dock and tab, in both themes, with long names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QLabel, QPushButton, QScrollArea, QWidget

from layouts import LONG, faults
from napari_drpnet.widgets.kit.parts import NeverCut, wrapped

pytestmark = pytest.mark.gui
PROGRAM = Path(__file__).parents[2] / "helpers" / "layouts.py"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("screen", "scale", "theme", "sizes"),  # of a window; themes have their own style sheets, whatever the scale
    [("1600x1000", "1", "dark", ("1280x800", "1600x1000")), ("3840x2160", "2", "light", ("1920x1080",))],
)
def test_every_dock_fits(tmp_path: Path, screen: str, scale: str, theme: str, sizes: tuple[str, ...]) -> None:
    if not shutil.which("xvfb-run"):
        pytest.fail("There is no xvfb-run.")
    own = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "QT_SCALE_FACTOR": scale, "QT_QPA_PLATFORM": "xcb"}
    command = ["xvfb-run", "-a", "-s", f"-screen 0 {screen}x24", sys.executable, str(PROGRAM), str(tmp_path / "p")]
    done = subprocess.run([*command, theme, *sizes], env=os.environ | own, capture_output=True, text=True, timeout=600)
    *found, last = done.stdout.splitlines() or [""]
    assert not found, "\n".join(found)
    assert last.startswith("looked at "), done.stderr[-3000:]
    assert int(last.split()[-1]) >= len(sizes) * 25


def _dock(qtbot: Any, inside: QWidget) -> QDockWidget:
    dock = QDockWidget()
    dock.setWidget(inside)
    dock.resize(200, 120)
    qtbot.addWidget(dock)
    dock.show()
    return dock


def test_what_is_cut_is_found(qtbot: Any) -> None:
    area = QScrollArea()
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(QPushButton(LONG))
    area.setMaximumWidth(100)
    assert any("nothing scrolls" in fault for fault in faults(_dock(qtbot, area)))
    short = QLabel(LONG)
    short.setMaximumWidth(100)
    assert any("needs" in fault for fault in faults(_dock(qtbot, short)))
    low = wrapped(LONG.replace("_", " ") * 5)
    low.setMaximumHeight(20)
    assert any("high and needs" in fault for fault in faults(_dock(qtbot, low)))
    assert not list(faults(_dock(qtbot, NeverCut(wrapped(LONG.replace("_", " "))))))
