"""Pickers: one protocol, a registry, and one module or folder per picker."""

from napari_drpnet.pickers.protocol.picker import Picker, ScoringPicker
from napari_drpnet.pickers.protocol.registry import (
    PickerInfo,
    available_pickers,
    known_pickers,
    load_picker,
    needs_diameter,
    register,
    settings_class,
)

__all__ = [
    "Picker",
    "PickerInfo",
    "ScoringPicker",
    "available_pickers",
    "known_pickers",
    "load_picker",
    "needs_diameter",
    "register",
    "settings_class",
]
