"""RELION runs the program as an External job, and extracts from what it picked, without a hand between."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import mrcfile
import pytest

from discs import DISCS, write_discs
from napari_drpnet import jobs
from napari_drpnet.cli import main
from napari_drpnet.errors import UserError
from napari_drpnet.io.star_table import read_tables
from napari_drpnet.jobs.relion import ABORT, ABORTED, FAILURE, SUCCESS, JobAbortedError, relion_parameters

NAMES = [f"MotionCorr/job002/Micrographs/{name}.mrc" for name in ("a", "b")]
STAR = Path("CtfFind/job003/micrographs_ctf.star")
OUT = Path("External/job004")
OPTICS = """
# version 30001

data_optics

loop_
_rlnOpticsGroup #1
_rlnOpticsGroupName #2
_rlnMicrographPixelSize #3
_rlnVoltage #4
_rlnSphericalAberration #5
_rlnAmplitudeContrast #6
1 opticsGroup1 2.0 300 2.7 0.1

# version 30001

data_micrographs

loop_
_rlnMicrographName #1
_rlnOpticsGroup #2
_rlnDefocusU #3
_rlnDefocusV #4
_rlnDefocusAngle #5
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as RELION's users have it after CTF estimation."""
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(NAMES):
        write_discs(name, seed=seed)
    STAR.parent.mkdir(parents=True)
    STAR.write_text(OPTICS + "".join(f"{name} 1 12000 12000 0\n" for name in NAMES))
    return tmp_path


def run(*more: str) -> int:
    call = ["relion-job", "--in_mics", str(STAR), "--o", f"{OUT}/", "--j", "2", "--picker", "log", *more]
    with pytest.raises(SystemExit) as end:
        main(call)
    return int(end.value.code or 0)


def nodes() -> dict[str, list[str]]:
    (table,) = read_tables(OUT / "RELION_OUTPUT_NODES.star")
    return {column: list(table.texts(column)) for column in table.columns}


def ends() -> set[str]:
    return {name for name in (SUCCESS, FAILURE, ABORTED, ABORT) if (OUT / name).exists()}


def test_a_job_leaves_what_relion_4_and_5_go_on_from(capsys: pytest.CaptureFixture[str]):
    assert run("--diameter", "40", "--threshold", "0.5", "--pipeline_control", f"{OUT}/") == 0
    assert ends() == {SUCCESS}
    assert nodes() == {
        "rlnPipeLineNodeName": [f"{OUT}/autopick.star"],
        "rlnPipeLineNodeTypeLabel": ["MicrographsCoords.star.relion.autopick"],
    }
    assert (OUT / "Micrographs/a_autopick.star").is_file()
    out = capsys.readouterr().out
    assert re.search(r"  2/2  \d+ picks  [\d.]+ s  MotionCorr/job002/Micrographs/", out)
    assert "picks on 2 of 2 micrographs" in out


def test_a_project_of_relion_3_gets_its_kind_of_coordinates():
    Path("default_pipeline.star").write_text(
        "data_pipeline_nodes\n\nloop_\n_rlnPipeLineNodeName #1\n_rlnPipeLineNodeType #2\n"
    )
    assert run("--diameter", "40", "--threshold", "0.5") == 0
    assert nodes() == {
        "rlnPipeLineNodeName": [f"{OUT}/coords_suffix_autopick.star"],
        "rlnPipeLineNodeType": ["2"],
    }
    assert (OUT / "coords_suffix_autopick.star").read_text() == f"{STAR}\n"


@pytest.mark.parametrize("wrong", [("--diamter", "40"), ("--diameter", "wide"), ("--diameter", "40", "loose")])
def test_a_job_that_cannot_run_says_why_and_leaves_its_mark(wrong: Sequence[str], capsys: pytest.CaptureFixture[str]):
    assert run("--diameter", "40", *wrong) == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert not (OUT / SUCCESS).exists()


def test_a_job_without_a_micrograph_that_can_be_read_fails():
    for name in NAMES:
        Path(name).write_bytes(b"")
    assert run("--diameter", "40") == 2
    assert ends() == {FAILURE}


def test_a_job_that_is_aborted_ends_and_goes_on_later():
    steps = jobs.relion_job(STAR, OUT, 1, {"diameter": 40, "threshold": 0.5, "picker": "slow-scores"})
    while next(steps).done < 1:
        pass
    (OUT / ABORT).touch()
    with pytest.raises(JobAbortedError):
        list(steps)
    assert ends() == {ABORTED}
    again = jobs.finish(jobs.relion_job(STAR, OUT, 1, {"diameter": 40, "threshold": 0.5, "picker": "slow-scores"}))
    assert [result.earlier for result in again.results] == [True, False]
    assert ends() == {SUCCESS}


def test_parameters_are_read_as_people_type_them():
    texts = ["--diameter", "180", "--min-distance", "150.5", "--invert", "Yes", "--keep_unproved"]
    texts += ["--classifier", "none", "--shift", "-3"]
    assert relion_parameters(texts) == {
        "diameter": 180,
        "min_distance": 150.5,
        "invert": True,
        "keep_unproved": True,
        "classifier": "none",
        "shift": -3,
    }
    with pytest.raises(UserError):
        relion_parameters(["180"])


def called(*call: str, seconds: float = 120) -> None:
    done = subprocess.run(call, capture_output=True, text=True, timeout=seconds)
    assert done.returncode == 0, done.stdout + done.stderr


def wait_for(path: Path, seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < until, [str(file) for file in OUT.parent.rglob("*")]
        time.sleep(0.1)


@pytest.mark.usefixtures("relion")
def test_relion_runs_the_job_and_extracts_its_particles():
    Path("default_pipeline.star").write_text("data_pipeline_general\n\n_rlnPipeLineJobCounter 4\n")
    program = shlex.join([sys.executable, "-m", "napari_drpnet", "relion-job"])
    options = {
        "fn_exe": program, "in_mic": str(STAR), "param1_label": "diameter", "param1_value": "40",
        "param2_label": "picker", "param2_value": "log", "param3_label": "threshold", "param3_value": "0.5",
        "nr_threads": "2",
    }  # fmt: skip
    told = ";".join(f"{name} == {value}" for name, value in options.items())
    called("relion_pipeliner", "--addJob", "External", "--addJobOptions", told)
    called("relion_pipeliner", "--RunJobs", f"{OUT}/", "--sec_wait_after", "1")
    wait_for(OUT / SUCCESS)
    assert "coords_suffix_autopick.star 2" in " ".join(Path("default_pipeline.star").read_text().split())
    extract = ["relion_preprocess", "--i", str(STAR), "--coord_dir", f"{OUT}/", "--coord_suffix", "_autopick.star"]
    extract += ["--part_star", "Extract/particles.star", "--part_dir", "Extract/", "--extract", "--extract_size", "32"]
    called(*extract)
    with mrcfile.open("Extract/Micrographs/a.mrcs") as stack:
        assert stack.data.shape == (len(DISCS), 32, 32)
        centre = stack.data[:, 12:20, 12:20].mean((1, 2))
        rim = stack.data[:, :4].mean((1, 2))
        assert (centre < rim - 0.5).all()
