"""Dock widget: go through the micrographs of a project, correct their picks, pick them."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info, show_warning
from qtpy.QtCore import QItemSelectionModel
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLineEdit,
    QSizePolicy,
    QWidget,
)

from napari_drpnet import jobs
from napari_drpnet.errors import UserError
from napari_drpnet.io.project.project import Project
from napari_drpnet.pickers import needs_diameter
from napari_drpnet.widgets.kit.background import Background
from napari_drpnet.widgets.kit.eye_form import EyeForm
from napari_drpnet.widgets.kit.fold import aligned
from napari_drpnet.widgets.kit.help import about
from napari_drpnet.widgets.kit.job import JobBar
from napari_drpnet.widgets.kit.open_project import OpenProject
from napari_drpnet.widgets.kit.parts import NeverCut, Pages, button, in_column, in_row, lay_out, timer, wrapped
from napari_drpnet.widgets.kit.removal import Removal
from napari_drpnet.widgets.kit.subscriptions import Subscriptions
from napari_drpnet.widgets.micrographs.curate import Curation
from napari_drpnet.widgets.micrographs.done import DoneChoice
from napari_drpnet.widgets.micrographs.panel import CuratePanel, shortcuts
from napari_drpnet.widgets.micrographs.project_form import ProjectForm
from napari_drpnet.widgets.micrographs.table import MicrographModel
from napari_drpnet.widgets.micrographs.view import MicrographTable
from napari_drpnet.widgets.session.session import Session

if TYPE_CHECKING:
    from napari.viewer import Viewer

STATES = ("all", "new", "picked", "edited", "done")
LAG = 400  # milliseconds after an edit, when it is on disk: the table shows what is
LONG = 20  # seconds of picking after which a person may look elsewhere, and is told of the end
_LISTED = 10  # micrographs that could not be picked
TYPING = 150  # milliseconds without a key before the filter works


class MicrographsWidget(QWidget):
    """Open a project, and work through its micrographs."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.session = Session.of(napari_viewer)
        self.curation = Curation(self.session)
        self._changed: set[str] = set()
        self._ctf = Background()
        self._begun = 0.0  # when the run of picking began
        self._asked: list[str] = []  # those that it was given
        self._picking: Project | None = None  # whose they are; another may be open by now
        self._build()
        self._connect()
        about(self, "Micrographs")
        self._removal = Removal(self, self._release)
        self._follow_project()

    # ------------------------------------------------------------ the form

    def _build(self) -> None:
        self.open_form = OpenProject(self.session.open)
        self.title = wrapped()
        self.close_button = button("Close", "Save, and close the project.")
        self.notice = wrapped()
        self.notice.setStyleSheet("color: #ffb000")
        self.name_filter = QLineEdit()
        self.name_filter.setPlaceholderText("part of the name")
        self.name_filter.setClearButtonEnabled(True)
        self.name_filter.setToolTip("Show only micrographs whose names contain this.")
        self.state_filter = QComboBox()
        self.state_filter.addItems(STATES)
        self.state_filter.setToolTip("Show only micrographs in this state.")
        self.model = MicrographModel()
        self.table: Any = MicrographTable(self.model)
        self.eye = EyeForm(self.session.viewer)
        self.previous_button = button("◂ Previous", "The micrograph before, in the order of the table (Shift+N).")
        self.next_button = button("Next ▸", "The next micrograph, in the order of the table (N).")
        self.done_button = button("Done", "Mark this micrograph as done, or as not done (D).")
        self.done_button.setCheckable(True)
        self.panel = CuratePanel(self.curation, DoneChoice(self.session))
        self.settings = ProjectForm(self.session)
        self.pick_this = button("Pick this", "Run the picker on this micrograph; labels stay (R).")
        self.job = JobBar("Pick all", self.pick_all)
        self.job.button.tooltip = (
            "Run the picker on the micrographs that the table shows: those without picks, and those that were picked "
            "with other settings. Labels stay (Shift+R)."
        )
        self.again = QCheckBox("All again")
        self.again.setToolTip("Pick also those that were picked with these settings.")
        self.pages = Pages()
        self.pages.addWidget(in_column(self.open_form.native))
        page = self._project_page()
        self.pages.addWidget(page)
        shortcuts(self.curation, page)
        lay_out(self, NeverCut(self.pages), margin=6)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    def _project_page(self) -> QWidget:
        row = in_row(self.job.button.native, self.pick_this, self.again, stretch=(2, 1, 0))
        self.job.native.layout().insertWidget(0, row)
        return in_column(
            in_row(self.title, self.close_button, stretch=(1, 0)),
            self.notice,
            in_row(self.name_filter, self.state_filter, stretch=(1, 0)),
            self.table,
            in_row(self.previous_button, self.next_button, self.done_button),
            self.settings.native,
            self.job.native,
            in_row(aligned([self.eye]), self.eye.spectrum.native, stretch=(1, 0)),
            self.panel,
            growing=self.table,
        )

    def _connect(self) -> None:
        session = self.session
        self._heard = Subscriptions(
            (session.opened, self._follow_project),
            (session.moved, self._follow_move),
            (session.edited, self._note),
            (session.saving, self._show_notice),
            (session.threshold.changed, self._show_state),
        )
        self.close_button.clicked.connect(session.close)
        self.previous_button.clicked.connect(session.previous)
        self.next_button.clicked.connect(session.next)
        self.done_button.clicked.connect(self.curation.done)
        self.pick_this.clicked.connect(self.pick_current)
        self.curation.picking.connect(self._pick_by_key)
        self.job.ended.connect(self._ended)
        self.table.selectionModel().currentRowChanged.connect(self._go)
        self.table.clicked.connect(self._go)
        self.state_filter.currentTextChanged.connect(self._filter)
        self.name_filter.textChanged.connect(lambda: self._typing.start())
        self._typing = timer(self._filter, TYPING, self)
        self._refresh = timer(self._update_rows, LAG, self)
        self.model.modelReset.connect(self._follow_order)

    # ------------------------------------------------------------ the project

    def _follow_project(self) -> None:
        """A project was opened or closed."""
        project = self.session.project
        self._changed.clear()  # of the one before
        self.pages.setCurrentIndex(0 if project is None else 1)
        if project is None:
            self.job.cancel()
            self.model.fill([])
            return
        self.title.setToolTip(str(project.folder))
        self.table.setFocus()  # where all keys work
        self.name_filter.clear()
        self.state_filter.setCurrentIndex(0)
        self.model.fill(project.rows())
        self.model.tell_ctf({})
        self._ctf.order(partial(jobs.told_ctf, project), partial(self._take_ctf, project))
        self._hide_columns()
        self._allow()
        self._follow_move(self.session.current)

    def _allow(self) -> None:
        """What can be pressed."""
        reason = self.session.read_only
        self.job.allow(f"Nothing can be changed: {reason.rstrip('.')}." if reason else "")
        for pressed in (self.pick_this, self.done_button):
            pressed.setEnabled(not reason)
        self.panel.allow(not reason)

    def _follow_move(self, name: str) -> None:
        """Another micrograph is current."""
        self._mark_row()
        self._show_notice()
        self._show_state()

    def _show_notice(self, _: str = "") -> None:
        session = self.session
        read_only = f"Read only: {session.read_only}." if session.project and session.read_only else ""
        lines = [text for text in (read_only, session.unsaved, session.trouble) if text]
        self.notice.setText("\n".join(lines))
        self.notice.setVisible(bool(lines))

    def _show_state(self) -> None:
        project, rows = self.session.project, self.model.rows
        if project is None or not self.session.current:
            return
        done, picks = sum(row.state == "done" for row in rows), project.total().picks
        told = (f"<b>{project.folder.name}</b>", f"{len(rows):,} micrographs", f"{picks:,} picks", f"{done:,} done")
        self.title.setText(" · ".join(told))
        self.done_button.setChecked(project.row(self.session.current).state == "done")
        self.panel.show_counts()

    # ------------------------------------------------------------ the table

    def _go(self, index: Any, _: Any = None) -> None:
        """A row was chosen: it is the current micrograph."""
        if index.isValid():
            self.session.go(self.model.name_at(index.row()))

    def _mark_row(self) -> None:
        """The current micrograph's row is the selected one."""
        place = self.model.place(self.session.current)
        selection = self.table.selectionModel()
        selection.blockSignals(True)
        if place < 0:
            selection.clear()
        else:
            flags = QItemSelectionModel.SelectionFlag
            selection.setCurrentIndex(self.model.index(place, 0), flags.ClearAndSelect | flags.Rows)
            self.table.scrollTo(self.model.index(place, 0))
        selection.blockSignals(False)
        self.table.viewport().update()

    def _filter(self, _: str = "") -> None:
        state = self.state_filter.currentText()
        self.model.filter(self.name_filter.text().strip(), "" if state == "all" else state)

    def _follow_order(self) -> None:
        """The table was sorted or filtered: next and previous follow it."""
        self.session.follow(self.model.names)
        self._mark_row()

    def _note(self, name: str) -> None:
        """A micrograph was edited."""
        self._changed.add(name)
        if not self._refresh.isActive():
            self._refresh.start()
        if name == self.session.current:
            self.panel.show_counts()

    def _update_rows(self) -> None:
        project = self.session.project
        changed, self._changed = self._changed, set()
        if project is not None:
            rows = [project.row(name) for name in changed]
            self.model.put_all(rows)
            self.table.show_columns(self.model.told(rows))
            self._show_state()

    def _take_ctf(self, project: Project, known: dict[str, jobs.ToldCTF]) -> None:
        """What files tell of the CTF, if the project is still the one that is open."""
        if known and self.session.project is project:
            self.model.tell_ctf(known)
            self._hide_columns()

    def _hide_columns(self) -> None:
        """A column without any value takes no room."""
        self.table.hide_columns(self.model.empty)

    # ------------------------------------------------------------ picking

    def _pick_by_key(self, every: bool) -> None:
        if self.pick_this.isEnabled():  # as long as nothing runs, in a project that can be changed
            (self.pick_all if every else self.pick_current)()

    def pick_current(self) -> None:
        """Run the picker on the current micrograph."""
        if self.session.current:
            self._pick([self.session.current], again=True)

    def pick_all(self) -> None:
        """Run the picker on the micrographs that the table shows, as far as they are new."""
        self._pick(self.model.names, self.again.isChecked())

    def _pick(self, names: list[str], again: bool) -> None:
        project = self.session.project
        if project is None or self.job.running:
            return
        if project.settings.diameter is None and _wants_diameter(project.settings.picker):
            show_warning("The diameter of the particle is not known. Give it under Picking.")
            self.settings.open(True)
            return
        self.session.threshold.leave()
        self.session.flush()
        self.session.share(True)
        self._begun, self._asked, self._picking = monotonic(), names, project
        self.pick_this.setEnabled(False)
        self.job.run(jobs.pick_project, project, names, None, again, step=self._picked_one, done=self._picked)

    def _picked_one(self, progress: jobs.Progress) -> None:
        """Say how far it is, and show what is finished."""
        if isinstance(progress, jobs.PickProgress):
            self.job.say(jobs.progress_in_words(progress, monotonic() - self._begun))
            for result in progress.finished:
                self._take(result.micrograph)

    def _ended(self) -> None:
        """The job is over, one way or the other."""
        self._let_go()
        self.pick_this.setEnabled(not self.session.read_only)  # what the job said stays to be read

    def _let_go(self) -> None:
        """No job writes picks any more, unless it is to another project than the one that is open."""
        project, self._picking = self._picking, None
        if project is not None and project is self.session.project:
            self.session.reload(self._asked)
            self.session.share(False)
            self.session.threshold.reset()  # those that were not asked for follow it now

    def _picked(self, report: jobs.PickReport) -> None:
        new = len(report.picked) - report.earlier
        before = f" {report.earlier:,} had been picked with these settings." if report.earlier else ""
        done = f"{new:,} picked, {report.picks:,} picks in all.{before}"
        failed = [f"{result.micrograph}: {result.error}" for result in report.failed]
        if len(failed) > _LISTED:
            failed = [f"{len(failed):,} could not be picked:", *failed[:_LISTED], "and others: they are still new."]
        self.job.say("\n".join([done, *report.notes, *failed]))
        if monotonic() - self._begun > LONG:
            wrong = f" {len(report.failed):,} could not be picked." if report.failed else ""
            show_info(f"Picking has ended: {done}{wrong}")

    def _take(self, name: str) -> None:
        if self._picking is self.session.project and name in self.session.names:
            self.session.reload([name])

    # ------------------------------------------------------------ the end

    def _release(self, window: bool) -> None:
        """The dock is gone. The project stays open in the session as long as there is a window."""
        self.job.leave(window)
        self.open_form.job.leave(window)
        session = self.session
        self._heard.end()
        self._refresh.stop()
        self._typing.stop()
        self._ctf.leave(window)
        self.settings.leave(window)
        self.panel.heard.end()
        self.panel.done.heard.end()
        self.eye.leave(window)
        if window:
            self.curation.release()
            session.follow(())
            self._let_go()
            session.flush()
        else:
            session.leave()


# ---------------------------------------------------------------- parts


def _wants_diameter(picker: str) -> bool:
    """Whether a picker must be told the diameter; one that cannot be loaded is told of by the job."""
    with suppress(UserError):
        return needs_diameter(picker)
    return False
