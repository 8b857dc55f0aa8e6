"""Harvest and Retrain in a real window, on a project of small simulated micrographs with known particles."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from napari.utils.notifications import ErrorNotification, notification_manager
from qtpy.QtTest import QTest

from fields import shifted_detector
from napari_drpnet import jobs
from napari_drpnet.data import MANUAL, Picks
from napari_drpnet.evaluation import match
from napari_drpnet.io import read_micrograph, read_picks
from napari_drpnet.io.project.project import Project
from napari_drpnet.layers import image_layer, points_layer
from napari_drpnet.settings import SimulationSettings
from napari_drpnet.widgets.harvest.dock import LAYERS, PROJECT
from napari_drpnet.widgets.retrain.before_after import KINDS, WHICH
from napari_drpnet.widgets.retrain.training import LABELS

pytestmark = pytest.mark.gui
LIMIT = 60_000  # milliseconds
PIXEL_SIZE, EDGE = 4.0, 512


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three micrographs of a dumbbell in noisy ice, on which the shipped detector is far too shy."""
    folder = tmp_path_factory.mktemp("simulated")
    z, y, x = np.mgrid[-20:20, -20:20, -20:20] + 0.5
    balls = (np.sqrt(x**2 + y**2 + (z - 10) ** 2) < 7) | (np.sqrt(x**2 + y**2 + (z + 10) ** 2) < 7)
    with mrcfile.new(folder / "dumbbell.mrc") as file:
        file.set_data(balls.astype(np.float32))
        file.voxel_size = PIXEL_SIZE
    settings = SimulationSettings(
        structures=(folder / "dumbbell.mrc",),
        count=3,
        size=EDGE,
        pixel_size=PIXEL_SIZE,
        seed=1,
        views=30,
        coverage=(0.3, 0.4),
        visibility=(3, 4),
        **dict.fromkeys(("contamination", "carbon", "empty", "defects", "aggregates", "processed"), 0),
        broken=(0, 0),
    )
    jobs.finish(jobs.simulate(settings, folder / "micrographs"))
    return folder / "micrographs"


@pytest.fixture(scope="module")
def truth(simulated: Path) -> dict[str, Picks]:
    return {path.stem: read_picks(path)[0] for path in sorted(simulated.glob("dumbbell_*.star"))}


@pytest.fixture(scope="module")
def picked(simulated: Path, truth: dict[str, Picks], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the picks of a detector that is too strict; tests work on copies."""
    folder = tmp_path_factory.mktemp("picked") / "project"
    diameter = PIXEL_SIZE * float(next(iter(truth.values())).diameter[0])
    project = Project.create(folder, inputs=(str(simulated / "*.mrc"),), diameter=diameter, threshold=0.5)
    shifted_detector(folder / "networks" / "strict.safetensors", -4.0)
    project.update(options={"detector": "strict"})
    jobs.finish(jobs.pick_project(project))
    project.close()
    return folder


@pytest.fixture
def project(picked: Path, tmp_path: Path) -> Project:
    # Beside the first one: its inputs are relative.
    folder = picked.with_name(tmp_path.name)
    shutil.copytree(picked, folder)
    return Project.open(folder)


def dock(viewer: Any, name: str) -> Any:
    """The widget, in sight."""
    _, widget = viewer.window.add_plugin_dock_widget("napari-drpnet", name)
    QTest.qWait(20)
    return widget


@pytest.fixture
def harvest(viewer: Any, session: Any) -> Any:
    return dock(viewer, "Harvest")


@pytest.fixture
def retrain(viewer: Any, session: Any) -> Any:
    return dock(viewer, "Retrain")


def finish(job: Any, qtbot: Any) -> None:
    assert job.running, job.status.value
    qtbot.waitUntil(lambda: not job.running, timeout=LIMIT)


def press(job: Any, qtbot: Any) -> None:
    """Press the button and wait for the end."""
    assert job.button.enabled, job.status.value
    job.button.native.click()
    finish(job, qtbot)


def label_all(session: Any, name: str, truth: dict[str, Picks]) -> None:
    """What a careful person does: every particle marked, nothing else, done."""
    session.go(name)
    session.points.selected_data = set(range(len(session.points.data)))
    session.points.remove_selected()
    session.points.add(truth[name].yx)
    session.mark_done(name)
    session.flush()


def label_some(session: Any, name: str, truth: dict[str, Picks], count: int = 20) -> None:
    """Some particles, and some background far from any."""
    true = truth[name]
    places = np.random.default_rng(0).uniform(30, EDGE - 30, (500, 2))
    far = [place for place in places if np.hypot(*(true.yx - place).T).min() > 30][: count // 2]
    yx = np.concatenate([true.yx[:count], far])
    labels = np.repeat(["particle", "background"], [count, len(far)])
    frame = session.picks(name).frame
    session.change(name, Picks(frame, yx, diameter=true.diameter[0], label=labels, source=np.array(MANUAL)))
    session.flush()


def pooled_f1(project: Project, names: list[str], truth: dict[str, Picks]) -> float:
    right = total = 0
    for name in names:
        picks = project.read_picks(name)
        picks = picks.select(picks.label == "particle")
        right += len(match(picks.yx, truth[name].yx, truth[name].diameter[0] / 2))
        total += len(picks) + len(truth[name])
    return 2 * right / total


def errors() -> list[str]:
    return [str(notice.message) for notice in notification_manager.records if isinstance(notice, ErrorNotification)]


# ---------------------------------------------------------------- the loop


def test_label_harvest_retrain_use_pick_again_is_better(
    viewer: Any, session: Any, project: Project, truth: dict[str, Picks], qtbot: Any
) -> None:
    first, *others = session.names
    before = pooled_f1(project, others, truth)
    label_all(session, first, truth)

    harvest = dock(viewer, "Harvest")
    press(harvest.job, qtbot)
    assert harvest.report.folder == project.folder / "patches" / "patches"
    assert harvest.report.source == "labels"
    assert int(harvest.report.patches.particle.sum()) > 50

    retrain = dock(viewer, "Retrain")
    training = retrain.training
    training.enterEvent(None)
    training.patches.value = "patches"
    training.counts["steps"].value = 6
    press(training.job, qtbot)
    report = training.report
    assert report.weights is not None, report.notes
    assert report.after > report.before + 0.05

    training.use_button.click()
    assert {field: project.settings.options.get(field) for field in report.use} == report.use
    micrographs = dock(viewer, "Micrographs")
    press(micrographs.job, qtbot)
    after = pooled_f1(project, others, truth)
    assert after > before + 0.1, (before, after)

    training.back_button.click()
    press(micrographs.job, qtbot)
    assert pooled_f1(project, others, truth) == pytest.approx(before)
    assert not errors()


# ---------------------------------------------------------------- harvest


@pytest.mark.painted
def test_harvest_shows_counts_and_examples_and_keeps_the_set(
    harvest: Any, session: Any, project: Project, truth: dict[str, Picks], qtbot: Any
) -> None:
    assert not harvest.job.running
    for name in session.names[:2]:
        label_some(session, name, truth)
    assert harvest.where.value == PROJECT
    harvest.name.value = "mine"
    press(harvest.job, qtbot)
    patches = harvest.report.patches
    again = jobs.read_patch_set(project.folder / "patches" / "mine")
    assert again.counts() == patches.counts()
    table = harvest.examples.table
    assert table.isVisible()
    shown = {
        (table.text(row, 0), split, table.text(row, 1)): int(table.text(row, 2 + column))
        for row in range(table.rowCount() - 1)
        for column, split in enumerate(("training", "validation"))
        if table.text(row, 2 + column) != "0"
    }
    assert shown == patches.counts()
    image = harvest.examples.sheet.image
    side = patches.images.shape[1]
    first_half = [image.pixelColor(side * column + side // 2, side // 2).alpha() for column in range(4)]
    assert first_half == [255] * 4
    left = np.mean([image.pixelColor(x, side // 2).red() for x in range(image.width() // 2)])
    assert 0 < left < 255
    session.close()
    assert not harvest.examples.isVisible()
    assert not harvest.told.text()


def test_harvest_without_a_project_works_on_layers(
    viewer: Any, simulated: Path, truth: dict[str, Picks], qtbot: Any
) -> None:
    name = sorted(truth)[0]
    micrograph = read_micrograph(simulated / f"{name}.mrc")
    data, attributes, _ = image_layer(micrograph.image, micrograph.frame, path=micrograph.path)
    viewer.add_image(data, **attributes)
    layers = []
    for part, picks in enumerate((truth[name], truth[name].select(np.arange(0, len(truth[name]), 2)))):
        data, attributes, _ = points_layer(picks, name=f"picks {part}")
        layers.append(viewer.add_points(data, **attributes))
    harvest = dock(viewer, "Harvest")
    assert harvest.where.value == LAYERS
    harvest.source.value = "labels"
    assert "Tick the one layer" in harvest.job.status.value
    harvest.diameter.value = PIXEL_SIZE * float(truth[name].diameter[0])
    harvest.points.tick(layers[0])
    press(harvest.job, qtbot)
    assert harvest.report.folder is None
    assert set(harvest.report.patches.origin[harvest.report.patches.particle]) == {"label"}

    harvest.source.value = "agreement"
    assert not harvest.job.button.enabled
    harvest.points.tick(*layers)
    press(harvest.job, qtbot)
    patches = harvest.report.patches
    assert set(patches.origin[patches.particle]) == {"agreement"}
    assert "difference" in patches.origin[~patches.particle]
    assert not errors()


def test_harvest_says_why_it_cannot(harvest: Any, session: Any, qtbot: Any) -> None:
    harvest.name.value = "a/b"
    assert not harvest.job.button.enabled
    assert "name" in harvest.job.status.value
    harvest.name.value = "mine"
    harvest.source.value = "labels"
    harvest.job.button.native.click()
    finish(harvest.job, qtbot)
    assert "no micrographs with labels" in harvest.job.status.value
    session.configure(diameter=None)
    assert "diameter" in harvest.job.status.value


@pytest.mark.painted
def test_bounds_of_evidence_are_on_the_form_where_they_matter(harvest: Any) -> None:
    harvest.advanced.open(True)
    shown = {}
    for source in ("auto", "labels", "evidence", "confidence"):
        harvest.source.value = source
        shown[source] = [harvest.settings[name].native.isVisible() for name in ("proved", "refuted", "height")]
    assert shown["auto"] == shown["evidence"] == [True, True, False]
    assert shown["labels"] == [False] * 3
    assert shown["confidence"] == [False, False, True]


# ---------------------------------------------------------------- retrain


def test_without_any_label_patches_are_harvested_and_learnt_from(
    harvest: Any, viewer: Any, session: Any, project: Project, qtbot: Any
) -> None:
    press(harvest.job, qtbot)
    assert harvest.report.source in ("evidence", "confidence")
    assert harvest.report.notes[0] in harvest.told.text()
    training = dock(viewer, "Retrain").training
    assert "Nothing is labelled" in training.job.status.value
    training.enterEvent(None)
    training.patches.value = "patches"
    assert "all that is learnt from" in training.labels.text()
    training.counts["steps"].value = 6
    press(training.job, qtbot)
    assert "without any label" in training.result.text()
    assert training.report.use == {"classifier": "retrained-1"}
    training.use_button.click()
    assert project.settings.options["classifier"] == "retrained-1"
    assert not errors()


def test_retrain_needs_labels(retrain: Any, session: Any, truth: dict[str, Picks], qtbot: Any) -> None:
    training = retrain.training
    assert not training.job.button.enabled
    assert "Nothing is labelled" in training.job.status.value
    label_some(session, session.names[0], truth)
    qtbot.waitUntil(lambda: training.job.button.enabled, timeout=LIMIT)
    assert "20 particles and" in training.labels.text()
    training.what.value = "detector"
    assert not training.job.button.enabled
    session.close()
    assert "Open a project" in training.job.status.value


@pytest.mark.painted
def test_training_is_drawn_and_cancel_keeps_the_best(
    retrain: Any, session: Any, project: Project, truth: dict[str, Picks], qtbot: Any
) -> None:
    for name in session.names[:2]:
        label_all(session, name, truth)
    training = retrain.training
    training.what.value = "classifier"
    training.patches.value = LABELS
    training.name.value = "mine"
    training.counts["steps"].value = 2000
    training.job.button.native.click()
    qtbot.waitUntil(lambda: len(training.loss.values) > 2, timeout=LIMIT)
    assert training.loss.isVisible()
    assert "left" in training.job.status.value
    training.job.button.native.click()
    qtbot.waitUntil(lambda: not training.job.running, timeout=LIMIT)
    assert training.report.stopped
    assert training.report.steps < 2000
    assert (report := training.report).weights is None or "stopped" in training.result.text(), report.notes
    assert training.job.button.text == "Retrain"
    if training.report.weights is not None:
        assert "mine" in [*project.networks("classifier"), *project.networks("detector")]


def test_closing_the_dock_in_the_middle_of_training_keeps_the_best(
    retrain: Any, viewer: Any, session: Any, project: Project, truth: dict[str, Picks], qtbot: Any
) -> None:
    label_all(session, session.names[0], truth)
    training = retrain.training
    training.what.value = "detector"
    training.name.value = "mine"
    training.counts["steps"].value = 100_000
    training.job.button.native.click()
    worker = training.job._worker
    qtbot.waitUntil(lambda: len(training.loss.values) > 1, timeout=LIMIT)
    viewer.window.remove_dock_widget(retrain)
    qtbot.waitUntil(lambda: not worker.is_running, timeout=LIMIT)
    assert not errors()
    assert "mine" in project.networks("detector")


CLOSE_WHILE_TRAINING = """
import sys, napari
from qtpy.QtCore import QTimer
from napari_drpnet import jobs
from napari_drpnet.widgets.session.session import Session

viewer = napari.Viewer()
session = Session.of(viewer)
session.open(jobs.open_project(sys.argv[1]))
_, dock = viewer.window.add_plugin_dock_widget("napari-drpnet", "Retrain")
training = dock.training
training.what.value = "classifier"
training.counts["steps"].value = 100_000

def close():
    if not len(training.loss.values):
        QTimer.singleShot(100, close)
        return
    viewer.window._qt_window.close()

training.job.button.native.click()
worker = training.job._worker
QTimer.singleShot(100, close)
napari.run()
print("runs on" if worker.is_running else "stopped")
"""


def test_closing_the_window_in_the_middle_of_training(project: Project, truth: dict[str, Picks]) -> None:
    name = project.micrographs[0].name
    picks = truth[name]
    frame = project.read_picks(name).frame
    project.write_picks(name, Picks(frame, picks.yx, diameter=picks.diameter, source=np.array(MANUAL)))
    project.mark_done(name, True)
    project.close()
    command = [sys.executable, "-c", CLOSE_WHILE_TRAINING, str(project.folder)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert (ended.returncode, ended.stdout.strip()) == (0, "stopped"), ended.stderr
    assert "Traceback" not in ended.stderr
    again = Project.open(project.folder)
    assert not again.read_only
    assert (again.row(name).state, again.row(name).particles) == ("done", len(picks))
    again.close()


# ---------------------------------------------------------------- before and after


def recalibrated(project: Project, session: Any, truth: dict[str, Picks]) -> Any:
    from napari_drpnet.settings import RetrainSettings

    label_all(session, session.names[0], truth)
    return jobs.finish(jobs.retrain_picker(project, RetrainSettings(what="calibration", name="mine")))


@pytest.mark.painted
def test_before_and_after(
    retrain: Any, viewer: Any, session: Any, project: Project, truth: dict[str, Picks], qtbot: Any
) -> None:
    report = recalibrated(project, session, truth)
    comparison = retrain.comparison
    retrain.tabs.setCurrentWidget(comparison)
    comparison.offer({"detector": "strict"}, report.use)
    comparison.which.value = WHICH[2]
    press(comparison.job, qtbot)
    table = comparison.table
    assert table.rowCount() == 4
    for row, name in enumerate(session.names):
        change = comparison.changes[name]
        assert [table.text(row, column) for column in range(4)] == [
            name,
            *(str(len(getattr(change, k))) for k in KINDS),
        ]
        assert len(change.came) > 10
    assert float(table.text(0, 5)) > float(table.text(0, 4)) + 0.05
    assert table.text(1, 4) == ""

    layer = viewer.layers["before and after"]
    comparison._go(1, 0)
    change = comparison.changes[session.names[1]]
    assert session.current == session.names[1]
    assert layer.visible
    assert not session.points.visible
    assert len(layer.data) == sum(len(getattr(change, kind)) for kind in KINDS)
    colours = {tuple(np.round(255 * colour[:3]).astype(int)) for colour in layer.border_color}
    assert len(colours) == sum(len(getattr(change, kind)) > 0 for kind in KINDS)
    retrain.tabs.setCurrentIndex(0)
    assert not layer.visible
    assert session.points.visible
    viewer.window.remove_dock_widget(retrain)
    assert "before and after" not in viewer.layers


# ---------------------------------------------------------------- what to label next


@pytest.mark.painted
def test_what_to_label_next(
    retrain: Any, viewer: Any, session: Any, project: Project, truth: dict[str, Picks], qtbot: Any
) -> None:
    suggest = retrain.suggestions
    retrain.tabs.setCurrentWidget(suggest)
    press(suggest.job, qtbot)
    assert len(suggest.suggestions) > 20
    gains = [one.gain for one in suggest.suggestions]
    assert gains == sorted(gains, reverse=True)
    one = suggest.suggestions[0]
    assert session.current == one.name
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], one.yx * PIXEL_SIZE, atol=1)
    assert viewer.layers["to be judged"].visible

    before = len(session.picks(one.name))
    near = np.hypot(*(session.picks(one.name).yx - one.yx).T).min() < 15
    suggest.judge("particle")
    labels = session.picks(one.name)
    assert len(labels) == before + (not near)
    assert suggest.places.text(0, 3) == "particle"
    assert suggest.at == 1
    keys = {str(key): action for key, action in session.points.keymap.items()}
    keys["X"](session.points)
    second = suggest.suggestions[1]
    assert suggest.places.text(1, 3) == "background"
    assert (session.picks(second.name).by_hand & (session.picks(second.name).label == "background")).sum() == 1
    assert suggest.told.text().startswith("2 of")
    session.undo() if session.current == second.name else (session.go(second.name), session.undo())
    assert suggest.places.text(1, 3) == ""
    row = suggest.micrographs.rowCount() - 1
    suggest._go_to_micrograph(row, 0)
    assert session.current == suggest.micrographs.text(row, 0)
    assert not errors()


@pytest.mark.painted
def test_the_learning_curve_says_how_it_is_known(
    retrain: Any, session: Any, truth: dict[str, Picks], qtbot: Any
) -> None:
    suggest = retrain.suggestions
    retrain.tabs.setCurrentWidget(suggest)
    label_all(session, session.names[0], truth)
    press(suggest.measure, qtbot)
    assert len(suggest.curve) > 2
    assert suggest.curve[0].labels == 0
    assert suggest.curve[-1].f1 > suggest.curve[0].f1
    assert suggest.chart.isVisible()
    assert [dot.hollow for dot in suggest.chart.values] == [point.estimated for point in suggest.curve]
    assert ("Estimated" in suggest.caption.text()) == any(point.estimated for point in suggest.curve)
