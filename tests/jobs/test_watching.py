"""Micrographs that come while the program runs."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from discs import LearningDiscs, write_discs
from napari_drpnet import jobs
from napari_drpnet.errors import UserError
from napari_drpnet.io.star_lists import read_coordinate_list
from napari_drpnet.jobs.watching import STOP
from napari_drpnet.settings import PickRun
from napari_drpnet.steps import drive


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m").mkdir()


def watched(
    events: list[Callable[[], object]], looks: int = 2, picker: str = "dark-discs", **options: float
) -> jobs.PickReport:
    """Run until all events have happened, with so many looks at the folder between two of them."""
    run = PickRun(inputs=("m",), picker=picker, options={"diameter": 40, **options})
    left, waits = list(events), itertools.count()

    def show(step: jobs.Progress) -> None:
        if step.message.startswith("Waiting") and next(waits) % looks == 0:
            (left.pop(0) if left else Path("picks", STOP).touch)()

    return drive(jobs.watch(run, every=0.01), show)  # one step of waiting between two looks


def whole(name: str, seed: int = 0) -> Callable[[], object]:
    return lambda: os.utime(write_discs(f"m/{name}.mrc", seed=seed), (0, 0))


def listed() -> list[str]:
    return sorted(Path(name).stem for name, _ in read_coordinate_list("picks/autopick.star"))


def test_what_comes_is_picked_and_the_lists_have_all():
    report = watched([whole("a"), whole("b", 1), whole("c", 2)], threshold=0.5)
    assert listed() == ["a", "b", "c"]
    assert report.picks == 12
    assert not Path("picks", STOP).exists()


def test_a_file_that_grows_is_left_until_it_is_whole():
    write_discs("whole.mrc")
    content = Path("whole.mrc").read_bytes()
    parts = [lambda n=n: Path("m/a.mrc").write_bytes(content[: len(content) * n // 4]) for n in (0, 1, 2, 3, 4)]
    report = watched([*parts, lambda: None, lambda: None], looks=1, threshold=0.5)
    assert [(result.picks, result.error) for result in report.results] == [(4, "")]


def test_one_that_fails_is_told_once_and_tried_again_when_it_changes():
    def broken() -> None:
        Path("m/a.mrc").write_bytes(b"no image")
        os.utime("m/a.mrc", (0, 0))

    report = watched([broken, whole("b", 1)], threshold=0.5)
    assert [bool(result.error) for result in report.results] == [True, False]
    assert watched([whole("a")], threshold=0.5).picks == 8


def test_the_threshold_grows_up_with_the_data_set():
    with pytest.warns(UserWarning, match="now there are 2"):
        report = watched([whole("a"), whole("b", 1)])
    assert report.decision is not None
    assert report.decision.micrographs == 2


def test_what_is_wrong_with_the_settings_is_said_at_once():
    with pytest.raises(UserError):
        next(jobs.watch(PickRun(inputs=("m",), picker="dark-discs", options={"diamter": 40})))


def test_a_picker_that_learns_does_so_once():
    times = LearningDiscs.times_learnt
    report = watched([whole("a"), whole("b", 1)], picker="learning-discs", threshold=0.5)
    assert len(report.picked) == 2
    assert LearningDiscs.times_learnt == times + 1


def test_it_has_no_parts():
    with pytest.raises(UserError, match="no parts"):
        next(jobs.watch(PickRun(inputs=("m",), picker="dark-discs", options={"diameter": 40}, part="1/2")))
