"""The controls of the comparison, and where they lie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from magicgui.widgets import CheckBox, ComboBox, FloatSlider, Label, SpinBox
from qtpy.QtWidgets import QTabWidget, QWidget

from napari_drpnet.jobs.compare.consensus import CONSENSUS
from napari_drpnet.pickers import available_pickers
from napari_drpnet.settings import PickerSettings
from napari_drpnet.widgets.compare.add import AddBar
from napari_drpnet.widgets.compare.averages import AveragesPage
from napari_drpnet.widgets.compare.curves import Curves
from napari_drpnet.widgets.compare.layers import KINDS, SIGNS
from napari_drpnet.widgets.compare.model import ALL_SETS, GRID, VERDICT, CompareModel
from napari_drpnet.widgets.compare.strangers import Strangers
from napari_drpnet.widgets.compare.tables import PAIRS, SETS, PickerList, fill_pairs, fill_sets
from napari_drpnet.widgets.kit.eye_form import EyeForm
from napari_drpnet.widgets.kit.fold import aligned
from napari_drpnet.widgets.kit.forms import control
from napari_drpnet.widgets.kit.job import JobBar
from napari_drpnet.widgets.kit.narrow import narrow
from napari_drpnet.widgets.kit.parts import (
    Scrolled,
    button,
    in_column,
    in_row,
    lay_out,
    sign,
    table,
    with_error,
    wrapped,
)
from napari_drpnet.widgets.kit.preferences import preference
from napari_drpnet.widgets.kit.source import ImageForm

if TYPE_CHECKING:
    from napari.viewer import Viewer

NO_TRUTH = "none"
_WIDTH, _PAIRS_HEIGHT = 410, 150  # pixels


class CompareForm(QWidget):
    """What is seen of the comparison; what it does is in `CompareWidget`.

    Parameters
    ----------
    viewer
        Whose images are offered.
    run, average
        Called when Run is pressed, and the button of the averages.
    """

    def __init__(self, viewer: Viewer, run: Callable[[], None], average: Callable[[], None]) -> None:
        super().__init__()
        self.source = ImageForm(viewer)
        self.diameter: Any = control(PickerSettings, "diameter", preference("diameter"))
        self.in_pixels = Label(label=" ", value="")
        self.invert: Any = control(PickerSettings, "invert")
        self.eye = EyeForm(viewer, self.source)
        self.measure = CheckBox(
            text="estimate true picks",
            value=True,
            tooltip="After the run, averages of each picker's picks tell how many are particles, without a truth. "
            "It takes some seconds for each; Cancel keeps the picks.",
        )
        self.median = button("", "The size that a picker found, as the diameter for the others.")
        self.median.hide()
        self.pickers = PickerList(available_pickers())
        self.job = JobBar("Run", run)
        self.averages = AveragesPage(average)
        self.failed = wrapped()
        self.failed.hide()
        self._build_sets()
        self._build_views()
        self._lay_out()

    def _build_sets(self) -> None:
        self.add, self.strangers = AddBar(), Strangers()
        self.sets = table(SETS, digits=3)
        self.truth = narrow(
            ComboBox(
                label="Truth",
                choices=[NO_TRUTH],
                tooltip="The set that the others are judged by: labels, or a simulation's.",
            )
        )
        self.threshold: Any = FloatSlider(
            label="Threshold", min=0, max=1, step=0.01, value=0.5, tooltip="Least score of the chosen set's picks."
        )
        self.best = button("Best F1", "The threshold at which the chosen set is best against the truth.")
        self.suited = button("Auto", "The threshold that suits its picks, by averages of them where there are some.")
        self.together = CheckBox(
            text="all together", tooltip="The slider moves the thresholds of all sets with scores from 0 to 1."
        )
        self.consensus = CheckBox(text="Consensus: picked by at least", tooltip="One more set, of what the sets share.")
        self.at_least = SpinBox(value=2, min=1, max=99, tooltip="How many sets must have a particle; 1 joins them all.")
        self.proved = wrapped()
        self.proved.hide()
        self.warning = wrapped()
        self.warning.hide()

    def _build_views(self) -> None:
        self.view = ComboBox(
            label="Show",
            choices=[ALL_SETS, VERDICT, GRID],
            tooltip="All sets in each other, what is right in the chosen set, or a cell of the window for each set.",
        )
        self.legend = wrapped()
        self.place = wrapped("Double click a row to go where it differs from the truth, or from another set.")
        self.curves = Curves()
        self.pairs = table(PAIRS, digits=3)
        self.pairs.setFixedHeight(_PAIRS_HEIGHT)
        self.tabs = QTabWidget()
        self.tabs.addTab(_page(self.curves), "Curves")
        self.tabs.addTab(_page(self.pairs), "Agreement")
        self.tabs.addTab(self.averages, "Averages")

    def _lay_out(self) -> None:
        head = aligned([*self.source.widgets, self.eye, self.diameter, self.in_pixels, self.invert, self.measure])
        column = in_column(
            head,
            self.median,
            self.pickers,
            self.job.native,
            self.failed,
            self.add,
            self.strangers,
            self.sets,
            self.proved,
            self.warning,
            aligned([self.truth, self.view, self.threshold]),
            self.legend,
            in_row(self.together.native, self.suited, self.best),
            in_row(self.consensus.native, self.at_least.native, stretch=(3, 1)),
            self.place,
            self.tabs,
        )
        area = Scrolled(column)
        area.setMinimumWidth(_WIDTH)
        lay_out(self, area, margin=6)

    # ------------------------------------------------------------ what the model has

    def fill(self, model: CompareModel) -> None:
        """Show the sets, their figures, and what can be asked of them."""
        truth = model.truth.name if model.truth is not None else None
        self._offer_truth([chosen.name for chosen in model.sets if chosen.name != CONSENSUS], truth)
        self.sets.blockSignals(True)  # rows that come and go are not chosen by anybody
        fill_sets(self.sets, model.sets, model.figures, truth)
        if model.chosen is not None:
            self.sets.selectRow(model.sets.index(model.chosen))
        self.sets.blockSignals(False)
        figures = model.figures
        fill_pairs(self.pairs, figures.pairs if figures else (), float(self.source.pixel_size.value) or 1.0)
        self.curves.show_lines(model.lines)
        warnings = figures.comparison.warnings if figures else ()
        self.warning.setText("\n".join(f"⚠ {text}" for text in warnings))
        self.warning.setVisible(bool(warnings))
        with self.consensus.changed.blocked():
            self.consensus.value = model.named(CONSENSUS) is not None
        self.averages.follow(model.sets)
        self._fill_proved(model)
        self._fill_legend(model)
        self._fill_slider(model)
        self._fill_median(model)

    def _offer_truth(self, names: Sequence[str], truth: str | None) -> None:
        with self.truth.changed.blocked():
            self.truth.choices = [NO_TRUTH, *names]
            self.truth.value = truth or NO_TRUTH

    def _fill_proved(self, model: CompareModel) -> None:
        """What averages prove of the chosen set; nothing where no set was measured."""
        chosen = model.chosen
        self.proved.setVisible(chosen is not None and any(one.measured for one in model.sets))
        if chosen is not None:
            self.proved.setText(with_error(f"{chosen.name}: {chosen.proof.in_words(chosen.count)}"))

    def _fill_legend(self, model: CompareModel) -> None:
        """What the colours mean while the verdict is shown, and of which set it is."""
        self.legend.setVisible(self.view.value == VERDICT)
        chosen, figures = model.chosen, model.figures
        verdict = None if chosen is None or figures is None else figures.verdict(chosen.name)
        if chosen is None or verdict is None:
            self.legend.setText("Choose the truth, and a row of the table that is judged by it.")
            return
        counts = (len(verdict.true), len(verdict.false), len(verdict.missed))
        signs = [
            f"{sign(SIGNS[symbol], colour)} {count} {kind}"
            for (kind, (colour, symbol)), count in zip(KINDS.items(), counts, strict=True)
        ]
        self.legend.setText(f"{chosen.name}: {' &nbsp; '.join(signs)}")

    def _fill_slider(self, model: CompareModel) -> None:
        """The slider goes over the scores of the chosen set."""
        limits = None if model.chosen is None else model.chosen.range
        self.threshold.enabled = limits is not None
        self.best.setEnabled(model.best_threshold is not None)
        self.suited.setEnabled(model.chosen is not None and model.chosen.moved and model.chosen.outcome is not None)
        if model.chosen is None or limits is None:
            return
        low, high = limits
        with self.threshold.changed.blocked():
            self.threshold.min, self.threshold.max = min(low, self.threshold.min), max(high, self.threshold.max)
            self.threshold.step = 0.01 if limits == (0.0, 1.0) else max((high - low) / 200, 1e-6)
            self.threshold.value = min(max(model.chosen.threshold, low), high)
            self.threshold.min, self.threshold.max = low, high

    def _fill_median(self, model: CompareModel) -> None:
        found = model.own_sizes
        self.median.setVisible(found is not None)
        if found is not None:
            self.median.setText(f"Use the median size of {found[0]}: {found[1]:.0f} Å")


def _page(widget: QWidget) -> QWidget:
    """A page of the tabs, with its content at the top."""
    page = in_column(widget)
    page.setContentsMargins(0, 4, 0, 0)
    return page
