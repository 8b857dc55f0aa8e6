"""The part of the Micrographs dock that corrects picks: colours, counts, selections and keys."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QShortcut  # type: ignore[attr-defined]  # qtpy puts it there in Qt 5, too
from qtpy.QtWidgets import QDoubleSpinBox, QGridLayout, QLabel, QWidget

from napari_drpnet.layers import BACKGROUND_COLOUR, LABELLED_COLOUR, PICK_COLOUR, REGION_COLOUR
from napari_drpnet.widgets.kit.key_list import readable, tell_keys
from napari_drpnet.widgets.kit.parts import button, in_row, lay_out, sign, wrapped
from napari_drpnet.widgets.kit.subscriptions import Subscriptions
from napari_drpnet.widgets.micrographs.curate import KEYS, Curation
from napari_drpnet.widgets.micrographs.done import DoneChoice, DoneQuestion

_KEYS = "<b>G</b> particle · <b>B</b> background · <b>N</b> next · <b>?</b> all keys"
tell_keys("Micrographs", ((key.keys[0], key.text) for key in KEYS))


class CuratePanel(QWidget):
    """Buttons for what `Curation` does, and the keys that do it faster.

    Parameters
    ----------
    curation
        What they act on.
    done
        What picks become that nobody reviewed.
    """

    def __init__(self, curation: Curation, done: DoneChoice) -> None:
        super().__init__()
        self._curation, self.done = curation, done
        self.legend = wrapped()
        self.said = wrapped()
        self.said.hide()
        self.low, self.high = _number(0.0, 1.0, 0.05, 0.0), _number(0.0, 1.0, 0.05, 0.5)
        self.distance = _number(0.0, 100000.0, 10.0, 200.0)
        self.distance.setDecimals(0)
        self.distance.setSuffix(" Å")
        self.by_score = button("Select", "Select the picks with a score in this range, to label or delete them.")
        self.by_edge = button("Select", "Select the picks nearer to the edge of the micrograph than this.")
        self.by_lasso = button("Lasso", "Draw around picks to select them (L).")
        self.by_lasso.setCheckable(True)
        self.paint = button("Paint ice or carbon", "Paint contaminated regions: their picks are hidden, not lost.")
        self.labels = {
            "particle": button("Particle", "The selected picks are particles (G)."),
            "background": button("Background", "The selected picks are background (B)."),
            "delete": button("Delete", "Delete the selected picks (Del). Those of a picker become background."),
        }
        self.keys = wrapped(_KEYS)
        self.keys.setToolTip("Keys work here, and in the picture while one of the project's layers is selected.")
        self._lay_out()
        self._connect()
        self.show_counts()

    def allow(self, editable: bool) -> None:
        """Switch off what changes picks."""
        for widget in (*self.labels.values(), self.paint):
            widget.setEnabled(editable)

    def show_counts(self) -> None:
        """How many of each kind there are on the current micrograph."""
        self.legend.setText(_legend(self._curation.counts()))

    def _say(self, text: str) -> None:
        self.said.setText(text)
        self.said.setVisible(bool(text))

    def _show_lasso(self, ready: bool) -> None:
        self.by_lasso.setChecked(ready)

    def _ask(self, name: str, count: int) -> None:
        """What are so many picks of a micrograph that is done? Nothing waits for the answer."""
        self.question = DoneQuestion(self, count)
        self.question.answered.connect(lambda answer, remember: self._curation.finish(name, answer, remember))
        self.question.rejected.connect(lambda: self._say("Not marked as done."))
        self.question.open()

    def _lay_out(self) -> None:
        rows = self._selections(), in_row(self.by_lasso, self.paint), in_row(*self.labels.values())
        lay_out(self, self.legend, *rows, self.said, self.keys, self.done).setSpacing(4)

    def _selections(self) -> QWidget:
        part = QWidget()
        grid = QGridLayout(part)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(QLabel("Score"), 0, 0)
        grid.addWidget(in_row(self.low, QLabel("to"), self.high, stretch=(1, 0, 1)), 0, 1)
        grid.addWidget(self.by_score, 0, 2)
        grid.addWidget(QLabel("Edge within"), 1, 0)
        grid.addWidget(self.distance, 1, 1)
        grid.addWidget(self.by_edge, 1, 2)
        grid.setColumnStretch(1, 1)
        return part

    def _connect(self) -> None:
        curation = self._curation
        self.heard = Subscriptions(
            (curation.said, self._say), (curation.lassoing, self._show_lasso), (curation.asking, self._ask)
        )
        self.by_score.clicked.connect(lambda: curation.select_score(self.low.value(), self.high.value()))
        self.by_edge.clicked.connect(lambda: curation.select_edge(self.distance.value()))
        self.by_lasso.clicked.connect(curation.lasso)
        self.paint.clicked.connect(curation.paint)
        for name, pressed in self.labels.items():
            pressed.clicked.connect(getattr(curation, name))


def _legend(counts: dict[str, int]) -> str:
    """The kinds of marks in their colours, with their numbers."""
    marks = (
        ("○", PICK_COLOUR, "picked"),
        ("◯", LABELLED_COLOUR, "particle"),
        ("□", BACKGROUND_COLOUR, "background"),
        ("■", REGION_COLOUR, "hidden"),
    )
    return " &nbsp; ".join(
        f"{sign(f'<b>{mark}</b>', colour)}&nbsp;{counts.get(kind, 0)}&nbsp;{kind}" for mark, colour, kind in marks
    )


def shortcuts(curation: Curation, widget: QWidget) -> None:
    """Let the keys work in a form as well; who types in one of its boxes goes on typing."""
    for key in KEYS:
        for name in key.keys:
            shortcut = QShortcut(QKeySequence(readable(name)), widget)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(getattr(curation, key.action))


def _number(low: float, high: float, step: float, value: float) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(low, high)
    box.setSingleStep(step)
    box.setValue(value)
    box.setMinimumWidth(60)
    return box
