"""The Assess dock: refinements are added and assessed in the background, shown, seen as volumes, and written."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDesktopServices, QDragEnterEvent, QDropEvent, QGuiApplication
from qtpy.QtWidgets import QApplication, QDialog

import half_maps
from assess_dock import LIMIT, add, run
from blobs import PIXEL_SIZE, grid_of_blobs, write_mrc
from layouts import LONG, faults
from napari_drpnet import jobs
from napari_drpnet.assessment.bfactor import fit_b_factor
from napari_drpnet.io.refinements import find_refinements
from napari_drpnet.jobs import Progress, finish
from napari_drpnet.settings import AssessSettings
from napari_drpnet.widgets.assess.results import HALVES, LOCAL, NOTHING, SURFACE
from napari_drpnet.widgets.kit.source import is_micrograph
from napari_drpnet.widgets.session.session import Session
from projects import make_project
from refined import any_angles, star_31

pytestmark = pytest.mark.gui
SIDE = 32


def refinement(folder: Path, noise: float = 0.3, particles: int = 200) -> Path:
    """Half maps and particles, as RELION leaves them."""
    folder.mkdir(parents=True)
    for number, values in enumerate(half_maps.halves(half_maps.particle(SIDE), noise), 1):
        half_maps.write(folder / f"run_half{number}_class001_unfil.mrc", values)
    (folder / "run_data.star").write_text(star_31(any_angles(particles)))
    return folder


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    return [refinement(tmp_path / "clear", 0.3), refinement(tmp_path / "noisy", 1.0, 150)]


def assess(form: Any, qtbot: Any, folders: list[Path], **values: Any) -> None:
    for name, value in values.items():
        form.settings[name].value = value
    add(form, qtbot, *folders)
    run(form, qtbot)


def rows(form: Any) -> list[str]:
    return [form.refinements.rows.item(row).text() for row in range(form.refinements.rows.count())]


def test_every_setting_is_on_the_form_with_its_default(form: Any) -> None:
    assert set(form.settings) == set(AssessSettings.model_fields)
    assert form._settings() == AssessSettings()
    form.settings["diameter"].value = None
    assert form._settings() == AssessSettings()


def test_its_help_is_the_page_about_assessing(form: Any) -> None:
    page, _, heading = form.property("help page").partition("#")
    text = (Path(__file__).parents[3] / "docs" / page).read_text(encoding="utf-8")
    assert f"\n## {heading}\n" in text


def test_refinements_come_and_go(form: Any, folders: list[Path], tmp_path: Path, qtbot: Any) -> None:
    assert not form.job.button.enabled
    add(form, qtbot, folders[0], folders[1] / "run_data.star")
    assert rows(form) == ["clear:  half maps, particles", "noisy:  particles"]
    add(form, qtbot, folders[1] / "run_half1_class001_unfil.mrc", folders[0])  # of one that is there, and again
    assert rows(form) == ["clear:  half maps, particles", "noisy:  half maps, particles"]
    assert form.job.button.enabled
    add(form, qtbot, tmp_path / "missing")
    assert "missing: there is no such file" in form.job.status.value
    assert len(rows(form)) == 2
    form.refinements.rows.setCurrentRow(1)
    form.refinements.remove.click()
    qtbot.waitUntil(lambda: rows(form) == ["clear:  half maps, particles"], timeout=LIMIT)
    form.refinements.rows.setCurrentRow(0)
    form.refinements.remove.click()
    qtbot.waitUntil(lambda: rows(form) == [], timeout=LIMIT)
    assert not form.job.button.enabled


def drop(target: Any, *paths: Path) -> None:
    """What Qt does when somebody drops files on it."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    how = (Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(target, QDragEnterEvent(QPoint(9, 9), *how))
    QApplication.sendEvent(target, QDropEvent(QPointF(9, 9), *how))


def test_what_is_dropped_is_added(form: Any, folders: list[Path], qtbot: Any) -> None:
    drop(form, *folders)
    qtbot.waitUntil(lambda: len(rows(form)) == 2, timeout=LIMIT)


def test_a_folder_dropped_on_the_tab_is_no_project(viewer: Any, folders: list[Path], qtbot: Any) -> None:
    """The Workspace takes folders of images that are dropped on the window, but not those that are dropped here."""
    _, work = viewer.window.add_plugin_dock_widget("napari-drpnet", "Workspace")
    form = work.show_tab("Assess")
    work._drops.watch(work.window())
    write_mrc(folders[0] / "micrograph.mrc", grid_of_blobs()[0], PIXEL_SIZE)
    assert jobs.is_project_or_micrographs(folders[0])
    drop(form, folders[0])
    qtbot.waitUntil(lambda: len(rows(form)) == 1, timeout=LIMIT)
    assert work.tabs.current == "Assess"


def test_a_wrong_symmetry_is_said_before_the_run(form: Any, folders: list[Path], qtbot: Any) -> None:
    add(form, qtbot, folders[0])
    form.settings["symmetry"].value = "X7"
    assert not form.job.button.enabled
    assert "X7" in form.job.status.value
    form.settings["symmetry"].value = "C2"
    assert form.job.button.enabled


def test_the_table_is_that_of_the_command(form: Any, folders: list[Path], qtbot: Any) -> None:
    assess(form, qtbot, folders, symmetry="C2", directions=False)
    settings = AssessSettings(symmetry="C2", directions=False, diameter=form.settings["diameter"].value)
    head, body = jobs.assessment_rows(finish(jobs.assess(find_refinements(folders), settings)))
    table = form.results.figures
    heads = [table.horizontalHeaderItem(column).text() for column in range(table.columnCount())]
    assert heads == head == ["", "clear", "noisy"]
    cells = [[table.text(row, column) for column in (1, 2)] for row in range(table.rowCount())]
    assert cells == [row[1:] for row in body]
    assert table.text(1, 0) == "resolution at 0.143 (Å)"
    form.copy.click()
    assert QGuiApplication.clipboard().text().splitlines()[1] == "\t".join(body[0])


def test_a_double_click_shows_what_its_row_names_when_others_were_removed(
    form: Any, folders: list[Path], qtbot: Any
) -> None:
    assess(form, qtbot, folders, directions=False, local=False)
    rows = form.refinements.rows
    rows.setCurrentRow(0)
    form.refinements.remove_chosen()
    qtbot.waitUntil(lambda: rows.count() == 1, timeout=LIMIT)
    rows.itemDoubleClicked.emit(rows.item(0))
    assert form.results.chosen.name == "noisy"


def test_what_makes_one_doubt_is_shown(form: Any, tmp_path: Path, qtbot: Any) -> None:
    folder = refinement(tmp_path / "clear")
    hard = half_maps.write(tmp_path / "hard.mrc", (half_maps.particle(SIDE) > 0.2).astype(np.float32))
    assess(form, qtbot, [folder], mask=hard, directions=False, local=False)
    assert "Doubtful: hard.mrc has a hard edge" in form.results.problems.text()
    assert not form.results.problems.isHidden()


def test_curves_and_pictures_are_those_of_the_chosen_one(form: Any, folders: list[Path], qtbot: Any) -> None:
    assess(form, qtbot, folders, directions=False)
    results = form.results
    first, second = results.found.each
    assert results.curves.lines[-1].values is first.maps.correlation.best
    assert f"{first.maps.correlation.resolution():.1f} Å" in results.legend.text()
    assert results.views.text().replace("\u00a0", " ").endswith(f"{first.views.in_words}.")
    results.choose("noisy")
    assert results.curves.lines[-1].values is second.maps.correlation.best
    np.testing.assert_array_equal(results.histogram.shown, second.maps.local.values[second.maps.local.values > 0])
    assert [results.tabs.tabText(n) for n in range(5) if results.tabs.isTabVisible(n)] == [
        "Figures",
        "FSC",
        "Local",
        "Views",
    ]


def test_a_b_factor_has_its_plot(form: Any, folders: list[Path], qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What RELION measures is tested with RELION; here its pairs are given."""

    def measured(*_: object) -> Any:
        yield Progress(0, 1)
        return fit_b_factor(np.array([200.0, 400, 800]), np.array([8.0, 7, 6.2]))

    monkeypatch.setattr("napari_drpnet.jobs.assessing.measure_growth", measured)
    assess(form, qtbot, folders[:1], directions=False, local=False, growth=True)
    value = form.results.chosen.growth.value
    assert f"B-factor {value:.0f}" in form.results.growth.text()
    assert form.results.tabs.isTabVisible(4)
    assert form.results.plot.heightForWidth(300) == 300  # a square
    assert not form.results.tabs.isTabVisible(2)


@pytest.mark.painted
def test_all_pages_are_drawn_and_views_can_be_enlarged(form: Any, folders: list[Path], qtbot: Any) -> None:
    assess(form, qtbot, folders, directions=False)
    blank = form.results.curves.grab().toImage()
    with qtbot.capture_exceptions() as raised:
        for page in range(form.results.tabs.count()):
            form.results.tabs.setCurrentIndex(page)
            QApplication.processEvents()
        form.results.curves.show_lines(())
        assert form.results.curves.grab().toImage() != blank
        histogram = form.results.histogram.grab().toImage()
        ground = histogram.pixelColor(1, 1)
        assert any(histogram.pixelColor(x, 60) != ground for x in range(histogram.width()))
        window = form.results.globe.enlarge()
    assert isinstance(window, QDialog)
    assert not raised
    window.close()


@pytest.mark.painted
def test_nothing_is_cut_by_long_names(viewer: Any, tmp_path: Path, qtbot: Any) -> None:
    dock, form = viewer.window.add_plugin_dock_widget("napari-drpnet", "Assess")
    viewer.window.resize(1000, 700)
    QApplication.processEvents()
    before = dock.width()
    made = [refinement(tmp_path / f"{LONG}_{number}") for number in range(4)]
    (made[3] / "run_data.star").write_text("")
    assess(form, qtbot, made, directions=False)
    form.write_to(tmp_path / LONG)
    qtbot.waitUntil(lambda: not form.busy, timeout=LIMIT)
    for page in range(form.results.tabs.count()):
        form.results.tabs.setCurrentIndex(page)
        qtbot.waitUntil(lambda: not list(faults(dock)), timeout=2000)
    assert dock.width() <= max(before, 450)
    rows = form.refinements.rows
    assert rows.viewport().rect().contains(rows.visualItemRect(rows.item(3)))


def test_local_resolution_is_a_volume_in_angstrom(form: Any, folders: list[Path], viewer: Any, qtbot: Any) -> None:
    before = viewer.add_image(np.zeros((20, 30)), name="before")
    assess(form, qtbot, folders, directions=False)
    form.results.view.value = LOCAL
    layer = viewer.layers[-1]
    values = form.results.chosen.maps.local.values
    np.testing.assert_array_equal(layer.data, values)
    np.testing.assert_allclose(layer.scale, (half_maps.PIXEL,) * 3)
    assert {str(unit) for unit in layer.units} == {"angstrom"}
    assert not is_micrograph(layer)
    low, high = layer.contrast_limits
    every = [one.maps.local.values for one in form.results.found.each]
    assert low == pytest.approx(min(one[one > 0].min() for one in every), abs=0.02)
    assert high == pytest.approx(max(np.quantile(one[one > 0], 0.98) for one in every))
    best_voxel = values[values > 0].min()
    outside, best, worst = layer.colormap.map((np.array([0, best_voxel, high]) - low) / (high - low))
    assert outside[3] == 0
    assert best[3] == worst[3] == 1
    assert best[:3].sum() > worst[:3].sum()
    assert viewer.dims.ndisplay == 3
    assert not before.visible
    form.results.choose("noisy")
    assert [one.name for one in viewer.layers] == ["before", "noisy: local resolution (Å)"]
    form.results.view.value = NOTHING
    assert [one.name for one in viewer.layers] == ["before"]
    assert before.visible
    assert viewer.dims.ndisplay == 2


def test_the_map_is_seen_in_the_colours_of_its_resolution(
    form: Any, folders: list[Path], viewer: Any, qtbot: Any
) -> None:
    assess(form, qtbot, folders, directions=False)
    form.results.view.value = SURFACE
    qtbot.waitUntil(lambda: len(viewer.layers) == 1, timeout=LIMIT)
    (layer,) = viewer.layers
    values = form.results.chosen.maps.local.values
    assert values[values > 0].min() <= layer.vertex_values.min() < layer.vertex_values.max() <= values.max()
    assert tuple(layer.contrast_limits) == form.results.limits
    np.testing.assert_allclose(layer.scale, (half_maps.PIXEL,) * 3)
    (folders[1] / "run_half1_class001_unfil.mrc").unlink()
    form.results.choose("noisy")
    qtbot.waitUntil(lambda: not form.busy, timeout=LIMIT)
    assert "run_half1_class001_unfil.mrc" in notification_manager.records[-1].message


def test_half_maps_come_when_they_are_wanted(form: Any, folders: list[Path], viewer: Any, qtbot: Any) -> None:
    assess(form, qtbot, folders[:1], directions=False, local=False)
    assert LOCAL not in form.results.view.choices
    form.results.view.value = HALVES
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=LIMIT)
    assert [layer.visible for layer in viewer.layers] == [True, False]
    np.testing.assert_allclose(viewer.layers[0].scale, (half_maps.PIXEL,) * 3)
    assert Path(viewer.layers[1].metadata["path"]).name == "run_half2_class001_unfil.mrc"
    del viewer.layers[:]
    assert form.results.view.value == NOTHING
    assert viewer.dims.ndisplay == 2


def test_what_fails_in_one_does_not_hide_the_others(form: Any, folders: list[Path], qtbot: Any) -> None:
    half_maps.write(folders[1] / "run_half2_class001_unfil.mrc", half_maps.particle(24))
    (folders[1] / "run_data.star").unlink()
    assess(form, qtbot, [folders[1], folders[0]], directions=False, local=False)
    assert "Half maps have one size" in form.results.problems.text()
    assert form.results.which.choices == ("clear",)
    assert form.results.figures.columnCount() == 2
    assert notification_manager.records == []


def test_where_all_fail_there_are_only_the_reasons(form: Any, folders: list[Path], qtbot: Any) -> None:
    assess(form, qtbot, folders[:1], directions=False, local=False)
    for name in ("run_data.star", "run_half1_class001_unfil.mrc"):
        (folders[0] / name).write_text("")
    run(form, qtbot)
    assert form.results.problems.text().count("⚠") == 1
    assert not form.results.body.isVisibleTo(form)
    assert not form.foot.isVisibleTo(form)


def test_a_mask_that_does_not_fit_is_said_without_options_of_the_command(
    form: Any, folders: list[Path], tmp_path: Path, qtbot: Any
) -> None:
    mask = half_maps.write(tmp_path / "mask.mrc", np.ones((24, 24, 24)))
    assess(form, qtbot, folders[:1], mask=mask, local=False)
    assert "mask.mrc" in form.results.problems.text()
    assert "--" not in form.results.problems.text()
    assert form.results.tabs.isTabVisible(3)  # views are there


def test_what_is_ready_stays_when_the_run_is_cancelled(form: Any, folders: list[Path], qtbot: Any) -> None:
    for number in (1, 2):  # which takes seconds
        half_maps.write(
            folders[1] / f"run_half{number}_class001_unfil.mrc", half_maps.halves(half_maps.particle(64), 1)[number - 1]
        )
    form.settings["local_step"].value = 12.0
    add(form, qtbot, *folders)
    form.job.button.native.click()
    qtbot.waitUntil(lambda: len(form.results.found.each) == 1, timeout=LIMIT)
    assert form.job.running
    form.job.button.native.click()
    qtbot.waitUntil(lambda: not form.job.running, timeout=LIMIT)
    assert form.job.status.value == "Cancelled; 1 of 2 are ready."
    assert form.results.chosen.name == "clear"


def test_the_page_is_written_and_opened(
    form: Any, folders: list[Path], tmp_path: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assess(form, qtbot, folders, directions=False)
    form.write_to(tmp_path / "out")
    qtbot.waitUntil(lambda: not form.busy, timeout=LIMIT)
    assert (tmp_path / "out" / "clear" / "local_resolution.mrc").is_file()
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    form.open.click()
    assert opened == [str(tmp_path / "out" / "assessment.html")]
    run(form, qtbot)
    assert not form.open.isEnabled()  # it is about the run before


@pytest.mark.painted
def test_a_project_steps_aside_for_a_volume_and_comes_back(
    viewer: Any, folders: list[Path], tmp_path: Path, qtbot: Any
) -> None:
    session = Session.of(viewer)
    session.open(make_project(tmp_path / "other"))
    _, form = viewer.window.add_plugin_dock_widget("napari-drpnet", "Assess")
    viewer.scene.camera.zoom *= 3
    seen = {layer: layer.visible for layer in viewer.layers}
    count, place = len(session.points.data), (viewer.scene.camera.center, viewer.scene.camera.zoom)
    assess(form, qtbot, folders[:1], directions=False)
    form.results.view.value = LOCAL
    assert not session.image.visible
    form.results.view.value = NOTHING
    assert all(layer.visible == visible for layer, visible in seen.items())
    np.testing.assert_allclose(np.hstack((viewer.scene.camera.center, viewer.scene.camera.zoom)), np.hstack(place))
    assert len(session.points.data) == count
    form.results.view.value = LOCAL
    session.next()
    assert session.current in session.names
    form.results.view.value = NOTHING
    assert session.image.visible
    session.close()


def test_the_dock_leaves_nothing_in_the_viewer(form: Any, folders: list[Path], viewer: Any, qtbot: Any) -> None:
    before = viewer.add_image(np.zeros((20, 30)), name="before")
    assess(form, qtbot, folders[:1], directions=False)
    form.results.view.value = LOCAL
    viewer.window.remove_dock_widget(form)
    assert list(viewer.layers) == [before]
    assert before.visible


def test_what_is_gone_keeps_nothing_new_off_the_list(form: Any, folders: list[Path], qtbot: Any) -> None:
    clear, noisy = folders
    add(form, qtbot, clear)
    shutil.rmtree(clear)
    add(form, qtbot, noisy)
    assert [one.name for one in form.refinements.refinements] == ["noisy"]
    assert form.job.button.enabled


def test_a_page_that_cannot_be_written_says_so(form: Any, folders: list[Path], qtbot: Any, tmp_path: Path) -> None:
    assess(form, qtbot, folders[:1], local=False, directions=False)
    (tmp_path / "file").touch()
    form.write_to(tmp_path / "file")
    qtbot.waitUntil(lambda: not form.busy, timeout=LIMIT)
    assert "cannot be written" in form.said.text()
    assert not form.open.isEnabled()
