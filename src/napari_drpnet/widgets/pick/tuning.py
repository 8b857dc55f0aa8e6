"""The foot of the Pick form: what can be changed after a run, and what the run has found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import CheckBox, ComboBox, Container, Label, PushButton
from magicgui.widgets.bases import Widget
from psygnal import Signal
from qtpy.QtWidgets import QDoubleSpinBox, QSizePolicy, QSlider, QWidget

from napari_drpnet.layers import COLOUR_BY, colour_by, legend
from napari_drpnet.settings import AUTO, PickerSettings, ThresholdValue
from napari_drpnet.widgets.kit.forms import control
from napari_drpnet.widgets.pick.outlook import OutlookForm
from napari_drpnet.widgets.pick.result import Result
from napari_drpnet.widgets.pick.tally import Tally

if TYPE_CHECKING:
    from napari.layers import Points

_GROOVE = 140  # pixels
# What a run that finds nothing says.
_NOTHING = "0 picks. Check the threshold, the diameter,\nthe pixel size, and dark or bright particles."
_AUTO = (
    "Choose the threshold by averages of the picks, which show how many are particles: for the whole data set where "
    "the project knows it, "
    "else for this image. Moving the slider switches it off."
)


class Tuning:
    """The sliders, the score map's switch and the summary.

    Attributes
    ----------
    distance
        The minimum distance that somebody asked for, in Angstrom; None: the usual part of the diameter.
    """

    changed = Signal()  # a slider was moved
    measured = Signal(float)  # the median diameter, in Angstrom, is to be used as the diameter

    def __init__(self) -> None:
        self.distance: float | None = None
        self.threshold: Any = control(PickerSettings, "threshold", slider=True)
        _give_room(self.threshold.native)
        self.auto = CheckBox(text="auto", value=True, tooltip=_AUTO)
        self._row = Container[Widget](
            widgets=[self.threshold, self.auto], layout="horizontal", labels=False, label=self.threshold.label
        )
        self._row.margins = (0, 0, 0, 0)
        self.outlook = OutlookForm(self.threshold.native)
        self.outlook.plot.moved.connect(self._slide)
        self.min_distance: Any = control(PickerSettings, "min_distance", slider=True)
        _give_room(self.min_distance.native)
        self.show_scores = CheckBox(
            text="Show score map",
            tooltip="What the picker saw, over the micrograph: bright where it expects a particle.",
        )
        self.show_boxes = CheckBox(
            text="Show boxes", tooltip="Squares instead of circles, as large as the boxes found."
        )
        self.show_boxes.visible = False
        self.colour_by = ComboBox(
            label="Colour by", choices=COLOUR_BY, tooltip="One colour for all picks, or by their score or class."
        )
        self.legend = Label(value="")
        self.legend.visible = False
        self.summary = Label(value="")
        self.total = Label(value="")
        self.total.native.setWordWrap(True)
        self.total.native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.total.visible = False
        self.use_size = PushButton(
            text="Use as diameter", tooltip="Let the median of the picks be the diameter of the particle."
        )
        self._measured: float | None = None
        self.threshold.changed.connect(self._give)
        self.auto.changed.connect(lambda _: self.changed.emit())
        self.min_distance.changed.connect(self._ask)
        self.use_size.clicked.connect(self._use_size)
        self.use_size.visible = False

    @property
    def widgets(self) -> list[Widget]:
        """To be put on the form, in this order."""
        return [
            self._row,
            self.outlook,
            self.min_distance,
            self.show_scores,
            self.show_boxes,
            self.colour_by,
            self.legend,
            self.summary,
            self.total,
            self.use_size,
        ]

    @property
    def asked(self) -> ThresholdValue:
        """The threshold that is asked for: ``auto``, or where the slider is."""
        return AUTO if self.auto.value else float(self.threshold.value)

    def show(self, threshold: ThresholdValue, diameter: float, number: float | None = None) -> None:
        """Before a run: a threshold, and the minimum distance for a ``diameter`` in Angstrom, 0 when not known.

        The ``number`` is what ``auto`` means, where that is known.
        """
        self._set_threshold(threshold, number if threshold == AUTO else float(threshold))
        self.outlook.forget()
        self._set_distance(diameter)
        self.show_scores.enabled = False
        self.threshold.enabled = True
        self.show_boxes.visible = False
        self.summary.value = ""
        self.use_size.visible = False

    def follow(self, result: Result) -> None:
        """After a run, and whenever its picks are others: the values in force, and what was found."""
        self.distance = result.min_distance
        self._set_threshold(result.asked, result.threshold)
        self.outlook.follow(result.scores, result.threshold, result.expected, result.hint)
        self._set_distance(result.diameter * (result.source.frame.pixel_size or 0.0))
        self.show_scores.enabled = result.score_map.values is not None
        self.show_boxes.visible = result.has_boxes
        self.count(result)

    def count(self, result: Result) -> None:
        """Say how many picks a result has, with the edits of a person."""
        self._summarise(result, result.source.frame.pixel_size)

    def count_kept(self, tally: Tally, picked: bool) -> None:
        """Say how many picks a micrograph of a project has, if it was ``picked`` or has any; no run is shown of it."""
        self.summary.value = str(tally) if picked or tally.picks or tally.background else ""

    def colour(self, picks: Points | None) -> None:
        """Colour the picks of a layer as is chosen, and say what the colours mean; None where there is no layer."""
        self.colour_by.enabled = picks is not None
        meaning = []
        if picks is not None:
            colour_by(picks, self.colour_by.value)
            meaning = legend(picks)
        self.legend.value = " &nbsp; ".join(f'<font color="{colour}">■</font> {words}' for colour, words in meaning)
        self.legend.visible = bool(meaning)

    def _summarise(self, result: Result, pixel_size: float | None) -> None:
        tally = result.tally
        text = str(tally)
        self._measured = None
        if result.found_diameter and result.diameter:
            size = result.diameter * (pixel_size or 1.0)
            text += f", median diameter {size:.0f} {'Å' if pixel_size else 'px'}"
            self._measured = size if pixel_size else None
        self.summary.value = text if tally.picks or tally.deleted or tally.background else _NOTHING
        self.use_size.visible = self._measured is not None

    def _set_distance(self, diameter: float) -> None:
        """The slider for a diameter in Angstrom; where that is not known there is nothing to slide."""
        self.min_distance.enabled = diameter > 0
        spacing = PickerSettings(diameter=diameter, min_distance=self.distance).spacing if diameter > 0 else 0.0
        with self.min_distance.changed.blocked():
            self.min_distance.max = max(2 * diameter, spacing, 1.0)
            self.min_distance.value = spacing

    def _set_threshold(self, asked: ThresholdValue, value: float | None) -> None:
        """Show what is asked for, and the number that this means; None: not known yet."""
        with self.auto.changed.blocked(), self.threshold.changed.blocked():
            self.auto.value = asked == AUTO
            if value is not None:
                self.threshold.value = value

    def _give(self, value: float) -> None:
        """Somebody moved the slider: that is no longer left to be chosen."""
        with self.auto.changed.blocked():
            self.auto.value = False
        self.changed.emit()

    def _slide(self, value: float) -> None:
        """Somebody drags the line of the histogram."""
        if self.threshold.enabled and float(self.threshold.value) != value:
            self.threshold.value = value

    def _ask(self, value: float) -> None:
        self.distance = float(value)
        self.changed.emit()

    def _use_size(self) -> None:
        if self._measured is not None:
            self.measured.emit(self._measured)


def _give_room(slider: QWidget) -> None:
    """Let a slider have the room that its number does not need."""
    number, groove = slider.findChild(QDoubleSpinBox), slider.findChild(QSlider)
    if number is not None and groove is not None:
        groove.setMinimumWidth(_GROOVE)
        number.setStyleSheet("min-width: 50px; max-width: 50px; padding: 0px")  # napari's own style asks for 90
