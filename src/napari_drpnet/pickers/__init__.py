"""Pickers: one protocol, a registry, and one module per picker."""

from napari_drpnet.pickers.base import Picker, ScoringPicker, available_pickers, load_picker, settings_class

__all__ = ["Picker", "ScoringPicker", "available_pickers", "load_picker", "settings_class"]
