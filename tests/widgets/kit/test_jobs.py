"""Jobs in the threads of a window: what follows what, and whose warnings reach the person."""

from __future__ import annotations

import warnings
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from napari.utils.notifications import notification_manager

from napari_drpnet.errors import UserError
from napari_drpnet.jobs import Progress
from napari_drpnet.widgets.gallery.succession import Succession
from napari_drpnet.widgets.kit.background import Background
from napari_drpnet.widgets.kit.job import JobBar
from napari_drpnet.widgets.kit.threads import heard_by

pytestmark = pytest.mark.gui
LIMIT = 20_000  # milliseconds


def test_a_job_that_waits_begins_though_the_one_before_it_fails(qtbot: Any) -> None:
    begun, go_on, results = Event(), Event(), list[str]()

    def failing() -> Generator[Progress, None, str]:
        begun.set()
        go_on.wait(5)
        yield from ()
        raise UserError("The disk is gone.", "Mount it.")

    def waiting() -> Generator[Progress, None, str]:
        yield Progress(0, 1)
        return "read"

    bar = JobBar("Read", lambda: None)
    jobs = Succession(bar)
    jobs.run(failing, lambda _: None, results.append)
    qtbot.waitUntil(begun.is_set, timeout=LIMIT)
    jobs.run(waiting, lambda _: None, results.append)
    go_on.set()
    qtbot.waitUntil(lambda: not jobs.at_work and not bar.running, timeout=LIMIT)
    assert results == ["read"]


def bar(said: list[str]) -> JobBar:
    made = JobBar("Run", lambda: None)
    made.ended.connect(lambda: said.append("ended"))
    return made


def test_of_two_jobs_at_once_each_is_heard_to_its_end(qtbot: Any) -> None:
    begun, first_ended = [Event(), Event()], Event()

    def first() -> Generator[Progress, None, None]:
        begun[0].set()
        begun[1].wait(5)
        warnings.warn("of the first (--diameter)", stacklevel=1)
        yield from ()

    def second() -> Generator[Progress, None, None]:
        begun[0].wait(5)
        begun[1].set()
        first_ended.wait(5)
        warnings.warn("of the second", stacklevel=1)
        with ThreadPoolExecutor(1) as crew:
            crew.submit(warnings.warn, "of its crew").result(5)
        yield from ()

    said: list[str] = []
    bars = [bar(said), bar(said)]
    notification_manager.records.clear()
    for one, job in zip(bars, (first, second), strict=True):
        one.run(job, done=lambda _: None)
    qtbot.waitUntil(lambda: not bars[0].running, timeout=LIMIT)
    first_ended.set()
    qtbot.waitUntil(lambda: len(said) == 2, timeout=LIMIT)
    assert messages() == ["of the first", "of the second", "of its crew"]


def test_what_work_aside_warns_of_is_nobodys_and_hushes_no_job(qtbot: Any) -> None:
    aside_done, results = Event(), list[str]()

    def job() -> Generator[Progress, None, None]:
        aside_done.wait(5)
        warnings.warn("of the job", stacklevel=1)
        yield from ()

    def aside() -> str:
        warnings.warn("of another micrograph", stacklevel=1)
        return "seen"

    one, background = JobBar("Run", lambda: None), Background()
    notification_manager.records.clear()
    one.run(job, done=lambda _: None)
    background.order(aside, results.append)
    qtbot.waitUntil(lambda: results == ["seen"], timeout=LIMIT)
    aside_done.set()
    qtbot.waitUntil(lambda: not one.running, timeout=LIMIT)
    assert messages() == ["of the job"]


def test_a_block_hears_its_own_thread_and_no_other(qtbot: Any) -> None:
    told: list[str] = []

    def job() -> Generator[Progress, None, None]:
        warnings.warn("of the job", stacklevel=1)
        yield from ()

    one = JobBar("Run", lambda: None)
    notification_manager.records.clear()
    with heard_by(told.append):
        one.run(job, done=lambda _: None)
        qtbot.waitUntil(lambda: not one.running, timeout=LIMIT)
        warnings.warn("of what is saved", stacklevel=1)
    assert told == ["of what is saved"]
    assert messages() == ["of the job"]
    with pytest.warns(UserWarning, match="later"):
        warnings.warn("later", stacklevel=1)


def messages() -> list[str]:
    return [record.message for record in notification_manager.records]
