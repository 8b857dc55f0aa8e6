"""The first page: what to do, the projects that were open last, and the form that opens or makes one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from magicgui.widgets import Container
from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_drpnet import jobs
from napari_drpnet.io.project.project import Project
from napari_drpnet.settings import ProjectSettings
from napari_drpnet.widgets.kit.fold import aligned, rows_of
from napari_drpnet.widgets.kit.forms import control, filled
from napari_drpnet.widgets.kit.job import JobBar
from napari_drpnet.widgets.kit.key_list import tell_keys
from napari_drpnet.widgets.kit.parts import button, lay_out, wrapped
from napari_drpnet.widgets.kit.path_line import PathLine
from napari_drpnet.widgets.kit.preferences import preference
from napari_drpnet.widgets.kit.recent import recent_projects, remember_project

LAST = "Alt+R"
tell_keys("First page", ((LAST, "open the last project again"), ("Return", "open or make the project")))
_FIRST = (
    "<b>1.</b> Drop micrographs on the window: one, a folder, or a STAR file of RELION.<br>"
    "<b>2.</b> Give the diameter of the particle, and pick.<br>"
    "<b>3.</b> Look, correct, and save the picks for RELION or cryoSPARC."
)


class OpenProject(Container[Any]):
    """Where the project is, and for a new one its micrographs.

    Parameters
    ----------
    opened
        Gets the project.
    """

    def __init__(self, opened: Callable[[Project], None]) -> None:
        self._opened = opened
        self._left: list[Project] = []  # opened after somebody cancelled
        self._opening: jobs.Job[Project] | None = None
        self.folder = PathLine(
            "folder of the project",
            "The folder that keeps picks, labels, settings, and what was learnt; made when it is new.",
        )
        self.inputs = PathLine(
            "folder, 'data/*.mrc' or STAR",
            "For a new project: a folder of micrographs, a pattern, or a micrographs or autopick STAR file of RELION.",
            kind="inputs",
        )
        self.pixel_size: Any = control(ProjectSettings, "pixel_size")
        self.pixel_size.native.setSpecialValueText("as the files say")
        self.diameter: Any = control(ProjectSettings, "diameter", preference("diameter"))
        self.job = JobBar("Open", self.run)
        self.job.ended.connect(self._end)
        super().__init__(widgets=[self.job], labels=False)
        self.margins = (0, 0, 0, 0)
        self.native.layout().insertWidget(0, self._first_lines())
        self.native.layout().insertWidget(1, self._form())
        for line in (self.folder, self.inputs):
            line.edit.textChanged.connect(self._check)
            line.edit.returnPressed.connect(self.job.press)
        for box in (self.diameter, self.pixel_size):
            box.native.lineEdit().returnPressed.connect(self.job.press)
        self.offer_recent()
        self._check()

    def offer(self, micrographs: Path) -> None:
        """A project of these micrographs, a folder or a list: open the one that there is, or ask for the diameter."""
        folder = jobs.project_for(micrographs)
        if jobs.is_project(folder):
            self.open(folder)
            return
        self.inputs.edit.setText(str(micrographs))
        self.folder.edit.setText(str(folder))
        self.job.say(f"Make a project of {micrographs.name}? Give the diameter of the particle.")
        self.diameter.native.setFocus()
        self.diameter.native.selectAll()

    def open(self, folder: Path) -> None:
        """Open a project that is there."""
        self.folder.edit.setText(str(folder))
        self.run()

    def run(self) -> None:
        """Open what the form says."""
        self._close_left()
        folder = self.folder.path
        inputs: tuple[str, ...] = ()
        settings: dict[str, Any] = {}
        if self._new:
            inputs = (self.inputs.text,)
            settings = {"diameter": self.diameter.value or None, "pixel_size": self.pixel_size.value or None}
            settings = filled(ProjectSettings, [], **settings).model_dump(include=set(settings))
        self.job.run(self._steps, folder, inputs, settings, done=self._take)

    def _steps(self, folder: Path, inputs: tuple[str, ...], settings: dict[str, Any]) -> jobs.Job[Project]:
        yield jobs.Progress(0, 1, message="Looking through the micrographs" if inputs else "Opening")
        self._opening = jobs.opening(folder, inputs, **settings)
        project = yield from self._opening
        self._left.append(project)
        return project

    def _end(self) -> None:
        """Nobody goes on with what was cancelled: the project that it has open is closed."""
        if self._opening is not None:
            self._opening.close()
        self._show_rows()  # what the form makes or opens may be there by now

    def _take(self, project: Project) -> None:
        self._left.remove(project)
        self.job.say("")
        remember_project(project.folder)
        self.offer_recent()
        self._opened(project)

    def _close_left(self) -> None:
        while self._left:
            self._left.pop().close()

    @property
    def _new(self) -> bool:
        """Whether the folder is no project yet."""
        return not jobs.is_project(self.folder.path)

    def _check(self) -> None:
        """The button is on when it can work."""
        new = self._show_rows()
        if not self.folder.text:
            self.job.allow("Choose the folder of a project, or a new one.")
        elif new and not self.inputs.text:
            self.job.allow("This is no project yet. Choose the micrographs to make one of.")
        else:
            self.job.allow()

    def _show_rows(self) -> bool:
        """Only a new project wants micrographs; tells whether it is one."""
        new = self._new
        for row in self._for_new:
            self._rows.setRowVisible(row, new and bool(self.folder.text))
        self.job.button.text = "Create" if new and self.folder.text else "Open"
        return new

    # ------------------------------------------------------------ parts

    def _first_lines(self) -> QWidget:
        part = QWidget()
        self._recent = QWidget()
        self._recent_rows = QVBoxLayout(self._recent)
        self._recent_rows.setContentsMargins(0, 0, 0, 0)
        self._recent_rows.setSpacing(2)
        lay_out(part, wrapped(_FIRST), self._recent)
        return part

    def offer_recent(self) -> None:
        """A button for each of the projects that were open last."""
        while (item := self._recent_rows.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        folders = recent_projects()
        self._recent.setVisible(bool(folders))
        if folders:
            self._recent_rows.addWidget(QLabel("Open again"))
        for number, folder in enumerate(folders):
            again = button(_called(folder), str(folder))
            again.setStyleSheet("text-align: left; padding: 3px 6px")
            again.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            if not number:
                again.setShortcut(LAST)
                again.setToolTip(f"{folder} ({LAST})")
            again.clicked.connect(lambda _=False, folder=folder: self.open(folder))
            self._recent_rows.addWidget(again)

    def _form(self) -> QWidget:
        form = aligned([self.pixel_size, self.diameter])
        self._rows = rows_of(form)
        self._rows.insertRow(0, "Project", self.folder)
        self._rows.insertRow(1, "Micrographs", self.inputs)
        self._for_new = range(1, self._rows.rowCount())
        return form


def _called(folder: Path) -> str:
    """A project in few letters: its folder and the one above, since many have the suggested name."""
    return f"{folder.name}  ·  {folder.parent.name}"
