"""Files whose names are not the micrograph's: a person says whether their picks belong to it."""

from __future__ import annotations

from collections.abc import Sequence

from psygnal import Signal
from qtpy.QtWidgets import QWidget

from napari_drpnet.jobs.compare.pick_files import Stranger
from napari_drpnet.widgets.kit.parts import button, in_row, lay_out, wrapped


class Strangers(QWidget):
    """Says what each file holds, and asks; it is hidden while there is nothing to ask."""

    theirs = Signal(list)  # these files belong to the micrograph that is open

    def __init__(self) -> None:
        super().__init__()
        self._asked: list[Stranger] = []
        self.text = wrapped()
        self.yes = button("They belong to this micrograph", "Compare these picks, though their file has another name.")
        self.no = button("Leave them out", "Do not compare them.")
        self.yes.clicked.connect(self._agree)
        self.no.clicked.connect(lambda: self.ask([]))
        lay_out(self, self.text, in_row(self.yes, self.no))
        self.hide()

    def ask(self, strangers: Sequence[Stranger]) -> None:
        """Ask about these, in the place of former ones; nothing to ask about hides the question."""
        self._asked = list(strangers)
        self.text.setText("\n".join(one.reason for one in strangers))
        self.setVisible(bool(strangers))

    def _agree(self) -> None:
        asked = self._asked
        self.ask([])
        self.theirs.emit(asked)
