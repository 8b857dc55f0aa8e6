"""The Compare widget in a real window: its layers, its numbers, and what happens when something is wrong."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from pydantic import Field
from qtpy.QtWidgets import QLabel

import seen_particles
from blobs import DIAMETER, PIXEL_SIZE, SHAPE, grid_of_blobs, write_mrc
from discs import DarkDiscs, SlowScores
from napari_drpnet.data import Picks
from napari_drpnet.evaluation.comparison import compare, disagreements
from napari_drpnet.evaluation.consensus import consensus
from napari_drpnet.io import read_micrograph, write_picks
from napari_drpnet.layers import picks_of, points_layer
from napari_drpnet.pickers.protocol import registry as base
from napari_drpnet.settings import PickerSettings
from napari_drpnet.widgets.compare.model import ALL_SETS, GRID, VERDICT
from napari_drpnet.widgets.session.session import Session
from projects import make_project, press, some_picks

pytestmark = pytest.mark.gui
LIMIT = 60_000  # milliseconds; the first run imports torch
RADIUS = 0.5 * DIAMETER / PIXEL_SIZE
LOG = base._BUILT_IN["log"]


class Raises(DarkDiscs):
    """A picker of somebody else's, with a mistake."""

    name: ClassVar[str] = "raises"

    def pick(self, micrograph: Any) -> Picks:
        raise ZeroDivisionError("a mistake of the author's")


class SizeSettings(PickerSettings):
    """Those of a picker that asks for no diameter."""

    diameter: float = Field(0.0, ge=0)


class Sizes(SlowScores):
    """Finds out how large the particles are: 40 to 50 px."""

    name: ClassVar[str] = "sizes"
    settings_class: ClassVar[type[PickerSettings]] = SizeSettings

    def pick(self, micrograph: Any) -> Picks:
        centres = grid_of_blobs()[1]
        return Picks(micrograph.frame, centres, 0.9, np.linspace(40, 50, len(centres)), source=self.name)

    def score_steps(self, micrograph: Any) -> Any:
        found = yield from super().score_steps(micrograph)
        sizes = np.linspace(40, 50, len(found.candidates))
        return replace(found, candidates=replace(found.candidates, diameter=sizes))


class Endless(SlowScores):
    """Never ends, but can be stopped at any time."""

    name: ClassVar[str] = "endless"

    def score_steps(self, micrograph: Any) -> Any:
        while True:
            time.sleep(0.02)
            yield 0.5


class Learns(SlowScores):
    """Has to see the data set's own micrographs first."""

    name: ClassVar[str] = "learns"
    seen: ClassVar[list[str]] = []
    ready = False

    def learn_steps(self, micrographs: Sequence[Any]) -> Any:
        for number, read in enumerate(micrographs):
            self.seen.append(read().frame.micrograph)
            yield number / len(micrographs), "looking"
        self.ready = True

    def save(self, path: Path) -> Path:
        return path


@pytest.fixture(autouse=True)
def more_pickers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few and quick ones."""
    ours = {name: (f"{__name__}:{name.capitalize()}", None) for name in ("raises", "sizes", "endless", "learns")}
    kept = {name: base._BUILT_IN[name] for name in ("dark-discs", "slow-scores")}
    monkeypatch.setattr(base, "_BUILT_IN", {**kept, **ours, "absent": ("no_such_module:Absent", None)})
    monkeypatch.setattr(Learns, "seen", [])


@pytest.fixture
def form(viewer: Any, micrograph_file: Path) -> Any:
    """The widget on an open micrograph, with the diameter set."""
    viewer.open(str(micrograph_file), plugin="napari-drpnet")
    return open_form(viewer)


def open_form(viewer: Any) -> Any:
    _, widget = viewer.window.add_plugin_dock_widget("napari-drpnet", "Compare")
    widget.diameter.value = DIAMETER
    return widget


def rest(form: Any, qtbot: Any) -> None:
    """Wait until nothing is under way."""
    qtbot.waitUntil(lambda: not form.busy, timeout=LIMIT)


def run(form: Any, qtbot: Any, *names: str) -> None:
    form.pickers.tick(*names)
    form.job.button.native.click()
    assert form.job.running
    rest(form, qtbot)


def add(viewer: Any, form: Any, qtbot: Any, picks: Picks, name: str) -> Any:
    """A Points layer with these picks, compared; its set."""
    data, attributes, _ = points_layer(picks, name=name)
    layer = viewer.add_points(data, **attributes)
    form.add_points(layer)
    rest(form, qtbot)
    return form.model.named(name)


def truth_and_picks(viewer: Any, form: Any, qtbot: Any) -> tuple[Any, Any]:
    """The blobs as the truth, and scored picks of most of them with some wrong ones; their sets."""
    known = replace(some_picks("blobs"), score=np.array(np.nan))
    right = some_picks("blobs").select(np.arange(4, 30))
    wrong = replace(
        right.select(np.arange(3)), yx=np.array([[145.0, 140.0], [145.0, 260.0], [255.0, 380.0]]), score=[0.4, 0.5, 0.8]
    )
    yx = np.concatenate([right.yx + 3, wrong.yx])
    picks = Picks(right.frame, yx, np.concatenate([right.score, wrong.score]), right.diameter[0])
    truth = add(viewer, form, qtbot, known, "truth")
    scored = add(viewer, form, qtbot, picks, "scored")
    form.truth.value = "truth"
    rest(form, qtbot)
    return truth, scored


def row(form: Any, name: str) -> dict[str, str]:
    """What the table says of a set."""
    names = [form.sets.text(r, 0) for r in range(form.sets.rowCount())]
    heads = [form.sets.horizontalHeaderItem(c).text() for c in range(form.sets.columnCount())]
    return {head: form.sets.text(names.index(name), c) for c, head in enumerate(heads)}


def double_click(table: Any, at: int) -> None:
    table.cellDoubleClicked.emit(at, 0)


def positions(yx: Any) -> set[tuple[float, ...]]:
    return {tuple(place) for place in np.asarray(yx)}


# ---------------------------------------------------------------- running pickers


def test_several_pickers_run_each_into_a_layer_of_its_own_colour_and_another_image_has_no_picks_yet(
    form: Any, viewer: Any, micrograph_file: Path, qtbot: Any
) -> None:
    run(form, qtbot, "dark-discs", "slow-scores")
    assert [chosen.name for chosen in form.model.sets] == ["dark-discs", "slow-scores"]
    shown = [viewer.layers[name] for name in ("dark-discs", "slow-scores")]
    assert len({tuple(layer.border_color[0]) for layer in shown}) == 2
    assert all([str(unit) for unit in layer.units] == ["angstrom", "angstrom"] for layer in shown)
    picker = base.load_picker("dark-discs", diameter=DIAMETER)
    score_map = picker.score(read_micrograph(micrograph_file))
    found = picker.picks_from(score_map)
    assert len(found)
    assert positions(picks_of(shown[0]).yx) == positions(found.yx)
    assert form.model.named("dark-discs").threshold == picker.threshold_on(score_map)
    viewer.layers["blobs"].data = [np.zeros(SHAPE, np.float32)]
    qtbot.waitUntil(lambda: not viewer.layers["dark-discs"].visible, timeout=5000)
    assert form.model.named("dark-discs").every is None


def test_a_picker_that_fails_is_reported_and_the_others_run(form: Any, viewer: Any, qtbot: Any) -> None:
    rest(form, qtbot)
    assert form.pickers.problems.keys() == {"absent"}
    assert "no_such_module" in form.pickers.item(form.pickers.count() - 1).text()
    notification_manager.records.clear()
    run(form, qtbot, "raises", "dark-discs", "absent")
    assert [chosen.name for chosen in form.model.sets] == ["dark-discs"]
    assert "raises: ZeroDivisionError: a mistake of the author's" in form.failed.text()
    assert notification_manager.records == []  # one word of it is enough
    run(form, qtbot, "dark-discs")
    assert not form.failed.isVisibleTo(form)


def test_a_picker_that_learns_does_so_first_and_once(form: Any, qtbot: Any) -> None:
    run(form, qtbot, "learns")
    run(form, qtbot, "learns")
    assert [Path(name).name for name in Learns.seen] == ["blobs.mrc"]
    assert form.model.named("learns").count > 0


def test_what_was_learnt_at_one_pixel_size_does_not_serve_another(form: Any, qtbot: Any) -> None:
    run(form, qtbot, "learns")
    form.source.pixel_size.value = 1.1 * PIXEL_SIZE
    rest(form, qtbot)
    run(form, qtbot, "learns")
    assert len(Learns.seen) == 2


def test_a_run_that_is_cancelled_keeps_what_has_ended(form: Any, qtbot: Any) -> None:
    form.pickers.tick("dark-discs", "endless")
    form.job.button.native.click()
    qtbot.waitUntil(lambda: form.model.named("dark-discs") is not None, timeout=LIMIT)
    form.job.button.native.click()
    rest(form, qtbot)
    assert [chosen.name for chosen in form.model.sets] == ["dark-discs"]
    assert form.job.status.value == "Cancelled."


def test_closing_the_form_during_a_run_leaves_only_the_sets(form: Any, viewer: Any, qtbot: Any) -> None:
    add(viewer, form, qtbot, some_picks("blobs"), "mine")
    form.pickers.tick("endless")
    form.job.button.native.click()
    worker = form.job._worker
    viewer.window.remove_dock_widget("all")
    qtbot.waitUntil(lambda: not worker.is_running, timeout=LIMIT)
    qtbot.waitUntil(lambda: viewer.layers["mine"].visible, timeout=5000)
    assert [layer.name for layer in viewer.layers] == ["blobs", "mine", "mine, compared"]
    viewer.layers["mine"].data = viewer.layers["mine"].data[:3]  # nobody listens any more
    viewer.add_image(np.zeros((8, 8)))


CLOSE_WHILE_RUNNING = """
import sys, napari
from qtpy.QtCore import QTimer

viewer = napari.Viewer()
viewer.open(sys.argv[1], plugin="napari-drpnet")
_, form = viewer.window.add_plugin_dock_widget("napari-drpnet", "Compare")
form.diameter.value = 120

def close():
    global worker
    form.pickers.tick("log", "drpnet")
    form.job.button.native.click()
    worker = form.job._worker
    QTimer.singleShot(0, viewer.window._qt_window.close)

QTimer.singleShot(500, close)
napari.run()
print("stopped" if worker.abort_requested and not worker.is_running else "runs on")
"""


def test_closing_the_window_stops_the_run(micrograph_file: Path) -> None:
    # As a user does it, in a napari of its own: what goes wrong here shows while all of Qt is taken down.
    command = [sys.executable, "-c", CLOSE_WHILE_RUNNING, str(micrograph_file)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert (ended.returncode, ended.stdout.strip()) == (0, "stopped"), ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_median_of_a_picker_that_finds_sizes_becomes_the_diameter(form: Any, viewer: Any, qtbot: Any) -> None:
    assert not form.median.isVisibleTo(form)
    run(form, qtbot, "sizes")
    assert set(viewer.layers["sizes"].size) >= {40.0, 50.0}
    assert "90 Å" in form.median.text()
    form.median.click()
    assert form.diameter.value == 45 * PIXEL_SIZE


def test_run_is_off_with_a_reason_until_the_form_can_work(viewer: Any, micrograph_file: Path, qtbot: Any) -> None:
    _, form = viewer.window.add_plugin_dock_widget("napari-drpnet", "Compare")
    assert "no image" in form.job.status.value
    viewer.open(str(micrograph_file), plugin="napari-drpnet")
    assert form.model.radius == form.diameter.value / PIXEL_SIZE / 2
    assert "Tick the pickers" in form.job.status.value
    form.pickers.tick("dark-discs")
    assert form.job.button.enabled
    form.source.pixel_size.value = 0
    assert "pixel size is not known" in form.job.status.value
    rest(form, qtbot)


# ---------------------------------------------------------------- numbers


def test_the_tables_say_what_the_evaluation_says_and_a_double_click_goes_from_one_disagreement_to_the_next(
    form: Any, viewer: Any, qtbot: Any
) -> None:
    truth, scored = truth_and_picks(viewer, form, qtbot)
    expected = compare({"truth": [truth.picks], "scored": [scored.picks]}, RADIUS, "truth", RADIUS).standings[1]
    counts, said = expected.evaluation.counts, row(form, "scored")
    assert (counts.true, counts.false, counts.missed) == (26, 3, len(truth.picks) - 26)
    figures = [counts.precision, counts.recall, counts.f1, expected.area]
    assert [said[key] for key in ("precision", "recall", "F1", "AP")] == [f"{value:.3f}" for value in figures]
    assert row(form, "truth (truth)")["picks"] == str(len(truth.picks))
    assert form.pairs.text(0, 0) == "truth – scored"
    assert form.pairs.text(0, 1) == "26"
    assert float(form.pairs.text(0, 3)) == pytest.approx(np.hypot(3, 3) * PIXEL_SIZE, abs=0.01)
    places = disagreements(scored.picks, truth.picks, RADIUS) * PIXEL_SIZE
    assert len(places) > 3
    for number, place in enumerate(places[:3]):
        double_click(form.sets, 1)
        assert viewer.scene.camera.center[-2:] == pytest.approx(tuple(place))
        assert f"difference {number + 1} of {len(places)}" in form.place.text()
        tour, layer = form.model._tour, form.model.layers.of(scored)
        np.testing.assert_allclose(tour.ring.data[:, -2:] * PIXEL_SIZE, [place], atol=1e-3)
        assert tour.ring.visible
        assert layer.opacity < 0.5 < tour.ring.opacity
        # A particle is an eighth of what is seen.
        assert DIAMETER * viewer.scene.camera.zoom == pytest.approx(min(viewer.canvas.size) / 8, rel=0.01)
    press(viewer, "J")
    assert f"difference 4 of {len(places)}" in form.place.text()
    press(viewer, "Shift-J")
    assert f"difference 3 of {len(places)}" in form.place.text()
    assert viewer.scene.camera.center[-2:] == pytest.approx(tuple(places[2]))
    press(viewer, "K")
    assert not tour.ring.visible
    assert layer.opacity == 1
    double_click(form.pairs, 0)
    form.threshold.value = 0.6
    assert not tour.ring.visible


def test_a_double_click_goes_to_the_place_also_on_an_image_that_was_moved(
    viewer: Any, micrograph_file: Path, qtbot: Any
) -> None:
    (image,) = viewer.open(str(micrograph_file), plugin="napari-drpnet")
    image.translate = (900, -400)
    form = open_form(viewer)
    truth_and_picks(viewer, form, qtbot)
    double_click(form.sets, 1)
    ring = form.model._tour.ring
    assert viewer.scene.camera.center[-2:] == pytest.approx(tuple(ring.data_to_world(ring.data[0])))
    assert image.get_value(viewer.scene.camera.center[-2:], world=True) is not None


def test_without_a_truth_there_is_agreement_and_circles_of_one_particle_lie_in_each_other(
    form: Any, viewer: Any, qtbot: Any
) -> None:
    add(viewer, form, qtbot, some_picks("blobs"), "one")
    add(viewer, form, qtbot, some_picks("blobs").select(np.arange(10)), "other")
    assert form.sets.isColumnHidden(2)
    assert float(form.pairs.text(0, 2)) == pytest.approx(2 * 10 / (10 + len(some_picks("blobs"))), abs=1e-3)
    assert form.curves.lines == ()
    layers = [form.model.layers.of(chosen) for chosen in form.model.sets]
    assert layers[0].size[0] > layers[1].size[0]
    assert all(picks_of(layer).diameter[0] == pytest.approx(DIAMETER / PIXEL_SIZE) for layer in layers)


def test_one_slider_may_move_all_thresholds(form: Any, viewer: Any, qtbot: Any) -> None:
    truth, scored = truth_and_picks(viewer, form, qtbot)
    other = add(
        viewer, form, qtbot, replace(some_picks("blobs"), score=np.linspace(0, 1, len(some_picks("blobs")))), "o"
    )
    form.sets.selectRow(1)
    form.together.value = True
    form.threshold.value = 0.55
    assert (scored.threshold, other.threshold) == (0.55, 0.55)
    assert truth.count == len(truth.every)  # it has no scores
    rest(form, qtbot)


def test_best_f1_sets_the_threshold_and_the_slider_moves_circles_at_once_then_counts_and_marks(
    form: Any, viewer: Any, qtbot: Any
) -> None:
    _, scored = truth_and_picks(viewer, form, qtbot)
    form.sets.selectRow(1)
    standing = form.model.figures.standing("scored")
    form.best.click()
    rest(form, qtbot)
    assert scored.threshold == standing.best_threshold
    assert form.model.figures.standing("scored").evaluation.counts.f1 == pytest.approx(standing.best_f1)

    before = form.curves.lines[-1].mark
    form.threshold.value = 0.6
    kept = scored.every.score >= 0.6
    layer = form.model.layers.of(scored)
    assert 0 < kept.sum() < len(kept)
    assert positions(layer.data) == positions(scored.every.yx[kept])
    assert not layer.editable
    assert form.curves.lines[-1].mark != before
    rest(form, qtbot)
    assert row(form, "scored")["picks"] == str(kept.sum())
    counts = form.model.figures.standing("scored").evaluation.counts
    recall, precision = form.curves.lines[-1].mark
    assert (counts.recall, counts.precision) == pytest.approx((recall, precision))
    assert np.array_equal(np.sort(picks_of(layer).score), np.sort(scored.every.score[kept]))
    form.threshold.value = 0.0
    rest(form, qtbot)
    assert positions(picks_of(layer).yx) == positions(scored.every.yx)
    assert np.array_equal(np.sort(picks_of(layer).score), np.sort(scored.every.score))
    assert (layer.border_color == layer.border_color[0]).all()
    assert set(layer.size) == {layer.size[0]}


def test_scores_of_other_programs_have_a_slider_of_their_own_range(form: Any, viewer: Any, qtbot: Any) -> None:
    picks = some_picks("blobs")
    other = add(viewer, form, qtbot, replace(picks, score=np.linspace(-6, 12, len(picks))), "odds")
    assert (form.threshold.min, form.threshold.max) == (-6, 12)
    form.threshold.value = 3.0
    assert other.count == np.count_nonzero(other.every.score >= 3.0)
    rest(form, qtbot)


def test_picks_that_fit_only_upside_down_are_warned_of(form: Any, viewer: Any, qtbot: Any) -> None:
    picks = some_picks("blobs")
    picks = picks.select(picks.yx[:, 0] < 300)
    add(viewer, form, qtbot, picks, "one")
    assert not form.warning.isVisibleTo(form)
    turned = np.column_stack([SHAPE[0] - 1 - picks.yx[:, 0], picks.yx[:, 1]])
    add(viewer, form, qtbot, replace(picks, yx=turned), "turned")
    assert "upside down" in form.warning.text()


# ---------------------------------------------------------------- without a truth


def open_on_seen(viewer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The form on a micrograph whose averages prove something, with the real log among the pickers."""
    monkeypatch.setitem(base._BUILT_IN, "log", LOG)
    path = seen_particles.write_seen(tmp_path / "seen.mrc", 3, count=196, side=980)
    viewer.open(str(path), plugin="napari-drpnet")
    form = open_form(viewer)
    form.diameter.value = seen_particles.DIAMETER
    return form


def shown_averages(form: Any) -> list[str]:
    """What is written on the page of averages, from its top."""
    return [label.text() for label in form.averages.findChildren(QLabel)]


@pytest.mark.slow
def test_averages_of_each_set_are_side_by_side_and_tell_when_its_picks_change(
    viewer: Any, tmp_path: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = open_on_seen(viewer, tmp_path, monkeypatch)
    assert not form.averages.job.button.enabled
    form.measure.value = False
    run(form, qtbot, "log")
    junk = np.random.default_rng(1).uniform(80, 900, (150, 2))
    frame = form.source.source().frame.unbinned
    add(
        viewer, form, qtbot, Picks(frame, junk, diameter=np.array(frame.micrograph_pixels(form.diameter.value))), "junk"
    )
    form.averages.job.button.native.click()
    rest(form, qtbot)
    log, worst = form.averages.found
    assert (log.name, worst.name) == ("log", "junk")
    best = log.averages.classes[0]
    assert best.evidence > 4 * best.error
    assert abs(worst.averages.classes[0].evidence) < best.evidence / 2
    told = shown_averages(form)
    assert f"<b>{best.evidence:.1f} ± {best.error:.1f}</b><br>{best.picks:,}" in told
    assert not any("by now" in text for text in told)
    form.threshold.value = 0.9
    rest(form, qtbot)
    assert ["log" in text for text in shown_averages(form) if "by now" in text] == [True]
    form.model.remove(form.model.named("junk"))
    rest(form, qtbot)
    assert not any("junk" in text for text in shown_averages(form))


@pytest.mark.slow
def test_true_picks_are_told_without_a_truth_and_follow_the_threshold(
    viewer: Any, tmp_path: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = open_on_seen(viewer, tmp_path, monkeypatch)
    run(form, qtbot, "log", "dark-discs")
    log = form.model.named("log")
    assert abs(log.proof.true.value - 196) < 3 * log.proof.true.error
    column = [n for n in range(form.sets.columnCount()) if not form.sets.isColumnHidden(n)]
    heads = [form.sets.horizontalHeaderItem(n).text() for n in column]
    assert heads == ["set", "picks", "≈ true", "≈ precision", "≈ F1"]
    at = form.model.sets.index(log)
    form.sets.selectRow(at)
    assert "±" in row(form, "log")["≈ true"]
    assert "particles: precision" in form.sets.item(at, column[2]).toolTip()
    assert form.proved.isVisibleTo(form)
    assert form.proved.text().startswith("log: About ")
    form.threshold.value = float(np.quantile(log.every.score, 0.99))
    rest(form, qtbot)
    assert log.proof.true.value < 20
    assert row(form, "log")["≈ true"].startswith(f"{log.proof.true.value:.0f} ")


@pytest.mark.slow
def test_a_picker_is_compared_by_evidence_as_the_pick_dock_has_it_until_somebody_moves_its_threshold(
    viewer: Any, tmp_path: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = open_on_seen(viewer, tmp_path, monkeypatch)
    picking = viewer.window.add_plugin_dock_widget("napari-drpnet", "Pick")[1]
    picking.diameter.value = seen_particles.DIAMETER
    picking.picker.value = "log"
    picking.job.button.native.click()
    qtbot.waitUntil(lambda: not picking.job.running, timeout=LIMIT)
    form.measure.value = False
    run(form, qtbot, "log")
    log = form.model.named("log")
    by_probability = log.every.score
    form.measure.value = True
    run(form, qtbot, "log")
    assert not np.array_equal(log.every.score, by_probability)
    assert log.threshold == picking.result.threshold
    assert form.threshold.value == pytest.approx(log.threshold, abs=1e-4)
    layer = form.model.layers.of(log)
    assert positions(picks_of(layer).yx) == positions(picking.result.shown.yx)
    assert log.proof.number.value == pytest.approx(int(picking.result.expected.split()[1]), abs=0.5)
    form.threshold.value = 0.99
    rest(form, qtbot)
    assert form.suited.isEnabled()
    run(form, qtbot, "log")
    assert log.threshold == 0.99
    form.suited.click()
    rest(form, qtbot)
    assert log.threshold == picking.result.threshold
    assert log.count == len(picking.result.shown)
    assert not form.suited.isEnabled()


@pytest.mark.slow
def test_picks_by_probability_come_first_and_stay_when_measuring_is_cancelled(
    viewer: Any, tmp_path: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = open_on_seen(viewer, tmp_path, monkeypatch)
    form.pickers.tick("log")
    form.job.button.native.click()
    qtbot.waitUntil(lambda: form.model.named("log") is not None, timeout=LIMIT)
    log = form.model.named("log")
    by_probability, count = log.every.score, log.count
    assert form.job.running
    assert "these picks are by the picker's own scores" in form.proved.text()
    form.job.button.native.click()
    rest(form, qtbot)
    assert form.job.status.value == "Cancelled."
    assert not form.proved.isVisibleTo(form)
    assert (log.count, len(form.model.layers.of(log).data)) == (count, count)
    assert np.array_equal(log.every.score, by_probability)
    assert "Tick 'estimate true picks'" in log.proof.reason


def test_measuring_is_left_out_on_request_and_what_is_not_measured_has_no_number_and_says_why(
    form: Any, viewer: Any, qtbot: Any
) -> None:
    form.measure.value = False
    run(form, qtbot, "dark-discs")
    assert form.sets.isColumnHidden(6)
    assert not form.proved.isVisibleTo(form)
    form.measure.value = True
    run(form, qtbot, "dark-discs")
    add(viewer, form, qtbot, some_picks("blobs"), "mine")
    assert [row(form, name)["≈ true"] for name in ("dark-discs", "mine")] == ["–", "–"]
    told = [form.sets.item(number, 6).toolTip() for number in (0, 1)]
    assert "is not measured. Too few candidates" in told[0]
    assert "measured of pickers only" in told[1]


# ---------------------------------------------------------------- what is seen


@pytest.mark.painted
def test_right_wrong_and_missed_are_one_layer_coloured_by_kind(form: Any, viewer: Any, qtbot: Any) -> None:
    _, scored = truth_and_picks(viewer, form, qtbot)
    form.sets.selectRow(1)
    qtbot.waitUntil(lambda: "low-pass" in viewer.layers)
    form.view.value = VERDICT
    layer = viewer.layers["right, wrong, missed"]
    verdict = form.model.figures.verdict("scored")
    kinds = np.asarray(layer.features["kind"])
    for kind, places in (("right", verdict.true), ("wrong", verdict.false), ("missed", verdict.missed)):
        assert positions(layer.data[kinds == kind]) == positions(places)
        assert len(np.unique(layer.border_color[kinds == kind], axis=0)) == 1
    assert len(np.unique(layer.border_color, axis=0)) == 3
    assert all(
        part in form.legend.text() for part in ("scored: ", "26 right", "3 wrong", f"{len(verdict.missed)} missed")
    )
    assert [la.name for la in viewer.layers if la.visible] == ["blobs", "low-pass", "right, wrong, missed"]
    form.threshold.value = 0.85
    rest(form, qtbot)
    assert len(layer.data) == len(form.model.figures.verdict("scored").missed) + scored.count
    form.view.value = ALL_SETS
    assert [la.name for la in viewer.layers if la.visible] == [
        "blobs",
        "low-pass",
        "truth, compared",
        "scored, compared",
    ]


@pytest.mark.painted
def test_side_by_side_is_a_cell_for_each_set_and_goes_without_a_trace(form: Any, viewer: Any, qtbot: Any) -> None:
    truth_and_picks(viewer, form, qtbot)
    qtbot.waitUntil(lambda: "low-pass" in viewer.layers)
    viewer.layers["truth"].visible = False
    before = [(layer.name, layer.visible) for layer in viewer.layers]
    zoom, grid = viewer.scene.camera.zoom, viewer.canvas.grid.model_dump()
    form.view.value = GRID
    assert viewer.canvas.grid.actual_shape(viewer.layers) == (1, 2)
    cells = [viewer.canvas.grid.contents_at((0, column), viewer.layers) for column in (0, 1)]
    seen = [[viewer.layers[i].name for i in cell if viewer.layers[i].visible] for cell in cells]
    assert seen == [["image 1", "truth, compared"], ["image 2", "scored, compared"]]
    assert viewer.layers["image 2"].data[0] is viewer.layers["low-pass"].data[0]  # no copy
    assert form.source.image.choices == (viewer.layers["blobs"],)
    viewer.layers["image 1"].contrast_limits = (-1, 1)
    assert viewer.layers["image 2"].contrast_limits == [-1, 1]
    form.view.value = ALL_SETS
    assert [(layer.name, layer.visible) for layer in viewer.layers] == before
    assert (viewer.scene.camera.zoom, viewer.canvas.grid.model_dump()) == (zoom, grid)
    # Also by napari's own button.
    form.view.value = GRID
    viewer.canvas.grid.enabled = False
    assert form.view.value == ALL_SETS
    assert "image 1" not in viewer.layers


def test_the_consensus_is_one_more_set(form: Any, viewer: Any, qtbot: Any) -> None:
    picks = some_picks("blobs")
    sets = {name: picks.select(np.arange(start, start + 15)) for name, start in (("a", 0), ("b", 5), ("c", 10))}
    for name, some in sets.items():
        add(viewer, form, qtbot, some, name)
    form.consensus.value = True
    rest(form, qtbot)
    for at_least in (2, 3, 1):
        form.at_least.value = at_least
        rest(form, qtbot)
        expected = consensus(sets, RADIUS, at_least)
        assert positions(np.round(viewer.layers["consensus"].data, 6)) == positions(np.round(expected.yx, 6))
    assert row(form, "consensus")["picks"] == str(len(expected))
    form.consensus.value = False
    assert "consensus" not in viewer.layers


# ---------------------------------------------------------------- layers and files


def test_a_layer_that_is_edited_is_measured_anew_and_a_set_goes_with_its_layer_or_by_the_button(
    form: Any, viewer: Any, qtbot: Any
) -> None:
    truth_and_picks(viewer, form, qtbot)
    assert not viewer.layers["truth"].visible
    viewer.layers["truth"].add([[20.0, 600.0]])
    qtbot.waitUntil(lambda: row(form, "truth (truth)")["picks"] == str(len(some_picks("blobs")) + 1), timeout=5000)
    rest(form, qtbot)
    viewer.layers.remove("scored, compared")
    assert [chosen.name for chosen in form.model.sets] == ["truth"]
    form.sets.selectRow(0)
    form.add.remove.click()
    assert form.model.sets == []
    assert viewer.layers["truth"].visible
    assert form.truth.value == "none"
    rest(form, qtbot)


@pytest.mark.filterwarnings("ignore:.*have no place for")
def test_files_of_any_program_are_compared_and_one_that_cannot_be_is_told_of(
    form: Any, qtbot: Any, tmp_path: Path
) -> None:
    picks = replace(some_picks("blobs"), psi=np.array(0.0))
    for ending in (".star", ".box", ".cbox"):
        path = tmp_path / "picks" / f"blobs{ending}"
        path.parent.mkdir(exist_ok=True)
        write_picks(picks, path)
        form.add_files([path])
        rest(form, qtbot)
        shown = form.model.named(path.name).picks
        assert positions(np.round(shown.yx)) == positions(picks.yx)
        assert shown.frame.pixel_size == PIXEL_SIZE
    sets = list(form.model.sets)
    for name in ("another", "far"):
        picks = some_picks(name)
        far = replace(picks, yx=picks.yx + (2000 if name == "far" else 0), frame=replace(picks.frame, shape=None))
        form.add_files([write_picks(far, tmp_path / f"{name}.csv")])
        rest(form, qtbot)
        assert f"{name}.csv has picks of {name}, none of blobs.mrc" in form.strangers.text.text()
        if name == "far":
            form.strangers.yes.click()
            assert "far.csv" in form.job.status.value  # its picks do not fit
    form.add_files([tmp_path / "another.csv"])
    rest(form, qtbot)
    assert form.model.sets == sets
    form.strangers.no.click()
    assert form.model.sets == sets
    form.add_files([tmp_path / "another.csv"])
    rest(form, qtbot)
    form.strangers.yes.click()
    rest(form, qtbot)
    assert form.strangers.isHidden()
    assert positions(np.round(form.model.named("another.csv").picks.yx)) == positions(np.round(some_picks("a").yx))
    sets = list(form.model.sets)
    path = tmp_path / "blobs.star"
    path.write_text("data_\n\nloop_\n_rlnCoordinateX #1\n")
    notification_manager.records.clear()
    form.add_files([path])
    rest(form, qtbot)
    assert len(notification_manager.records) == 1
    assert "blobs.star" in str(notification_manager.records[0].message)
    assert form.model.sets == sets


# ---------------------------------------------------------------- a project


def test_on_another_micrograph_of_the_project_nothing_of_the_last_one_is_seen(
    viewer: Any, tmp_path: Path, qtbot: Any
) -> None:
    session = Session.of(viewer)
    session.open(make_project(tmp_path, ("a1", "a2")))
    form = open_form(viewer)
    form.source.image.value = session.image
    run(form, qtbot, "dark-discs", "learns")
    assert sorted(Path(name).name for name in Learns.seen) == ["a1.mrc", "a2.mrc"]  # of all
    form.add_points(session.points)
    rest(form, qtbot)
    layer, first = viewer.layers["dark-discs"], positions(viewer.layers["dark-discs"].data)
    session.go("a2")
    rest(form, qtbot)
    assert not layer.visible
    assert len(layer.data) == 0
    assert form.model.named("dark-discs").every is None
    assert positions(form.model.named("picks").picks.yx) == positions(session.picks("a2").yx)
    run(form, qtbot, "dark-discs")
    assert layer.visible
    assert positions(layer.data) != first
    session.go("a1")
    rest(form, qtbot)
    assert positions(layer.data) == first
    session.close()


def test_each_frame_of_a_stack_has_its_own_picks(viewer: Any, tmp_path: Path, qtbot: Any) -> None:
    path = write_mrc(tmp_path / "s.mrcs", np.stack([grid_of_blobs(seed)[0] for seed in (1, 2)]), PIXEL_SIZE)
    viewer.open(str(path), plugin="napari-drpnet")
    form = open_form(viewer)
    viewer.dims.set_current_step(0, 1)
    run(form, qtbot, "dark-discs")
    layer, count = viewer.layers["dark-discs"], form.model.named("dark-discs").count
    assert count
    assert set(layer.data[:, 0]) == {1}
    viewer.dims.set_current_step(0, 0)
    rest(form, qtbot)
    assert (layer.visible, len(layer.data)) == (False, 0)
    viewer.dims.set_current_step(0, 1)
    rest(form, qtbot)
    assert (layer.visible, len(layer.data)) == (True, count)
