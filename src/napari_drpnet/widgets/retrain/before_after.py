"""What other networks change: which picks came and which went, on each micrograph and in the view."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from magicgui.widgets import ComboBox
from qtpy.QtWidgets import QCheckBox, QGridLayout, QLabel, QWidget

from napari_drpnet import jobs
from napari_drpnet.errors import UserError
from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs import BeforeAfter as Found
from napari_drpnet.jobs import Change
from napari_drpnet.labels import join
from napari_drpnet.widgets.kit.job import JobBar
from napari_drpnet.widgets.kit.network_box import NetworkBox, network_boxes
from napari_drpnet.widgets.kit.parts import lay_out, sign, table, wrapped
from napari_drpnet.widgets.kit.subscriptions import Subscriptions
from napari_drpnet.widgets.retrain.tab import MARGIN, Networks, Tab
from napari_drpnet.widgets.session.marks import Marks
from napari_drpnet.widgets.session.session import Session

if TYPE_CHECKING:
    from napari_drpnet.training.labels.belief import Told

# Blue, orange and grey are told apart with any colour vision; the shapes differ as well.
KINDS = {"came": ("#56b4ff", "disc"), "went": ("#ff8c1a", "square"), "stayed": ("#c8c8c8", "disc")}
_SIGNS = {"disc": "○", "square": "□"}
WHICH = ("this micrograph", "those with labels", "twenty of all")
_MOST = 20
_WIDTH = 400  # pixels: room for the names beside six columns
_LAST = 9  # row of the grid: more than any picker has networks
_COLUMNS = ("micrograph", "came", "went", "stayed", "F1 before", "F1 after")


class BeforeAfter(Tab):
    """Pick with old and with new networks, and compare."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.changes: dict[str, Change] = {}
        self._f1: tuple[Told | None, Told | None] = (None, None)
        self._marks = Marks(session, "before and after")
        self._hid = False  # whether we made the picks invisible
        self._build()
        self._connect()
        self._follow_project()

    def _build(self) -> None:
        self.old: dict[str, NetworkBox] = {}
        self.new: dict[str, NetworkBox] = {}
        self._picker = ""
        self.which = ComboBox(
            label="On", choices=WHICH, value=WHICH[1], tooltip="The micrographs that are picked twice."
        )
        self.job = JobBar("Compare", self.run)
        self.jobs = (self.job,)
        self.table = table(_COLUMNS, digits=3)
        self.table.setMinimumWidth(_WIDTH)
        self.legend = QLabel(" &nbsp; ".join(f"{sign(_SIGNS[s], c)} {k}" for k, (c, s) in KINDS.items()))
        self.shown = QCheckBox("Show on the micrograph")
        self.shown.setChecked(True)
        self.shown.setToolTip("Hides the picks meanwhile.")
        about = wrapped(
            "F1: counted where a micrograph is done and every pick on it reviewed; a network that learnt from it looks "
            "better there. With a sign ≈ it is estimated from the labels."
        )
        parts = (self._networks(), self.job.native, self.table, self.legend, self.shown, about)
        lay_out(self, *parts, margin=MARGIN).setStretchFactor(self.table, 1)

    def _networks(self) -> QWidget:
        """The old and the new networks beside each other."""
        part = QWidget()
        self._grid = QGridLayout(part)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.addWidget(QLabel("Before"), 0, 1)
        self._grid.addWidget(QLabel("After"), 0, 2)
        self._grid.addWidget(QLabel("On"), _LAST, 0)
        self._grid.addWidget(self.which.native, _LAST, 1, 1, 2)
        self._grid.setColumnStretch(1, 1)
        self._grid.setColumnStretch(2, 1)
        return part

    def _make_boxes(self, picker: str) -> None:
        """Boxes for the networks of another picker."""
        for row in range(1, _LAST):
            for column in range(3):
                item = self._grid.itemAtPosition(row, column)
                if item is not None and (widget := item.widget()) is not None:
                    widget.deleteLater()
        self._picker, self.old, self.new = picker, network_boxes(picker), network_boxes(picker)
        for row, field in enumerate(self.old, 1):
            self._grid.addWidget(wrapped(self.old[field].label), row, 0)
            for column, boxes in enumerate((self.old, self.new), 1):
                self._grid.addWidget(boxes[field].native, row, column)
                boxes[field].changed.connect(self._check)

    def _connect(self) -> None:
        session = self.session
        self._heard = Subscriptions(
            (session.opened, self._follow_project), (session.moved, self._show), (session.configured, self._offer_again)
        )
        self.table.cellClicked.connect(self._go)
        self.shown.toggled.connect(self._show)

    def release(self, window: bool) -> None:
        """The dock is gone: leave nothing behind."""
        super().release(window)
        if window:
            self._marks.close()
            self._show_picks(True)

    # ------------------------------------------------------------ which networks

    def offer(self, old: Networks, new: Networks) -> None:
        """Choose what to compare: settings that differ, as `RetrainReport.use` has them."""
        project = self.session.project
        if project is None:
            return
        if project.settings.picker != self._picker:
            self._make_boxes(project.settings.picker)
        for boxes, chosen in ((self.old, old), (self.new, new)):
            for field, box in boxes.items():
                box.offer(project, chosen.get(field, project.settings.options.get(field)))
        self._check()

    def _offer_again(self) -> None:
        """There may be other networks, or another picker; else what is chosen stays."""
        project = self.session.project
        if project is not None and project.settings.picker != self._picker:
            self.offer({}, {})
        for box in (*self.old.values(), *self.new.values()):
            box.offer(project, box.value)
        self._check()

    def _follow_project(self) -> None:
        self.job.cancel()
        self.changes, self._f1 = {}, (None, None)
        self._fill()
        if self.session.project is None:
            self._offer_again()
        else:
            self.offer({}, {})

    def _check(self) -> None:
        self.job.check(self._require_sense)

    def _require_sense(self) -> None:
        if self.session.project is not None and self._chosen(self.old) == self._chosen(self.new):
            raise UserError("Choose two that differ: one before, another after.")
        self.ready()

    # ------------------------------------------------------------ the run

    def run(self) -> None:
        """Start with the values of the form."""
        project = self.begin(self.job)
        if project is None:
            return
        names = self._names(project)
        if not names:
            self.job.say("No micrograph has labels.")
            return
        self.job.run(jobs.before_after, project, names, self._chosen(self.old), self._chosen(self.new), done=self._take)

    def _chosen(self, boxes: dict[str, NetworkBox]) -> Networks:
        return {field: box.value for field, box in boxes.items()}

    def _names(self, project: Project) -> list[str]:
        if self.which.value == WHICH[0]:
            return [self.session.current] if self.session.current else []
        rows = project.rows()
        if self.which.value == WHICH[1]:
            return [row.name for row in rows if row.particles or row.background or row.state == "done"]
        return jobs.spread([row.name for row in rows], _MOST)

    def _take(self, found: Found) -> None:
        self.changes, self._f1 = {change.name: change for change in found.changes}, (found.before, found.after)
        self._fill()
        self._show()

    # ------------------------------------------------------------ the table

    def _fill(self) -> None:
        rows: list[tuple[Any, ...]] = []
        for change in self.changes.values():
            counts = [len(getattr(change, kind)) for kind in KINDS]
            rows.append((change.name, *counts, change.f1_before, change.f1_after))
        if rows:
            rows.append(("all", *self._totals()))
        self.table.fill(rows)

    def _totals(self) -> tuple[Any, ...]:
        """Sums of the counts, and F1 of all picks together as far as it is known."""
        changes = self.changes.values()
        sums = [sum(len(getattr(change, kind)) for change in changes) for kind in KINDS]
        return (*sums, *map(_told, self._f1))

    def _go(self, row: int, _: int) -> None:
        """A row was clicked: show its micrograph."""
        name = self.table.text(row, 0)
        if name in self.changes:
            self.session.go(name)

    # ------------------------------------------------------------ the view

    def _show(self, _: Any = None) -> None:
        """Mark what changed on the current micrograph, while this can be seen."""
        change = self.changes.get(self.session.current)
        wanted = change is not None and self.shown.isChecked() and self.isVisible()
        self._show_picks(not wanted)
        if not wanted or change is None:
            self._marks.hide()
            return
        parts = {kind: getattr(change, kind) for kind in KINDS}
        picks = join(join(parts["stayed"], parts["came"]), parts["went"])
        frame = self.session.picks(change.name).frame
        looks = [KINDS[kind] for kind in ("stayed", "came", "went") for _ in range(len(parts[kind]))]
        self._marks.show(replace(picks, frame=frame), [colour for colour, _ in looks], [symbol for _, symbol in looks])

    def _show_picks(self, visible: bool) -> None:
        """The picks lie under the marks and only confuse: hide them, and show again what we hid."""
        layer = self.session.points
        if layer is None or visible == (not self._hid):
            return
        layer.visible, self._hid = visible, not visible


def _told(f1: Told | None) -> str | float | None:
    """F1, and whether it was estimated."""
    if f1 is None or not f1.error:
        return None if f1 is None else f1.f1
    return f"≈ {f1.f1:.2f} ± {f1.error:.2f}"
