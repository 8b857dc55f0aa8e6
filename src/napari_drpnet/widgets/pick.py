"""Dock widget: pick the particles of a micrograph, and tune the result without running the network again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import CheckBox, ComboBox, Container, Label
from napari.utils.notifications import show_warning
from qtpy.QtCore import QTimer

from napari_drpnet import jobs
from napari_drpnet.data import ScoreMap
from napari_drpnet.errors import UserError
from napari_drpnet.pickers import available_pickers, load_picker
from napari_drpnet.pickers.base import ScoringPicker, settings_class
from napari_drpnet.settings import PickerSettings
from napari_drpnet.widgets.fold import Fold
from napari_drpnet.widgets.forms import control, filled
from napari_drpnet.widgets.job import JobBar
from napari_drpnet.widgets.networks import NetworkBox
from napari_drpnet.widgets.preferences import preference
from napari_drpnet.widgets.project_result import ProjectResult
from napari_drpnet.widgets.removal import Removal
from napari_drpnet.widgets.result import Result
from napari_drpnet.widgets.ring import Ring
from napari_drpnet.widgets.session import Session
from napari_drpnet.widgets.source import Source, SourceForm

if TYPE_CHECKING:
    from napari.viewer import Viewer

SETTLED = 500  # milliseconds after which values of the form are kept in the project
TUNED = 20  # micrographs of a project whose score maps are kept


class PickWidget(Container[Any]):
    """Choose an image and a diameter, run a picker, move the sliders.

    Parameters
    ----------
    napari_viewer
        Given by napari.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        self._viewer = napari_viewer
        self.session = Session.of(napari_viewer)
        self._results: dict[tuple[Any, ...], Result] = {}
        self._ring = Ring(napari_viewer)
        self._build(napari_viewer)
        self._connect()
        self._follow_project()

    def _build(self, viewer: Viewer) -> None:
        self.source = SourceForm(viewer)
        self.diameter = control(PickerSettings, "diameter", preference("diameter"))
        self.in_pixels = Label(label=" ", value="")
        self.show_ring = CheckBox(
            text="Show this size",
            value=True,
            tooltip="A ring as large as the particle, at the view's centre or cursor.",
        )
        self.picker = ComboBox(label="Picker", choices=available_pickers(), tooltip="The method that finds particles.")
        self.device = control(PickerSettings, "device", preference("device"))
        self.invert = control(PickerSettings, "invert")
        self.networks = (NetworkBox("detector"), NetworkBox("classifier"))
        self.job = JobBar("Run", self.run)
        self.threshold = control(PickerSettings, "threshold", slider=True)
        self.min_distance: Any = control(PickerSettings, "min_distance", slider=True)
        self.show_scores = CheckBox(text="Show score map", tooltip="What the network sees, over the micrograph.")
        self.summary = Label(value="")
        form = [
            *self.source.widgets,
            self.diameter,
            self.in_pixels,
            self.show_ring,
            self.picker,
            self.device,
            self.invert,
            Fold("Networks", self.networks),
        ]
        tuning = [self.threshold, self.min_distance, self.show_scores, self.summary]
        super().__init__(widgets=[*form, self.job, *tuning])

    def _connect(self) -> None:
        self.source.changed.connect(self._check)
        self.diameter.changed.connect(self._follow_diameter)
        self.show_ring.changed.connect(self._draw_ring)
        for slider in (self.threshold, self.min_distance):
            slider.changed.connect(self._tune)
        self.show_scores.changed.connect(self._show_scores)
        for widget in (self.diameter, self.invert, *self.networks):
            widget.changed.connect(self._keep_later)
        self.source.pixel_size.changed.connect(self._keep_later)
        self.session.opened.connect(self._follow_project)
        self.session.configured.connect(self._follow_settings)
        self.session.moved.connect(self._follow_move)
        self._keeping = QTimer(self.native)
        self._keeping.setSingleShot(True)
        self._keeping.timeout.connect(self._keep)
        self._viewer.layers.events.removed.connect(self._forget)
        self._viewer.dims.events.current_step.connect(self._check)
        self._removal = Removal(self.native, self._release)

    # ------------------------------------------------------------ the run

    def run(self) -> None:
        """Start with the values of the form."""
        source = self.source.source()
        settings = {**self._settings().model_dump(), **self._chosen_networks()}
        name = self._name
        self.job.run(_steps, source, self.picker.value, settings, done=lambda found: self._take(source, name, *found))

    def _settings(self) -> PickerSettings:
        widgets = [self.diameter, self.threshold, self.min_distance, self.device, self.invert]
        return filled(PickerSettings, widgets, memory=preference("memory"))

    def _chosen_networks(self) -> dict[str, str]:
        """Weights that were chosen, if the picker has such."""
        known = settings_class(self.picker.value).model_fields
        return {box.name: box.weights for box in self.networks if box.weights is not None and box.name in known}

    def _take(self, source: Source, name: str, picker: ScoringPicker, score_map: ScoreMap) -> None:
        """Show what a run found, unless the image it belongs to is gone or changed.

        A micrograph of the project keeps it, even if another one is shown by now.
        """
        last = self._results.get(source.key)
        if name and name in self.session.names:
            last = next((result for result in self._results.values() if isinstance(result, ProjectResult)), None)
            result: Result = ProjectResult(self._viewer, self.session, name, source, picker, score_map, last)
        elif not name and self.source.holds(source):
            result = Result(self._viewer, source, picker, score_map, last)
        else:
            self.job.say("The image changed meanwhile; the result was dropped.")
            return
        self._results.pop(source.key, None)
        self._results[source.key] = result
        self._show(result)
        self.show_ring.value = False
        self._check()
        self._show_scores()

    def _show(self, result: Result) -> None:
        """Show a result at the sliders' values."""
        try:
            result.show(self.threshold.value, self.min_distance.value)
        except UserError as error:  # a project that can no longer be written
            show_warning(str(error))

    # ------------------------------------------------------------ the result

    @property
    def result(self) -> Result | None:
        """The result on the image and frame that are chosen now."""
        try:
            result = self._results.get(self.source.source().key)
        except UserError:
            return None
        return result if result is not None and result.layer is not None else None

    def _tune(self) -> None:
        result = self.result
        if result is not None:
            self._show(result)
            self._summarise()
        self._keep_later()

    def _show_scores(self) -> None:
        if self.result is not None:
            self.result.show_scores(self.show_scores.value)

    def _forget(self, event: Any = None) -> None:
        """Drop the results whose layers are gone; a ring that someone deleted is not wanted."""
        if self._ring.deleted:
            self.show_ring.value = False
        self._results = {key: result for key, result in self._results.items() if result.valid(self.source)}
        tuned = [key for key, result in self._results.items() if isinstance(result, ProjectResult)]
        for key in tuned[:-TUNED]:
            del self._results[key]
        self._check()

    def _summarise(self) -> None:
        result = self.result
        self.summary.value = "" if result is None else f"{len(result.shown)} picks"

    # ------------------------------------------------------------ the project

    @property
    def _name(self) -> str:
        """The micrograph of the project that is chosen; empty when the image is not the project's."""
        return self.session.current if self.source.layer is not None and self._in_project else ""

    @property
    def _in_project(self) -> bool:
        return self.session.image is not None and self.source.layer is self.session.image

    def _follow_project(self) -> None:
        """A project was opened or closed."""
        self._follow_settings()
        self._follow_diameter()
        self._forget()

    def _follow_settings(self) -> None:
        """Show how the project is picked."""
        project = self.session.project
        for box in self.networks:
            box.offer(project, box.value if project is None else getattr(project.settings, box.name))
        if project is None:
            return
        chosen = {name: getattr(project.settings, name) for name in ("diameter", "invert", "threshold")}
        for name, value in chosen.items():
            if value is not None:
                with getattr(self, name).changed.blocked():
                    getattr(self, name).value = value
        self._follow_diameter()
        if project.settings.min_distance is not None and self.result is None:
            with self.min_distance.changed.blocked():
                self.min_distance.value = min(project.settings.min_distance, self.min_distance.max)

    def _follow_move(self, name: str) -> None:
        """The image shows another micrograph of the project."""
        self.source.refresh()
        self._forget()
        scores = next((r.score_layer for r in self._results.values() if isinstance(r, ProjectResult)), None)
        if scores is not None:
            scores.visible = False
        self._show_scores()

    def _keep_later(self) -> None:
        """Keep the form's values in the project once nobody changes them."""
        if self._in_project and not self.session.read_only:
            self._keeping.start(SETTLED)

    def _keep(self) -> None:
        if not self._in_project or self.session.read_only:
            return
        diameter, distance = float(self.diameter.value), float(self.min_distance.value)
        usual = diameter > 0 and abs(distance - PickerSettings(diameter=diameter).spacing) < 1
        try:
            self.session.configure(
                diameter=diameter or None,
                pixel_size=self._pixel_size(),
                invert=self.invert.value,
                threshold=float(self.threshold.value),
                min_distance=None if usual else distance,
                **{box.name: box.value for box in self.networks},
            )
        except UserError as error:
            show_warning(str(error))

    def _pixel_size(self) -> float | None:
        """The project's pixel size, or a new one that was given in this form."""
        given = float(self.source.pixel_size.value) or None
        before = self.session.picks(self.session.current).frame.pixel_size
        assert self.session.project is not None
        return self.session.project.settings.pixel_size if given == before else given

    # ------------------------------------------------------------ the form

    def _check(self, event: Any = None) -> None:
        """Run is on when it can work; the sliders, when there is something to tune."""
        self._draw_ring()
        try:
            self._require_sense()
        except UserError as error:
            self.job.allow(str(error))
        else:
            self.job.allow()
        result = self.result
        for widget in (self.threshold, self.min_distance):
            if result is not None:
                with widget.changed.blocked():
                    widget.value = getattr(result, widget.name)
        self.show_scores.enabled = result is not None
        self._summarise()

    def _require_sense(self) -> None:
        """Raise a `UserError` for what would make a run fail, as far as the form can know."""
        if self._in_project and self.session.read_only:
            raise UserError(f"The project can only be read: {self.session.read_only}.", "Open it again later.")
        frame = self.source.source().frame
        pixels = frame.micrograph_pixels(self._settings().diameter)
        if frame.shape is not None and pixels > min(frame.shape):
            raise UserError(
                f"A particle of {self.diameter.value:g} Å is {pixels:.0f} px, larger than the image.",
                "Check the diameter and the pixel size.",
            )

    def _follow_diameter(self) -> None:
        """The minimum distance is a part of the diameter until someone moves it."""
        diameter = float(self.diameter.value)
        if self.result is None and diameter > 0:
            with self.min_distance.changed.blocked():
                self.min_distance.max = 2 * diameter
                self.min_distance.value = PickerSettings(diameter=diameter).spacing
        self._check()

    def _draw_ring(self) -> None:
        """The diameter in pixels, in words and as a ring."""
        diameter, frame = float(self.diameter.value), None
        try:
            frame = self.source.source().frame
            self.in_pixels.value = f"= {frame.micrograph_pixels(diameter):.1f} px"
        except UserError:
            self.in_pixels.value = ""
        if frame is not None and frame.pixel_size and diameter > 0 and self.show_ring.value:
            self._ring.show(frame, diameter)
        else:
            self._ring.hide()

    def _release(self, window: bool) -> None:
        """The form is gone: leave the viewer as it would be without it."""
        self.job.leave(window)
        self.source.release()
        self._keeping.stop()
        self.session.opened.disconnect(self._follow_project)
        self.session.configured.disconnect(self._follow_settings)
        self.session.moved.disconnect(self._follow_move)
        self._viewer.layers.events.removed.disconnect(self._forget)
        self._viewer.dims.events.current_step.disconnect(self._check)
        if window:
            self._ring.close()


def _steps(source: Source, name: str, settings: dict[str, Any]) -> jobs.Job[tuple[ScoringPicker, ScoreMap]]:
    """Everything that takes time; runs in a thread and touches no layer."""
    yield jobs.Progress(0, 1, message="Loading the networks")
    picker = load_picker(name, **settings)
    if not isinstance(picker, ScoringPicker):
        raise UserError(f"{name} gives no score map, so there is nothing to tune here.", "Run it on the command line.")
    yield jobs.Progress(0, 1, message="Reading the image")
    micrograph = source.micrograph()
    return picker, (yield from jobs.score(picker, micrograph))
