"""The part of the Retrain dock that trains: what from, how it goes, how good it is, and whether it is used."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from math import isfinite
from pathlib import Path
from threading import Event
from typing import Any

from magicgui.widgets import ComboBox, LineEdit
from napari.utils.notifications import show_info
from psygnal import Signal
from qtpy.QtWidgets import QWidget

from napari_drpnet import jobs
from napari_drpnet.errors import UserError
from napari_drpnet.io.patches import patch_sets
from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs import Job, Progress, RetrainReport, TrainProgress
from napari_drpnet.pickers import settings_class
from napari_drpnet.pickers.protocol.correction import ROLE
from napari_drpnet.pickers.protocol.picker import learnable
from napari_drpnet.settings import RetrainSettings
from napari_drpnet.steps import translate
from napari_drpnet.widgets.kit.chart import Chart, Dot
from napari_drpnet.widgets.kit.fold import Fold, aligned, rows_of
from napari_drpnet.widgets.kit.forms import control, filled
from napari_drpnet.widgets.kit.job import JobBar
from napari_drpnet.widgets.kit.narrow import narrow
from napari_drpnet.widgets.kit.parts import button, in_row, lay_out, timer, wrapped
from napari_drpnet.widgets.kit.preferences import preference
from napari_drpnet.widgets.kit.subscriptions import Subscriptions
from napari_drpnet.widgets.retrain.tab import MARGIN, Networks, Tab
from napari_drpnet.widgets.session.session import Session

LABELS = "my labels"
_KINDS = {"whatever helps most": "best", "only the scores (seconds)": ROLE}
_TIMES = {"patches": "a minute", "micrographs": "minutes"}
_STAGES = {"detect": "Looking at the labelled micrographs", "train": "Training", "judge": "Judging"}
_VAGUE = 0.1  # an estimate of F1 with a larger error says little
_RATHER = (
    "To know it better, label all particles of a micrograph and mark it as done, or label more, right and wrong ones."
)
_LAG = 400  # milliseconds after an edit, when it is on disk: what can be trained from is counted there


class Training(Tab):
    """Train in a project, and put the result to use or not."""

    trained = Signal(object, object)  # networks that were in use, and those that came out
    look = Signal()  # somebody wants to see what changed

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.report: RetrainReport | None = None
        self._former: Networks = {}
        self._losses: list[Dot] = []
        self._scores: list[Dot] = []
        self._build()
        self._connect()
        self._follow_project()

    # ------------------------------------------------------------ the form

    def _build(self) -> None:
        fields = RetrainSettings.model_fields
        self.labels = wrapped()
        help_text = fields["what"].description
        self.what = ComboBox(label="What", name="what", choices=list(_KINDS.items()), tooltip=help_text)
        self.patches = narrow(
            ComboBox(
                label="From",
                choices=[LABELS],
                tooltip="What is learnt from: your labels, or examples that were harvested.",
            )
        )
        self.name = LineEdit(label="Name", name="name", tooltip=fields["name"].description)
        self.name.native.setPlaceholderText("retrained-1, -2, ...")
        self.start: Any = control(RetrainSettings, "start")
        self.counts = {name: control(RetrainSettings, name, empty="default") for name in ("steps", "batch")}
        self.rate: Any = control(RetrainSettings, "rate")
        self.seed: Any = control(RetrainSettings, "seed")
        self.advanced = Fold("Advanced", [self.start, *self.counts.values(), self.rate, self.seed])
        self.job = JobBar("Retrain", self.run)
        self.jobs = (self.job,)
        self.loss, self.f1 = (
            Chart("Error while training", "step"),
            Chart("F1 on examples kept for testing", "step", dots=True, most=1.0),
        )
        self.result = wrapped()
        self.use_button = button("Use it", "The project picks with it from now on; press 'Pick all' to pick again.")
        self.back_button = button("Back to the old one", "The project picks as before.")
        self.look_button = button("See what changed", "Pick with the old and the new one, and compare.")
        self._form = aligned([self.what, self.patches, self.name])
        self._plots = QWidget()
        lay_out(self._plots, self.loss, self.f1)
        self._plots.hide()
        form = (self.labels, self._form, self.advanced.native, self.job.native)
        use = (in_row(self.use_button, self.back_button), self.look_button)
        lay_out(self, *form, self._plots, self.result, *use, margin=MARGIN).addStretch()

    def _connect(self) -> None:
        session = self.session
        self._soon = timer(self._check, _LAG, self)
        self._heard = Subscriptions(
            (session.opened, self._follow_project), (session.configured, self._check), (session.edited, self._note)
        )
        self.what.changed.connect(self._check)
        self.patches.changed.connect(self._check)
        self.use_button.clicked.connect(self.use)
        self.back_button.clicked.connect(self.back)
        self.look_button.clicked.connect(lambda: self.look.emit())

    def release(self, window: bool) -> None:
        """The dock is gone: training ends, and what it has stays in the project."""
        self._soon.stop()
        if window and self.job.running:
            show_info("The training ends now. The best so far is kept in the project.")
        super().release(window)

    def enterEvent(self, event: Any) -> None:  # noqa: D102, N802 - Qt's own method
        self._offer_patches()
        super().enterEvent(event)

    def _note(self, name: str) -> None:
        if not self._soon.isActive():
            self._soon.start()

    def _follow_project(self) -> None:
        """A project was opened or closed."""
        self.job.cancel()
        self.report, self._former = None, {}
        self.result.setText("")
        self._plots.hide()
        self._offer_patches()
        self._check()

    def _offer_patches(self) -> None:
        """The patch sets that the project has now."""
        project = self.session.project
        choices = [LABELS, *(patch_sets(project.patches) if project is not None else ())]
        if list(self.patches.choices) != choices:
            chosen = self.patches.value
            self.patches.choices = choices
            self.patches.value = chosen if chosen in choices else LABELS

    @property
    def _learnable(self) -> dict[str, str]:
        """The networks of the project's picker that labels can train, and what each learns from."""
        project = self.session.project
        with suppress(UserError):
            if project is not None:
                return {one.field: one.learns_from for one in learnable(settings_class(project.settings.picker))}
        return {}

    def _offer_kinds(self) -> None:
        """What can be retrained of the project's picker."""
        networks = {f"{self._called(field)} ({_TIMES[kind]})": field for field, kind in self._learnable.items()}
        choices = list((_KINDS | networks).items())
        if [value for _, value in choices] != list(self.what.choices):
            with self.what.changed.blocked():
                self.what.choices = choices

    def _called(self, field: str) -> str:
        """A network of the picker, in words."""
        project = self.session.project
        title = None if project is None else settings_class(project.settings.picker).model_fields[field].title
        return f"the network that {title[0].lower()}{title[1:]}" if title else field

    @property
    def _takes_patches(self) -> bool:
        """Whether something is retrained that learns from patches."""
        of_patches = [field for field, learns_from in self._learnable.items() if learns_from == "patches"]
        return bool(of_patches) and self.what.value in ("best", *of_patches)

    def _check(self) -> None:
        """Retrain is on when it can work; what it would learn from is said."""
        self._offer_kinds()
        rows_of(self._form).setRowVisible(self.patches.native, self._takes_patches)
        self.labels.setText("")
        self.job.check(lambda: self.labels.setText(self._told()))
        self._show_use()

    def _told(self) -> str:
        """What there is to learn from; a `UserError` says why nothing can be trained."""
        if self.session.project is not None and self.session.read_only:
            raise UserError(f"Nothing can be written: {self.session.read_only}.")
        rows = self.ready().rows()
        told = [row for row in rows if row.particles or row.background]
        done, judged = sum(row.state == "done" for row in rows), sum(row.judged for row in rows)
        if not told and not done:
            if self._takes_patches and self.patches.value != LABELS:
                return "Nothing is labelled: the harvested examples are all that is learnt from."
            raise UserError(
                "Nothing is labelled.",
                "Label particles and background, or mark micrographs as done; or harvest examples without "
                "labels, and choose those.",
            )
        if self._learnable.get(self.what.value) == "micrographs" and not judged:
            who = self._called(self.what.value).capitalize()
            raise UserError(f"{who} learns from micrographs that are done, with every pick reviewed, and none is.")
        particles, background = (sum(getattr(row, kind) for row in told) for kind in ("particles", "background"))
        left_out = f" On {done - judged} of them are picks that nobody reviewed; they are left out." * (done > judged)
        return (
            f"{particles:,} particles and {background:,} background labelled; {done} of {len(rows):,} micrographs done."
            f"{left_out}"
        )

    # ------------------------------------------------------------ the run

    def run(self) -> None:
        """Start with the values of the form."""
        project = self.begin(self.job)
        if project is not None:
            with self.job.saying():
                self._train(project, self._settings())

    def _train(self, project: Project, settings: RetrainSettings) -> None:
        self._losses, self._scores = [], []
        self._draw()
        self._plots.hide()
        self.result.setText("")
        chosen = self.patches.value
        uses = self._takes_patches and chosen != LABELS
        folder = project.patches / chosen if uses else None
        stop = Event()
        self.job.run(_steps, project, settings, folder, stop, step=self._take_step, done=self._take, stop=stop)

    def _settings(self) -> RetrainSettings:
        widgets = [self.what, self.name, self.start, *self.counts.values(), self.rate, self.seed]
        return filled(RetrainSettings, widgets, device=preference("device"))

    def _take_step(self, progress: Progress) -> None:
        """Draw how it goes."""
        if not isinstance(progress, TrainProgress) or progress.stage != "train":
            return
        if isfinite(progress.loss):
            self._losses.append(Dot(progress.done, progress.loss))
        if progress.f1 is not None:
            self._scores.append(Dot(progress.done, progress.f1))
        self._plots.show()
        self._draw()

    def _draw(self) -> None:
        self.loss.show_values(self._losses)
        self.f1.show_values(self._scores)

    def _take(self, report: RetrainReport) -> None:
        """Show how good it is, and offer it."""
        project = self.session.project
        if project is None:
            return
        self.report = report
        self._former = {field: project.settings.options.get(field) for field in report.use}
        self.result.setText(_result(report))
        self.session.configured.emit()  # there is a network more to choose from
        self._show_use()
        if report.use:
            self.trained.emit(self._former, dict(report.use))

    # ------------------------------------------------------------ its use

    def use(self) -> None:
        """Pick with the new network from now on."""
        if self.report is not None:
            self._configure(self.report.use)

    def back(self) -> None:
        """Pick with the old networks again."""
        self._configure(self._former)

    def _configure(self, networks: Networks) -> None:
        project = self.session.project
        assert project is not None, "its networks are shown"
        with self.job.saying():
            self.session.configure(options=jobs.with_networks(project.settings.options, networks))
        self._show_use()

    def _show_use(self) -> None:
        """What can be pressed, and which of the two is in use."""
        project = self.session.project
        use = {} if project is None or self.report is None else self.report.use
        options = {} if project is None else project.settings.options
        new = bool(use) and all(options.get(field) == name for field, name in use.items())
        self.use_button.setEnabled(not new)
        self.use_button.setText("In use" if new else "Use it")
        self.back_button.setEnabled(new)
        for pressed in (self.use_button, self.back_button, self.look_button):
            pressed.setVisible(bool(use))


# ---------------------------------------------------------------- in a thread, without the viewer


def _steps(project: Project, settings: RetrainSettings, folder: Path | None, stop: Event) -> Job[RetrainReport]:
    yield Progress(0, 1, message="Loading the libraries")
    patches = None if folder is None else jobs.read_patch_set(folder, project.settings.diameter)
    return (yield from translate(jobs.retrain_picker(project, settings, patches, stop), _told))


def _told(progress: Progress) -> Progress:
    """A progress with words for people."""
    if not isinstance(progress, TrainProgress):
        return progress
    left = "" if progress.seconds_left is None else f"; {_duration(progress.seconds_left)} left"
    at = f", step {progress.done} of {progress.total}" if progress.stage == "train" else ""
    if progress.stage == "detect" and progress.total > 1:
        at = f", {min(progress.done + 1, progress.total)} of {progress.total}"
    return replace(progress, message=f"{_STAGES[progress.stage]}{at}{left}")


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _f1(value: float, estimated: bool) -> str:
    return f"{value:.2f}" if estimated else f"{value:.3f}"


def _result(report: RetrainReport) -> str:
    """What came of it, as rich text."""
    if report.weights is None:
        lines = ["<b>Nothing better was found; the picker stays as it is.</b>"]
    else:
        stopped = "; stopped, so this is the best until then" if report.stopped else ""
        learnt = f"from {report.labels:,} labelled particles" if report.labels else "without any label"
        lines = [f"<b>{report.name}</b> ({report.role}), {learnt}{stopped}"]
    if report.after is not None:
        before = "" if report.before is None else f"{_f1(report.before, report.estimated)} → "
        after = f"F1 <b>{before}{_f1(report.after, report.estimated)}</b>"
        if report.estimated:
            lines.append(f"{after} (estimated, ± {report.error:.2f}, since not all particles are labelled).")
            lines += [_RATHER] * (report.error > _VAGUE)
        else:
            lines.append(f"{after} (measured) on {report.judged_on}.")
    elif report.weights is not None:
        lines.append("F1 is not known: there are too few labels to leave some out.")
    return "<br>".join([*lines, *report.notes])
