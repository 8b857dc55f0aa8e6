"""Pickers: one protocol, a registry, and one module per picker."""

from napari_drpnet.pickers.base import (
    Picker,
    PickerInfo,
    ScoringPicker,
    available_pickers,
    known_pickers,
    load_picker,
    scoring,
    settings_class,
)

__all__ = [
    "Picker",
    "PickerInfo",
    "ScoringPicker",
    "available_pickers",
    "known_pickers",
    "load_picker",
    "scoring",
    "settings_class",
]
