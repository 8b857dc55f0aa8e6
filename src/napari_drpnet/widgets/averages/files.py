"""Averages on disk: as templates of a picker, and as RELION reads them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from psygnal import Signal
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_drpnet import jobs
from napari_drpnet.errors import UserError
from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs import Averages, Source
from napari_drpnet.settings import TEMPLATE_PICKER
from napari_drpnet.widgets.kit.background import Background
from napari_drpnet.widgets.session.session import Session

_STACK = "averages.mrcs"


class Files:
    """Writes averages, in a thread.

    Parameters
    ----------
    session
        Whose project gets templates.
    """

    said = Signal(str)  # what was written, and what to do with it

    def __init__(self, session: Session) -> None:
        self._session = session
        self._writing = Background()

    @property
    def busy(self) -> bool:
        """Whether something is still being written."""
        return self._writing.busy

    def write_templates(self, parent: QWidget, averages: Averages, which: Sequence[int], of_project: bool) -> None:
        """Write some averages as templates: into the project, which is then picked with them, or where somebody says.

        Parameters
        ----------
        parent
            Of the dialog.
        averages, which
            All averages, and the places of those to write.
        of_project
            Whether they are of the project that is open.
        """
        project = self._session.project if of_project and not self._session.read_only else None
        if project is None:
            chosen, _ = QFileDialog.getSaveFileName(parent, "Save templates", _STACK, "MRC stack (*.mrcs *.mrc)")
            if not chosen:
                return
            path = Path(chosen)
        else:
            path = project.templates / _STACK
        self.said.emit("Writing templates")
        work = partial(jobs.averages_as_templates, averages, which, path)
        self._writing.order(work, partial(self._use, project, len(which)))

    def write_all(self, parent: QWidget, averages: Averages, source: Source, of_project: bool) -> None:
        """Write averages and what RELION reads, a table and a picture to a folder that is asked for.

        Parameters
        ----------
        parent
            Of the dialog.
        averages, source
            What to write, and what it was made of.
        of_project
            Whether it is of the project that is open, whose root names start from.
        """
        folder = QFileDialog.getExistingDirectory(parent, "Choose a folder for the averages")
        if not folder:
            return
        project = self._session.project if of_project else None
        root = None if project is None else project.root
        self.said.emit("Writing averages")
        work = partial(jobs.write_averages, averages, Path(folder), source.ctf, source.lenses, root)
        self._writing.order(work, self._tell)

    def leave(self, window: bool) -> None:
        """The dock is gone."""
        self._writing.leave(window)

    def _use(self, project: Project | None, count: int, path: Path) -> None:
        """Tell where the templates are, and let the project be picked with them."""
        written = f"{count} average{'' if count == 1 else 's'} written to {path}. "
        if project is None or self._session.project is not project:
            self.said.emit(f"{written}In the Pick dock choose {TEMPLATE_PICKER}, and this file as its templates.")
            return
        before = project.settings
        options = before.options if before.picker == TEMPLATE_PICKER else {}
        try:
            self._session.configure(picker=TEMPLATE_PICKER, options={**options, "templates": str(path)})
        except UserError as error:
            self.said.emit(f"{written}{error}")
            return
        since = f" (before: {before.picker})" if before.picker != TEMPLATE_PICKER else ""
        self.said.emit(
            f"{written}The project is picked with them from now on: the picker is {TEMPLATE_PICKER}{since}. Another "
            "can be chosen in the Pick dock."
        )

    def _tell(self, folder: Path) -> None:
        self.said.emit(f"Written to {folder}: averages, classes and particles for RELION, a table and a picture.")
