"""Dock widget: the picks of a project, in the files of the program that goes on with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from magicgui.widgets import CheckBox, ComboBox
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QWidget

from napari_drpnet import jobs
from napari_drpnet.errors import UserError, cut
from napari_drpnet.jobs import Conversion
from napari_drpnet.widgets.kit.fold import aligned, rows_of
from napari_drpnet.widgets.kit.help import about
from napari_drpnet.widgets.kit.job import JobBar
from napari_drpnet.widgets.kit.narrow import narrow
from napari_drpnet.widgets.kit.parts import NO_PROJECT, button, in_column, in_row, lay_out, wrapped
from napari_drpnet.widgets.kit.path_line import PathLine
from napari_drpnet.widgets.kit.removal import Removal
from napari_drpnet.widgets.kit.subscriptions import Subscriptions
from napari_drpnet.widgets.session.session import Session

if TYPE_CHECKING:
    from napari.viewer import Viewer

_ALONE = "Picks of a single micrograph are saved in Pick, with 'Save picks…'."
_MOST = 5  # refused micrographs that are told one by one


class ExportWidget(QWidget):
    """Choose a program, and save all picks for it."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.session = Session.of(napari_viewer)
        self._build()
        self._heard = Subscriptions(
            (self.session.opened, self._follow_project), (self.session.edited, lambda _: self._tell_ready())
        )
        about(self, "Export")
        self._removal = Removal(self, self._release)
        self._follow_project()

    def _build(self) -> None:
        self.ready = wrapped()
        self.copy = button("Copy the path", "Copy where this file is, to paste it in RELION.")
        choices = [(title, name) for name, title in jobs.exports().items()]
        self.to = narrow(ComboBox(label="For", choices=choices, tooltip="The next program."))
        self.place = PathLine("folder or file", "Where the picks are written.", kind="save")
        self.only_done = CheckBox(
            text="Only micrographs that are done", tooltip="Leave out those that nobody marked as done (D)."
        )
        self.list = PathLine(
            "the project",
            "Where micrographs get their names from, if not from the project: the STAR file of "
            "micrographs of RELION, or the exposures of cryoSPARC (.cs). RELION's particles get the CTF from it, too.",
            kind="list",
        )
        self.job = JobBar("Save all picks", self.run)
        form = aligned([self.to, self.only_done])
        rows = rows_of(form)
        rows.insertRow(1, "To", self.place)
        rows.insertRow(2, "Names from", self.list)
        whole = in_column(self.ready, in_row(self.copy, QWidget()), form, self.job.native)
        lay_out(self, whole, margin=6)
        self.copy.clicked.connect(self._copy)
        self.to.changed.connect(self._suggest)
        self.place.edit.textChanged.connect(self._allow)

    # ------------------------------------------------------------ the project

    def _follow_project(self) -> None:
        self.job.cancel()
        self._suggest()
        self._tell_ready()
        self._allow()

    def _suggest(self) -> None:
        """Where the files go, unless somebody chose a place."""
        project = self.session.project
        self.place.edit.setText("" if project is None else str(jobs.export_target(project, self.to.value)))

    def _tell_ready(self) -> None:
        """RELION needs no export."""
        path = self._kept()
        self.copy.setVisible(path is not None)
        self.ready.setText(
            _ALONE
            if path is None
            else f"<b>RELION</b> takes the picks as they are: import {path.name} as coordinates. It is in "
            f"{path.parent}, and follows every change."
        )

    def _kept(self) -> Path | None:
        project = self.session.project
        return None if project is None else project.folder / "autopick.star"

    def _copy(self) -> None:
        clipboard, path = QGuiApplication.clipboard(), self._kept()
        if clipboard is not None and path is not None:
            clipboard.setText(str(path))
            self.job.say("Copied.")

    def _allow(self) -> None:
        self.job.check(self._require_sense)

    def _require_sense(self) -> None:
        if self.session.project is None:
            raise UserError(NO_PROJECT)
        if not self.place.text:
            raise UserError("Say where the picks are written.")

    # ------------------------------------------------------------ the run

    def run(self) -> None:
        """Write what the form says."""
        project = self.session.project
        if project is None:
            return
        self.session.flush()
        micrographs = self.list.path if self.list.text else None
        steps, out = jobs.export_picks, self.place.path
        self.job.run(steps, project, out, self.to.value, self.only_done.value, micrographs, done=self._tell)

    def _tell(self, made: Conversion) -> None:
        last = made.files[-1]
        lines = [f"{made.picks:,} picks of {made.micrographs:,} micrographs are in {last}."]
        lines += [f"{one.name}: {one.error}" for one in made.failed[:_MOST]]
        if made.unmatched:
            names = cut(", ".join(made.unmatched), 200)
            lines.append(f"The list of micrographs does not have {len(made.unmatched)} of them: {names}.")
        if made.lost:
            lines.append(f"These files have no place for {made.lost}")
        self.job.say("\n".join(lines))

    def _release(self, window: bool) -> None:
        self.job.leave(window)
        self._heard.end()
