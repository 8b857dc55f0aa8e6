"""The Assess dock: the picks that refinements were made of, judged beside them; from files to table and page."""

from __future__ import annotations

import csv
import html
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication

import half_maps
from assess_dock import LIMIT, add, run
from lopsided_files import DIAMETER, PIXEL, Made, write_lopsided
from napari_drpnet import Picks, jobs, read_picks
from napari_drpnet.cli import main
from napari_drpnet.data import MANUAL
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.io.refinements import find_refinements
from napari_drpnet.jobs import finish
from napari_drpnet.settings import AssessSettings, PickedSettings
from napari_drpnet.widgets.assess.judged import LABELS
from napari_drpnet.widgets.session.session import Session
from refined import any_angles, star_31

pytestmark = pytest.mark.gui
QUICK = {"local": False, "directions": False}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Clear particles, all picked; and in ``half`` a half of them."""
    found = write_lopsided(tmp_path_factory.mktemp("lopsided"), noise=0.5)
    half = found.picks.parent / "half"
    half.mkdir()
    for path in found.picks.glob("*.star"):
        lines = path.read_text().splitlines()
        (half / path.name).write_text("\n".join(lines[:-51]) + "\n")
    return found


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    made = []
    for name, noise in (("all", 0.3), ("half", 1.0)):
        folder = tmp_path / name
        folder.mkdir()
        for number, values in enumerate(half_maps.halves(half_maps.particle(32), noise), 1):
            half_maps.write(folder / f"run_half{number}_class001_unfil.mrc", values)
        (folder / "run_data.star").write_text(star_31(any_angles(100)))
        made.append(folder)
    return made


@pytest.fixture
def form(form: Any) -> Any:
    """Without what takes long."""
    for name, value in QUICK.items():
        form.settings[name].value = value
    return form


def give(form: Any, **lines: object) -> None:
    """Write into the lines of refinements, by their names, and into those of all."""
    own = {form.picks._names[folder]: line for folder, line in form.picks.lines.items()}
    for name, value in lines.items():
        line = own[name] if name in own else getattr(form.picks, name)
        line.edit.setText(str(value))


def given(form: Any) -> dict[str, Path]:
    return {name: line.path for name, line in form.picks.given.items()}


def figures(form: Any) -> dict[str, list[str]]:
    table = form.results.figures
    cells = [[table.text(row, column) for column in range(table.columnCount())] for row in range(table.rowCount())]
    return {name: values for name, *values in cells}


def drop(target: Any, path: Path) -> None:
    """What Qt does when somebody drops a file on it."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    how = (Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(target, QDragEnterEvent(QPoint(9, 9), *how))
    QApplication.sendEvent(target, QDropEvent(QPointF(9, 9), *how))


def written_again(form: Any, folder: Path, qtbot: Any) -> dict[str, list[str]]:
    """Picks and F1 of each set by the command that the written report shows, which makes the same report."""
    form.write_to(folder)
    qtbot.waitUntil(lambda: not form.busy, timeout=LIMIT)
    assert form.page is not None, form.said.text()
    report = folder / "picks" / "report.html"
    before = report.read_text()
    assert "assess-" not in before  # no folder of the time of the run
    (shown,) = re.findall("<pre>(.*?)</pre>", before)
    report.unlink()
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(html.unescape(shown))[1:])
    assert not ended.value.code
    assert report.read_text() == before
    with (folder / "picks" / "table.csv").open(newline="") as file:
        return {row["set"]: [row["picks"], row["f1"]] for row in csv.DictReader(file)}


def project_of(made: Made, folder: Path) -> Any:
    """A project of the micrographs, with all picks."""
    project = jobs.open_project(folder, [str(made.micrographs)], diameter=DIAMETER)
    for row in project.rows():
        (picks,) = read_picks(made.picks / f"{Path(row.name).stem}.star")
        project.write_picks(row.name, Picks(project.read_micrograph(row.name).frame, picks.yx))
    return project


def test_figures_of_picks_are_beside_those_of_maps_as_the_command_has_them(
    form: Any, made: Made, folders: list[Path], tmp_path: Path, qtbot: Any
) -> None:
    add(form, qtbot, *folders)
    half = made.picks.with_name("half")
    give(form, all=made.picks, half=half, micrographs=made.micrographs, truth=made.picks)
    form.picks.diameter.value = DIAMETER
    with notification_manager:
        run(form, qtbot)
    assert notification_manager.records == []
    settings = PickedSettings(
        picks={"all": made.picks, "half": half}, micrographs=(str(made.micrographs),), truth=str(made.picks)
    )
    told = AssessSettings(**QUICK, diameter=DIAMETER)
    job = jobs.assess_with_picks(find_refinements(folders), settings, told, DIAMETER, tmp_path / "command")
    head, body = jobs.assessment_rows(finish(job))
    assert list(form.results.found.head) == head
    assert [list(row) for row in form.results.found.rows] == body
    shown = figures(form)
    assert shown["picks"] == ["200", "100"]
    assert shown["F1"] == ["1.00", "0.67"]
    assert {"evidence", "good classes", "resolution at 0.143 (Å)", "efficiency"} <= set(shown)
    assert form.results.tabs.isTabVisible(5)
    assert form.results.picks.text().startswith("all: 200 picks: F1 1.000")
    form.write_to(tmp_path / "out")
    qtbot.waitUntil(lambda: not form.busy, timeout=LIMIT)
    page = (tmp_path / "out" / "assessment.html").read_text()
    assert "2 pickers side by side" in page
    assert page.count("Class averages of") == 2
    assert str(made.picks) in page
    report = (tmp_path / "out" / "picks" / "report.html").read_text()
    assert f"--out {tmp_path / 'out' / 'picks'}" in report
    assert list((tmp_path / "out" / "picks" / "overlays").rglob("*.png"))
    assert (tmp_path / "out" / "all" / "fsc.csv").is_file()


def test_of_a_project_nothing_is_asked(
    form: Any, viewer: Any, made: Made, folders: list[Path], tmp_path: Path, qtbot: Any
) -> None:
    project = project_of(made, tmp_path / "project")
    session = Session.of(viewer)
    session.open(project)
    add(form, qtbot, folders[0])
    assert form.picks.micrographs.edit.placeholderText() == "those of the project"
    assert form.picks.diameter.value == DIAMETER
    (line,) = form.picks.lines.values()
    line.menu.actions()[-1].trigger()
    assert line.text == str(project.folder)
    form.picks.truth.menu.actions()[-1].trigger()
    assert form.picks.truth.text == LABELS
    run(form, qtbot)
    assert "No micrograph of the project is done" in form.results.problems.text()
    assert "resolution at 0.143 (Å)" in figures(form)
    name = project.rows()[0].name
    picks = project.read_picks(name)
    labelled = Picks(picks.frame, picks.yx, source=[MANUAL] * len(picks))
    session.change(name, labelled, "label")
    session.mark_done(name)
    run(form, qtbot)
    shown = figures(form)
    assert form.results.problems.text().startswith("Doubtful: truth has no picks of m1.mrc (1 of 2 micrographs)")
    assert shown["picks"] == ["200"]
    assert shown["F1"] == ["1.00"]
    assert written_again(form, tmp_path / "out", qtbot)["all"] == ["200", "1"]
    session.close()
    assert form.picks.micrographs.edit.placeholderText() != "those of the project"
    assert not form.job.button.enabled
    assert form.job.status.value == "Give the micrographs of the picks, under Picks and micrographs."


def open_files(viewer: Any, *paths: Path, **how: Any) -> Any:
    """The last layer of these files."""
    return viewer.open([str(path) for path in paths], plugin="napari-drpnet", **how)[-1]


def choose(form: Any, text: str, name: str = "all") -> Any:
    """Choose in the menu of layers; gives the line."""
    line = form.picks.lines[next(folder for folder, own in form.picks._names.items() if own == name)]
    line.offer_layers()
    actions = {action.text(): action for action in line.layers.actions()}
    assert text in actions, list(actions)
    actions[text].trigger()
    return line


def test_a_layer_has_the_picks_of_its_micrograph(
    form: Any, viewer: Any, made: Made, folders: list[Path], tmp_path: Path, qtbot: Any
) -> None:
    """A layer of a file, and one of napari's own with a half of its points, which may be called as anything."""
    open_files(viewer, made.micrographs.with_name("m0.mrc"))
    opened = open_files(viewer, made.picks / "m0.star")
    viewer.add_points(opened.data[::2], name="by & hand", scale=opened.scale, units=opened.units)
    add(form, qtbot, *folders)
    form.picks.diameter.value = DIAMETER
    assert choose(form, opened.name).text == f"layer {opened.name}, of m0"
    choose(form, "by && hand", "half")
    assert form.picks.micrographs.edit.placeholderText() == "those of the layers"
    give(form, truth=made.picks)
    opened.selected_data = set(range(20))
    opened.remove_selected()  # as they are when Assess is pressed
    run(form, qtbot)
    shown = figures(form)
    assert shown["picks"] == ["80", "50"]
    assert shown["F1"] == ["0.89", "0.67"]
    again = written_again(form, tmp_path / "out", qtbot)
    assert [again[name][0] for name in ("all", "half")] == ["80", "50"]
    assert str(tmp_path / "out" / "picks" / "given" / "half") in (tmp_path / "out" / "assessment.html").read_text()


def test_of_a_layer_of_a_run_all_of_the_run_can_be_taken(
    form: Any, viewer: Any, made: Made, folders: list[Path], tmp_path: Path, qtbot: Any
) -> None:
    open_files(viewer, made.micrographs.with_name("m0.mrc"))
    opened = open_files(viewer, made.picks / "m0.star")
    add(form, qtbot, folders[0])
    line = choose(form, opened.name)
    assert choose(form, f"{opened.name}: all of the folder picks") is line
    assert (line.layer, line.path) == (None, made.picks)
    choose(form, opened.name)
    line.edit.setText(str(made.picks))  # what is written goes before what was chosen
    assert given(form) == {"all": made.picks}
    assert line.layer is None
    Session.of(viewer).open(project_of(made, tmp_path / "project"))
    choose(form, "picks: the picks of the project")
    assert given(form) == {"all": tmp_path / "project"}
    Session.of(viewer).close()


def test_the_only_picks_of_one_layer_have_a_command_too(
    form: Any, viewer: Any, made: Made, folders: list[Path], tmp_path: Path, qtbot: Any
) -> None:
    """Of a stack of files: a layer on several micrographs. One set alone is nothing that `compare` compares."""
    stack = open_files(viewer, *(made.micrographs.with_name(f"m{n}.mrc") for n in (0, 1)), stack=True)
    yx = np.concatenate([read_picks(path)[0].yx for path in sorted(made.picks.glob("*.star"))])
    points = np.column_stack([np.repeat([0, 1], 100), yx])
    viewer.add_points(points, name="both", scale=stack.scale, units=stack.units)
    add(form, qtbot, folders[0])
    form.picks.diameter.value = DIAMETER
    assert choose(form, "both").text == "layer both, of 2 micrographs"
    run(form, qtbot)
    assert figures(form)["picks"] == ["200"]
    assert written_again(form, tmp_path / "out", qtbot) == {"all": ["200", ""]}


def test_a_layer_that_means_nothing_is_refused(
    form: Any, viewer: Any, made: Made, folders: list[Path], qtbot: Any
) -> None:
    add(form, qtbot, folders[0])
    lone = viewer.add_points([[50.0, 60.0]], name="lone")
    with pytest.warns(UserWarning, match="there is no image under its points"):
        assert choose(form, "lone").text == ""
    assert form.job.status.value.startswith("Layer 'lone' lies on no micrograph.")
    image = viewer.add_image(np.zeros((440, 440), np.float32), name="made up")
    with pytest.warns(UserWarning, match="comes from no file"):
        line = choose(form, "lone")
    assert line.text == "layer lone, of made up"
    assert form.job.status.value.startswith("The micrograph made up of a layer is no open file. Open it, or give")
    viewer.layers.remove(image)
    open_files(viewer, write_mrc(np.zeros((440, 440), np.float32), folders[0] / "sizeless.mrc"))
    form.picks.pixel_size.value = 5.0
    assert form.job.button.enabled
    form.picks.pixel_size.value = None
    assert form.job.status.value.startswith("The pixel size of the micrograph sizeless is not known.")
    viewer.layers.remove(lone)
    assert form.job.status.value.startswith("Layer 'lone' is no longer in the viewer.")
    line.edit.setText("")
    assert form.job.button.enabled


def test_what_is_dropped_on_a_line_is_its_picks(form: Any, made: Made, folders: list[Path], qtbot: Any) -> None:
    add(form, qtbot, *folders)
    _, second = form.picks.lines.values()
    drop(second.edit, made.picks)
    assert given(form) == {"half": made.picks}
    assert [one.name for one in form.refinements.refinements] == ["all", "half"]


def test_picks_stay_with_their_refinement(form: Any, made: Made, folders: list[Path], qtbot: Any) -> None:
    add(form, qtbot, *folders)
    give(form, half=made.picks)
    form.refinements.rows.setCurrentRow(0)
    form.refinements.remove.click()
    qtbot.waitUntil(lambda: not form.busy, timeout=LIMIT)
    assert given(form) == {"half": made.picks}
    other = folders[0].with_name("other") / "half"  # which lengthens the names of both
    shutil.copytree(folders[1], other)
    add(form, qtbot, other)
    name = form.refinements.refinements[0].name
    assert name.endswith("/half")
    assert given(form) == {name: made.picks}
    assert "Picks of" in form.picks.fold.rows.labelForField(form.picks.lines[other]).text()


def test_names_with_folders_in_them_have_picks_and_a_page(
    form: Any, made: Made, folders: list[Path], tmp_path: Path, qtbot: Any
) -> None:
    """Both refinements are called by two folders, one of which is called as the folder of what `compare` writes."""
    both = [tmp_path / "picks" / "job", tmp_path / "other" / "job"]
    for folder in both:
        shutil.copytree(folders[0], folder)
    add(form, qtbot, *both)
    first, second = form.picks.lines.values()
    first.edit.setText(str(made.picks))
    second.edit.setText(str(made.picks.with_name("half")))
    give(form, micrographs=made.micrographs)
    form.picks.diameter.value = DIAMETER
    run(form, qtbot)
    assert form.results.problems.text() == ""
    assert figures(form)["picks"] == ["200", "100"]
    form.write_to(tmp_path / "out")
    qtbot.waitUntil(lambda: not form.busy, timeout=LIMIT)
    assert {path.name for path in (tmp_path / "out").iterdir() if path.is_dir()} == {"picks", "picks_", "other"}
    assert "Class averages of picks/job" in (tmp_path / "out" / "assessment.html").read_text()


def test_bad_picks_hide_neither_others_nor_maps(
    form: Any, made: Made, folders: list[Path], tmp_path: Path, qtbot: Any
) -> None:
    add(form, qtbot, *folders)
    give(form, all=tmp_path / "none.star", half=made.picks, micrographs=made.micrographs)
    form.picks.diameter.value = DIAMETER
    run(form, qtbot)
    assert (
        form.results.problems.text() == f"⚠ all: {tmp_path}/none.star: there is no such file or folder. Check the name."
    )
    shown = figures(form)
    assert shown["picks"] == ["-", "200"]
    assert "-" not in shown["resolution at 0.143 (Å)"]
    for place, has_picks in enumerate((False, True)):
        form.results.choose(form.results.found.each[place].name)
        assert form.results.tabs.isTabVisible(5) == has_picks
    give(form, truth=tmp_path / "none.csv")
    run(form, qtbot)
    (told,) = form.results.problems.text().splitlines()
    assert told.startswith("⚠ all, half: The picks are not judged.")
    assert "none.csv" in told
    assert "--" not in told
    assert "picks" not in figures(form)
    assert "-" not in figures(form)["resolution at 0.143 (Å)"]


def test_what_picks_need_is_said_before_the_run(form: Any, made: Made, folders: list[Path], qtbot: Any) -> None:
    form.picks.diameter.value = None
    add(form, qtbot, folders[0])
    assert form.job.button.enabled
    give(form, all=made.picks)
    assert not form.job.button.enabled
    assert form.job.status.value == "Give the micrographs of the picks, under Picks and micrographs."
    give(form, micrographs=made.micrographs)
    assert form.job.status.value == "Give the diameter of the particle in Angstrom, under Picks and micrographs."
    form.picks.diameter.value = DIAMETER
    assert form.job.button.enabled
    give(form, truth=LABELS)
    assert form.job.status.value.startswith("There is no project whose labels could be the truth.")
    give(form, all="")
    assert form.job.button.enabled


def test_a_run_that_is_stopped_leaves_the_picks(form: Any, made: Made, folders: list[Path], qtbot: Any) -> None:
    for number in (1, 2):  # which takes seconds
        half_maps.write(
            folders[0] / f"run_half{number}_class001_unfil.mrc", half_maps.halves(half_maps.particle(64), 1)[number - 1]
        )
    form.settings["local"].value, form.settings["local_step"].value = True, 12.0
    add(form, qtbot, folders[0])
    give(form, all=made.picks, micrographs=made.micrographs)
    form.picks.diameter.value, form.picks.pixel_size.value = DIAMETER, PIXEL
    form.job.button.native.click()
    qtbot.waitUntil(lambda: bool(form.results.found.known), timeout=LIMIT)
    form.job.button.native.click()
    qtbot.waitUntil(lambda: not form.job.running, timeout=LIMIT)
    assert form.job.status.value == "Cancelled; 0 of 1 are ready."
    assert figures(form)["picks"] == ["200"]
    assert "resolution at 0.143 (Å)" not in figures(form)
