"""Pick micrographs as the microscope writes them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from napari_drpnet.errors import UserError
from napari_drpnet.io.lock import alone_in
from napari_drpnet.io.paths import exists
from napari_drpnet.jobs.inputs import PickTask, find_micrographs
from napari_drpnet.jobs.pick_report import PickReport
from napari_drpnet.jobs.pick_run import pick_tasks, picker_of
from napari_drpnet.jobs.run_page.keep import kept, page_in
from napari_drpnet.settings import PickRun
from napari_drpnet.steps import Job, Progress, translate

# A file of this name in the folder of the run ends it in order.
STOP = "STOP"
# A file that has been left alone for so long is whole, in seconds.
_SETTLED = 60.0
_TICK = 0.2

# Size and time of change.
_State = tuple[int, int]


class _Arrivals:
    """Which files are whole, by how they looked before, and which were tried."""

    def __init__(self) -> None:
        self._seen: dict[Path, _State] = {}
        self._failed: dict[str, _State] = {}
        self._tried: dict[str, _State] = {}

    def whole(self, tasks: list[PickTask]) -> Iterator[tuple[PickTask, _State]]:
        """Those that do not grow any more, and did not fail as they are."""
        for task in tasks:
            path = task.micrograph.path
            try:
                stat = path.stat()
            except OSError:
                continue  # it comes with the next look, or never
            state = stat.st_size, stat.st_mtime_ns
            settled = time.time() - stat.st_mtime > _SETTLED or self._seen.get(path) == state
            self._seen[path] = state
            if settled and stat.st_size and self._failed.get(task.micrograph.name) != state:
                yield task, state

    def new(self, whole: list[tuple[PickTask, _State]]) -> bool:
        return any(self._tried.get(task.micrograph.name) != state for task, state in whole)

    def tried(self, whole: list[tuple[PickTask, _State]], report: PickReport) -> None:
        self._tried |= {task.micrograph.name: state for task, state in whole}
        failed = {result.micrograph for result in report.failed}
        self._failed |= {task.micrograph.name: state for task, state in whole if task.micrograph.name in failed}


def watch(run: PickRun, every: float = 10.0) -> Job[PickReport]:
    """Pick what is there, and go on with what comes, until a file ``STOP`` is in the folder of the run.

    A file is taken when it has stopped growing. The lists and the summary tell of all that is finished at any moment.
    A threshold that is to be chosen is chosen anew while there are few micrographs, each time that they have doubled.

    Parameters
    ----------
    run
        As for `pick`.
    every
        Seconds between two looks.

    Raises
    ------
    UserError
        As `pick`; when there is nothing yet, it waits.
    """
    if run.part:
        raise UserError("A folder that is watched has no parts yet.", "Leave out --part, or --watch.")
    if run.cluster:
        raise UserError("A folder is watched by this process alone.", "Leave out --cluster, or --watch.")
    picker_of(run)  # what is wrong with the settings is said before anything is waited for
    arrivals, report = _Arrivals(), PickReport(run.out, ())
    with alone_in(run.out), kept(page_in(run.out)) as page:
        with suppress(OSError):
            (run.out / STOP).unlink()
        while not exists(run.out / STOP):
            try:
                tasks, _ = find_micrographs(run.inputs)
            except UserError:
                tasks = []
            whole = list(arrivals.whole(tasks))
            if arrivals.new(whole):
                report = yield from pick_tasks(run, picker_of(run), [task for task, _ in whole], [], page)
                arrivals.tried(whole, report)
                run = run.model_copy(update={"again": False})
            else:
                yield from translate(_wait(run.out, every, len(whole), report.picks), page.beside)
    with suppress(OSError):
        (run.out / STOP).unlink()
    return report


def _wait(out: Path, seconds: float, done: int, picks: int) -> Job[None]:
    until = time.monotonic() + seconds
    while time.monotonic() < until and not exists(out / STOP):
        yield Progress(done, done, picks, f"Waiting for micrographs; Ctrl-C or a file {out / STOP} ends it")
        time.sleep(_TICK)
