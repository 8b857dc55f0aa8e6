"""What is to be averaged: the choices of the form, as a run needs them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_drpnet import jobs
from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError
from napari_drpnet.jobs import Source
from napari_drpnet.settings import AveragingSettings
from napari_drpnet.widgets.averages.form import HERE, AveragesForm
from napari_drpnet.widgets.averages.grid import AveragesGrid
from napari_drpnet.widgets.averages.run import Order
from napari_drpnet.widgets.averages.target import LayerTarget, ProjectTarget, Target
from napari_drpnet.widgets.kit.forms import filled
from napari_drpnet.widgets.kit.parts import NO_PROJECT
from napari_drpnet.widgets.kit.preferences import preference
from napari_drpnet.widgets.kit.source import ChosenImage
from napari_drpnet.widgets.kit.threads import unheard
from napari_drpnet.widgets.session.session import Session

if TYPE_CHECKING:
    from napari.layers import Points
    from napari.viewer import Viewer

_NO_POINTS = "There is no layer of points on the image.", "Pick it in the Pick dock, or open its picks."


class AskedForm(AveragesForm):
    """The form, which knows what is there to be averaged, and whether it can be.

    Parameters
    ----------
    viewer, grid, run
        See `AveragesForm`.
    """

    def __init__(self, viewer: Viewer, grid: AveragesGrid, run: Callable[[], None]) -> None:
        self.session = Session.of(viewer)
        self._viewer = viewer
        self._diameter_of: tuple[Path, float | None] | None = None  # the project whose diameter is shown
        super().__init__(viewer, grid, run)
        self.where.changed.connect(self._follow_where)
        self.image.changed.connect(self._follow_image)
        self.points.changed.connect(self._follow_points)
        for widget in (self.diameter, self.image.pixel_size):
            widget.changed.connect(self._check)

    # ------------------------------------------------------------ what is there

    def _follow_settings(self) -> None:
        """The project's settings changed."""
        if self.of_project:
            self._follow_where()

    def _follow_where(self) -> None:
        self.show_rows()
        project = self.session.project
        if self.of_project and project is not None:
            known = project.folder, project.settings.diameter
            if known != self._diameter_of:  # what was typed here stays until the project's is another
                self.diameter.value = project.settings.diameter
            self._diameter_of = known
        else:
            self._diameter_of = None
            self._follow_points()
        self._check()

    def _follow_image(self) -> None:
        self.follow_image()
        self._check()

    def _follow_points(self, _: Any = None) -> None:
        """The diameter is that of the points, as far as they tell; else what the user has it usually."""
        if not self.of_project:
            known = self.layer_diameter()
            self.diameter.value = known or self.diameter.value or preference("diameter")
        self._check()

    def layer_diameter(self) -> float | None:
        """Of the chosen points, in Angstrom; None where they do not tell."""
        try:
            with unheard():  # the run tells them
                target, source = self._in_layer()
                known = jobs.picked_in_view(source.micrograph, target.picks("")).diameter
        except UserError:
            return None
        return None if known is None else round(known, 1)

    def _in_layer(self) -> tuple[LayerTarget, ChosenImage]:
        source, layer = self.image.source(), self.layer
        if layer is None:
            raise UserError(*_NO_POINTS)
        return LayerTarget(self._viewer, source, layer), source

    def _layers(self, _: Any = None) -> list[tuple[str, Points]]:
        """Those of the project are averaged as its picks: they change through the session alone."""
        return [(name, layer) for name, layer in super()._layers() if layer is not self.session.points]

    def _check(self) -> None:
        """Run is on when it can work."""
        self.job.check(self._require_sense)

    def _require_sense(self) -> None:
        if self.of_project:
            if self.session.project is None:
                raise UserError(NO_PROJECT)
        else:
            source = self.image.source()
            source.frame.known_pixel_size()
            if self.layer is None:
                raise UserError(*_NO_POINTS)
        if self.diameter.value is None:
            raise UserError("The diameter of the particle is not known.", "Give it here, in Angstrom.")

    # ------------------------------------------------------------ what is asked for

    def asked(self) -> tuple[Order, Target]:
        """What to average, told in a way that no layer is touched later, and where its picks are.

        Raises
        ------
        UserError
            When something that is needed is not there.
        """
        settings = filled(AveragingSettings, [self.diameter, self.classes], threshold=self.threshold.value or None)
        project = self.session.project
        if self.of_project and project is not None:
            self.session.flush()
            names = [self.session.current] if self.where.value == HERE else None
            order = Order(lambda: jobs.picked_in_project(project, names=names), settings)
            return order, ProjectTarget(self.session, project)
        target, source = self._in_layer()
        picks = target.picks("")
        path = Path(source.ground.file) if source.ground.file and not source.position else None
        return Order(lambda: _of_image(source, picks, path), settings), target


def _of_image(source: ChosenImage, picks: Picks, path: Path | None) -> Source:
    """In the thread of the run."""
    return jobs.picked_in_view(source.micrograph, picks, jobs.ctf_of(source.frame.micrograph, path))
