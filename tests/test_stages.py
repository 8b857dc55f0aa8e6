"""Where the time of a run goes: each second belongs to one stage."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from napari_drpnet.jobs.crew import Crew
from napari_drpnet.stages import OTHER, WAITING, Stages, measured, stage


def busy(seconds: float) -> None:
    """Use a core for so long."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


@stage("inner")
def inner() -> str:
    busy(0.05)
    return "done"


def test_a_stage_inside_another_interrupts_it() -> None:
    stages = Stages()
    with measured(stages):
        with stage("outer"):
            busy(0.1)
            assert inner() == "done"
            busy(0.1)
        busy(0.05)
    table = stages.table
    assert {name: one.cpu for name, one in table.items()} == pytest.approx(
        {"outer": 0.2, "inner": 0.05, OTHER: 0.05, WAITING: 0}, abs=0.02
    )
    assert sum(one.cpu for one in table.values()) == pytest.approx(stages.cpu)


def test_what_is_inside_a_whole_stage_is_part_of_it() -> None:
    stages = Stages()
    with measured(stages), stage("outer", whole=True):
        inner()
    assert stages.table["outer"].cpu == pytest.approx(0.05, abs=0.02)
    assert "inner" not in stages.table


def test_a_generator_that_is_closed_ends_its_stage() -> None:
    @stage("outer").steps
    def steps() -> Iterator[int]:
        yield 1
        yield 2

    stages = Stages()
    with measured(stages):
        job = steps()
        next(job)
        job.close()
        inner()
    assert stages.table["inner"].times == 1
    assert stages.table["outer"].cpu < 0.02


def test_nothing_is_kept_where_nobody_asks() -> None:
    stages = Stages()
    outer = stage("outer")
    outer.__enter__()
    inner()
    with measured(stages):
        outer.__exit__(None, None, None)  # begun before
    inner()
    assert stages.spent == {}


def test_threads_of_a_crew_work_or_wait() -> None:
    def work(number: int) -> Iterator[float]:
        yield 0.0
        inner()

    stages = Stages()
    with measured(stages):
        for _ in Crew(2).each(range(3), work):
            pass
    table = stages.table
    assert table["inner"].times == 3
    assert table["inner"].cpu == pytest.approx(0.15, abs=0.04)
    assert table[WAITING].wall > 0.02, "of two threads with three tasks one has nothing to do in the end"
    used = sum(one.wall for name, one in table.items())
    assert used <= 2 * stages.elapsed
