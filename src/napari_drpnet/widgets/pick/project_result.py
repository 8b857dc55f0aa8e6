"""What a run found on a micrograph of the project that is open: its picks go where the project's picks are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_drpnet import jobs
from napari_drpnet.edits import SAME_PARTICLE
from napari_drpnet.io.project.candidates import Measured
from napari_drpnet.jobs.judging import NOTHING_KNOWN
from napari_drpnet.labels import labels_of, with_labels
from napari_drpnet.settings import ThresholdValue
from napari_drpnet.widgets.kit.source import ChosenImage, ImageForm
from napari_drpnet.widgets.pick.result import Result
from napari_drpnet.widgets.pick.run import Scored
from napari_drpnet.widgets.pick.tally import Tally
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
        self.name, self._ice = name, found.ice
        self._first = True  # nothing of this run is among the picks yet
        self._kept_at: tuple[float | None, bool] | None = None  # minimum distance of what was kept, and if pending
        self._scores = None if last is None else last.score_layer
        if isinstance(last, ProjectResult) and last.name == name and last.pending:
            self.shown, self._first = last.shown, False

    @property
    def layer(self) -> Points | None:
        """The session's Points layer while this micrograph is in it."""
        return self._session.points if self._session.current == self.name else None

    def valid(self, form: ImageForm) -> bool:
        """Whether the project is still open."""
        return self._session.project is self._project

    def show(self, threshold: ThresholdValue, min_distance: float | None) -> None:
        """Put the picks at a ``threshold``, or ``auto``, and a ``min_distance`` in Angstrom beside the labels.

        The run is a step of undo; where the threshold stands is none.
        """
        proposed = self._propose(threshold, min_distance)
        before = self._session.picks(self.name)
        spacing = max(self._distance, SAME_PARTICLE * self.diameter)
        picks = with_labels(proposed, labels_of(before), spacing)
        new = self._kept_at != (min_distance, self.pending)
        measured = self._to_keep(spacing) if new else None
        self._session.change(self.name, picks, step=self._first, at=self.threshold, measured=measured)
        self._first, self._kept_at = False, (min_distance, self.pending)
        self.shown = self._session.picks(self.name)

    @property
    def tally(self) -> Tally:
        """How many picks there are, with what a person labelled."""
        return tally_of(self._session, self.name)

    def _to_keep(self, spacing: float) -> Measured:
        """What the project keeps of the run, for other thresholds."""
        by_rule = self.judgement is not None and self.judgement.decision.basis == "rule"
        could = None if by_rule else jobs.could_pick(self.picker, self._own_map, self.min_distance)
        own = NOTHING_KNOWN if self.judgement is None else self.judgement.own(self.picker, self.score_map)
        return Measured(could, spacing, own.evidence.value, own.evidence.error, self._ice)


def tally_of(session: Session, name: str) -> Tally:
    """How many picks a micrograph of a project has, with what a person labelled."""
    return Tally.of_labels(session.picks(name), session.seen(name))
