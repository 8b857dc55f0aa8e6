"""A map of the project's picks, made here: its folder is then a refinement like any other."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_drpnet import jobs
from napari_drpnet.assessment.orientations import point_group
from napari_drpnet.errors import UserError
from napari_drpnet.io.paths import exists
from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs import Job, Progress, ReconstructionReport
from napari_drpnet.settings import ReconstructionSettings
from napari_drpnet.steps import attended
from napari_drpnet.widgets.kit.fold import Fold
from napari_drpnet.widgets.kit.forms import control, file_edit, filled
from napari_drpnet.widgets.kit.job import JobBar
from napari_drpnet.widgets.kit.parts import NO_DIAMETER, NO_PROJECT
from napari_drpnet.widgets.kit.subscriptions import Subscriptions
from napari_drpnet.widgets.session.session import Session

if TYPE_CHECKING:
    from napari.viewer import Viewer

# Below the folder of the project.
_MAPS = "maps"
_CONTROLS = ("map_pixel_size", "lowpass", "threshold", "invert", "box", "step", "reach", "rounds")
_EMPTY = {"map_pixel_size": "from the file", "threshold": "all picks", "reach": "0.1 diameters"}
_HELP = (
    "Map of the particle (MRC, cubic, particle bright). Only its coarse detail is used; a map of the same or of a "
    "like protein will do."
)
# Where steps are made, so that Cancel need not wait for the one under way.
_ASIDE = ThreadPoolExecutor(1, "reconstructing")


class MapMaker:
    """A reference and some settings, a button, and how far it is.

    Parameters
    ----------
    viewer
        Whose project is meant.
    symmetry
        Gives the point group that the form has.
    """

    made = Signal(object)  # the folder of a map

    def __init__(self, viewer: Viewer, symmetry: Callable[[], str]) -> None:
        self.session = Session.of(viewer)
        self._symmetry = symmetry
        self.reference = file_edit("a map of the particle", mode="r", filter="*.mrc *.map *.mrc.gz *.map.gz",
                                   label="Reference", tooltip=_HELP)  # fmt: skip
        self.settings = {name: control(ReconstructionSettings, name, empty=_EMPTY.get(name, "")) for name in _CONTROLS}
        self.job = JobBar("Make a map", self.run)
        self.job.label = ""
        self.fold = Fold("Make a map of the project's picks", [self.reference, *self.settings.values(), self.job])
        self._heard = Subscriptions(
            (self.session.opened, self._follow_project),
            (self.session.configured, self.check),
            (self.reference.changed, self.check),
            *((widget.changed, self.check) for widget in self.settings.values()),
        )
        self.check()

    def run(self) -> None:
        """Reconstruct the particles of the project, with the values of the form."""
        with self.job.saying():
            project, settings = self._asked()
            self.session.flush()
            self.job.run(_steps, project, Path(str(self.reference.value)), settings, done=self._tell)

    def check(self, _: object = None) -> None:
        """The button is on when it can work."""
        self.job.check(self._asked)

    def leave(self, window: bool) -> None:
        """The dock is gone."""
        self.job.leave(window)
        self._heard.end()

    def _asked(self) -> tuple[Project, ReconstructionSettings]:
        project = self.session.project
        if project is None:
            raise UserError(NO_PROJECT)
        if project.settings.diameter is None:
            raise UserError(NO_DIAMETER)
        if project.read_only:
            raise UserError(f"The project cannot be written to: {project.read_only}.")
        if not str(self.reference.line_edit.value).strip():
            raise UserError("Choose a reference: a map of the particle.")
        point_group(self._symmetry())
        return project, filled(
            ReconstructionSettings,
            self.settings.values(),
            diameter=project.settings.diameter,
            pixel_size=project.settings.pixel_size,
            symmetry=self._symmetry(),
        )

    def _follow_project(self) -> None:
        self.job.cancel()
        self.check()

    def _tell(self, report: ReconstructionReport) -> None:
        failed = [f"Left out: {why if why.startswith(name) else f'{name}: {why}'}" for name, why in report.failed[:5]]
        what = f"A map of {report.particles:,} particles is on the list of refinements"
        self.job.say(" ".join([f"{what}, in {report.folder}.", *report.notes, *failed]))
        self.made.emit(report.folder)


def _steps(
    project: Project, reference: Path, settings: ReconstructionSettings
) -> Generator[Progress | None, None, ReconstructionReport]:
    """Yields None while a step goes on."""
    yield Progress(0, 1, message="Loading the libraries")
    return (yield from attended(_made(project, reference, settings), _ASIDE))


def _made(project: Project, reference: Path, settings: ReconstructionSettings) -> Job[ReconstructionReport]:
    yield Progress(0, 1, message="Looking for picks and what is known of the CTF")
    source = jobs.picked_in_project(project)
    return (yield from jobs.reconstruct_picks(source, reference, settings, _free(project), project.root))


def _free(project: Project) -> Path:
    """A folder for the next map, which is not there yet."""
    number = 1
    while exists(folder := project.folder / _MAPS / f"map{number}"):
        number += 1
    return folder
