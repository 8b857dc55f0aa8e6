"""The page that a run leaves for a browser."""

from __future__ import annotations

import base64
import io
import math
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from discs import DISCS, write_discs
from napari_drpnet import jobs
from napari_drpnet.cli import main
from napari_drpnet.data import Micrograph, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io import read_micrograph
from napari_drpnet.jobs.pick_report import PickResult
from napari_drpnet.jobs.run_page import keep
from napari_drpnet.jobs.run_page.charts import picks_in_order
from napari_drpnet.jobs.run_page.thumbnails import BEST, RANDOM, WORST, choose, thumbnail
from napari_drpnet.jobs.watching import STOP
from napari_drpnet.settings import PickRun
from napari_drpnet.steps import drive
from seen_particles import DIAMETER, write_data_set
from web_page import Page

PAGE = Path("picks/report.html")
NASTY = "m/<script>alert(1)<b>\"'&.mrc"


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run_of(**options: Any) -> PickRun:
    return PickRun(inputs=("m",), picker="dark-discs", options={"diameter": 40, "threshold": 0.5, **options})


def said(path: Path = PAGE) -> str:
    return " ".join(Page(path.read_text("utf-8")).text.split())


def pictures(page: Page) -> list[Image.Image]:
    return [Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))) for source in page.sources]


@pytest.fixture
def nasty(micrographs: None) -> str:
    write_discs("m/b.mrc").rename(NASTY)
    Path("m/<img src=x onerror=alert(1)>.mrc").write_bytes(b"no image")
    jobs.finish(jobs.pick(run_of()))
    return PAGE.read_text("utf-8")


@pytest.fixture
def micrographs() -> None:
    write_discs("m/a.mrc")


def test_it_needs_nothing_beside_it_and_runs_nothing(nasty: str) -> None:
    page = Page(nasty)
    assert not re.search(r"https?:|@import|url\(|<link|<iframe", nasty)
    assert not {"script", "object", "embed"} & set(page.tags)
    assert page.open == []
    assert len(pictures(page)) == 2
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.sources)


def test_names_are_shown_as_they_are(nasty: str) -> None:
    text = Page(nasty).text
    assert Path(NASTY).name in text
    assert "<img src=x onerror=alert(1)>.mrc" in text, "with why it failed"


def test_it_says_what_became_of_the_run_and_how_it_was_made(nasty: str) -> None:
    assert "8 picks on 2 micrographs. Threshold 0.5, as it was given." in said()
    assert "napari-drpnet pick m --picker dark-discs --diameter 40 --threshold 0.5 --out picks" in said()
    assert "prefers-color-scheme: dark" in nasty


def test_a_stopped_run_has_one_too(micrographs: None) -> None:
    write_discs("m/b.mrc", seed=1)
    job = jobs.pick(run_of())
    while next(job).done < 1:
        pass
    job.close()
    assert "1 of 2 micrographs so far" in said()


def test_where_all_failed_it_says_why() -> None:
    Path("m").mkdir()
    Path("m/a.mrc").write_bytes(b"no image")
    (failed,) = jobs.finish(jobs.pick(run_of())).failed
    assert " ".join(failed.error.split()) in said()


def test_a_page_that_cannot_be_written_ends_no_run(micrographs: None) -> None:
    PAGE.mkdir(parents=True)
    with pytest.warns(UserWarning, match=r"report\.html is not written"):
        assert jobs.finish(jobs.pick(run_of())).picks == 4


def test_a_run_that_is_refused_leaves_the_page_as_it_was(micrographs: None) -> None:
    jobs.finish(jobs.pick(run_of()))
    before = PAGE.read_bytes()
    with pytest.raises(UserError, match="other settings"):
        jobs.finish(jobs.pick(run_of(threshold=0.4)))
    assert PAGE.read_bytes() == before


def test_joined_parts_and_earlier_runs_have_one(micrographs: None, capsys: pytest.CaptureFixture[str]) -> None:
    write_discs("m/b.mrc", seed=1)
    for part in ("1/2", "2/2"):
        jobs.finish(jobs.pick(run_of().model_copy(update={"part": part})))
    jobs.collect(Path("picks"))
    assert "8 picks on 2 micrographs" in said()
    PAGE.unlink()
    main_ends(0, "report", "picks")
    assert capsys.readouterr().out.strip() == PAGE.as_posix()
    assert "8 picks on 2 micrographs" in said()
    main_ends(2, "report", "m")


def test_averages_that_were_made_in_the_folder_are_on_it(micrographs: None) -> None:
    jobs.finish(jobs.pick(run_of()))
    Path("picks/averages").mkdir()
    Image.new("RGB", (300, 100)).save("picks/averages/averages.png")
    Path("picks/averages.png").write_bytes(b"no picture")
    page = Page(jobs.page_of_run(Path("picks")).read_text("utf-8"))
    assert [picture.width for picture in pictures(page)] == [200, 300]


@pytest.mark.parametrize(("old", "new"), [("diameter: 40", "diameter: wide"), ("options:", "other:"), ("inputs:", "[")])
def test_settings_that_somebody_changed_are_no_traceback(micrographs: None, old: str, new: str) -> None:
    jobs.finish(jobs.pick(run_of()))
    file = Path("picks/settings.yaml")
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    try:
        jobs.page_of_run(Path("picks"))
    except UserError:
        return
    assert "4 picks" in said()


def main_ends(status: int, *arguments: str) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert (end.value.code or 0) == status


def test_a_watched_run_keeps_its_page_current(micrographs: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep, "_EVERY", 0)
    monkeypatch.setattr(keep, "_TIMES", 0)
    os.utime("m/a.mrc", (0, 0))
    seen = []

    def show(step: jobs.Progress) -> None:
        if step.message.startswith("Waiting") and PAGE.exists():
            seen.append("4 picks on 1 micrograph" in said())
            Path("picks", STOP).touch()

    drive(jobs.watch(run_of(), every=0.01), show)
    assert seen[0]


def test_a_project_has_one_of_all_its_micrographs(micrographs: None) -> None:
    write_discs("m/b.mrc", seed=1)
    with jobs.open_project("project", ["m"], picker="dark-discs", diameter=40, threshold=0.5) as project:
        for name in "ab":
            jobs.finish(jobs.pick_project(project, [name]))
    page = Path("project/report.html")
    assert "8 picks on 2 micrographs" in said(page)
    assert len(pictures(Page(page.read_text("utf-8")))) == 2


@pytest.mark.slow
def test_the_averages_that_decided_are_on_it() -> None:
    run = PickRun(inputs=(str(write_data_set(Path("m"))),), picker="dark-discs", options={"diameter": DIAMETER})
    jobs.finish(jobs.pick(run))
    assert "by evidence" in said()
    assert "The averages that the threshold was decided by" in said()


def results(count: int, **fields: Any) -> list[PickResult]:
    return [PickResult(f"m/{number}.mrc", picks=100 + number % 7, **fields) for number in range(count)]


def test_charts_of_many_micrographs_are_no_larger_and_hide_no_failure() -> None:
    many = results(20_000)
    many[12_345] = PickResult("m/x.mrc", error="no image")
    chart = picks_in_order(many)
    assert len(chart) < 50_000
    assert chart.count('class="bad"') == 1
    assert "12,268" not in chart
    assert picks_in_order(results(300)).count("<circle") == 300
    assert picks_in_order([PickResult("m/x.mrc", error="no image")]) == ""


def test_best_and_worst_are_chosen_by_evidence_and_else_by_picks() -> None:
    plain = results(40)
    plain[3], plain[5] = replace(plain[3], picks=999), replace(plain[5], picks=0)
    chosen = choose(plain)
    kinds = {kind: [one.result.micrograph for one in chosen if one.kind == kind] for kind in (BEST, WORST, RANDOM)}
    assert (kinds[BEST][0], kinds[WORST][0]) == ("m/3.mrc", "m/5.mrc")
    assert [len(names) for names in kinds.values()] == [4, 4, 4]
    assert len({one.result.micrograph for one in chosen}) == 12
    assert chosen == choose(plain)
    measured = [replace(one, evidence=1.0, evidence_error=0.1) for one in plain]
    measured[7] = replace(measured[7], evidence=1.4, evidence_error=math.nan)
    measured[8] = replace(measured[8], evidence=1.4)
    measured[9] = replace(measured[9], evidence=0.1)
    best, *_ = choose(measured)
    assert best.result.micrograph == "m/8.mrc"
    assert next(one for one in choose(measured) if one.kind == WORST).result.micrograph == "m/9.mrc"


def test_rings_are_around_the_picks(tmp_path: Path) -> None:
    big = np.kron(read_micrograph(write_discs("a.mrc")).image, np.ones((8, 8), np.float32))
    micrograph = Micrograph.from_array(big, 2.0, "a.mrc")
    picks = Picks(micrograph.frame, 8.0 * np.array(DISCS[:1]), diameter=240.0)
    shown = np.asarray(Image.open(io.BytesIO(thumbnail(micrograph, picks, 480.0))).convert("RGB"), np.int64)
    ring = shown.max(-1) - shown.min(-1) > 60  # all else is grey
    scale = shown.shape[1] / big.shape[1]
    middle, width = np.argwhere(ring).mean(0) / scale, np.ptp(np.argwhere(ring), axis=0) / scale
    assert middle == pytest.approx(picks.yx[0], abs=8)
    assert width == pytest.approx([240, 240], abs=16)
