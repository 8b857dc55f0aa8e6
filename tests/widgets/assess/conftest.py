"""The Assess dock in a window."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def form(viewer: Any) -> Any:
    _, widget = viewer.window.add_plugin_dock_widget("napari-drpnet", "Assess")
    return widget
