"""The controls of the gallery, and where they lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from magicgui.widgets import CheckBox, ComboBox, Container, Label, PushButton, Slider
from magicgui.widgets.bases import Widget
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSizePolicy

from napari_drpnet.widgets.gallery.grid import LARGEST, SMALLEST, USUAL, Grid
from napari_drpnet.widgets.kit.dock_form import DockForm
from napari_drpnet.widgets.kit.job import JobBar
from napari_drpnet.widgets.kit.key_list import tell_keys

HERE, EVERYWHERE = "This micrograph", "All micrographs"
_FILTERS = [
    ("All", "all"),
    ("Picks, not labelled", "picks"),
    ("Labelled particles", "particles"),
    ("Background", "background"),
]
_ORDERS = [
    ("Score", "score"),
    ("Uncertainty", "uncertainty"),
    ("Standard deviation", "deviation"),
    ("Micrograph", "micrograph"),
]
tell_keys(
    "Gallery",
    (
        ("G", "accept"),
        ("B", "reject"),
        ("Arrows", "go, with Shift: choose"),
        ("Return", "go there"),
        ("Control-A", "choose all"),
        ("Control-Z", "take back"),
    ),
)
_KEYS = (
    "<b>Click</b> go there · <b>Shift</b> or <b>Ctrl</b> and click: select more · <b>G</b> accept · <b>B</b> reject · "
    "<b>Ctrl+Z</b> take back · <b>Right click</b> everything after, and more"
)


class GalleryForm(DockForm):
    """What is seen of the gallery; what it does is in `GalleryWidget`.

    Parameters
    ----------
    grid
        The thumbnails.
    reload
        Called when Read again is pressed.
    """

    def __init__(self, grid: Grid, reload: Callable[[], None]) -> None:
        self.grid = grid
        self._handful_title = ""
        self.scope = ComboBox(
            choices=self._scopes,
            tooltip="Whose particles: those of the micrograph on screen, of all, or of a class of 2D averages.",
        )
        self.filter = ComboBox(
            choices=_FILTERS, tooltip="Which of them. What you reject stays in sight until you choose here anew."
        )
        self.order = ComboBox(
            choices=_ORDERS,
            tooltip="Score: best first. Uncertainty: nearest to 0.5 first. "
            "Standard deviation: roughest first, as ice crystals and carbon edges are.",
        )
        self.backwards = CheckBox(text="Reversed", tooltip="The other way round.")
        self.size = Slider(
            value=USUAL, min=SMALLEST, max=LARGEST, readout=False, tooltip="How large a thumbnail is drawn."
        )
        self.accept = PushButton(text="Accept (G)", tooltip="Label what is selected as particles: key G.")
        self.reject = PushButton(text="Reject (B)", tooltip="Label what is selected as background: key B or Delete.")
        self.reject_rest = PushButton(
            text="Reject all after", tooltip="Label everything after the last selected one as background."
        )
        self.summary = Label(value="")
        self.job = JobBar("Read again", reload)
        keys = Label(value=_KEYS)
        super().__init__(widgets=[*self._bars(), self.summary, keys, self.job], labels=False)
        self.form.layout().insertWidget(3, grid, 1)
        for text in (self.summary.native, keys.native):
            text.setWordWrap(True)
            text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        grid.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

    def offer(self, handful: str = "") -> None:
        """Whose particles can be looked at: also those of a ``handful`` of this title; emits nothing."""
        self._handful_title = handful
        with self.scope.changed.blocked():
            self.scope.reset_choices()
            if handful:
                self.scope.value = handful

    def _scopes(self, _: Any = None) -> list[str]:
        return [HERE, EVERYWHERE, *([self._handful_title] if self._handful_title else [])]

    def _bars(self) -> list[Container[Any]]:
        rows: list[list[Widget]] = [
            [self.scope, self.filter],
            [Label(value="Sort by"), self.order, self.backwards],
            [Label(value="Size"), self.size],
            [self.accept, self.reject, self.reject_rest],
        ]
        bars: list[Container[Any]] = [Container(widgets=row, layout="horizontal", labels=False) for row in rows]
        for bar in bars:
            bar.margins = (0, 0, 0, 0)
        return bars
