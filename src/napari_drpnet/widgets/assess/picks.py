"""Which picks each refinement was made of, and of which micrographs they are: a folded part of the form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy.QtWidgets import QLabel

from napari_drpnet.errors import UserError, cut
from napari_drpnet.io.project.project import Project
from napari_drpnet.io.refinements import Refinement
from napari_drpnet.settings import AveragingSettings, PickedSettings
from napari_drpnet.widgets.assess.judged import LABELS, AskedPicks
from napari_drpnet.widgets.assess.run import files_of
from napari_drpnet.widgets.kit.dropping import Dropping
from napari_drpnet.widgets.kit.fold import Fold
from napari_drpnet.widgets.kit.forms import control, filled
from napari_drpnet.widgets.kit.path_line import Kind, PathLine
from napari_drpnet.widgets.kit.preferences import preference
from napari_drpnet.widgets.kit.subscriptions import Subscriptions
from napari_drpnet.widgets.session.session import Session

if TYPE_CHECKING:
    from napari.viewer import Viewer

_TITLE = "Picks and micrographs"
_HINT = "The picks that each refinement was made of. Their figures then stand beside those of the map."
_PICKS = "Picks that {} was made of: a file or a folder in any format. Choose it, or drop it here."
_MICROGRAPHS = (
    "The micrographs of the picks: a folder, a pattern, or a micrographs STAR file of RELION. Choose it, or drop it "
    "here. Those of the project that is open are meant where nothing is written."
)
_TRUTH = (
    "True particles, a file or a folder with some: for precision, recall, F1 and AP of the picks. Of a project the "
    "labels may be it, of micrographs that are done and have a label on every pick."
)
_DIAMETER = "Of the particle. Averages of the picks need it; the efficiency hardly changes with it."
_FOLDERS, _NO_TRUTH, _NO_PICKS = "folder or STAR", "none", "none"
_OF_PROJECT = "those of the project"
_LONGEST = 18  # letters of a name that stands before its line


class PicksForm:
    """A line for the picks of each refinement, and what all of them have in common.

    Parameters
    ----------
    viewer
        Whose project may tell the rest.
    """

    changed = Signal()

    def __init__(self, viewer: Viewer) -> None:
        self.session = Session.of(viewer)
        self.lines: dict[Path, PathLine] = {}  # by the folder of the refinement, which keeps its picks
        self._names: dict[Path, str] = {}
        self._told: float | None = None  # the diameter that the project has
        self.micrographs = _line(_FOLDERS, _MICROGRAPHS, "inputs")
        self.truth = _line(_NO_TRUTH, _TRUTH, "picks")
        self.truth.menu.addAction("Labels of the project", lambda: self.truth.edit.setText(LABELS))
        self.diameter: Any = control(AveragingSettings, "diameter", preference("diameter"), empty="not known")
        self.diameter.tooltip = _DIAMETER
        self.pixel_size: Any = control(PickedSettings, "pixel_size", empty="from the files")
        self.fold = Fold(_TITLE, [self.diameter, self.pixel_size], scrolls=False)
        rows = self.fold.rows
        self.fold.button.tooltip = _HINT
        rows.insertRow(0, "Micrographs", self.micrographs)
        rows.insertRow(1, "Truth", self.truth)
        for line in (self.micrographs, self.truth):
            line.edit.textChanged.connect(self._tell)
        self._heard = Subscriptions(
            (self.session.opened, self.follow_project),
            (self.session.configured, self.follow_project),
            (self.diameter.changed, self._tell),
            (self.pixel_size.changed, self._tell),
        )
        self.follow_project()

    @property
    def given(self) -> dict[str, Path]:
        """The picks of refinements that have some, by the name of the refinement."""
        return {self._names[folder]: line.path for folder, line in self.lines.items() if line.text}

    def follow(self, refinements: Sequence[Refinement]) -> None:
        """A line for each of these; those that were there before keep what is in them."""
        rows = self.fold.rows
        self._names = {files_of(one)[0].parent: one.name for one in refinements}
        for folder in [folder for folder in self.lines if folder not in self._names]:
            rows.removeRow(self.lines.pop(folder))
        for folder, name in self._names.items():
            if folder not in self.lines:
                line = self._new_line(folder)
                rows.insertRow(len(self.lines), QLabel(), line)
                self.lines[folder] = line
            label = rows.labelForField(self.lines[folder])
            if isinstance(label, QLabel):
                label.setText(f"Picks of {cut(name, _LONGEST)}")
                label.setToolTip(name)
            self.lines[folder].edit.setToolTip(_PICKS.format(name))
        self._tell()

    def follow_project(self) -> None:
        """What the project tells need not be asked."""
        project = self.session.project
        self.micrographs.edit.setPlaceholderText(_FOLDERS if project is None else _OF_PROJECT)
        told = None if project is None else project.settings.diameter
        if told is not None and told != self._told:  # what was typed here stays until the project's is another
            self.diameter.value = told
        self._told = told
        for line in (self.truth, *self.lines.values()):
            self._offer_project(line)
        self._tell()

    def asked(self) -> AskedPicks:
        """What a run needs to know; without picks nothing else matters.

        Raises
        ------
        UserError
            When something is missing that picks need.
        """
        picks, project = self.given, self.session.project
        if not picks:
            return AskedPicks()
        if not self.micrographs.text and project is None:
            raise UserError(f"Give the micrographs of the picks, under {_TITLE}.")
        if self.diameter.value is None:
            raise UserError(f"Give the diameter of the particle in Angstrom, under {_TITLE}.")
        labelled = project if self.truth.text == LABELS else None
        if self.truth.text == LABELS and project is None:
            raise UserError("There is no project whose labels could be the truth.", "Open it, or choose a file.")
        truth = None if labelled or not self.truth.text else str(self.truth.path)
        size = {} if self.pixel_size.value or self.micrographs.text or project is None else _pixel_size(project)
        inputs = (self.micrographs.text,) if self.micrographs.text else _inputs(project)
        settings = filled(PickedSettings, [self.pixel_size], picks=picks, micrographs=inputs, truth=truth, **size)
        return AskedPicks(settings, float(self.diameter.value), labelled)

    def leave(self) -> None:
        """The dock is gone."""
        self._heard.end()

    def _new_line(self, folder: Path) -> PathLine:
        """Of a map that was made of the project's picks they are known."""
        line = _line(_NO_PICKS, "", "picks")
        line.menu.addAction("Picks of the project", lambda: self._take_project(line))
        line.edit.textChanged.connect(self._tell)
        self._offer_project(line)
        if (project := self.session.project) is not None and folder.is_relative_to(project.folder):
            line.edit.setText(str(project.folder))
        return line

    def _offer_project(self, line: PathLine) -> None:
        """What of a project can be chosen is the last of the menu."""
        line.menu.actions()[-1].setVisible(self.session.project is not None)

    def _take_project(self, line: PathLine) -> None:
        if (project := self.session.project) is not None:
            line.edit.setText(str(project.folder))

    def _tell(self, _: object = None) -> None:
        self.changed.emit()


def _line(empty: str, tooltip: str, kind: Kind) -> PathLine:
    """A line that takes what is dropped on it."""
    line = PathLine(empty, tooltip, kind)
    Dropping(line.edit, lambda paths: line.edit.setText(str(paths[0])))
    return line


def _inputs(project: Project | None) -> tuple[str, ...]:
    """What a project was made of, named so that it can be found from here."""
    return () if project is None else tuple(str(project.root / text) for text in project.settings.inputs)


def _pixel_size(project: Project) -> dict[str, float]:
    """As the project has it, where somebody said it."""
    size = project.settings.pixel_size
    return {} if size is None else {"pixel_size": size}
