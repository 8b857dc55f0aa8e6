"""How a project is picked: its settings, each kept in the project as soon as it changes."""

from __future__ import annotations

from typing import Any

from magicgui.widgets import ComboBox
from napari.utils.notifications import show_warning

from napari_drpnet import jobs
from napari_drpnet.errors import UserError
from napari_drpnet.io.project.project import Project
from napari_drpnet.layers import Ground, ground_of
from napari_drpnet.pickers.protocol.registry import available_pickers, settings_class
from napari_drpnet.settings import AUTO, ProjectSettings, ThresholdValue
from napari_drpnet.widgets.kit.diameter import DiameterRow
from napari_drpnet.widgets.kit.fold import Fold
from napari_drpnet.widgets.kit.forms import control
from napari_drpnet.widgets.kit.network_box import NetworkBox, network_boxes
from napari_drpnet.widgets.kit.ring import Ring
from napari_drpnet.widgets.kit.subscriptions import Subscriptions
from napari_drpnet.widgets.session.session import Session

_UNKNOWN = {"diameter": "not known", "pixel_size": "as the files say", "min_distance": "0.55 diameters"}


class ProjectForm(Fold):
    """The settings that *Pick this* and *Pick all* go by.

    Parameters
    ----------
    session
        Whose project they belong to.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._foreign: list[str] = []
        self.picker = ComboBox(label="Picker", choices=self._choices, tooltip="The method that finds particles.")
        names = ("diameter", "pixel_size", "threshold", "min_distance", "invert")
        self.settings: dict[str, Any] = {name: control(ProjectSettings, name) for name in names}
        self.settings["invert"].text = "Particles are bright"
        for name, text in _UNKNOWN.items():
            self.settings[name].native.setSpecialValueText(text)
        self.networks: dict[str, NetworkBox] = {}
        self._picker = ""
        self.ring = Ring(session.viewer)
        self.measured = DiameterRow(session.viewer, self.ring, self._ground, self.settings["diameter"])
        rows = (self.picker, self.measured, self.measured.said, *(self.settings[name] for name in names[1:]))
        super().__init__("Picking", rows)
        self.show_row(self.measured.said, False)
        self.picker.changed.connect(self._choose)
        for widget in self.settings.values():
            widget.changed.connect(lambda value, name=widget.name: self._set(name, value))
        self.heard = Subscriptions(
            (session.opened, self._follow),
            (session.configured, self._follow),
            (session.moved, self._move),
            (self.measured.measure.switched, self._switch),
        )
        self._follow()

    def _follow(self) -> None:
        """Show what the project says."""
        project = self._session.project
        for name, widget in self.settings.items():
            if project is not None:
                with widget.changed.blocked():
                    value = getattr(project.settings, name)
                    widget.value = widget.min if value is None else value
            widget.enabled = not self._session.read_only
        self.picker.enabled = not self._session.read_only
        self.measured.button.enabled = not self._session.read_only
        if project is not None:
            self._show_picker(project.settings.picker)
            self._offer_networks(project)

    def _choices(self, _: Any = None) -> list[str]:
        return [*available_pickers(), *self._foreign]

    def _show_picker(self, name: str) -> None:
        """The project's picker; one that is not installed here is not to be lost."""
        with self.picker.changed.blocked():
            if name not in self.picker.choices:
                self._foreign.append(name)
                self.picker.reset_choices()
            self.picker.value = name

    def _choose(self, name: str) -> None:
        """Another picker has settings of its own, and its own threshold."""
        project = self._session.project
        if project is not None and name != project.settings.picker:
            try:
                self._session.configure(picker=name, options={}, threshold=usual_threshold(name))
            except UserError as error:
                show_warning(error.plain)
                self._follow()

    def _ground(self) -> Ground | None:
        """The micrograph on screen, which is measured on."""
        image, viewer = self._session.image, self._session.viewer
        return None if image is None or viewer is None else ground_of(image, viewer.layers)

    def _switch(self, on: bool) -> None:
        """Somebody measures, or has ended."""
        self.show_row(self.measured.said, on)
        if not on:
            self.ring.remove()

    def _move(self, _: str = "") -> None:
        if self.measured.measure.on:
            self.measured.measure.look_again()

    def leave(self, window: bool) -> None:
        """The form is gone."""
        self.measured.leave(window)
        self.heard.end()
        if window:
            self.ring.close()

    def _offer_networks(self, project: Project) -> None:
        """The networks of the project's picker, and its calibrations; of one that cannot be loaded, none."""
        chosen = project.settings
        if chosen.picker != self._picker:
            self._picker = chosen.picker
            self.networks = network_boxes(chosen.picker)
            self.put_last(self.networks.values())
            for box in self.networks.values():
                box.changed.connect(lambda value, field=box.name: self._set_network(field, value))
        for field, box in self.networks.items():
            box.offer(project, chosen.options.get(field))
            box.enabled = not self._session.read_only

    def _set_network(self, field: str, name: str | None) -> None:
        project = self._session.project
        if project is not None:
            self._set("options", jobs.with_networks(project.settings.options, {field: name}))

    def _set(self, name: str, value: Any) -> None:
        """Keep a value; 0 means that it is not known."""
        try:
            self._session.configure(**{name: value or None if name in _UNKNOWN else value})
        except UserError as error:
            show_warning(error.plain)
            self._follow()


def usual_threshold(picker: str) -> ThresholdValue:
    """The threshold that a picker has where nobody chose one.

    Raises
    ------
    UserError
        When there is no such picker, or it cannot be loaded.
    """
    usual = settings_class(picker).model_fields["threshold"].get_default()
    return AUTO if usual == AUTO else float(usual)
