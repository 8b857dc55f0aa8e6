"""The page of a run, written anew as the run goes on; a page that cannot be written ends no run."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from warnings import warn

from napari_drpnet.errors import UserError
from napari_drpnet.io.files import write_text
from napari_drpnet.io.picks.star import read_listed
from napari_drpnet.jobs.pick_report import PickResult
from napari_drpnet.jobs.resume import recorded
from napari_drpnet.jobs.run_file import SETTINGS, recorded_decision
from napari_drpnet.jobs.run_page.averages import averaged_beside, decided_by
from napari_drpnet.jobs.run_page.page import RunFacts, page
from napari_drpnet.jobs.run_page.scores import Scores
from napari_drpnet.jobs.run_page.thumbnails import ByName, Chosen, choose, thumbnail
from napari_drpnet.settings import Decision
from napari_drpnet.stages import stage
from napari_drpnet.steps import Progress

PAGE = "report.html"
# Seconds until the page is written anew, at least, and in multiples of what it took.
_EVERY, _TIMES = 60.0, 100
# Seconds that pictures may take, and when somebody waits for the end.
_PATIENCE, _HURRY = 60.0, 4.0


# Fields of `PickRun` by name, and what was decided.
Told = tuple[Mapping[str, Any], Decision | None]


@dataclass(frozen=True)
class _Run:
    """What the page follows."""

    results: Callable[[], Sequence[PickResult]]
    names: Sequence[str]
    read: ByName
    count: Callable[[], int]


class RunPage:
    """``report.html`` of a run.

    Parameters
    ----------
    folder
        Of the lists and the settings of the run.
    told
        Gives the fields of `PickRun` by name, and what was decided.
    """

    def __init__(self, folder: Path, told: Callable[[], Told]) -> None:
        self.path = folder / PAGE
        self._folder, self._told = folder, told
        self._run: _Run | None = None
        self._scores = Scores()
        self._drawn: dict[str, tuple[int, bytes]] = {}
        self._count = 0
        self._next = time.monotonic() + _EVERY

    def follow(
        self, results: Callable[[], Sequence[PickResult]], names: Sequence[str], read: ByName, count: Callable[[], int]
    ) -> None:
        """What the page is of.

        Parameters
        ----------
        results
            Gives what became of micrographs so far.
        names
            Of all micrographs of the run, in the order of the data set.
        read
            Reads a micrograph by its name.
        count
            How many were finished; quick, since it is asked often.
        """
        self._run = _Run(results, names, read, count)

    def beside(self, step: Progress) -> Progress:
        """Write the page beside a step of the run when it is time: all that takes a hundredth of the run's time."""
        if time.monotonic() >= self._next and self._news():
            self.write()
        return step

    def _news(self) -> bool:
        """Whether something has happened since the page was written: a watched run may wait all night."""
        before, self._count = self._count, self._run.count() if self._run is not None else 0
        return self._count != before

    @stage("page", whole=True)
    def write(self, hurry: bool = False) -> None:
        """`write_now`; ``hurry`` where something ended the run, of which the user is told already.

        Warns
        -----
        UserWarning
            When it cannot be written, without ``hurry``.
        """
        start = time.monotonic()
        try:
            self.write_now(_HURRY if hurry else _PATIENCE)
        except Exception as error:  # the picks are worth more than their page
            if not hurry:
                warn(f"{self.path} is not written: {error}", stacklevel=2)
        now = time.monotonic()
        self._next = now + max(_EVERY, _TIMES * (now - start))

    def write_now(self, patience: float = math.inf) -> None:
        """Write the page, if there is anything to tell.

        Parameters
        ----------
        patience
            Seconds after which no more pictures are drawn and no more scores read.

        Raises
        ------
        UserError
            When it cannot be written.
        """
        if self._run is not None and self._run.results():
            write_text(page(self._facts(self._run, time.monotonic() + patience)), self.path)

    def _facts(self, run: _Run, until: float) -> RunFacts:
        order = {name: number for number, name in enumerate(run.names)}
        results = sorted(run.results(), key=lambda result: order.get(result.micrograph, -1))
        others = sum(result.micrograph not in order for result in results)
        fields, decision = self._told()
        told = fields.get("options", {}).get("diameter")
        diameter = float(told) if isinstance(told, int | float) else 0.0
        pictures, problem = self._pictures(choose(results), run.read, diameter, until)
        made = decided_by(self._folder, decision)
        return RunFacts(
            folder=self._folder,
            results=results,
            total=len(order) + others,
            fields=fields,
            decision=decision,
            histogram=self._scores.histogram(results, until),
            pictures=pictures,
            not_drawn=problem,
            averages=[*([] if made is None else [("", made)]), *averaged_beside(self._folder)],
        )

    def _pictures(
        self, every: Sequence[Chosen], read: ByName, diameter: float, until: float
    ) -> tuple[list[tuple[Chosen, bytes]], str]:
        """Those that can be drawn in time, and why others are not."""
        found: list[tuple[Chosen, bytes]] = []
        problem, drawn = "", self._drawn
        self._drawn = {}
        for chosen in every:
            result = chosen.result
            try:
                written = 0 if result.coordinates is None else result.coordinates.stat().st_mtime_ns
                before = drawn.get(result.micrograph)
                if before is None or before[0] != written:
                    if time.monotonic() > until:
                        problem = problem or "Not all pictures were drawn, to save time: napari-drpnet report does so."
                        continue
                    before = written, _drawn(result, read, diameter)
            except (UserError, OSError, KeyError) as error:
                problem = problem or f"Some micrographs are not shown: {error}"
                continue
            self._drawn[result.micrograph] = before
            found.append((chosen, before[1]))
        return found, problem


def page_in(folder: Path) -> RunPage:
    """The page of a run with a settings file in its folder."""
    file = folder / SETTINGS
    return RunPage(folder, lambda: (recorded(file), recorded_decision(file)))


@contextmanager
def kept(page: RunPage) -> Iterator[RunPage]:
    """The page of a run that is done in this block: written at its end, however that comes about."""
    try:
        yield page
    except BaseException:
        page.write(hurry=True)
        raise
    page.write()


def _drawn(result: PickResult, read: ByName, diameter: float) -> bytes:
    if result.coordinates is None:
        raise UserError(f"{result.micrograph} has no file of picks.")
    return thumbnail(read(result.micrograph), read_listed(result.micrograph, result.coordinates), diameter)
