"""assess: refinements and picks, one and several, from files to the table, the page and the figures."""

from __future__ import annotations

import csv
import html
import json
import re
import shlex
import shutil
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from PIL import Image

import half_maps
from lopsided_files import DIAMETER, Made, write_lopsided
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
    assert "Views are counted with the point group C1." in page
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


def test_refinements_whose_folders_have_one_name(capsys):
    for parent in ("drpnet", "templates"):
        write_refinement(f"{parent}/job")
    assert run(capsys, "drpnet/job", "templates/job", *QUICK)[0] == 0
    for parent in ("drpnet", "templates"):
        assert Path("assessment", parent, "job", "fsc.csv").exists()


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_measured(capsys):
    folder = write_refinement("a")
    (folder / "run_half1_class001_unfil.mrc").write_bytes(b"")  # which would be told next
    Path("file").touch()
    status, _, err = run(capsys, folder, "--out", "file/below")
    assert (status, err.startswith("error: file/below cannot be written: file is a file.")) == (2, True)


def test_problems_of_several_say_whose_they_are_and_the_page_has_the_doubts(capsys):
    write_refinement("good", noise=1e-6)
    flat = half_maps.particle(32) * 0 + 1
    for number in (1, 2):
        half_maps.write(write_refinement(f"flat{number}") / f"run_half{number}_class001_unfil.mrc", flat)
    status, _, err = run(capsys, "good", "flat1", "flat2", *QUICK)
    assert "warning: good: The half maps agree by more than 0.99" in err
    assert status == 1
    told = [line.partition("A half map")[0] for line in err.splitlines() if line.startswith("error")]
    assert told == ["error: flat1, flat2: "]
    page = Path("assessment/assessment.html").read_text()
    assert "good: The half maps agree by more than 0.99" in page
    assert "flat1, flat2: A half map has the same value everywhere" in page


def test_of_maps_that_agree_nowhere_no_direction_is_better(capsys):
    folder = write_refinement("noise")
    for number in (1, 2):
        noise = np.random.default_rng(number).normal(size=(32, 32, 32))
        half_maps.write(folder / f"run_half{number}_class001_unfil.mrc", noise)
    status, _, err = run(capsys, folder, "--no-local", "--no-make-mask")
    assert (status, err) == (0, "warning: The half maps do not agree at any resolution.\n")
    found = figures(Path("assessment/assessment.csv"), "noise")
    assert found["resolution at 0.143"]["value"] == ""
    assert "worst direction" not in found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Clear particles, all picked; and in ``half`` a half of them with as many wrong picks."""
    found = write_lopsided(tmp_path_factory.mktemp("lopsided"), noise=0.5)
    half = found.picks.parent / "half"
    half.mkdir()
    for path in found.picks.glob("*.star"):
        lines = path.read_text().splitlines()
        rows = [line for line in lines if line[:1].isdigit()]
        x, y = zip(*(map(float, row.split()) for row in rows), strict=True)
        wrong = [f"{a + 20:.0f} {b + 20:.0f}" for a, b in zip(x[:50], y[:50], strict=True)]
        head = [line for line in lines if line and not line[:1].isdigit()]
        (half / path.name).write_text("\n".join([*head, *rows[:50], *wrong]) + "\n")
    return found


def given(made: Made, *names: str) -> list[object]:
    where = {"all": made.picks, "half": made.picks.with_name("half")}
    picks = [part for name in names for part in ("--picks", f"{name}={where[name]}")]
    return [*picks, "--micrographs", made.micrographs, "--truth", made.picks, "--diameter", DIAMETER]


def test_picks_and_what_was_refined_from_them_are_side_by_side(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    write_refinement("job012", noise=0.1)
    sources = ["all=job012/run_half1_class001_unfil.mrc", "all=job012/run_data.star", "half=job012"]
    status, out, err = run(capsys, *sources, *given(made, "all", "half"), *QUICK, "--json")
    assert status == 0, err
    told = {one["name"]: one["figures"] for one in json.loads(out)["refinements"]}
    assert list(told) == ["all", "half"]
    value = {name: {key: one["value"] for key, one in figures.items()} for name, figures in told.items()}
    assert value["all"]["F1"] == 1
    assert value["half"]["precision"] == pytest.approx(0.5, abs=0.05)
    assert value["all"]["evidence"] > value["half"]["evidence"] > 0
    assert value["all"]["picks in good classes"] == 100
    with Path("assessment/picks/table.csv").open(newline="") as file:
        counted = {row["set"]: row for row in csv.DictReader(file)}
    for name, figures in value.items():  # the same as of `compare`
        assert figures["recall"] == pytest.approx(float(counted[name]["recall"]), abs=1e-5)
        assert figures["picks"] == int(counted[name]["picks"])
    assert value["all"]["resolution at 0.143"] == value["half"]["resolution at 0.143"]
    page = Path("assessment/assessment.html").read_text()
    assert "2 pickers side by side" in page
    assert page.count("Class averages of") == 2
    assert Image.open("assessment/assessment.png").size[0] > 1000


def test_picks_of_one_picker_alone(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--picks", f"all={made.picks}", "--micrographs", made.micrographs, "--diameter", DIAMETER]
    status, out, err = run(capsys, *arguments)
    assert status == 0, err
    rows = dict(line.rsplit(maxsplit=1) for line in out.splitlines()[1:-1])
    assert rows["picks"] == "200"
    assert "F1" not in rows
    assert "200 picks" in Path("assessment/assessment.html").read_text()


def test_the_command_on_the_page_of_one_picker_repeats_it(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(made.micrographs.parent, "may, june")
    assert run(capsys, "--picks", f"all={made.picks}", "--micrographs", "may, june", "--diameter", DIAMETER)[0] == 0
    page = html.unescape(Path("assessment/picks/report.html").read_text())
    (command,) = re.findall(r"<pre>napari-drpnet assess (.*)</pre>", page)
    status, out, err = run(capsys, *shlex.split(command), "--out", "again")
    assert status == 0, err
    assert "200" in out


def test_what_one_picker_lacks_does_not_stop_the_others(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    write_refinement("good")
    (write_refinement("cut") / "run_half2_class001_unfil.mrc").unlink()
    sources = ["all=good", "half=cut", "other=gone"]
    broken = ["--picks", "broken=none.star"]
    status, out, err = run(capsys, *sources, *given(made, "all", "half"), *broken, *QUICK, "--json")
    assert status == 1
    lines = [line for line in err.splitlines() if line.startswith("error")]
    assert [line.split(": ")[1] for line in lines] == ["half", "broken", "other"]
    assert "but not its other half" in lines[0]
    told = {one["name"]: one["figures"] for one in json.loads(out)["refinements"]}
    assert "resolution at 0.143" in told["all"]
    assert told["half"]["particles"]["value"] == 300
    assert told["half"]["F1"]["value"] < 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--micrographs", "m"], "There are no picks to be judged. Give them (--picks NAME=PATH)."),
        (["--picks", "a=none"], "The micrographs of the picks are not known. Give them (--micrographs)."),
        (["--picks", "a=none", "--micrographs", "m"], "The diameter of the particle is not known."),
        (
            ["--picks", "a=none", "--micrographs", "m", "--diameter", "50"],
            "No micrograph can be used. m: there is no such file",
        ),
        (["--picks", "../b=none", "--micrographs", "m", "--diameter", "50"], "The name '..' is not one of a file."),
        ([], "There is nothing to assess."),
        (["../a=none.mrc"], "The name '../a' has folders in it"),
        (["a=none.mrc"], "none.mrc: there is no such file or folder."),
    ],
)
def test_what_is_missing_is_told(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith(f"error: {said}")
    assert not Path("assessment").exists()


def test_picks_and_refinements_without_a_common_name_are_told(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    write_refinement("job012")
    status, out, err = run(capsys, "job012", *given(made, "half"), *QUICK)
    assert status == 0
    assert "warning: There is no refinement named half, and there are no picks named job012" in err
    assert out.splitlines()[0].split() == ["half", "job012"]


def test_a_precision_that_cannot_be_trusted_is_not_shown(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    scored = made.picks.with_name("scored")
    scored.mkdir()
    for path in made.picks.glob("*.star"):
        rows = [line.split() for line in path.read_text().splitlines() if line[:1].isdigit()]
        lines = [f"{x},{y},{0.99 - 0.005 * number}" for number, (x, y) in enumerate(rows)]
        (scored / f"{path.stem}.csv").write_text("\n".join(["x,y,score", *lines]) + "\n")
    arguments = ["--picks", f"all={scored}", "--micrographs", made.micrographs, "--diameter", DIAMETER]
    status, out, _ = run(capsys, *arguments)
    assert status == 0
    assert "averages" not in out
    page = Path("assessment/assessment.html").read_text()
    assert "200 picks. How many of the picks are particles is not measured. Picks of files are measured beside" in page


def test_picks_that_fit_nowhere_leave_no_folder(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    other = made.picks.with_name("other")
    other.mkdir()
    (other / "zz.star").write_text((made.picks / "m0.star").read_text())
    arguments = ["--picks", f"a={other}", "--micrographs", made.micrographs, "--diameter", DIAMETER]
    status, _, err = run(capsys, *arguments, "--out", "some/where")
    assert (status, "of no micrograph that takes part" in err) == (2, True)
    assert not Path("some").exists()


def test_micrographs_that_a_shell_spread_out_are_no_refinements(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    folder = made.micrographs.parent
    arguments = [
        "--picks",
        f"a={made.picks}",
        "--micrographs",
        folder / "m0.mrc",
        folder / "m1.mrc",
        "--diameter",
        "105",
    ]
    status, _, err = run(capsys, *arguments)
    assert status == 2
    assert "m1.mrc is a micrograph, and no refinement. Name micrographs with commas between them" in err


def test_a_diameter_larger_than_the_micrograph(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--picks", f"a={made.picks}", "--micrographs", made.micrographs, "--diameter", 9999]
    status, _, err = run(capsys, *arguments)
    assert status == 2
    assert (
        "m0.mrc is 2200 x 2200 A, and no larger than a particle of 9999 A. Check the diameter and the pixel size" in err
    )


def test_a_micrograph_that_cannot_be_read_is_told_and_the_rest_is_measured(
    made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path("cut")
    folder.mkdir()
    (folder / "m0.mrc").write_bytes((made.micrographs.parent / "m0.mrc").read_bytes())
    (folder / "m1.mrc").write_bytes((made.micrographs.parent / "m1.mrc").read_bytes()[:5000])
    status, out, err = run(capsys, "--picks", f"a={made.picks}", "--micrographs", folder, "--diameter", DIAMETER)
    assert status == 1
    assert "error: cut/m1.mrc is truncated" in err
    assert out.splitlines()[1].split() == ["picks", "100"]


def test_picks_without_a_path_are_not_those_of_the_working_folder(
    made: Made, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made.picks)
    out = made.picks.with_name("none")
    arguments = ["--micrographs", made.micrographs, "--diameter", DIAMETER, "--out", out]
    status, _, err = run(capsys, "--picks", "a=", *arguments)
    assert (status, "a=: there is no such file or folder" in err) == (2, True)


def test_picks_belong_to_refinements_that_are_called_by_two_folders(
    made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    """One of them is called as the folder of what `compare` writes; micrographs are given in two parts."""
    folder = made.micrographs.parent
    for parent in ("picks", "truth"):
        write_refinement(f"{parent}/job")
    picks = [f"--picks=picks/job={made.picks}", f"--picks=truth/job={made.picks.with_name('half')}"]
    parts = ["--micrographs", folder / "m0.mrc", "--micrographs", folder / "m1.mrc"]
    status, out, err = run(capsys, "picks/job", "truth/job", *picks, *parts, "--diameter", DIAMETER, *QUICK, "--json")
    assert (status, err) == (0, "")
    told = {one["name"]: one["figures"] for one in json.loads(out)["refinements"]}
    assert {name: figures["picks"]["value"] for name, figures in told.items()} == {"picks/job": 200, "truth/job": 200}
    assert all("resolution at 0.143" in figures for figures in told.values())
    assert {path.name for path in Path("assessment").iterdir() if path.is_dir()} == {"picks", "picks_", "truth"}
    assert not list(Path("assessment/picks").rglob("fsc.csv"))
    assert Path("assessment/picks_/job/fsc.csv").is_file()
    page = Path("assessment/assessment.html").read_text()
    assert "Class averages of truth/job" in page
