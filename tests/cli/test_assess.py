"""assess: one and several refinements from files to the table, the page and the figures."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from PIL import Image

import half_maps
from napari_drpnet.cli import main
from refined import any_angles, star_31

QUICK = ("--no-directions", "--no-local")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write_refinement(folder, noise=0.3, particles=300, side=32):
    folder = Path(folder)
    folder.mkdir(parents=True)
    maps = half_maps.halves(half_maps.particle(side), noise)
    for number, values in enumerate(maps, 1):
        half_maps.write(folder / f"run_half{number}_class001_unfil.mrc", values)
    (folder / "run_data.star").write_text(star_31(any_angles(particles)))
    return folder


def run(capsys, *arguments):
    """Exit status, standard output and standard error."""
    try:
        main([str(argument) for argument in ("assess", *arguments)])
        status = 0
    except SystemExit as end:
        status = end.code or 0
    out, err = capsys.readouterr()
    return status, out, err


def figures(path, name):
    with path.open(newline="") as file:
        return {row["figure"]: row for row in csv.DictReader(file) if row["refinement"] == name}


def test_a_refinement_becomes_a_table_a_page_and_its_files(capsys):
    status, out, err = run(capsys, write_refinement("Refine3D/job012"), "--out", "found")
    assert (status, err) == (0, "")
    found = figures(Path("found/assessment.csv"), "job012")
    assert float(found["particles"]["value"]) == 300
    assert 6 < float(found["resolution at 0.143"]["value"]) < float(found["resolution at 0.5"]["value"]) < 30
    assert float(found["efficiency"]["value"]) == pytest.approx(1, abs=0.1)
    assert float(found["efficiency"]["error"]) > 0
    assert float(found["worst direction"]["value"]) >= float(found["best direction"]["value"])
    shown = f"{float(found['resolution at 0.143']['value']):.2f}"
    assert any(line.split() == ["resolution", "at", "0.143", "(A)", shown] for line in out.splitlines())
    page = Path("found/assessment.html").read_text()
    assert shown in page
    assert page.count("<img") == 3
    assert "What could not be measured" not in page
    with mrcfile.open("found/local_resolution.mrc") as file:
        assert file.data.shape == (32, 32, 32)
        assert file.voxel_size.x == pytest.approx(half_maps.PIXEL)
    for name in ("fourier_shell_correlation.png", "local_resolution.png", "run_data_views.png"):
        assert Image.open(Path("found", name)).size[0] > 500


def test_several_are_side_by_side_and_the_noisier_is_worse(capsys):
    write_refinement("drpnet", noise=0.1)
    write_refinement("templates", noise=0.6)
    status, out, _ = run(capsys, "drpnet", "templates", "--out", "both", *QUICK)
    assert status == 0
    assert out.splitlines()[0].split() == ["drpnet", "templates"]
    better, worse = (
        float(figures(Path("both/assessment.csv"), name)["resolution at 0.143"]["value"])
        for name in ("drpnet", "templates")
    )
    assert better < worse
    assert {path.name for path in Path("both").iterdir() if path.is_dir()} == {"drpnet", "templates"}


def test_json_has_the_same_figures(capsys):
    status, out, _ = run(capsys, write_refinement("a"), "--json", *QUICK)
    assert status == 0
    (told,) = json.loads(out)["refinements"]
    table = figures(Path("assessment/assessment.csv"), "a")
    assert told["figures"].keys() == table.keys()
    assert told["figures"]["efficiency"]["value"] == pytest.approx(float(table["efficiency"]["value"]), rel=1e-4)
    assert told["problems"] == []


def test_what_fails_in_one_is_told_and_the_rest_is_measured(capsys):
    write_refinement("good")
    bad = write_refinement("bad")
    (bad / "run_data.star").write_text("data_\n\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n1 2\n")
    with mrcfile.open(bad / "run_half1_class001_unfil.mrc", "r+") as file:
        file.data[0, 0, 0] = np.nan
    status, out, err = run(capsys, "good", "bad", *QUICK)
    assert status == 1
    lines = err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("error: ") and "bad/" in line for line in lines)
    row = next(line for line in out.splitlines() if line.startswith("resolution at 0.143"))
    assert row.split()[-1] == "-"
    page = Path("assessment/assessment.html").read_text()
    assert "What could not be measured" in page


def test_where_nothing_can_be_measured_nothing_is_written(capsys):
    folder = write_refinement("a")
    (folder / "run_data.star").unlink()
    status, out, err = run(capsys, folder, "--mask", "none.mrc", *QUICK)
    assert (status, out) == (2, "")
    assert err.startswith("error: none.mrc")
    assert not Path("assessment").exists()


def test_parts_of_the_particles_need_particles(capsys):
    folder = write_refinement("a")
    (folder / "run_data.star").unlink()
    status, _, err = run(capsys, folder, "--rh", *QUICK)
    assert (status, err) == (1, "error: a: there are no particles to reconstruct parts of.\n")
