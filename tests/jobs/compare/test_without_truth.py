"""What a comparison tells of sets of picks without a truth, on particles of which everything is known."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from PIL import Image

from napari_drpnet import jobs
from napari_drpnet.cli import main
from napari_drpnet.data import Frame, Picks
from napari_drpnet.io import read_picks, write_picks
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.jobs import ComparisonReport
from napari_drpnet.jobs.compare.proof import of_picks
from napari_drpnet.settings import ComparisonSettings, PickRun
from seen_particles import DIAMETER, PER_MICROGRAPH, PIXEL_SIZE, write_data_set

pytestmark = pytest.mark.slow
SIDE, GOOD = 560, 4
ALL = GOOD * PER_MICROGRAPH


def compare(out: str, **fields: Any) -> ComparisonReport:
    given = {"inputs": ("m",), "pickers": ("log",), "diameter": DIAMETER, "overlays": 0, "out": out}
    return jobs.finish(jobs.run_comparison(ComparisonSettings(**given | fields)))


def table(out: str) -> dict[str, dict[str, str]]:
    with Path(out, "table.csv").open(newline="") as file:
        return {row["set"]: row for row in csv.DictReader(file)}


def write_as_files(folder: str, source: list[Picks], scores: bool = True) -> None:
    """The same picks as another program's, with or without their scores."""
    for picks in source:
        name = Path(picks.frame.micrograph).stem
        frame = Frame(f"{name}.mrc", (SIDE, SIDE), PIXEL_SIZE)
        score = picks.score if scores else np.nan
        write_picks(Picks(frame, picks.yx, score, DIAMETER / PIXEL_SIZE), Path(folder) / f"{name}.csv")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Micrographs ``m/``; what log picks, as files with scores and without; and as many places by chance: ``junk/``."""
    folder = tmp_path_factory.mktemp("set")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_data_set(Path("m"), good=GOOD, empty=0)
        jobs.finish(jobs.pick(PickRun(inputs=("m",), picker="log", options={"diameter": DIAMETER}, out=Path("picked"))))
        found = read_picks("picked/autopick.star")
        write_as_files("same", found)
        write_as_files("bare", found, scores=False)
        chance = np.random.default_rng(5)
        junk = [Picks(p.frame, chance.uniform(40, SIDE - 40, (64, 2)), chance.uniform(0, 1, 64)) for p in found]
        write_as_files("junk", junk)
    return folder


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="module")
def report(folder: Path) -> ComparisonReport:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        sets = {name: Path(name) for name in ("bare", "junk")}
        return compare("all", picks=sets)


def test_true_picks_of_a_picker_are_those_there_are(report: ComparisonReport) -> None:
    proof = report.proofs["log"]
    assert abs(proof.true.value - ALL) < 3 * proof.true.error
    assert 0 < proof.true.error < 0.2 * ALL
    picks = sum(map(len, report.sets["log"]))
    assert proof.precision.value == pytest.approx(proof.true.value / picks)
    assert proof.f1.value > 0.8
    assert proof.recall.error > 0


def test_picks_are_those_that_pick_gives(report: ComparisonReport, here: Path) -> None:
    for mine, alone in zip(report.sets["log"], read_picks("picked/autopick.star"), strict=True):
        np.testing.assert_allclose(mine.yx, alone.yx, atol=0.51)  # files have whole pixels
        np.testing.assert_allclose(mine.score, alone.score, atol=1e-3)


def test_picks_of_a_file_are_measured_beside_a_picker(report: ComparisonReport) -> None:
    ours, bare = report.proofs["log"], report.proofs["bare"]
    assert abs(bare.true.value - ours.true.value) < 2 * bare.true.error
    assert bare.true.error < 0.3 * ALL
    assert np.isnan([bare.recall.value, bare.f1.value]).all()  # nobody knows its candidates


def test_a_particle_that_is_picked_twice_counts_once(report: ComparisonReport) -> None:
    bare, averages = report.proofs["bare"], report.averages["bare"]
    known = report.averages["log"], report.proofs["log"]
    double = [Picks(p.frame, np.repeat(p.yx, 2, 0)) for p in report.sets["bare"]]
    twice = of_picks(averages, double, DIAMETER / 2 / PIXEL_SIZE, known)
    assert twice.doubled == sum(map(len, report.sets["bare"]))
    assert twice.true.value == pytest.approx(bare.true.value)
    assert twice.precision.value == pytest.approx(bare.precision.value / 2)
    assert "lie on another one" in twice.in_words(2 * twice.doubled)


def test_places_where_nothing_is_prove_nothing(report: ComparisonReport) -> None:
    """Some lie on particles by chance, as the micrographs are full of them: these are few."""
    junk = report.proofs["junk"]
    assert not junk.known or junk.precision.value < 0.4


def test_the_table_has_no_number_without_an_error(report: ComparisonReport, here: Path) -> None:
    rows = table("all")
    for row in rows.values():
        for name in ("true_picks", "estimated_precision", "estimated_recall", "estimated_f1", "candidates_true"):
            assert bool(row[name]) == bool(row[f"{name}_error"])
        assert row["evidence"]
    assert float(rows["log"]["true_picks"]) == pytest.approx(report.proofs["log"].true.value, rel=1e-5)
    assert rows["bare"]["estimated_f1"] == ""


def test_averages_stand_side_by_side_on_the_page_and_in_files(report: ComparisonReport, here: Path) -> None:
    page = Path("all/report.html").read_text(encoding="utf-8")
    for name in ("log", "bare", "junk"):
        strip = Image.open(f"all/averages/{name}.png")
        assert strip.height > 150
        shown = re.search(rf'src="data:image/jpeg;base64,([^"]+)" alt="Class averages of {name}"', page)
        assert shown is not None
        assert Image.open(io.BytesIO(base64.b64decode(shown[1]))).size == strip.size
    scales = {(one.images.shape[1], one.pixel_size) for one in report.averages.values()}
    assert len(scales) == 1
    assert "nobody can say who is right" not in page
    assert "By what averages prove without a truth" in page


def test_beside_a_truth_both_are_shown(here: Path) -> None:
    compare("judged", picks={"mine": Path("same")}, truth="bare")
    row = table("judged")["log"]
    assert float(row["precision"]) > 0.9
    assert float(row["estimated_precision"]) > 0.7
    assert table("judged")["truth"]["true_picks"] == ""


def test_a_picker_at_a_number_keeps_it_and_is_measured(here: Path) -> None:
    report = compare("number", options={"log": {"threshold": 0.4}}, picks={"mine": Path("same")})
    assert report.used["log"]["threshold"] == 0.4
    assert report.proofs["log"].known
    assert all((picks.score >= 0.4).all() for picks in report.sets["log"])


def test_files_alone_are_not_measured_and_told_why(here: Path) -> None:
    """Whatever scores they have: these may have evidence in them, and the surest are no measure of the others."""
    report = compare("files", pickers=(), picks={"same": Path("same"), "bare": Path("bare")})
    assert not report.proofs["same"].known
    assert len(report.remarks) == 2
    assert "not measured. Picks of files are measured beside those of a picker" in report.remarks[0]
    assert table("files")["same"]["true_picks"] == ""


def test_bad_pixels_do_not_stop_averages_at_another_scale(here: Path) -> None:
    Path("spoilt").mkdir()
    for path in Path("m").glob("*.mrc"):
        with mrcfile.open(path) as file:
            image = file.data.copy()
        image[:, 300] = image.max() + 1e4
        image[20:60] = 0
        write_mrc(image, Path("spoilt") / path.name, PIXEL_SIZE)
    sets = {"same": Path("same"), "bare": Path("bare")}
    report = compare("spoilt-run", inputs=("spoilt",), pickers=(), picks=sets, diameter=1.6 * DIAMETER)
    assert report.averages["same"].picks == sum(map(len, report.sets["same"]))


def test_no_averages_leaves_what_a_threshold_needed(
    here: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ("compare", "m", "--pickers", "log", "--picks", "mine=bare", "--diameter", str(DIAMETER), "--no-averages")
    with pytest.raises(SystemExit):
        main([*words, "--overlays", "0", "--out", "bare-run"])
    out = capfd.readouterr().out
    assert re.search(r"^log .* \d+ ± \d+ ", out, re.MULTILINE)
    assert "mine: How many of the picks are particles is not measured. It was not asked for (--no-averages)." in out
    assert not Path("bare-run/averages").exists()
    assert "--no-averages" in Path("bare-run/report.html").read_text(encoding="utf-8")


def test_json_has_the_figures_and_why_there_are_none(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ("compare", "m", "--pickers", "log", "--picks", "mine=bare", "--diameter", str(DIAMETER), "--no-averages")
    with pytest.raises(SystemExit):
        main([*words, "--overlays", "0", "--out", "json-run", "--json"])
    document = json.loads(capfd.readouterr().out)
    ours, mine = document["sets"]
    assert ours["true_picks"] > ours["true_picks_error"] > 0
    assert mine["true_picks"] is None
    assert document["remarks"][0].startswith("mine: ")
