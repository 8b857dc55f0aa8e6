"""A run in parts, as jobs of a cluster, and the parts joined."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from discs import write_discs
from napari_drpnet import jobs
from napari_drpnet.errors import UserError
from napari_drpnet.io import read_picks
from napari_drpnet.io.star_lists import read_coordinate_list
from napari_drpnet.settings import PickRun
from seen_particles import DIAMETER, write_data_set


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def pick(out: str = "picks", picker: str = "dark-discs", part: str = "", **options: Any) -> jobs.PickReport:
    run = PickRun(inputs=("m",), out=Path(out), picker=picker, options={"diameter": 40, **options}, part=part)
    return jobs.finish(jobs.pick(run))


def names(report: jobs.PickReport) -> list[str]:
    return [Path(result.micrograph).stem for result in report.results]


def test_parts_share_the_micrographs_and_joined_they_are_the_run():
    for seed, name in enumerate("abcde"):
        write_discs(f"m/{name}.mrc", seed=seed)
    Path("m/f.mrc").write_bytes(b"no image")
    assert [names(pick(part=f"{number}/3", threshold=0.5)) for number in (1, 2, 3)] == [
        ["a", "d"],
        ["b", "e"],
        ["c", "f"],
    ]
    assert not Path("picks/summary.tsv").exists()
    report = jobs.collect(Path("picks"))
    assert names(report) == ["a", "b", "c", "d", "e", "f"]
    assert [bool(result.error) for result in report.results] == [False] * 5 + [True]
    listed = read_coordinate_list("picks/autopick.star")
    assert listed == [(f"m/{name}.mrc", f"picks/{name}_autopick.star") for name in "abcde"]
    pick(out="whole", threshold=0.5)
    assert sum(map(len, read_picks("picks/autopick.star"))) == sum(map(len, read_picks("whole/autopick.star")))
    recorded, whole = (yaml.safe_load(Path(folder, "settings.yaml").read_text()) for folder in ("picks", "whole"))
    assert recorded | {"out": "whole"} == whole


def test_a_run_goes_on_from_its_joined_parts():
    for seed, name in enumerate("ab"):
        os.utime(write_discs(f"m/{name}.mrc", seed=seed), (0, 0))
    for number in (1, 2):
        pick(part=f"{number}/2", threshold=0.5)
    jobs.collect(Path("picks"))
    assert [result.earlier for result in pick(threshold=0.5).results] == [True, True]


def test_each_part_chooses_the_threshold_of_the_whole_data_set():
    write_data_set(Path("m"))
    for number in (1, 2):
        pick(part=f"{number}/2", picker="log", diameter=DIAMETER)
    pick(out="whole", picker="log", diameter=DIAMETER)
    jobs.collect(Path("picks"))
    joined, whole = (yaml.safe_load(Path(folder, "settings.yaml").read_text()) for folder in ("picks", "whole"))
    assert joined["decision"] == whole["decision"]
    for file in Path("whole").glob("*_autopick.star"):
        assert Path("picks", file.name).read_bytes() == file.read_bytes()
    assert Path("picks/averages.safetensors").read_bytes() == Path("whole/averages.safetensors").read_bytes()


def test_what_is_missing_is_said():
    for seed, name in enumerate("abc"):
        write_discs(f"m/{name}.mrc", seed=seed)
    pick(part="2/3", threshold=0.5)
    with pytest.warns(UserWarning, match="not picked yet|parts are there") as told:
        jobs.collect(Path("picks"))
    assert [str(one.message) for one in told] == [
        "1 of 3 parts are there.",
        "2 of 3 micrographs are not picked yet: m/a.mrc, m/c.mrc.",
    ]
    with Path("picks/summary.tsv").open(newline="") as file:
        assert [row["micrograph"] for row in csv.DictReader(file, delimiter="\t")] == ["m/b.mrc"]


def test_parts_that_do_not_belong_together_are_refused():
    with pytest.raises(UserError, match="has no parts"):
        jobs.collect(Path("picks"))
    write_discs("m/a.mrc")
    write_discs("m/b.mrc")
    pick(part="1/2", threshold=0.5)
    pick(part="2/2", threshold=0.4)
    with pytest.raises(UserError, match=r"other settings than .*: options"):
        jobs.collect(Path("picks"))
    pick(out="other", part="1/2", threshold=0.5)
    pick(out="other", part="2/3", threshold=0.5)
    with pytest.raises(UserError, match="of 2 and of 3"):
        jobs.collect(Path("other"))


def test_a_whole_run_among_the_parts_is_refused():
    write_discs("m/a.mrc")
    pick(out="picks/parts/mine", threshold=0.5)
    with pytest.raises(UserError, match="mine holds a whole run"):
        jobs.collect(Path("picks"))


@pytest.mark.parametrize("part", ["0/3", "4/3", "3", "1/0", "a/b", "1/3/5"])
def test_a_part_that_cannot_be_is_refused(part: str):
    with pytest.raises(ValidationError):
        PickRun(inputs=("m",), part=part)


def test_from_another_folder_nothing_is_joined_and_no_page_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for seed, name in enumerate("ab"):
        write_discs(f"m/{name}.mrc", seed=seed)
    for number in (1, 2):
        pick(part=f"{number}/2", threshold=0.5)
    jobs.collect(Path("picks"))
    before = {path: path.read_bytes() for path in Path("picks").iterdir() if path.is_file()}
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for job in (jobs.collect, jobs.page_of_run):
        with pytest.raises(UserError, match="in the folder that the run was started in"):
            job(Path("../picks"))
    monkeypatch.chdir(tmp_path)
    assert before == {path: path.read_bytes() for path in before}


def test_a_name_of_any_bytes_is_found_again():
    odd = write_discs("m/a.mrc").rename(os.fsdecode(b"m/\xff.mrc"))
    os.utime(odd, (0, 0))
    pick(part="1/1", threshold=0.5)
    assert len(jobs.collect(Path("picks")).picked) == 1
    assert [result.earlier for result in pick(threshold=0.5).results] == [True]
