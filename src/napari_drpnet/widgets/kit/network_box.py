"""Which networks and calibrations pick: those of the package, those of the project that is open, and files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from magicgui.widgets import ComboBox
from qtpy.QtWidgets import QFileDialog

from napari_drpnet.errors import UserError
from napari_drpnet.io.project.networks import shipped
from napari_drpnet.io.project.project import Project
from napari_drpnet.pickers import settings_class
from napari_drpnet.settings import PickerSettings, extra_of, networks_of

FILE = "a file…"


class NetworkBox(ComboBox):
    """What one field of a picker's settings may name; None where the picker is left its default.

    Parameters
    ----------
    model
        The picker's settings.
    field
        One of `networks_of` them.
    """

    def __init__(self, model: type[PickerSettings], field: str) -> None:
        self._role = networks_of(model)[field]
        self._suffixes = extra_of(model, field, "suffixes").split()
        self._project: Project | None = None
        self._file: str | None = None
        self._last: str | None = None
        self.null_string = extra_of(model, field, "none")  # what magicgui shows for None
        super().__init__(
            name=field,
            label=model.model_fields[field].title or field.capitalize(),
            choices=self._choices,
            nullable=True,
            tooltip=model.model_fields[field].description,
        )

    def offer(self, project: Project | None, chosen: str | None = None) -> None:
        """List what a project has, None for the package alone, and choose one; a file is listed beside."""
        self._project = project
        self._file = chosen if chosen is not None and chosen.endswith(tuple(self._suffixes)) else self._file
        with self.changed.blocked():
            self.reset_choices()
            self.value = chosen if chosen in self._choices() else None
        self._last = self.value

    @property
    def weights(self) -> str | None:
        """What the picker loads."""
        name = self.value
        return name if name is None or self._project is None else self._project.weights(name, self._role)

    def _choices(self, _: Any = None) -> list[str]:
        known = list(shipped(self._role)) if self._project is None else self._project.networks(self._role)
        return [*known, *([self._file] if self._file else []), FILE]

    def _on_value_change(self, value: Any = None) -> None:
        if value == FILE:
            kinds = " ".join(f"*{suffix}" for suffix in self._suffixes)
            path, _ = QFileDialog.getOpenFileName(self.native, self.label, "", f"Weights ({kinds})")
            self.offer(self._project, str(Path(path)) if path else self._last)
            value = self.value
            if not path:
                return
        self._last = value
        super()._on_value_change(value)


def network_boxes(picker: str) -> dict[str, NetworkBox]:
    """A box for each setting of a picker that names a network or a calibration; none for one that cannot be loaded."""
    try:
        model = settings_class(picker)
    except UserError:
        return {}
    return {field: NetworkBox(model, field) for field in networks_of(model)}
