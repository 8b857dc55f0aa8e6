"""What to label next: places that would teach the picker most, judged one after the other, and what labels bring."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import SpinBox
from qtpy.QtWidgets import QLabel

from napari_drpnet import jobs
from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError
from napari_drpnet.jobs import CurvePoint, Suggestion, suggested_micrographs
from napari_drpnet.labels import LabelKind, added, labelled, labels_of
from napari_drpnet.settings import USUAL_DISTANCE
from napari_drpnet.widgets.kit.chart import Chart, Dot
from napari_drpnet.widgets.kit.job import JobBar
from napari_drpnet.widgets.kit.key_list import tell_keys
from napari_drpnet.widgets.kit.parts import button, in_row, lay_out, table, wrapped
from napari_drpnet.widgets.kit.subscriptions import Subscriptions
from napari_drpnet.widgets.retrain.tab import MARGIN, Tab
from napari_drpnet.widgets.session.marks import Marks
from napari_drpnet.widgets.session.session import Session

if TYPE_CHECKING:
    from napari.layers import Layer

COLOUR = "#ff8c1a"
KEYS = {"Y": "particle", "X": "background", "J": "next", "Shift-J": "previous"}
_LIMIT = 200
_TEACHES = (
    "How much a label there would teach: 1 for a place of which the picker knows nothing, 0 for one it is sure of."
)
_MICROGRAPHS = {
    "micrograph": "A click goes to its best place.",
    "teaches": _TEACHES,
    "places": "How many of the places below are on it.",
    "judged": "How many of them you have judged.",
}
_PLACES = {
    "micrograph": "A click goes to the place.",
    "teaches": _TEACHES,
    "score": "The picker's score there, the probability of a particle.",
    "judged": "What you said of it.",
}
_WORDS = {"next": "next place", "previous": "the place before"}
tell_keys("Retrain, What to label next", ((key, _WORDS.get(what, what)) for key, what in KEYS.items()))


class Suggest(Tab):
    """A list of places by what a label there would teach, and the curve of what labels have brought."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.suggestions: list[Suggestion] = []
        self.curve: list[CurvePoint] = []
        self.at = -1  # the one that is shown; -1 for none
        self._marks = Marks(session, "to be judged")
        self._bound: list[Layer] = []
        self._build()
        self._connect()
        self._follow_project()

    # ------------------------------------------------------------ the form

    def _build(self) -> None:
        self.most = SpinBox(
            value=20, min=1, max=100_000, tooltip="At most so many, spread over those that are not done."
        )
        self.job = JobBar("Find what to label next", self.run)
        self.micrographs = table(_MICROGRAPHS)
        self.places = table(_PLACES)
        self.micrographs.setToolTip("The micrographs on which labels would teach most, best first. A click goes there.")
        self.places.setToolTip("Uncertain, and unlike what is labelled already: best first. A click goes there.")
        self.buttons = {
            "previous": button("◂", "The place before (Shift+J)."),
            "particle": button("Particle (Y)", "It is a particle; then the next."),
            "background": button("Background (X)", "It is no particle; then the next."),
            "next": button("▸", "The next place without a verdict (J)."),
        }
        self.told = wrapped()
        self.measure = JobBar("Measure what labels bring", self.run_curve)
        self.jobs = (self.job, self.measure)
        self.chart = Chart("F1", "labelled particles", dots=True, most=1.0)
        self.caption = wrapped()
        most = in_row(QLabel("Look at"), self.most.native, QLabel("micrographs"), stretch=(0, 1, 0))
        verdicts = in_row(*self.buttons.values(), stretch=(1, 3, 3, 1))
        tables, curve = (self.micrographs, self.places), (self.measure.native, self.chart, self.caption)
        column = lay_out(self, most, self.job.native, *tables, verdicts, self.told, *curve, margin=MARGIN)
        for part, widget in enumerate(tables, 1):
            column.setStretchFactor(widget, part)

    def _connect(self) -> None:
        session = self.session
        self._heard = Subscriptions(
            (session.opened, self._follow_project),
            (session.moved, self._show),
            (session.edited, self._note),
            (session.layered, self._bind),
            (session.configured, self._check),
        )
        self.places.cellClicked.connect(lambda row, _: self.go(row))
        self.micrographs.cellClicked.connect(self._go_to_micrograph)
        for name, pressed in self.buttons.items():
            pressed.clicked.connect(lambda _=False, name=name: self._act(name))

    def release(self, window: bool) -> None:
        """The dock is gone: leave nothing behind."""
        super().release(window)
        if window:
            self._unbind()
            self._marks.close()

    def _follow_project(self) -> None:
        self.job.cancel()
        self.measure.cancel()
        self._unbind()
        self.take([])
        self._take_curve([])
        self._check()

    def _check(self) -> None:
        for job in self.jobs:
            job.check(self.ready)

    # ------------------------------------------------------------ what to label

    def run(self) -> None:
        """Look for places in all micrographs."""
        project = self.begin(self.job)
        if project is not None:
            names = jobs.spread([row.name for row in project.rows() if row.state != "done"], self.most.value)
            self.job.run(jobs.suggest, project, names, _LIMIT, done=self.take)

    def take(self, suggestions: Sequence[Suggestion]) -> None:
        """Show them, and go to the first."""
        self.suggestions, self.at = list(suggestions), -1
        self.places.fill([(one.name, one.gain, one.score, self._verdict(one)) for one in self.suggestions])
        places = Counter(one.name for one in self.suggestions)
        gains = suggested_micrographs(self.suggestions)
        self.micrographs.fill([(name, gain, places[name], 0) for name, gain in gains])
        self._count()
        self._bind()
        if self.suggestions and self.isVisible():
            self.go(0)

    def go(self, row: int) -> None:
        """Show one of the places."""
        if 0 <= row < len(self.suggestions):
            self.at = row
            self.places.selectRow(row)
            self.session.show(self.suggestions[row].name, self.suggestions[row].yx)
            self._show()

    def next(self) -> None:
        """Go to the next place without a verdict."""
        later = [row for row in range(self.at + 1, len(self.suggestions)) if not self._judged(row)]
        if later:
            self.go(later[0])
        else:
            self.told.setText("That was the last one. Retrain, then find new places.")

    def previous(self) -> None:
        """Go to the place before."""
        self.go(self.at - 1)

    def judge(self, label: LabelKind) -> None:
        """Label the place that is shown, and go to the next."""
        if self.at < 0:
            return
        one = self.suggestions[self.at]
        picks = self.session.picks(one.name)
        near = self._nearest(picks, one)
        try:
            if near is None:
                self.session.change(one.name, added(picks, [one.yx], label))
            else:
                self.session.change(one.name, labelled(picks, [near], label))
        except UserError as error:
            self.told.setText(error.plain)
            return
        self.next()

    def _act(self, name: str) -> None:
        """What a button or key does."""
        if name == "next":
            self.next()
        elif name == "previous":
            self.previous()
        else:
            self.judge("particle" if name == "particle" else "background")

    def _go_to_micrograph(self, row: int, _: int) -> None:
        """The best place of a micrograph that has no verdict, or its first."""
        name = self.micrographs.text(row, 0)
        rows = [at for at, one in enumerate(self.suggestions) if one.name == name]
        if rows:
            self.go(next((at for at in rows if not self._judged(at)), rows[0]))

    # ------------------------------------------------------------ verdicts

    def _nearest(self, picks: Picks, one: Suggestion) -> int | None:
        """The pick that is the same particle as a place; None when there is none."""
        if not len(picks):
            return None
        away = np.hypot(*(picks.yx - np.asarray(one.yx)).T)
        diameter = self.session.diameter(picks.frame)
        reach = USUAL_DISTANCE * diameter if diameter else 1.0  # pixel
        return int(away.argmin()) if away.min() < reach else None

    def _verdict(self, one: Suggestion) -> str:
        """What a person said of a place; empty when nothing."""
        picks = labels_of(self.session.picks(one.name))
        near = self._nearest(picks, one)
        return "" if near is None else str(picks.label[near])

    def _judged(self, row: int) -> bool:
        return bool(self.places.text(row, 3))

    def _note(self, name: str) -> None:
        """The picks of a micrograph changed, here or elsewhere."""
        for row, one in enumerate(self.suggestions):
            if one.name == name:
                self.places.put(row, 3, self._verdict(one))
        self._count()
        if name == self.session.current:
            self._show()

    def _count(self) -> None:
        judged = [one.name for at, one in enumerate(self.suggestions) if self._judged(at)]
        for at in range(self.micrographs.rowCount()):
            self.micrographs.put(at, 3, str(judged.count(self.micrographs.text(at, 0))))
        some = bool(self.suggestions)
        self.told.setText(f"{len(judged)} of {len(self.suggestions)} judged." if some else "")
        for pressed in self.buttons.values():
            pressed.setEnabled(some and not self.session.read_only)

    # ------------------------------------------------------------ the view

    def _show(self, _: Any = None) -> None:
        """A thick ring around the place, while this can be seen and its micrograph is shown."""
        one = self.suggestions[self.at] if 0 <= self.at < len(self.suggestions) else None
        if one is None or one.name != self.session.current or not self.isVisible():
            self._marks.hide()
            return
        frame = self.session.picks(one.name).frame
        size = 1.3 * (self.session.diameter(frame) or np.nan)
        self._marks.show(Picks(frame, np.asarray([one.yx]), diameter=np.array(size)), [COLOUR], ["disc"], 0.06)

    def _bind(self) -> None:
        """The keys work on the session's layers as long as there is something to judge."""
        if not self.suggestions:
            return
        session = self.session
        for layer in (session.points, session.regions, session.image):
            if layer is not None and layer not in self._bound:
                self._bound.append(layer)
                for key, name in KEYS.items():
                    layer.bind_key(key, lambda _, name=name: self._act(name), overwrite=True)

    def _unbind(self) -> None:
        for layer in self._bound:
            for key in KEYS:
                layer.bind_key(key, None, overwrite=True)
        self._bound.clear()

    # ------------------------------------------------------------ what labels bring

    def run_curve(self) -> None:
        """Fit to ever more of the labels, and judge by those left out."""
        project = self.begin(self.measure)
        if project is not None:
            self.measure.run(jobs.learning_curve, project, done=self._take_curve)

    def _take_curve(self, points: Sequence[CurvePoint]) -> None:
        self.curve = list(points)
        self.chart.setVisible(bool(points))
        self.chart.show_values([Dot(point.labels, point.f1, point.spread, point.estimated) for point in points])
        self.caption.setText(_caption(self.curve))


def _caption(points: Sequence[CurvePoint]) -> str:
    """The curve in words, with how it is known."""
    if not points:
        return ""
    first, last = points[0], points[-1]
    estimated = any(point.estimated for point in points)
    how = "Measured on labels left out. Bars: spread over repeats. "
    if estimated:
        how = "Estimated (circles): not all particles are labelled. Bars: standard error. "
    spread = f" ± {last.spread:.3f}" if last.spread else ""
    text = f"F1 {first.f1:.3f} as it is, {last.f1:.3f}{spread} with {last.labels} labels. "
    if len(points) < 3:
        return f"{text}{how}"
    gain = last.f1 - points[-2].f1
    steady = abs(gain) <= max(last.spread, points[-2].spread)
    more = "The last step is within the spread: more labels of this kind may bring little." if steady else ""
    return f"{text}{how}{more}".strip()
