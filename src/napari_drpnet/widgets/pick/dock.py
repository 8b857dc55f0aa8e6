"""Dock widget: pick the particles of a micrograph, and tune the result without running the network again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import CheckBox, Label
from napari.utils.notifications import show_warning

from napari_drpnet import layers
from napari_drpnet.errors import UserError
from napari_drpnet.jobs import Progress
from napari_drpnet.settings import AUTO, PickerSettings, ThresholdValue
from napari_drpnet.widgets.kit.dock_form import DockForm
from napari_drpnet.widgets.kit.eye_form import EyeForm
from napari_drpnet.widgets.kit.forms import control, filled
from napari_drpnet.widgets.kit.help import about
from napari_drpnet.widgets.kit.job import JobBar
from napari_drpnet.widgets.kit.one_at_a_time import OneAtATime
from napari_drpnet.widgets.kit.parts import timer
from napari_drpnet.widgets.kit.preferences import preference
from napari_drpnet.widgets.kit.removal import Removal
from napari_drpnet.widgets.kit.source import ChosenImage, ImageForm
from napari_drpnet.widgets.kit.subscriptions import Subscriptions
from napari_drpnet.widgets.pick.learnt import LearntForm
from napari_drpnet.widgets.pick.picker_form import PickerForm
from napari_drpnet.widgets.pick.project_result import ProjectResult
from napari_drpnet.widgets.pick.project_side import ProjectSide
from napari_drpnet.widgets.pick.result import Result
from napari_drpnet.widgets.pick.results import Results
from napari_drpnet.widgets.pick.run import Scored, Sooner, in_project, on_its_own, steps
from napari_drpnet.widgets.pick.saving import SaveForm
from napari_drpnet.widgets.pick.size import SizeForm
from napari_drpnet.widgets.pick.tuning import Tuning
from napari_drpnet.widgets.session.session import Session

if TYPE_CHECKING:
    from napari.viewer import Viewer

SETTLED = 500  # milliseconds after which values of the form are kept in the project


class PickWidget(DockForm):
    """Choose an image and a diameter, run a picker, move the sliders."""

    def __init__(self, napari_viewer: Viewer) -> None:
        self._viewer = napari_viewer
        self.session = Session.of(napari_viewer)
        self._results = Results()
        self._build(napari_viewer)
        self._connect()
        self._follow_project()

    def _build(self, viewer: Viewer) -> None:
        self.source = ImageForm(viewer)
        self.sight = OneAtATime(viewer)
        self.hidden = Label(value="")
        self.hidden.native.setWordWrap(True)
        self.eye = EyeForm(viewer, self.source)
        self.size = SizeForm(viewer)
        self.diameter, self.in_pixels, self.show_ring = self.size.diameter, self.size.in_pixels, self.size.show_ring
        self.method = PickerForm()
        self.picker = self.method.picker
        self.device = control(PickerSettings, "device", preference("device"))
        tooltip = PickerSettings.model_fields["invert"].description
        self.invert = CheckBox(name="invert", text="Particles are bright", tooltip=tooltip)
        self.job = JobBar("Run", self.run)
        self.tuning = Tuning()
        self.threshold, self.min_distance = self.tuning.threshold, self.tuning.min_distance
        self.show_scores, self.summary = self.tuning.show_scores, self.tuning.summary
        self.project_side = ProjectSide(self.session, self.source, self.size, self.method, self.tuning, self.invert)
        self.learnt = LearntForm()
        self.saving = SaveForm()
        method = (self.picker, self.method.about, self.device, self.invert, self.method.folds)
        form = (*self.source.widgets, self.hidden, *self.size.widgets, self.eye, self.eye.spectrum, *method)
        super().__init__(widgets=[*form, self.job, *self.tuning.widgets, self.saving, self.learnt])
        self.learnt.show_for(None)

    def _connect(self) -> None:
        self.source.changed.connect(self._check)
        self.size.changed.connect(self._follow_diameter)
        self.diameter.changed.connect(self.eye.suit)
        self.method.changed.connect(self._follow_picker)
        self.tuning.changed.connect(self._tune)
        self.tuning.measured.connect(self._use_diameter)
        self.show_scores.changed.connect(self._show_scores)
        self.tuning.show_boxes.changed.connect(self._draw_picks)
        self.tuning.colour_by.changed.connect(self._draw_picks)
        for widget in (self.diameter, self.invert, self.source.pixel_size):
            widget.changed.connect(self._keep_later)
        self.job.ended.connect(self._follow_run)
        self.learnt.saved.connect(self.method.take_weights)
        self._heard = Subscriptions(
            (self.session.opened, self._follow_project),
            (self.session.configured, self._follow_settings),
            (self.session.moved, self._follow_move),
            (self.session.edited, self._note_edit),
            (self.session.threshold.changed, self._count_later),
            (self.session.saving, lambda reason, _: reason or self._keeping.start()),  # a full disk has room again
            (self._viewer.layers.events.removed, self._forget),
            (self._viewer.dims.events.current_step, self._check),
        )
        self._keeping = timer(self.project_side.keep, SETTLED, self.native)
        self._counting = timer(self._count, 0, self.native)
        self._totalling = timer(self._count, SETTLED, self.native)  # the project counts what is saved
        about(self.native, "Pick")
        self._removal = Removal(self.native, self._release)

    # ------------------------------------------------------------ the run

    def run(self) -> None:
        """Start with the values of the form."""
        source, name = self.source.source(), self._name
        project = self.session.project
        if name and project is not None:
            self.project_side.keep()
            more = {"device": self.device.value, "memory": preference("memory")}
            order = in_project(source, project, self.project_side.threshold == AUTO, **more)
        else:
            told = self._settings().model_dump()
            order = on_its_own(source, self.method.name, told, self.learnt, self.project_side.threshold == AUTO)
        self.job.run(
            steps,
            order,
            done=lambda found: self._take(source, name, found),
            step=lambda told: self._take_sooner(source, name, told),
        )

    def _settings(self) -> PickerSettings:
        """What the picker is told. The sliders are not part of it: they come into play when it has run."""
        widgets = [self.diameter, self.device, self.invert, *self.method.controls.values()]
        return filled(self.method.model, widgets, memory=preference("memory"), **self.method.weights())

    def _take_sooner(self, source: ChosenImage, name: str, told: Progress) -> None:
        """Show what is found before it is known what averages prove."""
        if isinstance(told, Sooner) and told.found is not None:
            self._take(source, name, told.found)

    def _take(self, source: ChosenImage, name: str, found: Scored) -> None:
        """Show what a run found, unless the image it belongs to is gone or changed.

        A micrograph of the project keeps it, even if another one is shown by now.
        """
        picker = found.picker
        if name and name in self.session.names:
            last = self._results.before(source.key)
            result: Result = ProjectResult(self._viewer, self.session, name, source, found, last)
        elif not name and self.source.holds(source):
            result = Result(self._viewer, source, found, self._results.on(source.key))
        else:
            self.job.say("The image changed meanwhile; the result was dropped.")
            return
        self._results.add(source.key, result)
        known = source.frame.pixel_size is not None
        usual = AUTO if picker.auto else picker.settings.threshold
        threshold = self.project_side.thresholds.get(picker.name, usual)
        result.edited.connect(self._count_later)
        self._show(result, threshold, self.tuning.distance if known else None)
        self.show_ring.value = False
        self._check()
        self._show_scores()

    def _show(self, result: Result, threshold: ThresholdValue, min_distance: float | None) -> None:
        """Show a result at these values."""
        try:
            result.show(threshold, min_distance)
        except UserError as error:  # a project that can no longer be written
            show_warning(error.plain)

    # ------------------------------------------------------------ the result

    @property
    def result(self) -> Result | None:
        """The result on the image and frame that are chosen now."""
        try:
            result = self._results.on(self.source.source().key)
        except UserError:
            return None
        return result if result is not None and result.layer is not None else None

    def _tune(self) -> None:
        result = self.result
        picker = self.method.name if result is None else result.picker.name
        self.project_side.thresholds[picker] = self.tuning.asked
        if result is None:
            self.project_side.slide()
            self._check()
        else:
            self._show(result, self.tuning.asked, self.tuning.distance)
            self.tuning.follow(result)
            self._draw_picks()
        self._keep_later()

    def _show_scores(self) -> None:
        if self.result is not None:
            self.result.show_scores(self.show_scores.value)

    def _draw_picks(self) -> None:
        """Circles or boxes, in the colours that are chosen: the picks of a run, or of the project."""
        result = self.result
        if result is not None:
            result.show_boxes(self.tuning.show_boxes.value)
        self.tuning.colour(
            self.session.points if result is None and self.project_side.here else result and result.layer
        )

    def _note_edit(self, name: str) -> None:
        if name == self._name:
            self._counting.start()
            self._totalling.start()

    def _count_later(self) -> None:
        """Several changes in a row are counted once."""
        self._counting.start()

    def _count(self) -> None:
        """Say how many picks there are, here and in the whole project."""
        result = self.result
        if result is not None:
            self.tuning.count(result)
        else:
            self.project_side.show_kept()
        threshold = self.project_side.number(self.project_side.threshold) if result is None else result.threshold
        total = self.project_side.total(threshold)
        self.tuning.total.value = total
        self.tuning.total.visible = bool(total)

    def _use_diameter(self, diameter: float) -> None:
        """The median of the picks is how large the particle is."""
        self.diameter.value = round(diameter, 1)

    def _forget(self, event: Any = None) -> None:
        """Drop the results whose layers are gone."""
        self.size.notice_removal()
        self._results.forget(self.source)
        self._check()

    # ------------------------------------------------------------ the project

    @property
    def _name(self) -> str:
        """The micrograph of the project that is chosen; empty when the image is not the project's."""
        return self.session.current if self.source.layer is not None and self.project_side.here else ""

    def _follow_project(self) -> None:
        """A project was opened or closed."""
        if self.session.project is not None:
            self.show_ring.value = False  # among its marks it looks like a particle that somebody confirmed
        self.method.reset()
        self._follow_settings()
        self._show_picker()
        self._forget()

    def _follow_settings(self) -> None:
        """Show how the project is picked."""
        self.project_side.fill()
        if self.session.project is not None:
            self._show_picker()

    def _follow_run(self) -> None:
        """A run may have changed the project: what a picker has learnt is a setting of it."""
        if self.project_side.here:
            self.project_side.keep()
            self._follow_settings()

    def _follow_move(self, name: str) -> None:
        """The image shows another micrograph of the project."""
        self.source.refresh()
        self._forget()
        scores = self._results.score_layer
        if scores is not None:
            scores.visible = False
        self._show_scores()

    def _keep_later(self) -> None:
        """Keep the form's values in the project once nobody changes them."""
        if self.project_side.writable:
            self._keeping.start()

    # ------------------------------------------------------------ the form

    def _check(self, event: Any = None) -> None:
        """Run is on when it can work; the sliders, when there is something to tune."""
        self._see()
        try:
            self.size.draw(self.source.source())
        except UserError:
            self.size.draw(None)
        self.job.check(self._require_sense)
        result = self.result
        if result is None:
            self.tuning.show(
                self.project_side.threshold,
                float(self.diameter.value),
                self.project_side.number(self.project_side.threshold),
            )
        else:
            self.tuning.follow(result)
        self._count()
        self._draw_picks()
        self.learnt.show_for(None if result is None else result.picker)
        project = self.session.project if self.project_side.here else None
        self.saving.show_for(result, "" if project is None else str(project.folder / "picks"))

    def _see(self) -> None:
        """The chosen micrograph alone is seen, with its picks."""
        if self.source.layer is not None:
            self.sight.show(layers.named_frame(self.source.layer).micrograph)
        self.hidden.value = self.sight.said
        self.hidden.visible = bool(self.sight.said)

    def _require_sense(self) -> None:
        """Raise a `UserError` for what would make a run fail, as far as the form can know."""
        if self.project_side.here and self.session.read_only:
            raise UserError(f"The project can only be read: {self.session.read_only}.", "Open it again later.")
        frame, diameter = self.source.source().frame, self._settings().diameter
        self.size.require_room(frame, diameter)

    def _follow_picker(self) -> None:
        self._show_picker()
        self._keep_later()

    def _show_picker(self) -> None:
        """Another picker, or another setting of it: it may do without a diameter that nobody gave."""
        self.size.suit(self.method.usual_diameter)
        self._check()

    def _follow_diameter(self) -> None:
        """The minimum distance is a part of the diameter until someone moves it."""
        if self.result is None:
            self.tuning.distance = None
        self._check()

    def _release(self, window: bool) -> None:
        """The form is gone: leave the viewer as it would be without it."""
        self.job.leave(window)
        self.source.heard.end()
        self.eye.leave(window)
        self._keeping.stop()
        self._counting.stop()
        self._totalling.stop()
        self._heard.end()
        self.size.close(window)
