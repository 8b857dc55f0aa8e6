"""Which picker is to find the particles, what it is, and the settings that only it has."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from magicgui.widgets import ComboBox, Container, Label
from magicgui.widgets.bases import Widget
from psygnal import Signal
from qtpy.QtWidgets import QSizePolicy

from napari_drpnet.errors import UserError
from napari_drpnet.io.project.project import Project
from napari_drpnet.pickers.protocol.registry import available_pickers, settings_class, summary
from napari_drpnet.settings import AUTO, PickerSettings, ThresholdValue, extra_of, networks_of
from napari_drpnet.widgets.kit.fold import Fold
from napari_drpnet.widgets.kit.forms import control, has_control
from napari_drpnet.widgets.kit.network_box import NetworkBox, network_boxes

_NOTHING = object()  # is equal to no value


@dataclass(frozen=True)
class _Page:
    """What is shown of one picker.

    Attributes
    ----------
    model
        Its settings; None when it cannot be loaded.
    text
        What it is, or why it cannot be loaded.
    controls
        Of its own settings, by name, without those that name networks.
    networks
        The boxes of these, by name, and of the calibration; none of a picker without networks of its own.
    folds
        What holds them.
    shown
        Values of all of them when they were last filled in.
    """

    model: type[PickerSettings] | None
    text: str
    controls: dict[str, Any] = field(default_factory=dict)
    networks: dict[str, NetworkBox] = field(default_factory=dict)
    folds: tuple[Fold, ...] = ()
    shown: dict[str, Any] = field(default_factory=dict)

    @property
    def usual(self) -> dict[str, Any]:
        """Defaults of the picker's settings."""
        fields = {} if self.model is None else self.model.model_fields
        known = {name: field for name, field in fields.items() if not field.is_required()}
        return {name: _plain(field.get_default(call_default_factory=True)) for name, field in known.items()}

    @property
    def values(self) -> dict[str, Any]:
        """What is chosen, as a file keeps it; a network that is left to the picker has its default."""
        chosen = {name: _plain(box.value) for name, box in self.controls.items()}
        networks = {name: self.usual[name] if box.value is None else box.value for name, box in self.networks.items()}
        return chosen | networks

    def fill(self, options: Mapping[str, Any], project: Project | None = None) -> None:
        """Show these settings, and the defaults of others; a value that a control does not take is left out."""
        for name, value in ({**self.usual, **options}).items():
            if name in self.controls:
                with self.controls[name].changed.blocked(), suppress(ValueError, TypeError):
                    self.controls[name].value = value
        for name, box in self.networks.items():
            box.offer(project, options.get(name))
        self.shown.update(self.values)


def _plain(value: Any) -> Any:
    """A value as a file keeps it."""
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return str(value) if isinstance(value, Path) else value


class PickerForm:
    """The chosen picker. What is filled in for one stays while others are chosen."""

    changed = Signal()  # another picker, or a setting of it

    def __init__(self) -> None:
        self._foreign: list[str] = []
        self.picker = ComboBox(label="Picker", choices=self._choices, tooltip="The method that finds particles.")
        self.about = Label(label=" ", value="")
        self.about.native.setWordWrap(True)
        self.about.native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.folds = Container[Widget](labels=False)
        self.folds.margins = (0, 0, 0, 0)
        self._pages: dict[str, _Page] = {}
        self._project: Project | None = None
        self.picker.changed.connect(self._choose)
        self._show_page()

    @property
    def name(self) -> str:
        """The picker that is chosen."""
        return str(self.picker.value)

    @property
    def model(self) -> type[PickerSettings]:
        """The settings of the chosen picker; raises a `UserError` that says why it cannot be loaded."""
        page = self._page
        if page.model is None:
            raise UserError(page.text)
        return page.model

    @property
    def usual_diameter(self) -> float | None:
        """What the chosen picker takes for the diameter where nobody gives one; None: it must be given."""
        field = (self._page.model or PickerSettings).model_fields["diameter"]
        return None if field.is_required() else float(field.get_default())

    @property
    def threshold(self) -> ThresholdValue:
        """The chosen picker's usual one."""
        usual = (self._page.model or PickerSettings).model_fields["threshold"].get_default()
        return AUTO if usual == AUTO else float(usual)

    @property
    def controls(self) -> dict[str, Any]:
        """The controls of the chosen picker's own settings, by name."""
        return self._page.controls

    def weights(self) -> dict[str, str]:
        """Networks that were chosen, as the picker loads them."""
        found = {name: box.weights for name, box in self._page.networks.items()}
        return {name: weights for name, weights in found.items() if weights is not None}

    def options(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """The chosen picker's own settings as a file keeps them: those that are not at their defaults.

        Parameters
        ----------
        before
            Those that the file has of this picker. Where nobody has changed them here they stay: others may have.
        """
        page = self._page
        changed = {name: value for name, value in page.values.items() if not before or value != page.shown[name]}
        return {name: value for name, value in {**before, **changed}.items() if value != page.usual.get(name, _NOTHING)}

    def offer(self, project: Project | None) -> None:
        """List the networks of a project, None for those of the package only; what is chosen stays."""
        self._project = project
        for page in self._pages.values():
            for box in page.networks.values():
                box.offer(project, box.value)

    def show(self, name: str, options: Mapping[str, Any]) -> None:
        """Choose a picker with these of its own settings, as a project has them; emits nothing."""
        if name not in available_pickers() and name not in self._foreign:
            self._foreign.append(name)  # chosen where it is installed: it is not to be lost here
            self.picker.reset_choices()
        with self.picker.changed.blocked():
            self.picker.value = name
        self._show_page()
        self._page.fill(options, self._project)

    def reset(self) -> None:
        """All settings at their defaults."""
        for page in self._pages.values():
            page.fill({}, self._project)

    def take_weights(self, file: str) -> None:
        """Let the chosen picker use a file that it has written."""
        if "weights" in self._page.controls:
            self._page.controls["weights"].value = file
        elif "weights" in self._page.networks:
            self._page.networks["weights"].offer(self._project, file)
            self.changed.emit()

    # ------------------------------------------------------------ one page for each picker

    @property
    def _page(self) -> _Page:
        if self.name not in self._pages:
            self._pages[self.name] = self._new_page(self.name)
        return self._pages[self.name]

    def _new_page(self, name: str) -> _Page:
        try:
            model, text = settings_class(name), summary(name)
        except UserError as error:
            return _Page(None, error.plain)
        own = [field for field in model.model_fields if field not in PickerSettings.model_fields]
        boxes = network_boxes(name) if networks_of(model).keys() & own else {}
        shown = [field for field in own if field not in boxes and has_control(model.model_fields[field])]
        controls = {field: control(model, field, empty="default") for field in shown}
        for box in (*boxes.values(), *controls.values()):
            box.changed.connect(lambda _: self.changed.emit())
        about = {field: box for field, box in controls.items() if extra_of(model, field, "of_network")}
        rest = [box for field, box in controls.items() if field not in about]
        titles = {"Networks": [*boxes.values(), *about.values()], f"Settings of {name}": rest}
        folds = tuple(Fold(title, widgets) for title, widgets in titles.items() if widgets)
        self.folds.extend(folds)
        page = _Page(model, text, controls, boxes, folds)
        page.fill({}, self._project)
        return page

    def _choose(self) -> None:
        self._show_page()
        self.changed.emit()

    def _show_page(self) -> None:
        page = self._page
        self.about.value = page.text
        for fold in self.folds:
            fold.visible = fold in page.folds

    def _choices(self, _: Any = None) -> list[str]:
        return [*available_pickers(), *self._foreign]
