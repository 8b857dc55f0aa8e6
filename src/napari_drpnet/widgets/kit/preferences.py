"""Defaults that a user keeps in napari's Preferences, on the page of this plugin."""

from __future__ import annotations

from typing import Any

from napari.settings import get_plugin_settings


def preference(name: str) -> Any:
    """A value of the plugin's Preferences page (``device``, ``memory`` or ``diameter``)."""
    return getattr(get_plugin_settings("napari-drpnet").picking, name)
