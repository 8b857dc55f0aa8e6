"""Where the threshold stands: the histogram of the scores at the slider, and in words what is expected of it."""

from __future__ import annotations

from magicgui.widgets import Container, Label
from magicgui.widgets.bases import Widget
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_drpnet.data import FloatArray
from napari_drpnet.widgets.kit.histogram import Histogram
from napari_drpnet.widgets.kit.parts import with_error

_HINT = "#ff9f1c"


class OutlookForm(Container[Widget]):
    """The histogram and the words; nothing is shown as known that is not.

    Parameters
    ----------
    slider
        Of the threshold, from 0 to 1.
    """

    def __init__(self, slider: QWidget) -> None:
        self.text = Label(value="")
        self.hint = Label(value="")
        super().__init__(widgets=[self.text, self.hint], labels=False, label=" ")
        self.margins = (0, 0, 0, 0)
        for label in (self.text, self.hint):
            label.native.setWordWrap(True)
            label.native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.hint.native.setStyleSheet(f"color: {_HINT}")
        self.plot = Histogram(slider)
        self.native.layout().insertWidget(0, self.plot)
        self.forget()

    def forget(self) -> None:
        """Before a run there is nothing to tell."""
        self.tell("", "")
        self.plot.hide()

    def follow(self, scores: FloatArray | None, threshold: float, expected: str, hint: str) -> None:
        """Show ``(n,)`` scores of all that could be picked, and tell what is expected of a threshold.

        ``scores`` are None where a rule of the picker's own picks. The ``hint`` says where the threshold looks wrong.
        """
        self.tell(expected, hint)
        self.plot.setVisible(scores is not None)
        if scores is not None:
            self.plot.show_scores(scores, threshold)

    def tell(self, expected: str, hint: str) -> None:
        """Words alone."""
        for label, text in ((self.text, expected), (self.hint, hint)):
            label.value = with_error(text)
            label.native.setVisible(bool(text))
