"""The Pick widget with any picker: its settings, what it learns, the sizes it finds, and what goes wrong with it."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtWidgets import QFileDialog

from blobs import DIAMETER, PIXEL_SIZE, SHAPE, grid_of_blobs, write_mrc
from discs import DarkDiscs, LearningDiscs
from napari_drpnet import jobs
from napari_drpnet.io import read_micrograph
from napari_drpnet.layers import picks_of
from napari_drpnet.pickers.protocol import registry as base
from napari_drpnet.widgets.kit.network_box import FILE
from napari_drpnet.widgets.pick.dock import PickWidget
from napari_drpnet.widgets.session.session import Session
from odd_pickers import ChoosyDiscs
from projects import make_project

pytestmark = pytest.mark.gui
LIMIT = 30_000  # milliseconds


@pytest.fixture(autouse=True)
def odd_pickers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(base._BUILT_IN, "choosy", ("odd_pickers:ChoosyDiscs", None))
    monkeypatch.setitem(base._BUILT_IN, "sizing", ("odd_pickers:SizingDiscs", None))
    broken = EntryPoint("broken", "no_such_package:Broken", "napari_drpnet.pickers")
    monkeypatch.setattr(base, "_found_on", lambda path: (broken,))
    monkeypatch.setattr(ChoosyDiscs, "seen", [])


@pytest.fixture
def lessons(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many micrographs each lesson was given."""
    given: list[int] = []
    learn = LearningDiscs.learn_steps

    def noted(self: Any, micrographs: Any) -> Any:
        given.append(len(micrographs))
        return learn(self, micrographs)

    monkeypatch.setattr(LearningDiscs, "learn_steps", noted)
    return given


@pytest.fixture
def viewer(make_napari_viewer_proxy: Any) -> Any:
    """A viewer whose window is not drawn, which is quicker: the form is what these tests look at."""
    return make_napari_viewer_proxy(show=False)


@pytest.fixture
def form(viewer: Any, micrograph_file: Path) -> Any:
    viewer.open(str(micrograph_file), plugin="napari-drpnet")
    return opened(viewer)


@pytest.fixture
def project(tmp_path: Path) -> Any:
    project = make_project(tmp_path)
    yield project
    project.close()


def opened(viewer: Any) -> Any:
    form = PickWidget(viewer)
    form.show()
    return form


def run(form: Any, qtbot: Any) -> None:
    form.job.button.native.click()
    qtbot.waitUntil(lambda: not form.job.running, timeout=LIMIT)


def kept(form: Any, qtbot: Any, name: str, value: Any) -> None:
    """Wait until the project has it."""
    qtbot.waitUntil(lambda: getattr(form.session.project.settings, name) == value, timeout=LIMIT)


def test_every_picker_is_offered_with_a_line_about_it_and_a_default_diameter_comes_back(form: Any) -> None:
    assert set(base.available_pickers()) == set(form.picker.choices)
    form.picker.value = "choosy"
    assert form.method.about.value == "Finds discs with many settings; has no score map."
    form.picker.value = "drpnet"
    assert form.method.about.value == base.summary("drpnet")

    before = form.diameter.value
    form.picker.value = "sizing"
    assert form.diameter.value == 0
    form.picker.value = "drpnet"
    assert form.diameter.value == before > 0
    assert form.diameter.native.text() == f"{before:.2f}"


@pytest.mark.painted
def test_in_a_window_of_its_own(make_napari_viewer_proxy: Any, micrograph_file: Path, qtbot: Any) -> None:
    viewer = make_napari_viewer_proxy(show=True)
    viewer.open(str(micrograph_file), plugin="napari-drpnet")
    _, form = viewer.window.add_plugin_dock_widget("napari-drpnet", "Pick")
    form.picker.value = "sizing"
    run(form, qtbot)
    assert form.tuning.use_size.native.isVisible()
    assert [layer.name for layer in viewer.layers] == ["blobs", "particle size", "blobs picks"]


def test_one_that_cannot_be_loaded_or_a_value_that_it_does_not_take_switches_run_off(form: Any) -> None:
    form.picker.value = "broken"
    assert "no_such_package" in form.method.about.value
    assert "no_such_package" in form.job.status.value
    assert not form.job.button.enabled
    form.picker.value = "dark-discs"
    assert form.job.button.enabled
    assert form.job.status.value == ""

    form.picker.value = "choosy"
    form.method.controls["smoothing"].value = 0
    assert not form.job.button.enabled
    assert "smoothing" in form.job.status.value


def test_the_form_shows_the_settings_of_the_chosen_picker_only(form: Any) -> None:
    def folds() -> list[str]:
        return [fold.button.text[2:] for fold in form.method.folds if fold.visible]

    assert folds() == ["Networks"]
    assert set(form.method.controls) == {"detector_diameter", "detector_grey"}  # of a network that does not say it
    form.picker.value = "choosy"
    assert folds() == ["Settings of choosy"]
    assert list(form.method.controls) == [
        *("smoothing", "rate", "most", "margin_below", "order", "upside_down", "weights", "note"),
    ]
    smoothing = form.method.controls["smoothing"]
    assert (smoothing.value, smoothing.tooltip) == (0.25, "Sigma of the Gaussian in diameters.")
    assert form.method.controls["rate"].native.text() == "0.0010"
    assert form.method.controls["margin_below"].label == "Margin below (Å)"
    assert form.method.controls["margin_below"].native.text() == "default"
    assert form.threshold.value == pytest.approx(0.3)
    form.picker.value = "dark-discs"
    assert folds() == []


def test_a_network_of_another_program_can_be_chosen_where_one_picks_with_it(
    form: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def choose(*arguments: Any) -> tuple[str, str]:
        asked.append(arguments[-1])
        return str(tmp_path / "theirs.onnx"), ""

    monkeypatch.setattr(QFileDialog, "getOpenFileName", choose)
    boxes = form.method._page.networks
    boxes["classifier"].value = boxes["detector"].value = FILE
    assert asked == ["Weights (*.safetensors)", "Weights (*.safetensors *.onnx)"]
    form.method.controls["detector_grey"].value = "standard"
    assert form.method.weights()["detector"] == str(tmp_path / "theirs.onnx")
    assert form.method.options({})["detector_grey"] == "standard"


def test_what_is_filled_in_reaches_the_picker_and_is_remembered(form: Any, qtbot: Any) -> None:
    form.diameter.value = DIAMETER
    form.picker.value = "choosy"
    run(form, qtbot)
    usual = {name: field.get_default() for name, field in ChoosyDiscs.settings_class.model_fields.items()}
    assert ChoosyDiscs.seen[-1].model_dump() == usual | {"diameter": DIAMETER, "threshold": 0.0, "min_distance": 48.0}
    filled = {"smoothing": 0.4, "most": 3, "margin_below": 20.0, "order": "first", "upside_down": True, "note": "a"}
    for name, value in filled.items():
        form.method.controls[name].value = value
    form.picker.value = "drpnet"
    form.picker.value = "choosy"
    run(form, qtbot)
    assert {name: getattr(ChoosyDiscs.seen[-1], name) for name in filled} == filled
    assert len(form.result.score_map.candidates) == 3
    for name in ("most", "margin_below", "note"):
        form.method.controls[name].value = None
    run(form, qtbot)
    assert [getattr(ChoosyDiscs.seen[-1], name) for name in ("most", "margin_below", "note")] == [None] * 3


def test_the_sliders_work_without_a_score_map(viewer: Any, tmp_path: Path, qtbot: Any) -> None:
    faint = 0.4 * grid_of_blobs()[0]
    viewer.open(str(write_mrc(tmp_path / "a.mrc", faint, PIXEL_SIZE)), plugin="napari-drpnet")
    form = opened(viewer)
    form.picker.value = "dark-discs"
    form.diameter.value = DIAMETER
    run(form, qtbot)
    assert not form.show_scores.enabled
    form.threshold.value = 0.1
    every = len(form.result.layer.data)
    assert form.summary.value == f"{every} picks"
    form.threshold.value = float(np.median(form.result.shown.score))
    assert 0 < len(form.result.layer.data) < every
    form.threshold.value = 0.1
    form.min_distance.value = 240
    assert 0 < len(form.result.layer.data) < every
    truth = grid_of_blobs()[1]
    nearest = np.linalg.norm(truth[:, None] - form.result.layer.data[None], axis=2).min(axis=0)
    assert (nearest < 10).all()


def test_each_picker_has_its_own_threshold(form: Any, qtbot: Any) -> None:
    form.diameter.value = DIAMETER
    form.picker.value = "dark-discs"
    form.threshold.value = 0.8
    form.picker.value = "choosy"
    assert form.threshold.value == pytest.approx(0.3)
    form.picker.value = "dark-discs"
    assert form.threshold.value == pytest.approx(0.8)
    run(form, qtbot)
    assert form.result.threshold == pytest.approx(0.8)
    form.picker.value = "choosy"
    assert form.threshold.value == pytest.approx(0.8)  # still that of the picks on screen
    run(form, qtbot)
    assert form.threshold.value == form.result.threshold == pytest.approx(0.3)


def test_another_picker_takes_the_place_of_the_one_before_and_hides_its_map(form: Any, viewer: Any, qtbot: Any) -> None:
    form.picker.value = "sizing"
    run(form, qtbot)
    form.show_scores.value = True
    points, scores = form.result.layer, form.result.score_layer
    form.diameter.value = DIAMETER
    form.picker.value = "dark-discs"
    run(form, qtbot)
    assert form.result.layer is points
    assert set(picks_of(points).source) == {"dark-discs"}
    assert not scores.visible
    form.picker.value = "sizing"
    run(form, qtbot)
    assert scores.visible


def test_one_that_finds_sizes_needs_none_and_shows_what_it_found(form: Any, viewer: Any, qtbot: Any) -> None:
    form.picker.value = "sizing"
    assert form.diameter.value == 0
    assert form.diameter.native.text() == "found by the picker"
    assert form.in_pixels.value == ""
    assert not viewer.layers["particle size"].visible
    run(form, qtbot)
    layer = form.result.layer
    assert len(set(layer.size)) > 5
    np.testing.assert_allclose(layer.size, picks_of(layer).diameter)
    median = float(np.median(layer.size))
    assert form.summary.value == f"{len(layer.data)} picks, median diameter {median * PIXEL_SIZE:.0f} Å"
    assert form.min_distance.value == pytest.approx(0.55 * median * PIXEL_SIZE, abs=0.01)
    assert form.min_distance.max == pytest.approx(2 * median * PIXEL_SIZE, abs=0.01)
    form.min_distance.value = 20.0
    form.threshold.value = 0.6
    assert (form.result.min_distance, form.min_distance.value) == (20.0, 20.0)
    assert form.tuning.use_size.visible
    form.tuning.use_size.native.click()
    assert form.diameter.value == pytest.approx(form.result.diameter * PIXEL_SIZE, abs=0.06)
    form.picker.value = "drpnet"
    assert form.diameter.value > 0
    assert form.job.button.enabled


def test_boxes_are_shown_as_squares_when_asked_and_nothing_above_the_threshold_is_no_trouble(
    form: Any, qtbot: Any
) -> None:
    def symbols() -> set[str]:
        return {str(symbol) for symbol in form.result.layer.symbol}

    assert not form.tuning.show_boxes.visible
    form.picker.value = "sizing"
    run(form, qtbot)
    assert form.tuning.show_boxes.visible
    assert symbols() == {"disc"}
    form.tuning.show_boxes.value = True
    assert symbols() == {"square"}
    form.threshold.value = float(np.median(form.result.shown.score))
    assert symbols() == {"square"}
    box = picks_of(form.result.layer).box
    np.testing.assert_allclose(box[:, 1] / box[:, 0], 1.1 / 0.9)
    form.tuning.show_boxes.value = False
    assert symbols() == {"disc"}

    form.threshold.value = 1.0
    assert form.summary.value.startswith("0 picks")
    form.result.layer.add([[30.0, 30.0]])
    form.threshold.value = 0.3
    assert len(form.result.layer.data) > 1
    assert (picks_of(form.result.layer).yx == 30).all(axis=1).any()


def test_a_diameter_that_somebody_gave_is_told_to_one_that_could_find_it(form: Any, qtbot: Any) -> None:
    form.diameter.value = DIAMETER
    form.picker.value = "sizing"
    assert form.diameter.value == DIAMETER
    run(form, qtbot)
    assert form.result.picker.settings.diameter == DIAMETER
    assert "median" not in form.summary.value
    form.diameter.value = 0
    form.picker.value = "drpnet"
    assert "diameter" in form.job.status.value
    assert not form.job.button.enabled


def test_sizes_are_found_without_a_pixel_size(viewer: Any, tmp_path: Path, qtbot: Any) -> None:
    viewer.open(str(write_mrc(tmp_path / "a.mrc", grid_of_blobs()[0], 0.0)), plugin="napari-drpnet")
    form = opened(viewer)
    assert not form.job.button.enabled
    form.picker.value = "sizing"
    assert form.job.button.enabled
    run(form, qtbot)
    median = float(np.median(form.result.layer.size))
    assert form.summary.value == f"{len(form.result.layer.data)} picks, median diameter {median:.0f} px"
    assert not form.min_distance.enabled
    assert not form.tuning.use_size.visible
    before = len(form.result.layer.data)
    form.threshold.value = float(np.median(form.result.shown.score))
    assert 0 < len(form.result.layer.data) < before


def test_it_learns_once_and_again_when_it_is_told_something_else(form: Any, qtbot: Any, lessons: list[int]) -> None:
    form.diameter.value = DIAMETER
    form.picker.value = "learning-discs"
    assert not form.learnt.visible
    run(form, qtbot)
    assert lessons == [1]
    assert form.learnt.visible
    assert form.learnt.text.value.startswith("learning-discs has learnt")
    form.threshold.value = 0.2
    run(form, qtbot)
    assert lessons == [1]
    form.learnt.again.native.click()
    assert not form.learnt.visible
    run(form, qtbot)
    assert lessons == [1, 1]
    form.diameter.value = DIAMETER + 10
    run(form, qtbot)
    assert lessons == [1, 1, 1]
    form.picker.value = "dark-discs"
    run(form, qtbot)
    assert not form.learnt.visible


def test_what_it_learnt_is_saved_and_then_used(
    form: Any, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lessons: list[int]
) -> None:
    form.diameter.value = DIAMETER
    form.picker.value = "learning-discs"
    run(form, qtbot)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "mine"), ""))
    form.learnt.save.native.click()
    file = tmp_path / "mine.safetensors"
    assert file.is_file()
    assert form.method.controls["weights"].value == str(file)
    before = file.stat().st_mtime_ns
    form.learnt.save.native.click()  # the dialog asked of mine, which is not there
    assert file.stat().st_mtime_ns == before
    assert "whole name" in notification_manager.records[-1].message
    run(form, qtbot)
    assert lessons == [1]
    assert form.result.picker.settings.weights == str(file)


def test_learning_can_be_cancelled(form: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(self: Any, micrographs: Any) -> Any:
        while True:
            yield 0.5, "Learning for ever"

    monkeypatch.setattr(LearningDiscs, "learn_steps", endless)
    form.diameter.value = DIAMETER
    form.picker.value = "learning-discs"
    form.job.button.native.click()
    qtbot.waitUntil(lambda: form.job.status.value == "Learning for ever", timeout=LIMIT)
    assert form.job.progress.value == 50
    form.job.button.native.click()
    qtbot.waitUntil(lambda: not form.job.running, timeout=LIMIT)
    assert form.job.status.value == "Cancelled."
    assert form.result is None
    assert not form.learnt.visible


def test_a_project_is_picked_as_the_form_says_and_the_other_way_round(project: Any, viewer: Any, qtbot: Any) -> None:
    session = Session.of(viewer)
    session.open(project)
    form = opened(viewer)
    assert form.picker.value == "dark-discs"
    assert "particle size" not in [layer.name for layer in viewer.layers if layer.visible]  # no mark of the project's
    form.picker.value = "choosy"
    form.method.controls["most"].value = 4
    run(form, qtbot)
    assert (project.settings.picker, project.settings.options) == ("choosy", {"most": 4})
    assert project.settings.threshold == pytest.approx(0.3)
    assert len(form.result.score_map.candidates) == 4
    report = jobs.finish(jobs.pick_project(project, ["a2"]))
    assert report.picks == 4
    form.method.controls["most"].value = None
    kept(form, qtbot, "options", {})
    session.configure(picker="dark-discs", threshold=0.6)
    assert form.picker.value == "dark-discs"
    session.next()
    assert form.threshold.value == pytest.approx(0.6)
    form.close()
    session.configure(picker="choosy", options={"order": "first", "inner": {"box": 30}})
    again = opened(viewer)
    assert again.picker.value == "choosy"
    assert again.method.controls["order"].value == "first"
    again.method.controls["most"].value = 2
    kept(again, qtbot, "options", {"order": "first", "inner": {"box": 30}, "most": 2})


def test_a_picker_that_is_not_installed_stays_the_project_s(project: Any, viewer: Any, qtbot: Any) -> None:
    project.update(picker="elsewhere", options={"depth": 3})
    Session.of(viewer).open(project)
    form = opened(viewer)
    assert form.picker.value == "elsewhere"
    assert "elsewhere" in form.job.status.value
    form.invert.value = True
    kept(form, qtbot, "invert", True)
    assert (project.settings.picker, project.settings.options) == ("elsewhere", {"depth": 3})


def test_in_a_project_it_learns_from_all_micrographs_and_the_project_keeps_it(
    project: Any, viewer: Any, qtbot: Any, lessons: list[int]
) -> None:
    session = Session.of(viewer)
    session.open(project)
    form = opened(viewer)
    form.picker.value = "learning-discs"
    run(form, qtbot)
    assert lessons == [4]
    assert project.settings.options == {"weights": "networks/learning-discs.safetensors"}
    assert form.method.controls["weights"].value == "networks/learning-discs.safetensors"
    session.next()
    run(form, qtbot)
    assert set(session.picks("a2").source) == {"learning-discs"}
    form.invert.value = True
    kept(form, qtbot, "invert", True)
    assert lessons == [4]
    assert project.settings.options == {"weights": "networks/learning-discs.safetensors"}
    form.method.controls["weights"].value = None  # learn anew
    run(form, qtbot)
    assert lessons == [4, 4]


def test_a_project_without_a_diameter_is_picked_by_one_that_finds_it(project: Any, viewer: Any, qtbot: Any) -> None:
    project.update(diameter=None)
    session = Session.of(viewer)
    session.open(project)
    form = opened(viewer)
    form.picker.value = "sizing"
    run(form, qtbot)
    assert project.settings.diameter is None
    layer = session.points
    assert set(session.picks("a1").source) == {"sizing"}
    assert len(set(layer.size)) > 5
    assert "median diameter" in form.summary.value
    form.tuning.use_size.native.click()
    kept(form, qtbot, "diameter", pytest.approx(form.diameter.value))


def test_the_picks_are_those_of_the_picker_itself(form: Any, micrograph_file: Path, qtbot: Any) -> None:
    form.diameter.value = DIAMETER
    form.picker.value = "dark-discs"
    run(form, qtbot)
    expected = DarkDiscs(DarkDiscs.settings_class(diameter=DIAMETER)).pick(read_micrograph(micrograph_file))
    inside = ((expected.yx >= 30) & (expected.yx <= np.array(SHAPE) - 31)).all(axis=1)
    shown = {tuple(yx) for yx in picks_of(form.result.layer).yx}
    assert {tuple(yx) for yx in expected.yx[inside]} == shown
