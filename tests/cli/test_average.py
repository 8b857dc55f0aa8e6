"""The command average, from files to files."""

from __future__ import annotations

import csv
import json
import warnings
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import starfile
from PIL import Image

from averaged import DIAMETER, write_fields
from napari_drpnet.cli import main

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def fields(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_fields(tmp_path_factory.mktemp("fields"))


def call(*arguments: object) -> int:
    try:
        main([str(one) for one in arguments])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_picks_become_files(fields: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mics, picks = fields
    out = tmp_path / "averages"
    lens = ("--voltage", 300, "--cs", 2.7, "--amplitude-contrast", 0.1)
    assert call("average", picks, mics, "--diameter", DIAMETER, "--classes", 3, "--out", out, *lens) == 0
    told = capsys.readouterr()
    assert "100 picks in" in told.out
    assert "The CTF of no micrograph is known" in told.err
    assert "Mean evidence of the picks" in told.err
    with (out / "classes.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    with mrcfile.open(out / "averages.mrcs") as stack:
        assert len(stack.data) >= len(rows)
        assert stack.voxel_size.x == pytest.approx(DIAMETER / 48)
    assert sum(int(row["picks"]) for row in rows) == 100
    data = starfile.read(out / "run_data.star")
    assert len(data["particles"]) == 100
    assert float(data["optics"]["rlnVoltage"].iloc[0]) == 300
    assert Image.open(out / "averages.png").size[0] > 300
    model = starfile.read(out / "run_model.star")
    assert len(model["model_classes"]) >= len(rows)


def test_what_relion_lacks_is_told_without_an_option_that_there_is_none_of(
    fields: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mics, picks = fields
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert call("average", picks, mics, "--diameter", DIAMETER, "--classes", 1, "--out", tmp_path / "averages") == 0
    assert "rlnVoltage, rlnSphericalAberration, rlnAmplitudeContrast: give the STAR file of the micrographs.\n" in (
        capsys.readouterr().err
    )


def test_json_and_picks_of_a_picker(
    fields: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mics, _ = fields
    status = call(
        *("average", mics, "--picker", "log", "--diameter", DIAMETER, "--classes", 3, "--json"),
        *("--out", tmp_path / "a", "--option", "threshold=0.1"),
    )
    document = json.loads(capsys.readouterr().out)
    assert status == 0
    assert {"picks", "evidence", "resolution"} <= set(document["classes"][0])


def test_a_project(fields: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mics, picks = fields
    project = tmp_path / "project"
    assert call("project", project, mics, picks / "m0_autopick.star", "--diameter", DIAMETER) in (0, 2)
    capsys.readouterr()
    assert call("average", tmp_path / "nothing", "--out", tmp_path / "a") == 2
    assert "is not a project" in capsys.readouterr().err


def test_a_folder_that_cannot_be_is_told_before_anything_is_averaged(
    fields: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr("napari_drpnet.jobs.picked_in_files", None)
    assert call("average", fields[1], fields[0], "--diameter", DIAMETER, "--out", tmp_path / "file" / "a") == 2
    assert "file is a file" in capsys.readouterr().err


def test_bad_calls_are_said_in_one_line(
    fields: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mics, picks = fields
    out = ("--out", tmp_path / "a")
    (tmp_path / "empty").mkdir()
    for arguments, words in (
        ((picks, mics), "diameter"),
        ((picks, tmp_path / "empty", "--diameter", 100), "error"),
        ((tmp_path / "none.star", mics, "--diameter", 100), "none.star"),
        ((picks, mics, "--diameter", 100, "--ctf", tmp_path / "gone.star"), "gone.star"),
        ((picks, mics, "--diameter", 100, "--threshold", 3), "too few"),
    ):
        assert call("average", *arguments, *out) == 2
        told = capsys.readouterr().err
        assert words in told
        assert "Traceback" not in told
    assert np.all([not (tmp_path / "a" / name).exists() for name in ("averages.mrcs", "run_data.star")])
