"""The released package of cryoSPARC's developers reads the tables that we write, and we read those that it writes."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from cryosparc.dataset import CSDAT_FORMAT, NUMPY_FORMAT, Dataset

from discs import DISCS, write_discs
from napari_drpnet import jobs
from napari_drpnet.cli import main
from napari_drpnet.io import read_picks
from napari_drpnet.io.fields import read_fields
from napari_drpnet.settings import PickRun

SHAPE = (160, 200)
# What cryoSPARC 4 has in its tables of picked particles, as in a table of its own.
LOCATION = [
    ("location/micrograph_uid", "<u8"),
    ("location/exp_group_id", "<u4"),
    ("location/micrograph_path", "|O"),
    ("location/micrograph_shape", "<u4", (2,)),
    ("location/center_x_frac", "<f4"),
    ("location/center_y_frac", "<f4"),
    ("location/min_dist_A", "<f4"),
    ("location/micrograph_psize_A", "<f4"),
]
STATS = [
    ("pick_stats/ncc_score", "<f4"),
    ("pick_stats/power", "<f4"),
    ("pick_stats/template_idx", "<u4"),
    ("pick_stats/angle_rad", "<f4"),
]
UIDS = (1234567890123456789, 2**63 + 11)
NAMES = tuple(
    f"J5/motioncorrected/{uid:021d}_mic_{letter}_patch_aligned.mrc" for uid, letter in zip(UIDS, "ab", strict=True)
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of cryoSPARC: two micrographs, and the exposures that its package writes."""
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(NAMES):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        write_discs(name, seed=seed)
    fields = [
        ("micrograph_blob/path", "|O"),
        ("micrograph_blob/shape", "<u4", (2,)),
        ("micrograph_blob/psize_A", "<f4"),
    ]
    exposures = Dataset.allocate(2, [*fields, ("mscope_params/exp_group_id", "<u4")])
    exposures["uid"] = UIDS
    exposures["micrograph_blob/path"] = NAMES
    exposures["micrograph_blob/shape"] = SHAPE
    exposures["micrograph_blob/psize_A"] = 2.0
    exposures["mscope_params/exp_group_id"] = [7, 8]
    exposures.save("exposures.cs")
    return tmp_path


def run(*call: str) -> None:
    with pytest.raises(SystemExit) as end:
        main(call)
    assert not end.value.code


def picked() -> Dataset:
    """The discs, picked on the exposures and handed over as cryoSPARC imports them."""
    jobs.finish(jobs.pick(PickRun(inputs=("exposures.cs",), picker="log", options={"diameter": 40, "threshold": 0.5})))
    run("convert", "picks", "picked.cs", "--micrographs", "exposures.cs")
    return Dataset.load("picked.cs")


@pytest.mark.usefixtures("project")
def test_picks_are_particles_of_the_exposures():
    table = picked()
    assert table.descr() == [("uid", "<u8"), *LOCATION, *STATS]
    assert set(table.prefixes()) == {"location", "pick_stats"}
    assert len(set(table["uid"].tolist())) == len(table) == 2 * len(DISCS)
    exposures = {row["uid"]: row for row in Dataset.load("exposures.cs").rows()}
    for row in table.rows():
        exposure = exposures[row["location/micrograph_uid"]]
        assert row["location/micrograph_path"] == exposure["micrograph_blob/path"]
        assert row["location/micrograph_shape"].tolist() == list(SHAPE)
        assert row["location/exp_group_id"] == exposure["mscope_params/exp_group_id"]
        assert row["location/micrograph_psize_A"] == 2
        assert row["location/min_dist_A"] == pytest.approx(40)
        assert 0.5 <= row["pick_stats/ncc_score"] <= 1


@pytest.mark.usefixtures("project")
def test_rows_count_from_the_bottom():
    table = picked().query({"location/micrograph_uid": UIDS[0]})
    x = table["location/center_x_frac"] * SHAPE[1]
    y = SHAPE[0] - table["location/center_y_frac"] * SHAPE[0]
    distance = np.hypot(y[:, None] - np.array(DISCS)[:, 0], x[:, None] - np.array(DISCS)[:, 1])
    assert (distance.min(axis=0) < 3).all()


@pytest.mark.usefixtures("project")
def test_the_group_names_each_result_and_reads_back_the_same():
    table = picked()
    group = read_fields(Path("picked.csg"), "")
    assert group["group"]["type"] == "particle"
    assert group["results"] == {
        name: {"metafile": ">picked.cs", "num_items": len(table), "type": f"particle.{name}"}
        for name in ("location", "pick_stats")
    }
    back = {picks.frame.micrograph: picks for picks in read_picks("picked.csg")}
    assert set(back) == set(NAMES)
    for name in NAMES:
        (one,) = read_picks(Path("picks") / Path(name).name.replace(".mrc", "_autopick.star"))
        np.testing.assert_allclose(back[name].yx, one.yx, atol=1e-3)
        np.testing.assert_allclose(back[name].score, one.score, atol=1e-6)
    run("convert", "picked.csg", "again.cs", "--micrographs", "exposures.cs")
    assert Path("again.cs").read_bytes() == Path("picked.cs").read_bytes()


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("kind", [NUMPY_FORMAT, CSDAT_FORMAT])
def test_tables_that_the_package_writes_are_read(kind: int):
    table = picked()
    table.save("saved.cs", format=kind)
    for one, other in zip(read_picks("saved.cs"), read_picks("picked.cs"), strict=True):
        assert one.frame == other.frame
        np.testing.assert_array_equal(one.yx, other.yx)
        np.testing.assert_array_equal(one.score, other.score)


@pytest.mark.usefixtures("project")
def test_particles_that_cryosparc_selected_are_those_that_were_handed_over():
    """By their uids, so that a later job's particles can be traced to picks."""
    table = picked()
    kept = table.take(np.arange(0, len(table), 2))
    kept.save("selected.cs", format=CSDAT_FORMAT)
    run("convert", "selected.cs", "picked.csg", "stars", "--to", "star")
    assert sum(len(picks) for picks in read_picks("stars/autopick.star")) == len(kept)


@pytest.mark.usefixtures("project")
def test_micrographs_whose_numbers_nobody_knows_are_told(capsys: pytest.CaptureFixture[str]):
    write_discs("alone.mrc")
    jobs.finish(jobs.pick(PickRun(inputs=("alone.mrc",), picker="log", options={"diameter": 40, "threshold": 0.5})))
    for more in ((), ("--micrographs", "exposures.cs")):
        run("convert", "picks", "alone.cs", *more)
        assert "numbers of alone.mrc are not known" in capsys.readouterr().err


def example() -> ModuleType:
    """The script that hands picks over to a server of cryoSPARC."""
    path = Path(__file__).parents[2] / "examples/cryosparc-job/cryosparc_job.py"
    spec = importlib.util.spec_from_file_location("cryosparc_job", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_example_picks_what_a_project_has_from_anywhere(project: Path, monkeypatch: pytest.MonkeyPatch):
    elsewhere = project.with_name("elsewhere")
    elsewhere.mkdir()
    (project / "exposures.cs").rename(elsewhere / "exposures.cs")
    monkeypatch.chdir(elsewhere)
    script = example()
    table = script.pick(Path("exposures.cs"), project, Path("picks"), diameter=40, threshold=0.0)
    assert set(script.SLOTS) == set(table.prefixes())
    assert set(table["location/micrograph_uid"].tolist()) == set(UIDS)
    assert set(table["location/micrograph_path"].tolist()) == set(NAMES)
