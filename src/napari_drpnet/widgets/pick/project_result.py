"""What a run found on a micrograph of the project that is open: its picks go where the project's picks are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_drpnet.edits import SAME_PARTICLE
from napari_drpnet.labels import labels_of, with_labels
from napari_drpnet.settings import ThresholdValue
from napari_drpnet.widgets.kit.source import ChosenImage, ImageForm
from napari_drpnet.widgets.pick.result import Result
from napari_drpnet.widgets.pick.run import Scored
from napari_drpnet.widgets.session.session import Session

if TYPE_CHECKING:
    from napari.layers import Points
    from napari.viewer import Viewer


class ProjectResult(Result):
    """The picker's own picks in the project, beside what a person labelled.

    Parameters
    ----------
    viewer
        Where the score map's layer goes.
    session
        The project, and its layers.
    name
        Of the micrograph.
    source, found
        As for `Result`.
    last
        The result of the run before, on any micrograph: its score map's layer is taken over. One of this micrograph
        that was pending is the same step of undo.
    """

    def __init__(
        self,
        viewer: Viewer,
        session: Session,
        name: str,
        source: ChosenImage,
        found: Scored,
        last: Result | None = None,
    ) -> None:
        super().__init__(viewer, replace(source, array=None), found)
        self._session, self._project = session, session.project
        self.name = name
        self._scores = None if last is None else last.score_layer
        if isinstance(last, ProjectResult) and last.name == name and last.pending:
            self.shown = last.shown

    @property
    def layer(self) -> Points | None:
        """The session's Points layer while this micrograph is in it."""
        return self._session.points if self._session.current == self.name else None

    def valid(self, form: ImageForm) -> bool:
        """Whether the project is still open."""
        return self._session.project is self._project

    def show(self, threshold: ThresholdValue, min_distance: float | None) -> None:
        """Put the picks at a ``threshold``, or ``auto``, and a ``min_distance`` in Angstrom beside the labels.

        All moves of a slider together are one step of undo.
        """
        proposed = self._propose(threshold, min_distance)
        before = self._session.picks(self.name)
        picks = with_labels(proposed, labels_of(before), max(self._distance, SAME_PARTICLE * self.diameter))
        self._session.change(self.name, picks, step=before is not self.shown)
        self.shown = self._session.picks(self.name)
