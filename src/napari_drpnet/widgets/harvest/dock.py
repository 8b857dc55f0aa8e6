"""Dock widget: gather patches of particles and of background, and look at them before anything is trained."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.widgets import CheckBox, ComboBox, LineEdit, SpinBox
from qtpy.QtWidgets import QWidget

from napari_drpnet import jobs
from napari_drpnet.errors import UserError
from napari_drpnet.jobs import HarvestReport, Job, LabelledMicrograph, Progress
from napari_drpnet.pickers import load_picker
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.settings import HarvestSettings, PickerSettings
from napari_drpnet.steps import translate
from napari_drpnet.widgets.harvest.examples import Examples
from napari_drpnet.widgets.harvest.source import PointsList, layer_field
from napari_drpnet.widgets.kit.fold import Fold, aligned, rows_of
from napari_drpnet.widgets.kit.forms import control, filled
from napari_drpnet.widgets.kit.help import about
from napari_drpnet.widgets.kit.job import JobBar
from napari_drpnet.widgets.kit.parts import NO_DIAMETER, Scrolled, in_column, lay_out, wrapped
from napari_drpnet.widgets.kit.path_line import PathLine
from napari_drpnet.widgets.kit.preferences import preference
from napari_drpnet.widgets.kit.removal import Removal
from napari_drpnet.widgets.kit.source import ImageForm
from napari_drpnet.widgets.kit.subscriptions import Subscriptions
from napari_drpnet.widgets.session.session import Session

if TYPE_CHECKING:
    from napari.viewer import Viewer

PROJECT, LAYERS = "the project", "layers of the viewer"
_SOURCES = {
    "the best there is": "auto",
    "my labels": "labels",
    "what several pickers agree on": "agreement",
    "what averages prove": "evidence",
    "what the picker is sure of": "confidence",
}
_WITHOUT_POINTS = ("evidence", "confidence")
_OF_LEVELS = ("positive_sigma", "positive_height", "negative_sigma", "negative_height")
_FOR = {  # the settings that matter to each source
    "auto": ("random", "regions", "likely", "proved", "refuted"),
    "evidence": ("random", "regions", "proved", "refuted"),
    "labels": ("random", "regions", "likely"),
    "agreement": ("random", "difference", "likely"),
    "confidence": ("height", *_OF_LEVELS, "apart", "mean", "deviation", "least_deviation", "random"),
}
_NAME = r"\w[\w.+-]*"  # of a folder, on every system
_ALWAYS = ("balance", "validation", "seed")


class HarvestWidget(QWidget):
    """Choose what tells particles from background, run, and look at the patches."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.session = Session.of(napari_viewer)
        self.report: HarvestReport | None = None
        self._build(napari_viewer)
        self._connect()
        self._follow_project()

    # ------------------------------------------------------------ the form

    def _build(self, viewer: Viewer) -> None:
        self.where = ComboBox(label="From", choices=[LAYERS], tooltip="Whose micrographs and picks.")
        help_text = HarvestSettings.model_fields["source"].description
        self.source = ComboBox(label="Told by", choices=list(_SOURCES.items()), tooltip=help_text)
        self.image = ImageForm(viewer)
        self.points = PointsList(viewer)
        self.complete = CheckBox(
            text="All particles are labelled", tooltip="Everything else on this micrograph is then background."
        )
        self.diameter: Any = control(PickerSettings, "diameter", preference("diameter"))
        self.invert: Any = control(PickerSettings, "invert")
        self.other = PathLine(
            "folder or STAR file", "Picks of another program for the same micrographs.", kind="inputs"
        )
        self.most = SpinBox(
            label="Micrographs", value=20, min=1, max=100_000, tooltip="At most so many, spread over the project."
        )
        self.name = LineEdit(
            label="Name",
            value=_named("auto"),
            tooltip="Of the examples in the project; those of this name are replaced.",
        )
        names = [*dict.fromkeys(name for some in _FOR.values() for name in some), *_ALWAYS]
        self.settings: dict[str, Any] = {name: control(HarvestSettings, name, empty="the picker's") for name in names}
        self.advanced = Fold("Advanced", self.settings.values())
        self.job = JobBar("Harvest", self.run)
        self.told = wrapped()
        self.examples = Examples()
        self._head = aligned([self.where, self.source, *self.image.widgets, self.diameter, self.invert])
        rows_of(self._head).addRow("Picks", self.points)
        self._foot = aligned([self.complete, self.most])
        rows_of(self._foot).addRow("Other picks", self.other)
        rows_of(self._foot).addRow("Name", self.name.native)
        parts = (self._head, self._foot, self.advanced.native, self.job.native, self.told, self.examples)
        lay_out(self, Scrolled(in_column(*parts), sideways=True), margin=6)

    def _connect(self) -> None:
        self._heard = Subscriptions((self.session.opened, self._follow_project), (self.session.configured, self._check))
        self.where.changed.connect(self._arrange)
        self.source.changed.connect(self._follow_source)
        for signal in (self.image.changed, self.points.changed, self.diameter.changed, self.name.changed):
            signal.connect(self._check)
        self.other.edit.textChanged.connect(lambda _: self._check())
        about(self, "Harvest")
        self._removal = Removal(self, self._release)

    @property
    def _of_project(self) -> bool:
        return bool(self.where.value == PROJECT and self.session.project is not None)

    def _follow_project(self) -> None:
        """A project was opened or closed."""
        there = self.session.project is not None
        with self.where.changed.blocked():
            self.where.choices = [PROJECT, LAYERS] if there else [LAYERS]
            self.where.value = PROJECT if there else LAYERS
        self.examples.hide()  # they were of the one before
        self.told.setText("")
        self._arrange()

    def _follow_source(self) -> None:
        """The name is that of the source until somebody writes another one."""
        if self.name.value in ("", *map(_named, _SOURCES.values())):
            self.name.value = _named(self.source.value)
        self._arrange()

    def _arrange(self) -> None:
        """Only what matters to the choice is on the form."""
        project, source = self._of_project, self.source.value
        head, foot = rows_of(self._head), rows_of(self._foot)
        for widget in (*self.image.widgets, self.diameter, self.invert):
            head.setRowVisible(widget.native, not project)
        head.setRowVisible(self.points, not project and source not in _WITHOUT_POINTS)
        foot.setRowVisible(self.complete.native, not project and source in ("auto", "labels"))
        foot.setRowVisible(self.most.native, project and source != "labels")
        foot.setRowVisible(self.other, project and source == "agreement")
        foot.setRowVisible(self.name.native, project)
        for name, widget in self.settings.items():
            self.advanced.show_row(widget, name in (*_FOR[source], *_ALWAYS))
        self._check()

    def _check(self) -> None:
        """Harvest is on when it can work."""
        self.job.check(self._require_sense)

    def _require_sense(self) -> None:
        """Raise a `UserError` for what would make a run fail, as far as the form can know."""
        source = self.source.value
        if self._of_project:
            self._require_project(source)
            return
        self.image.source().frame.known_pixel_size()
        chosen = len(self.points.chosen)
        if source == "labels" and chosen != 1:
            raise UserError("Tick the one layer of points that holds the labels.")
        if source == "agreement" and chosen < 2:
            raise UserError("Tick two or more layers of points.")

    def _require_project(self, source: str) -> None:
        session, project = self.session, self.session.project
        assert project is not None
        if session.read_only:
            raise UserError(f"Nothing can be written: {session.read_only}.")
        if project.settings.diameter is None:
            raise UserError(NO_DIAMETER)
        if not re.fullmatch(_NAME, self.name.value):
            raise UserError("The name is missing or has signs that a folder cannot have.")
        if source == "agreement" and not self.other.text:
            raise UserError("Choose the picks of another program, a folder or a STAR file.")

    # ------------------------------------------------------------ the run

    def run(self) -> None:
        """Start with the values of the form."""
        with self.job.saying():
            task = self._task()
            self.examples.hide()
            self.told.setText("")
            self.job.run(_steps, task, done=self._take)

    def _task(self) -> _Task:
        """What to harvest, told in a way that no layer is touched later."""
        source = self.source.value
        settings = filled(HarvestSettings, self.settings.values(), source=source)
        common = {"device": preference("device"), "memory": preference("memory")}
        project = self.session.project
        if not self._of_project or project is None:
            options = {"diameter": self.diameter.value, "invert": self.invert.value, **common}
            chosen = [] if source in _WITHOUT_POINTS else self.points.chosen
            complete = self.complete.value and source in ("auto", "labels")
            field = layer_field(self.image.source(), chosen, complete)
            return _Task(lambda: [field], partial(load_picker, **options), settings)
        self.session.flush()
        most, other = self.most.value, self.other.path if self.other.text else None
        return _Task(
            partial(jobs.harvested_in_project, project, source, most, other),
            partial(jobs.project_picker, project, **common),
            settings,
            project.patch_set(self.name.value),
        )

    def _take(self, report: HarvestReport) -> None:
        """Show what was found."""
        self.report = report
        self.examples.show_patches(report.patches)
        place = "They are not kept: that needs a project."
        if report.folder is not None:
            place = f"Kept in the project as '{report.folder.name}'. Train from them in the Retrain dock."
        levels = filter(None, [jobs.levels_in_words(report.levels)])
        self.told.setText("\n".join([f"{len(report.patches):,} examples. {place}", *levels, *report.notes]))

    def _release(self, window: bool) -> None:
        """The form is gone: leave the viewer as it would be without it."""
        self.job.leave(window)
        self.image.heard.end()
        self.points.heard.end()
        self._heard.end()


@dataclass(frozen=True, eq=False)
class _Task:
    """One harvest.

    Attributes
    ----------
    micrographs, load
        Give the micrographs and the picker.
    settings
        What tells particles from background.
    out
        Folder of the patch set; None: nothing is written.
    """

    micrographs: Callable[[], Sequence[LabelledMicrograph]]
    load: Callable[[], LoadedPicker]
    settings: HarvestSettings
    out: Path | None = None


def _steps(task: _Task) -> Job[HarvestReport]:
    """Everything that takes time; runs in a thread and touches no layer."""
    yield Progress(0, 1, message="Looking for labels and picks")
    return (yield from translate(jobs.harvest(task.micrographs(), task.settings, task.load(), task.out), _told))


def _told(progress: Progress) -> Progress:
    at = f"{progress.done} of {progress.total} micrographs, {progress.picks:,} examples so far"
    return replace(progress, message=f"{progress.message} ({at})" if progress.message else at)


def _named(source: str) -> str:
    """The usual name of a patch set of a source."""
    return "patches" if source == "auto" else source
