"""Jobs in the threads of a window: what follows what, and whose warnings reach the person."""

from __future__ import annotations

from collections.abc import Generator
from threading import Event
from typing import Any

import pytest

from napari_drpnet.errors import UserError
from napari_drpnet.jobs import Progress
from napari_drpnet.widgets.gallery.succession import Succession
from napari_drpnet.widgets.kit.job import JobBar

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
