"""Which picks each refinement was made of, and of which micrographs they are: a folded part of the form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy.QtWidgets import QLabel

from napari_drpnet.errors import UserError, cut
from napari_drpnet.io.refinements import Refinement
from napari_drpnet.settings import AveragingSettings, PickedSettings
from napari_drpnet.widgets.assess.judged import LABELS, AskedPicks
from napari_drpnet.widgets.assess.layer_picks import LayerPicks
from napari_drpnet.widgets.assess.lines import DropLine, PicksLine
from napari_drpnet.widgets.assess.run import files_of
from napari_drpnet.widgets.kit.fold import Fold
from napari_drpnet.widgets.kit.forms import control, filled
from napari_drpnet.widgets.kit.preferences import preference
from napari_drpnet.widgets.kit.subscriptions import Subscriptions
from napari_drpnet.widgets.session.session import Session

if TYPE_CHECKING:
    from napari.viewer import Viewer

_TITLE = "Picks and micrographs"
_HINT = "The picks that each refinement was made of. Their figures then stand beside those of the map."
_PICKS = (
    "Picks that {} was made of: a file or a folder in any format, or a layer of points. Choose it, or drop a file or "
    "folder here."
)
_MICROGRAPHS = (
    "The micrographs of the picks: a folder, a pattern, or a micrographs STAR file of RELION. Choose it, or drop it "
    "here. Where nothing is written, those of the project that is open are meant, or else those under layers of picks."
)
_TRUTH = (
    "True particles, a file or a folder with some: for precision, recall, F1 and AP of the picks. Of a project the "
    "labels may be it, of micrographs that are done and have a label on every pick."
)
_DIAMETER = "Of the particle. Averages of the picks need it; the efficiency hardly changes with it."
_FOLDERS, _NO_TRUTH = "folder or STAR", "none"
_OF_PROJECT, _OF_LAYERS = "those of the project", "those of the layers"
_LONGEST = 18  # letters of a name that stands before its line


class PicksForm:
    """A line for the picks of each refinement, and what all of them have in common.

    Parameters
    ----------
    viewer
        Whose project may tell the rest.
    """

    changed = Signal()
    said = Signal(str)  # why a layer cannot be taken

    def __init__(self, viewer: Viewer) -> None:
        self.session = Session.of(viewer)
        self._viewer = viewer
        self.lines: dict[Path, PicksLine] = {}  # by the folder of the refinement, which keeps its picks
        self._names: dict[Path, str] = {}
        self._told: float | None = None  # the diameter that the project has
        self.micrographs = DropLine(_FOLDERS, _MICROGRAPHS, "inputs")
        self.truth = DropLine(_NO_TRUTH, _TRUTH, "picks")
        self.truth.menu.addAction("Labels of the project", lambda: self.truth.edit.setText(LABELS))
        self.diameter: Any = control(AveragingSettings, "diameter", preference("diameter"), empty="not known")
        self.diameter.tooltip = _DIAMETER
        self.pixel_size: Any = control(PickedSettings, "pixel_size", empty="from the files")
        self.fold = Fold(_TITLE, [self.diameter, self.pixel_size], scrolls=False)
        rows = self.fold.rows
        self.fold.button.tooltip = _HINT
        rows.insertRow(0, "Micrographs", self.micrographs)
        rows.insertRow(1, "Truth", self.truth)
        for one in (self.micrographs, self.truth):
            one.edit.textChanged.connect(self._tell)
        self._heard = Subscriptions(
            (self.session.opened, self.follow_project),
            (self.session.configured, self.follow_project),
            (self.diameter.changed, self._tell),
            (self.pixel_size.changed, self._tell),
            (viewer.layers.events.removed, self._follow_layers),
        )
        self.follow_project()

    @property
    def given(self) -> dict[str, PicksLine]:
        """The lines of refinements that have picks, by the name of the refinement."""
        return {self._names[folder]: one for folder, one in self.lines.items() if one.text}

    def follow(self, refinements: Sequence[Refinement]) -> None:
        """A line for each of these; those that were there before keep what is in them."""
        rows = self.fold.rows
        self._names = {files_of(one)[0].parent: one.name for one in refinements}
        for folder in [folder for folder in self.lines if folder not in self._names]:
            rows.removeRow(self.lines.pop(folder))
        for folder, name in self._names.items():
            if folder not in self.lines:
                self.lines[folder] = self._new_line(folder)
                rows.insertRow(len(self.lines) - 1, QLabel(), self.lines[folder])
            label = rows.labelForField(self.lines[folder])
            if isinstance(label, QLabel):
                label.setText(f"Picks of {cut(name, _LONGEST)}")
                label.setToolTip(name)
            self.lines[folder].edit.setToolTip(_PICKS.format(name))
        self._tell()

    def follow_project(self) -> None:
        """What the project tells need not be asked."""
        project = self.session.project
        told = None if project is None else project.settings.diameter
        if told is not None and told != self._told:  # what was typed here stays until the project's is another
            self.diameter.value = told
        self._told = told
        self.truth.menu.actions()[-1].setVisible(project is not None)
        for one in self.lines.values():
            one.offer_project()
        self._tell()

    def asked(self) -> AskedPicks:
        """What a run needs to know; without picks nothing else matters.

        Raises
        ------
        UserError
            When something is missing that picks need.
        """
        if not (given := self.given):
            return AskedPicks()
        project = self.session.project
        picks = {name: one.path if one.layer is None else one.layer_picks() for name, one in given.items()}
        where = self._where([one for one in picks.values() if isinstance(one, LayerPicks)])
        if self.diameter.value is None:
            raise UserError(f"Give the diameter of the particle in Angstrom, under {_TITLE}.")
        labelled = project if self.truth.text == LABELS else None
        if self.truth.text == LABELS and project is None:
            raise UserError("There is no project whose labels could be the truth.", "Open it, or choose a file.")
        truth = None if labelled or not self.truth.text else str(self.truth.path)
        settings = filled(PickedSettings, [self.pixel_size], truth=truth, **where)
        plain = {name: one.picks if isinstance(one, LayerPicks) else one for name, one in picks.items()}
        return AskedPicks(plain, settings, float(self.diameter.value), labelled)

    def _where(self, layers: Sequence[LayerPicks]) -> dict[str, Any]:
        """Of which micrographs the picks are, and the pixel size where these do not tell it: fields of the settings."""
        project = self.session.project
        if self.micrographs.text:
            return {"micrographs": (self.micrographs.text,)}
        if project is not None:
            inputs = tuple(str(project.root / text) for text in project.settings.inputs)
            size = project.settings.pixel_size
        elif layers:
            inputs = _files(layers)
            size = _pixel_size(layers, told=bool(self.pixel_size.value))
        else:
            raise UserError(f"Give the micrographs of the picks, under {_TITLE}.")
        known = {} if size is None or self.pixel_size.value else {"pixel_size": size}
        return {"micrographs": inputs, **known}

    def leave(self) -> None:
        """The dock is gone."""
        self._heard.end()

    def _new_line(self, folder: Path) -> PicksLine:
        """Of a map that was made of the project's picks they are known."""
        made = PicksLine(self._viewer, self.said.emit)
        made.edit.textChanged.connect(self._tell)
        if (project := self.session.project) is not None and folder.is_relative_to(project.folder):
            made.take_project()
        return made

    def _follow_layers(self, _: object) -> None:
        """One that is chosen may be gone."""
        if any(one.layer is not None for one in self.lines.values()):
            self._tell()

    def _tell(self, _: object = None) -> None:
        of_layers = any(one.layer is not None for one in self.lines.values())
        usual = _OF_LAYERS if of_layers else _FOLDERS
        self.micrographs.edit.setPlaceholderText(usual if self.session.project is None else _OF_PROJECT)
        self.changed.emit()


def _files(layers: Sequence[LayerPicks]) -> tuple[str, ...]:
    """The micrographs that layers lie on, each once."""
    for one in layers:
        if None in one.files:
            raise UserError(
                f"The micrograph {one.of} of a layer is no open file.", f"Open it, or give its file under {_TITLE}."
            )
    return tuple(dict.fromkeys(str(file) for one in layers for file in one.files))


def _pixel_size(layers: Sequence[LayerPicks], told: bool) -> float | None:
    """Of all micrographs that layers lie on, unless it is ``told``; None where each has its own."""
    sizes = {picks.frame.pixel_size for one in layers for picks in one.picks}
    if None in sizes and not told:
        raise UserError(f"The pixel size of the micrograph {layers[0].of} is not known.", f"Give it under {_TITLE}.")
    return sizes.pop() if len(sizes) == 1 else None
