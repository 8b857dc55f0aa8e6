import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_drpnet.errors import UserError
from napari_drpnet.io.particle_subsets import ParticleFile
from napari_drpnet.io.star_table import read_tables
from napari_drpnet.jobs import assess_alignments, b_factor_of_files, measure_growth, write_growth, write_views
from napari_drpnet.jobs.growth import PROGRAM, chosen
from napari_drpnet.settings import GrowthSettings, HalfMapSettings, ViewSettings
from refined import any_angles, star_31


@pytest.fixture
def star(tmp_path: Path) -> Path:
    path = tmp_path / "run_data.star"
    path.write_text(star_31(any_angles(300)))
    return path


def test_views_are_counted_drawn_and_listed(star: Path, tmp_path: Path):
    report = assess_alignments(star, ViewSettings(symmetry="d2"))
    assert report.counts.particles == 300
    assert report.efficiency.value == pytest.approx(1, abs=4 * report.efficiency.error + 0.01)
    assert "300 particles from" in report.in_words
    picture, table = write_views(report, tmp_path / "out")
    with Image.open(picture) as image:
        assert image.width > image.height > 300
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["particles"]) for row in rows) == 4 * 300
    assert all(0 <= float(row["tilt"]) <= 180 for row in rows)


def test_an_unknown_point_group_is_refused(star: Path):
    with pytest.raises(UserError, match="no point group 'Q3'"):
        assess_alignments(star, ViewSettings(symmetry="Q3"))


def postprocessing(path: Path, resolution: float) -> Path:
    """As RELION writes it, of maps with pixels of 2 A."""
    k = np.arange(33) / 128
    fsc = 1 / (1 + np.exp((k - 1 / resolution) * 100))
    names = ["Resolution", "FourierShellCorrelationCorrected", "FourierShellCorrelationUnmaskedMaps"]
    head = "".join(f"_rln{name} #{i}\n" for i, name in enumerate(names, 1))
    rows = "".join(f"{max(a, 0.001):.6f} {b:.6f} {b:.6f}\n" for a, b in zip(k, fsc, strict=True))
    path.write_text(f"\ndata_general\n\n_rlnFinalResolution {resolution:.4f}\n\ndata_fsc\n\nloop_\n{head}{rows}\n")
    return path


def test_the_b_factor_of_several_refinements(tmp_path: Path):
    numbers = [1000, 2000, 4000, 8000]
    true = [(1 / 100 + 2 / 120 * np.log(number / 1000)) ** -0.5 for number in numbers]
    files = [(n, postprocessing(tmp_path / f"{n}.star", d)) for n, d in zip(numbers, true, strict=True)]
    found = b_factor_of_files(files)
    assert found.value == pytest.approx(120, rel=0.001)
    # What is at the limit of its own pixels is not in the fit.
    files.append((16000, postprocessing(tmp_path / "limit.star", 4.0)))
    assert b_factor_of_files(files).value == pytest.approx(120, rel=0.001)
    picture, table = write_growth({"one, with a comma": found}, tmp_path / "out")
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["name"], float(row["resolution"])) for row in rows] == [
        ("one, with a comma", pytest.approx(d, abs=1e-3)) for d in true
    ]
    assert picture.stat().st_size > 1000


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (("rlnFinalResolution", "rlnOther"), "no final resolution"),
        (("_rlnFourierShellCorrelationCorrected", "_rlnOther"), "no curve"),
        (("FinalResolution 8", "FinalResolution -8"), "no number that can be"),
        (("0.015625", "x"), "not a number"),
        (("0.015625", "0.5"), "no number that can be"),
    ],
)
def test_no_postprocessing(tmp_path: Path, broken: tuple[str, str], told: str):
    path = postprocessing(tmp_path / "a.star", 8)
    path.write_text(path.read_text().replace(*broken))
    with pytest.raises(UserError, match=told):
        b_factor_of_files([(1000, path)])


def test_parts_of_a_file_are_nested_and_keep_what_it_says(star: Path, tmp_path: Path):
    file = ParticleFile(star)
    order = np.random.default_rng(0).permutation(300)
    parts = [chosen(file.half, order, part) for part in (0.1, 0.5, 1.0)]
    assert [[int((file.half[part] == half).sum()) for half in (1, 2)] for part in parts] == [
        [15, 15], [75, 75], [150, 150],
    ]  # fmt: skip
    assert (parts[0] <= parts[1]).all()
    optics, rows = read_tables(file.write(parts[0], tmp_path / "part.star"))
    before, all_rows = read_tables(star)
    assert (optics.name, optics.columns, optics.rows) == (before.name, before.columns, before.rows)
    assert rows.rows == [row for row, wanted in zip(all_rows.rows, parts[0], strict=True) if wanted]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("rlnImageName", "rlnOther", "no list"),
        ("rlnRandomSubset", "rlnOther", "no half sets"),
        (" 2 1\n", " 1 1\n", "empty"),
    ],
)
def test_a_file_without_images_or_half_sets_is_refused(star: Path, old: str, new: str, told: str):
    star.write_text(star.read_text().replace(old, new))
    with pytest.raises(UserError, match=told):
        ParticleFile(star)


def test_relion_is_asked_for_where_it_is_not(star: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match=f"{PROGRAM} is not installed"):
        next(measure_growth(star, GrowthSettings(ctf=False, smallest=50), HalfMapSettings()))
