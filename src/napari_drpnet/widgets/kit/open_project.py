"""The form that opens a project, or makes one of micrographs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from magicgui.widgets import Container
from qtpy.QtWidgets import QFileDialog, QLineEdit, QMenu, QPushButton, QWidget

from napari_drpnet import jobs
from napari_drpnet.io.project.project import Project
from napari_drpnet.settings import ProjectSettings
from napari_drpnet.widgets.kit.fold import aligned, rows_of
from napari_drpnet.widgets.kit.forms import control, filled
from napari_drpnet.widgets.kit.job import JobBar
from napari_drpnet.widgets.kit.parts import in_row, lay_out
from napari_drpnet.widgets.kit.preferences import preference


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
            "folder of the project", "The folder that keeps picks, labels, networks and settings; made when it is new."
        )
        self.inputs = PathLine(
            "folder, 'data/*.mrc' or STAR",
            "For a new project: a folder of micrographs, a pattern, or a micrographs or autopick STAR file of RELION.",
            star=True,
        )
        self.pixel_size: Any = control(ProjectSettings, "pixel_size")
        self.pixel_size.native.setSpecialValueText("as the files say")
        self.diameter: Any = control(ProjectSettings, "diameter", preference("diameter"))
        self.job = JobBar("Open", self.run)
        self.job.ended.connect(self._end)
        super().__init__(widgets=[self.job], labels=False)
        self.margins = (0, 0, 0, 0)
        self.native.layout().insertWidget(0, self._form())
        for line in (self.folder, self.inputs):
            line.edit.textChanged.connect(self._check)
        self._check()

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

    def _take(self, project: Project) -> None:
        self._left.remove(project)
        self.job.say("")
        self._opened(project)

    def _close_left(self) -> None:
        while self._left:
            self._left.pop().close()

    @property
    def _new(self) -> bool:
        """Whether the folder is no project yet."""
        return not jobs.is_project(self.folder.path)

    def _check(self) -> None:
        """Only a new project wants micrographs; the button is on when it can work."""
        new = self._new
        for row in self._for_new:
            self._rows.setRowVisible(row, new and bool(self.folder.text))
        self.job.button.text = "Create" if new and self.folder.text else "Open"
        if not self.folder.text:
            self.job.allow("Choose the folder of a project, or a new one.")
        elif new and not self.inputs.text:
            self.job.allow("This is no project yet. Choose the micrographs to make one of.")
        else:
            self.job.allow()

    def _form(self) -> QWidget:
        form = aligned([self.pixel_size, self.diameter])
        self._rows = rows_of(form)
        self._rows.insertRow(0, "Project", self.folder)
        self._rows.insertRow(1, "Micrographs", self.inputs)
        self._for_new = range(1, self._rows.rowCount())
        return form


class PathLine(QWidget):
    """A line for a path, and a button that chooses one.

    Parameters
    ----------
    empty, tooltip
        What it shows in grey, and what it means.
    star
        Whether STAR files can be chosen as well.
    """

    def __init__(self, empty: str, tooltip: str, star: bool = False) -> None:
        super().__init__()
        self.edit = QLineEdit()
        self.edit.setPlaceholderText(empty)
        self.edit.setToolTip(tooltip)
        button = QPushButton("Browse")
        if star:
            menu = QMenu(button)
            menu.addAction("Folder …", self._choose_folder)
            menu.addAction("STAR file …", self._choose_file)
            button.setMenu(menu)
        else:
            button.clicked.connect(self._choose_folder)
        lay_out(self, in_row(self.edit, button, stretch=(1, 0)))

    @property
    def text(self) -> str:
        """What is written in it."""
        return str(self.edit.text()).strip()

    @property
    def path(self) -> Path:
        """That as a path."""
        return Path(self.text).expanduser()

    def _choose_folder(self) -> None:
        self._set(QFileDialog.getExistingDirectory(self, "Choose a folder", self.text))

    def _choose_file(self) -> None:
        self._set(QFileDialog.getOpenFileName(self, "Choose a STAR file", self.text, "STAR (*.star)")[0])

    def _set(self, chosen: str) -> None:
        if chosen:
            self.edit.setText(chosen)
