"""A run into a folder that has picks already: what is finished stays, and nothing is mixed."""

from __future__ import annotations

import csv
import os
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from discs import LearningDiscs, write_discs
from napari_drpnet import jobs
from napari_drpnet.errors import UserError
from napari_drpnet.io.star_lists import read_coordinate_list
from napari_drpnet.io.weights import read_weights, write_weights
from napari_drpnet.settings import PickRun


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def pick(
    *inputs: str | Path, picker: str = "dark-discs", threshold: float | str = 0.5, **fields: Any
) -> jobs.PickReport:
    options = {"diameter": 40, "threshold": threshold, **fields.pop("options", {})}
    run = PickRun(inputs=tuple(map(str, inputs)), picker=picker, options=options, **fields)
    return jobs.finish(jobs.pick(run))


def earlier(report: jobs.PickReport) -> list[str]:
    return [result.micrograph for result in report.results if result.earlier]


def listed() -> list[str]:
    with Path("picks/summary.tsv").open(newline="") as file:
        names = [row["micrograph"] for row in csv.DictReader(file, delimiter="\t")]
    assert names == [name for name, _ in read_coordinate_list("picks/autopick.star")]
    return names


def made(name: str) -> int:
    return Path(f"picks/{name}_autopick.star").stat().st_mtime_ns


def test_what_is_finished_is_not_picked_again():
    first = pick(write_discs("m/a.mrc"), write_discs("m/b.mrc", seed=1))
    before = made("a")
    write_discs("m/c.mrc", seed=2)
    old = time.time() - 100
    for name in "ab":
        os.utime(f"m/{name}.mrc", (old, old))
    second = pick("m")
    assert earlier(first) == []
    assert earlier(second) == ["m/a.mrc", "m/b.mrc"]
    assert made("a") == before
    assert listed() == ["m/a.mrc", "m/b.mrc", "m/c.mrc"]
    assert second.picks == 12
    assert [result.picks for result in second.results[:2]] == [result.picks for result in first.results]


def test_a_run_of_other_micrographs_adds_to_the_lists_and_to_the_recorded_inputs():
    pick(write_discs("a.mrc"))
    pick(write_discs("b.mrc"))
    assert listed() == ["a.mrc", "b.mrc"]
    assert yaml.safe_load(Path("picks/settings.yaml").read_text())["inputs"] == ["a.mrc", "b.mrc"]


def test_what_failed_what_changed_and_what_was_removed_is_picked_again():
    Path("m").mkdir()
    Path("m/a.mrc").write_bytes(b"not yet whole")
    for seed, name in enumerate("bcd"):
        write_discs(f"m/{name}.mrc", seed=seed)
    assert len(pick("m").failed) == 1
    for name in "abcd":
        os.utime(write_discs(f"m/{name}.mrc"), (0, 0)) if name != "c" else write_discs("m/c.mrc", seed=9)
    later = time.time() + 100
    os.utime("m/c.mrc", (later, later))
    Path("picks/d_autopick.star").unlink()
    report = pick("m")
    assert not report.failed
    assert earlier(report) == ["m/b.mrc"]
    assert listed() == ["m/a.mrc", "m/b.mrc", "m/c.mrc", "m/d.mrc"]


@pytest.mark.parametrize(
    "other", [{"threshold": 0.4}, {"options": {"diameter": 42}}, {"pixel_size": 2.5}, {"picker": "slow-scores"}]
)
def test_other_settings_are_refused_unless_all_is_picked_anew(other: dict[str, Any]):
    pick(write_discs("a.mrc"))
    recorded = Path("picks/settings.yaml").read_bytes()
    with pytest.raises(UserError, match=r"other settings: .*now") as refused:
        pick("a.mrc", **other)
    assert "--again" in refused.value.hint
    assert Path("picks/settings.yaml").read_bytes() == recorded
    report = pick("a.mrc", again=True, **other)
    assert earlier(report) == []
    assert len(report.picked) == 1


def test_a_network_that_was_changed_since_is_refused_unless_all_is_picked_anew():
    own = write_weights(Path("own.safetensors"), *read_weights("fcrn"))
    told: dict[str, Any] = {"picker": "drpnet", "options": {"detector": str(own), "device": "cpu"}}
    pick(write_discs("a.mrc"), **told)
    os.utime("a.mrc", (0, 0))
    assert earlier(pick("a.mrc", **told)) == ["a.mrc"]
    later = time.time() + 100
    os.utime(own, (later, later))
    with pytest.raises(UserError, match=r"own\.safetensors was changed after micrographs had been picked.*--again"):
        pick("a.mrc", **told)
    assert earlier(pick("a.mrc", again=True, **told)) == []


def test_where_it_computes_makes_no_other_settings():
    pick(write_discs("a.mrc"))
    os.utime("a.mrc", (0, 0))
    assert earlier(pick("a.mrc", options={"device": "cpu", "memory": 700})) == ["a.mrc"]


def test_a_summary_that_somebody_changed_is_no_traceback():
    pick(write_discs("a.mrc"))
    os.utime("a.mrc", (0, 0))
    Path("picks/summary.tsv").write_text("micrograph\tpicks\na.mrc\tmany\n")
    assert earlier(pick("a.mrc")) == []


def test_what_was_learnt_is_used_again():
    pick(write_discs("m/a.mrc"), picker="learning-discs")
    times = LearningDiscs.times_learnt
    os.utime("m/a.mrc", (0, 0))
    write_discs("m/b.mrc")
    report = pick("m", picker="learning-discs")
    assert earlier(report) == ["m/a.mrc"]
    assert LearningDiscs.times_learnt == times


def decided() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(Path("picks/settings.yaml").read_text())["decision"]
    return found


def test_a_threshold_that_was_chosen_on_few_micrographs_is_chosen_anew_on_twice_as_many():
    for number in range(2):
        write_discs(f"m/{number}.mrc", seed=number)
    pick("m", threshold="auto")
    write_discs("m/2.mrc", seed=2)
    for path in Path("m").iterdir():
        os.utime(path, (0, 0))
    run = PickRun(inputs=("m",), picker="dark-discs", options={"diameter": 40})
    assert len(earlier(jobs.finish(jobs.pick(run)))) == 2
    assert decided()["micrographs"] == 2
    os.utime(write_discs("m/3.mrc", seed=3), (0, 0))
    with pytest.warns(UserWarning, match="when there were 2 micrographs; now there are 4"):
        assert earlier(jobs.finish(jobs.pick(run))) == []
    assert decided()["micrographs"] == 4


def test_picks_that_nobody_knows_how_they_were_made_are_not_added_to():
    pick(write_discs("a.mrc"))
    Path("picks/settings.yaml").unlink()
    with pytest.raises(UserError, match="does not say how they were made"):
        pick(write_discs("b.mrc"))


def test_a_micrograph_that_fails_makes_no_threshold_anew():
    os.utime(write_discs("m/a.mrc"), (0, 0))
    Path("m/bad.mrc").write_bytes(b"")
    run = PickRun(inputs=("m",), picker="dark-discs", options={"diameter": 40})
    jobs.finish(jobs.pick(run))
    assert (decided()["micrographs"], decided()["tried"]) == (1, 2)
    assert earlier(jobs.finish(jobs.pick(run))) == ["m/a.mrc"]
    for seed in range(3):
        os.utime(write_discs(f"m/{seed}.mrc", seed=seed), (0, 0))
    with pytest.warns(UserWarning, match="chosen anew"):
        assert earlier(jobs.finish(jobs.pick(run))) == []


def test_a_run_that_finds_no_workers_changes_nothing():
    pick(write_discs("a.mrc"))
    before = {path: path.read_bytes() for path in Path("picks").iterdir() if path.is_file()}
    with pytest.raises(UserError):
        pick("a.mrc", again=True, cluster="tcp://127.0.0.1:1", options={"diameter": 44})
    assert before == {path: path.read_bytes() for path in before}
