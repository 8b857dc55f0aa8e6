from pathlib import Path

import pytest

import make_network_figure as figure

TABLE = """network\tweights\tsteps\tcrops\tbest F1 sparse\tAP sparse\tAP crowded\tCPU-s
large\t1000000\t2000\t64000\t0.85\t0.88\t0.71\t
small\t230000\t1000\t8000\t0.80\t0.82\t0.66\t0.73
large\t1000000\t1000\t32000\t0.83\t0.84\t0.73\t1.9
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "networks.tsv"
    path.write_text(TABLE)
    return path


def test_each_network_is_a_line_from_its_first_crop_to_its_last(table: Path) -> None:
    courses = figure.read_courses(table)
    assert [course.network for course in courses] == ["large", "small"]
    page = figure.draw(courses)
    above, below = page.axes[:3], page.axes[3:]
    assert [axes.get_title() for axes in above] == ["best F1 sparse", "AP sparse", "AP crowded"]
    line = above[2].lines[0]
    assert line.get_xdata().tolist() == [32000, 64000]
    assert line.get_ydata().tolist() == [0.73, 0.71]
    best = {(float(p.get_xdata()[0]), float(p.get_ydata()[0])) for p in below[2].lines}
    assert best == {(1.9, 0.73), (0.73, 0.66)}


def test_a_table_without_a_column_is_refused(table: Path) -> None:
    table.write_text(TABLE.replace("crops", "crop"))
    with pytest.raises(SystemExit, match="no column crops"):
        figure.read_courses(table)
