"""The list of micrographs: what its columns say, which are there, and how they sort; the total, and the picker."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import Qt

from napari_drpnet import jobs
from napari_drpnet.io.files import write_text
from napari_drpnet.io.project.project import Row
from napari_drpnet.io.star_table import format_table
from napari_drpnet.widgets.micrographs.table import COLUMNS, ROLE, MicrographModel
from napari_drpnet.widgets.micrographs.view import MicrographTable
from projects import make_project

pytestmark = pytest.mark.gui
LIMIT = 60_000  # milliseconds
TITLES = [column.title for column in COLUMNS]
HEAD = "FoilHole_3021_Data_"


def row(number: int, **known: Any) -> Row:
    return Row(f"{HEAD}{number}", 100 - number, known.pop("particles", 0), 0, "picked", 0.5, **known)


def shown(model: MicrographModel, title: str, role: Any = ROLE.DisplayRole) -> list[Any]:
    return [model.data(model.index(place, TITLES.index(title)), role) for place in range(model.rowCount())]


def test_columns_sort_by_number_and_say_what_is_known(qtbot: Any) -> None:
    model = MicrographModel()
    model.fill([row(1, evidence=0.97, evidence_error=0.1, ice=1.4), row(2), row(3, evidence=-0.2, ice=12.3)])
    model.tell_ctf({f"{HEAD}2": jobs.ToldCTF(1.234, 4.1), f"{HEAD}1": jobs.ToldCTF(0.9)})
    for title, ascending in (
        ("Proof", ["", "-0.20", "0.97"]),
        ("Ice", ["", "1.40", "12"]),
        ("Defocus", ["", "0.90", "1.23"]),
        ("CTF fit", ["", "", "4.1"]),
        ("Picks", ["97", "98", "99"]),
    ):
        model.sort(TITLES.index(title))
        assert shown(model, title) == ascending
        model.sort(TITLES.index(title), Qt.SortOrder.DescendingOrder)
        assert shown(model, title)[0] == ascending[-1]
    model.sort(0)
    assert shown(model, "Proof", ROLE.ToolTipRole)[0] == "0.97 ± 0.10"
    assert all(column.help for column in COLUMNS)


def test_columns_without_a_value_are_told_and_names_lose_what_they_share(qtbot: Any) -> None:
    model = MicrographModel()
    model.fill([row(1), row(22)])
    assert {TITLES[column] for column in model.empty} == {"Labelled", "Proof", "Ice", "Defocus", "CTF fit"}
    model.put_all([row(1, ice=2.0, particles=3)])
    assert {TITLES[column] for column in model.empty} == {"Proof", "Defocus", "CTF fit"}
    assert shown(model, "Labelled") == ["+3", ""]
    assert shown(model, "Micrograph") == ["…1", "…22"]
    assert shown(model, "Micrograph", ROLE.ToolTipRole) == [f"{HEAD}1", f"{HEAD}22"]
    model.fill([row(1)])
    assert shown(model, "Micrograph") == [f"{HEAD}1"]


def test_ten_thousand_rows_sort_by_each_column_at_once(qtbot: Any) -> None:
    model = MicrographModel()
    model.fill([row(n, evidence=(n * 7 % 13) / 13, ice=1 + n % 5) for n in range(10_000)])
    for column in range(len(COLUMNS)):
        start = time.process_time()
        model.sort(column, Qt.SortOrder.DescendingOrder)
        assert time.process_time() - start < 0.1, TITLES[column]


def test_files_tell_the_ctf(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    folder = tmp_path / "micrographs"
    columns = {
        "rlnMicrographName": [str(folder / f"{name}.mrc") for name in ("a1", "b2")],
        "rlnDefocusU": ["10000", "20000"],
        "rlnDefocusV": ["12000", "20000"],
        "rlnDefocusAngle": ["0", "0"],
        "rlnVoltage": ["300", "300"],
        "rlnSphericalAberration": ["2.7", "2.7"],
        "rlnAmplitudeContrast": ["0.1", "0.1"],
        "rlnCtfMaxResolution": ["4.2", "5.5"],
    }
    star = write_text(format_table(columns, "micrographs"), tmp_path / "micrographs_ctf.star")
    assert jobs.told_ctf(project) == {}
    project.update(inputs=(str(star),))
    assert jobs.told_ctf(project) == {"a1": jobs.ToldCTF(1.1, 4.2), "b2": jobs.ToldCTF(2.0, 5.5)}
    project.close()


def test_the_total_is_in_the_first_line_and_stays(viewer: Any, tmp_path: Path, qtbot: Any) -> None:
    _, dock = viewer.window.add_plugin_dock_widget("napari-drpnet", "Micrographs")
    project = make_project(tmp_path)
    dock.session.open(project)
    before = sum(row.picks for row in project.rows())
    assert f"· {before} picks ·" in dock.title.text()
    dock.job.button.native.click()
    qtbot.waitUntil(lambda: not dock.job.running, timeout=LIMIT)
    now = sum(row.picks for row in project.rows())
    assert now != before
    qtbot.waitUntil(lambda: f"· {now} picks ·" in dock.title.text(), timeout=LIMIT)
    dock.session.close()


def test_the_fold_offers_the_picker_and_keeps_it_in_the_project(viewer: Any, tmp_path: Path) -> None:
    _, dock = viewer.window.add_plugin_dock_widget("napari-drpnet", "Micrographs")
    dock.session.open(make_project(tmp_path))
    settings = dock.session.project
    assert dock.settings.picker.value == "dark-discs"
    dock.settings.picker.value = "drpnet"
    assert settings.settings.picker == "drpnet"
    assert dock.settings.networks
    dock.session.configure(picker="log", options={})
    assert dock.settings.picker.value == "log"
    dock.session.close()


def test_the_head_of_short_names_is_not_cut(qtbot: Any) -> None:
    model = MicrographModel()
    table = MicrographTable(model)
    qtbot.addWidget(table)
    table.resize(150, 200)
    table.show()
    model.fill([row(1), row(22)])
    table.hide_columns(model.empty)
    assert table.columnWidth(0) >= table.horizontalHeader().sectionSizeHint(0)
