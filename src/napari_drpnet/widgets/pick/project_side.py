"""What the Pick form has to do with a project: the values it keeps there, and picks that are kept of earlier runs."""

from __future__ import annotations

from typing import Any

from napari.utils.notifications import show_warning

from napari_drpnet import jobs
from napari_drpnet.errors import UserError
from napari_drpnet.settings import AUTO, ThresholdValue
from napari_drpnet.widgets.kit.source import ImageForm
from napari_drpnet.widgets.pick.picker_form import PickerForm
from napari_drpnet.widgets.pick.project_result import tally_of
from napari_drpnet.widgets.pick.size import SizeForm
from napari_drpnet.widgets.pick.tally import counted
from napari_drpnet.widgets.pick.tuning import Tuning
from napari_drpnet.widgets.session.session import Session


class ProjectSide:
    """Brings values from the project into the form, and back; shows what earlier runs left of a micrograph.

    Parameters
    ----------
    session
        The project.
    source, size, method, tuning, invert
        Parts of the form.
    """

    def __init__(
        self, session: Session, source: ImageForm, size: SizeForm, method: PickerForm, tuning: Tuning, invert: Any
    ) -> None:
        self._session = session
        self._source, self._size, self._method, self._tuning = source, size, method, tuning
        self._invert = invert
        self.thresholds: dict[str, ThresholdValue] = {}  # that somebody chose, for each picker

    @property
    def here(self) -> bool:
        """Whether the chosen image is the project's."""
        return self._session.image is not None and self._source.layer is self._session.image

    @property
    def writable(self) -> bool:
        """Whether the chosen image is the project's, and the project can be changed."""
        return self.here and not self._session.read_only

    @property
    def threshold(self) -> ThresholdValue:
        """Of the chosen picker: as somebody chose it, or the picker's own."""
        return self.thresholds.get(self._method.name, self._method.threshold)

    # ------------------------------------------------------------ values

    def fill(self) -> None:
        """Show how the project is picked."""
        project = self._session.project
        self._method.offer(project)
        if project is None:
            return
        chosen = project.settings
        self._method.show(chosen.picker, chosen.options)
        self.thresholds[chosen.picker] = chosen.threshold
        self._tuning.distance = chosen.min_distance
        with self._invert.changed.blocked():
            self._invert.value = chosen.invert
        if chosen.diameter is not None:
            self._size.give(chosen.diameter)

    def keep(self) -> None:
        """Let the project have the values of the form."""
        project, method = self._session.project, self._method
        if project is None or not self.writable:
            return
        before = project.settings
        try:
            self._session.configure(
                picker=method.name,
                options=method.options(before.options if before.picker == method.name else {}),
                diameter=self._diameter(before.diameter),
                pixel_size=self._pixel_size(before.pixel_size),
                invert=self._invert.value,
                threshold=self._rounded(before.threshold),
                min_distance=self._tuning.distance,
            )
        except UserError as error:
            show_warning(error.plain)

    def _diameter(self, before: float | None) -> float | None:
        """That of the form; 0 changes nothing where the picker must be given one: somebody is still typing."""
        given = float(self._size.diameter.value)
        return given or (before if self._method.usual_diameter is None else None)

    def _pixel_size(self, before: float | None) -> float | None:
        """The project's pixel size, or a new one that was given in this form."""
        given = float(self._source.pixel_size.value) or None
        return before if given == self._session.picks(self._session.current).frame.pixel_size else given

    def _rounded(self, before: ThresholdValue) -> ThresholdValue:
        """As the slider shows it, so that the picks of all micrographs are counted at the same place."""
        asked = self.threshold
        return asked if asked in (AUTO, before) else round(float(asked), 2)

    # ------------------------------------------------------------ what is kept of earlier runs

    def slide(self) -> None:
        """The slider moved, and no run of this window has seen the micrograph: its candidates were kept."""
        threshold = self.number(self._tuning.asked)
        if self.writable and threshold is not None:
            try:
                self._session.threshold.show(self._session.current, threshold)
            except UserError as error:  # a project that can no longer be written
                show_warning(error.plain)

    def number(self, asked: ThresholdValue) -> float | None:
        """The threshold that is asked for as a number; None where that is not decided yet."""
        project = self._session.project
        if asked != AUTO:
            return float(asked)
        decision = None if project is None else project.evidence.decision
        return None if decision is None or decision.basis == "rule" else decision.threshold

    def show_kept(self) -> None:
        """Show where the threshold stands among the candidates that an earlier run kept, and how many picks there are.

        ``tuning.show`` comes before.
        """
        session, project = self._session, self._session.project
        if project is None or not session.current or not self.here:
            return
        self._tuning.threshold.enabled = self.writable  # else the picks would stay where they are
        self._tuning.count_kept(tally_of(session, session.current), bool(project.row(session.current).picker))
        found, threshold = session.threshold.candidates(session.current), self.number(self.threshold)
        if found is None or threshold is None:
            return
        expected = jobs.decided_in_words(project.evidence.decision, threshold)
        hint = jobs.doubt_in_words(None, found.score, None, found.score, threshold)
        self._tuning.outlook.follow(found.score, threshold, expected, hint)

    def total(self, threshold: float | None) -> str:
        """How many picks the whole project has at a threshold, and what is still to be done for that."""
        project = self._session.project
        if project is None or not self.here:
            return ""
        settled = self.threshold in (AUTO, project.settings.threshold) and not self._session.threshold.working[1]
        total = project.total(None if settled else threshold)
        if not total.micrographs:
            return ""
        there = "1 micrograph" if total.micrographs == 1 else f"{total.micrographs:,} micrographs"
        said = [f"{counted(total.picks)} on {there}{'' if threshold is None else ' at this threshold'}."]
        done, of = self._session.threshold.working
        if of:
            said.append(f"Saving: {done:,} of {of:,}.")
        if total.fixed:
            said.append(f"Another threshold needs picking again on {total.fixed:,} of them: Pick all.")
        return " ".join(said)
