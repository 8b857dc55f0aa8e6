"""What picks become that nobody reviewed when their micrograph is done: asked once in a project, then remembered."""

from __future__ import annotations

from typing import Any

from napari.utils.notifications import show_warning
from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QShortcut  # type: ignore[attr-defined]  # qtpy puts it there in Qt 5, too
from qtpy.QtWidgets import QCheckBox, QComboBox, QDialog, QLabel, QWidget

from napari_drpnet.errors import UserError
from napari_drpnet.settings.project import Unreviewed
from napari_drpnet.widgets.kit.parts import button, in_row, lay_out, wrapped
from napari_drpnet.widgets.kit.subscriptions import Subscriptions
from napari_drpnet.widgets.session.session import Session

# Key, answer, and what it means.
ANSWERS: dict[str, tuple[str, Unreviewed, str]] = {
    "Particles": ("P", "particles", "You looked at all of them: each one is a particle. They are labelled so."),
    "Background": ("B", "background", "None of them is a particle. They are labelled background."),
    "Leave them out": ("L", "leave out", "Nothing is learnt from them, and nothing is measured on them."),
}
SHOWN: dict[str, Unreviewed] = {
    "ask me": "ask",
    "particles": "particles",
    "background": "background",
    "left out": "leave out",
}


class DoneQuestion(QDialog):
    """Asks what unreviewed picks are; it does not wait, and nothing happens until it is answered.

    Parameters
    ----------
    parent
        In whose window it is shown.
    count
        How many picks nobody reviewed.
    """

    answered = Signal(str, bool)  # one of the answers, and whether to remember it for the project

    def __init__(self, parent: QWidget, count: int) -> None:
        super().__init__(parent)
        self.setWindowTitle("Done")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        picks = "1 pick is" if count == 1 else f"{count:,} picks are"
        question = wrapped(f"<b>{picks} not reviewed. What {'is it' if count == 1 else 'are they'}?</b>")
        about = wrapped("Retraining learns from them, and F1 is measured on them, as you say here.")
        self.remember = QCheckBox("&Remember for this project")
        self.remember.setChecked(True)
        self.buttons = {}
        for text, (key, answer, tooltip) in ANSWERS.items():
            pressed = self.buttons[answer] = button(f"{text} ({key})", tooltip)
            pressed.clicked.connect(lambda _=False, answer=answer: self._answer(answer))
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.activated.connect(pressed.click)
        self.buttons["leave out"].setDefault(True)
        foot = wrapped("Esc: not done yet. The answer can be changed below the keys of the Micrographs dock.")
        lay_out(self, question, about, in_row(*self.buttons.values()), self.remember, foot, margin=12)

    def _answer(self, answer: str) -> None:
        self.answered.emit(answer, self.remember.isChecked())
        self.accept()


class DoneChoice(QWidget):
    """Shows what unreviewed picks become in this project, and changes it.

    Parameters
    ----------
    session
        Whose project.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.box = QComboBox()
        self.box.addItems(list(SHOWN))
        self.box.setToolTip(
            "What picks become that you did not review, when you press D. Left out: nothing is learnt from them, and "
            "F1 is not measured on them. It holds for micrographs that you mark from now on."
        )
        lay_out(self, in_row(QLabel("Done: unreviewed picks are"), self.box, stretch=(0, 1)))
        self.heard = Subscriptions((session.opened, self.follow), (session.configured, self.follow))
        self.box.activated.connect(self._choose)
        self.follow()

    def follow(self, *_: Any) -> None:
        """Show what the project says."""
        project = self._session.project
        if project is not None:
            self.box.setCurrentIndex(list(SHOWN.values()).index(project.settings.unreviewed))
        self.box.setEnabled(not self._session.read_only)

    def _choose(self, index: int) -> None:
        try:
            self._session.configure(unreviewed=list(SHOWN.values())[index])
        except UserError as error:
            show_warning(error.plain)
            self.follow()
