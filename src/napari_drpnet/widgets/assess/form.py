"""The controls of the Assess dock, and where they lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from magicgui.widgets.bases import BaseValueWidget
from qtpy.QtWidgets import QWidget

from napari_drpnet.settings import AssessSettings
from napari_drpnet.widgets.assess.making import MapMaker
from napari_drpnet.widgets.assess.picks import PicksForm
from napari_drpnet.widgets.assess.refinements import RefinementList
from napari_drpnet.widgets.assess.results import Results
from napari_drpnet.widgets.kit.fold import Fold, aligned, rows_of
from napari_drpnet.widgets.kit.forms import control
from napari_drpnet.widgets.kit.job import JobBar
from napari_drpnet.widgets.kit.parts import NeverCut, button, give_way, in_column, in_row, lay_out, wrapped

if TYPE_CHECKING:
    from napari.viewer import Viewer

_FIRST = ("symmetry", "mask", "local", "directions", "growth")
_MORE = (
    *("map_pixel_size", "make_mask", "level", "extend", "edge"),
    *("local_step", "local_radius", "local_edge", "local_random_from", "local_worst", "cone"),
    *("mirrored", "b_factor", "smallest", "most", "ctf", "phase_flipped", "seed"),
)
_EMPTY = {
    "mask": "made from the maps",
    "map_pixel_size": "from the files",
    "level": "found by itself",
    "extend": "3 pixels",
    "edge": "6 pixels",
}
_DIGITS = 4


class AssessForm(QWidget):
    """What is seen of the dock; what it does is in `AssessWidget`.

    Parameters
    ----------
    viewer
        Of the dock.
    run
        Called when Assess is pressed.
    """

    def __init__(self, viewer: Viewer, run: Callable[[], None]) -> None:
        super().__init__()
        self.refinements = RefinementList()
        self.picks = PicksForm(viewer)
        self.settings = {name: _control(name) for name in (*_FIRST, *_MORE)} | {"diameter": self.picks.diameter}
        self.maker = MapMaker(viewer, lambda: str(self.settings["symmetry"].value))
        more = [self.settings[name] for name in _MORE]
        self.job = JobBar("Assess", run)
        self.results = Results()
        self.write = button(
            "Write the page…", "One page with all figures and pictures, in a folder; tables, maps and curves beside it."
        )
        self.copy = button("Copy the table", "To paste the figures into a spreadsheet.")
        self.open = button("Open the page", "Show it in the browser.")
        self.open.setEnabled(False)
        self.said = wrapped()
        self.foot = in_column(in_row(self.copy, self.write, self.open), self.said)
        self.foot.hide()
        give_way(self.said)
        whole = in_column(
            self.refinements,
            self._head(),
            self.picks.fold.native,
            Fold("More settings", more).native,
            self.maker.fold.native,
            self.job.native,
            self.results,
            self.foot,
        )
        lay_out(self, NeverCut(whole), margin=6)

    def _head(self) -> QWidget:
        """The settings that matter, in as few rows as there is room for."""
        symmetry, mask, local, directions, growth = (self.settings[name] for name in _FIRST)
        head = aligned([mask])
        rows = rows_of(head)
        rows.insertRow(0, "Symmetry", in_row(symmetry.native, local.native))
        rows.addRow("", in_row(directions.native, growth.native))
        return head


def _control(name: str) -> BaseValueWidget[Any]:
    made = control(AssessSettings, name, empty=_EMPTY.get(name, ""))
    if name == "level":  # the grey levels of a map are small numbers
        box: Any = made.native
        box.setDecimals(_DIGITS)
        box.setSingleStep(10.0**-_DIGITS * 10)
    return made
