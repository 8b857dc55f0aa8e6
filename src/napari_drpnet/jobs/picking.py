"""Pick micrographs: how one is picked, and how all of a data set are, everywhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar
from warnings import warn

import numpy as np

from napari_drpnet.data import Micrograph, Picks, ScoreMap
from napari_drpnet.errors import UserError
from napari_drpnet.interruption import unbroken
from napari_drpnet.io.held import held
from napari_drpnet.jobs.bench import Bench, Sampled
from napari_drpnet.jobs.crew import Crew, usual_size
from napari_drpnet.jobs.judging import NOTHING_KNOWN, Judgement, Own
from napari_drpnet.jobs.levels import Levels
from napari_drpnet.jobs.pick_report import PickResult, doubtful_size
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.pickers.protocol.picker import Reader
from napari_drpnet.steps import Job, Progress, translate, within


@dataclass(frozen=True, eq=False)
class Found:
    """What a picker found on one micrograph.

    Attributes
    ----------
    score_map
        With every candidate, for other thresholds.
    picks
        At the threshold that is in force, and the minimum distance of its settings.
    own
        What is known of the evidence of the micrograph.
    left_out
        Picks that are not among them since nothing proves them.
    levels
        Candidates of at least low, normal and high confidence; None where the picker knows no such levels.
    """

    score_map: ScoreMap
    picks: Picks
    own: Own = NOTHING_KNOWN
    left_out: int = 0
    levels: Levels | None = None


Result = TypeVar("Result")

# Writes what was found; gives how many picks there are, and the file.
Keep = Callable[[Found], tuple[int, Path]]


def find(
    picker: LoadedPicker, micrograph: Micrograph, judgement: Judgement | None = None
) -> Generator[float, None, Found]:
    """Pick one micrograph, yielding the fraction done; nothing is written.

    Without a judgement of its data set the settings of the picker count, and a threshold that is to be chosen is the
    one that suits this micrograph's probabilities.
    """
    score_map = yield from _score(picker, micrograph)
    if judgement is None:
        return Found(score_map, picker.picks_from(score_map), levels=picker.levels(score_map))
    return judged(picker, judgement, judgement.measured_on(picker, micrograph, score_map))


def _score(picker: LoadedPicker, micrograph: Micrograph) -> Generator[float, None, ScoreMap]:
    if doubt := doubtful_size(micrograph.frame, picker.settings.diameter):
        warn(doubt, stacklevel=2)  # Python shows a sentence once
    return (yield from picker.score_steps(micrograph))


def judged(picker: LoadedPicker, judgement: Judgement, score_map: ScoreMap) -> Found:
    """The picks of one micrograph, from candidates with their evidence; none where the picks are in doubt."""
    picks, own = judgement.picks(picker, score_map), judgement.own(picker, score_map)
    found = Found(score_map, picks, own, levels=picker.levels(score_map))
    if not len(picks):  # nothing is in doubt
        return replace(found, own=replace(own, doubt=""))
    if not judgement.leaves_out(own):
        return found
    return replace(found, picks=picks.select(np.zeros(len(picks), bool)), left_out=len(picks))


@dataclass(frozen=True, eq=False)
class _Tried(Generic[Result]):
    """What came of one micrograph: a result or an error, and the seconds that it took."""

    result: Result | None
    error: UserError | None
    seconds: float


def _tried(work: Generator[float, None, Result]) -> Generator[float, None, _Tried[Result]]:
    """The same work; what is wrong with the micrograph itself is a result."""
    start = time.perf_counter()
    try:
        result = yield from work
    except UserError as error:
        return _Tried(None, error, time.perf_counter() - start)
    return _Tried(result, None, time.perf_counter() - start)


def _pick(picker: LoadedPicker, judgement: Judgement | None, read: Reader) -> Generator[float, None, Found]:
    return (yield from find(picker, read(), judgement))


def pick_one(
    picker: LoadedPicker, name: str, read: Reader, keep: Keep, note: Callable[[PickResult], None], here: Progress
) -> Job[PickResult]:
    """Read and pick one micrograph, and keep what was found; what is wrong with the micrograph itself is a result.

    Parameters
    ----------
    picker
        Ready to pick.
    name, read
        Of the micrograph, and what reads it.
    keep
        Writes the picks; gives how many there are, and the file.
    note
        Told the result at once: an interruption comes before both or after both.
    here
        The run that this is a part of.
    """
    tried = yield from translate(_tried(_pick(picker, None, read)), within(here))
    return _settled(name, tried, keep, note)


def _settled(name: str, tried: _Tried[Found], keep: Keep, note: Callable[[PickResult], None]) -> PickResult:
    """Keep what was found, and note it."""
    if tried.result is None:
        result = PickResult(name, seconds=tried.seconds, error=str(tried.error))
        note(result)
        return result
    with unbroken():
        start = time.perf_counter()
        count, coordinates = keep(tried.result)
        seconds = tried.seconds + time.perf_counter() - start
        result = with_own(PickResult(name, count, seconds, coordinates=coordinates), tried.result)
        note(result)
    return result


def learn(picker: LoadedPicker, micrographs: Sequence[Reader], keep: Path | None = None) -> Job[bool]:
    """Let a picker that learns from the data set itself do so, unless it already has; others need nothing.

    Parameters
    ----------
    picker
        Any.
    micrographs
        Of the data set, in its order; it reads as many of them as it needs.
    keep
        File for what was learnt, which ``weights`` of the picker's settings takes the next time.

    Returns
    -------
    bool
        Whether it has learnt now.
    """
    if picker.ready:
        return False
    total = len(micrographs)
    yield from translate(picker.learn_steps(micrographs), lambda step: Progress(0, total, 0, step[1], step[0]))
    if keep is not None:
        picker.save(keep)
    return True


def with_own(result: PickResult, found: Found) -> PickResult:
    """A result with what is known of the evidence of its micrograph."""
    own = found.own
    result = replace(result, levels=found.levels)
    value, error = own.evidence.value, own.evidence.error
    return replace(result, evidence=value, evidence_error=error, left_out=found.left_out, doubt=own.doubt)


@dataclass(frozen=True)
class Item:
    """One micrograph of a data set: its name, what reads it, and what keeps its picks."""

    name: str
    read: Reader
    keep: Keep


@dataclass(frozen=True)
class Terms:
    """How the threshold of a data set comes about.

    Attributes
    ----------
    judgement
        What was decided before; None: it is decided now where the picker's threshold is to be chosen.
    folder
        Where a sample is kept meanwhile; what is in it goes.
    keep_unproved
        Whether picks stay that are in doubt.
    tell
        Told what was decided, before anything is written.
    workers
        How many micrographs are worked on at once.
    """

    folder: Path
    judgement: Judgement | None = None
    keep_unproved: bool = False
    tell: Callable[[Judgement], None] = lambda _: None
    workers: int = field(default_factory=usual_size)


def pick_each(
    picker: LoadedPicker,
    items: Sequence[Item],
    note: Callable[[PickResult], None],
    terms: Terms,
    wanted: Sequence[int] | None = None,
) -> Job[list[PickResult]]:
    """Pick micrographs of a data set, several at once; results come, are kept and noted in their order.

    Where the threshold is to be chosen, a sample spread over the data set is scored first, then evidence is measured
    and the threshold decided. The picks of the sample follow from candidates that were kept on disk: no network runs
    twice.

    Parameters
    ----------
    picker
        Ready to pick.
    items
        The whole data set.
    note
        Told each result at once.
    terms
        How the threshold comes about.
    wanted
        Numbers of the items to pick; None for all.
    """
    run = _Run(picker, items, note, terms, range(len(items)) if wanted is None else wanted)
    return (yield from run.pick())


@dataclass(eq=False)
class _Run:
    """A run over a data set, see `pick_each`, and what became of its micrographs by number."""

    picker: LoadedPicker
    items: Sequence[Item]
    note: Callable[[PickResult], None]
    terms: Terms
    wanted: Sequence[int]
    results: dict[int, PickResult] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._mine = frozenset(self.wanted)
        self._crew = Crew(max(1, min(self.terms.workers, len(self.items))) if self.picker.many_at_once else 1)

    def pick(self) -> Job[list[PickResult]]:
        judgement = self.terms.judgement
        if judgement is None and self.picker.auto and self.wanted:
            with held(self.terms.folder) as kept, Bench(self.picker, kept) as bench:
                spent = yield from self._score_sample(bench)
                judgement = yield from self._decide(bench, len(spent))
                yield from self._pick_sample(bench, judgement, spent)
        elif judgement is not None:
            judgement = replace(judgement, keep_unproved=self.terms.keep_unproved)
        rest = [number for number in self.wanted if number not in self.results]
        find_in = partial(_pick, self.picker, judgement)
        for step in self._crew.each(rest, lambda number: _tried(find_in(self.items[number].read))):
            if not step.results:
                yield self._here(len(self.results), len(self.wanted), self.items[step.number].name, step.fraction)
            for tried in step.results:
                self._settle(step.number, tried)
        yield self._here(len(self.wanted), len(self.wanted))
        return [self.results[number] for number in self.wanted]

    def _score_sample(self, bench: Bench) -> Job[dict[int, float]]:
        """Fill the bench from all over the data set; gives the seconds that each micrograph took."""
        spent: dict[int, float] = {}
        failed = 0

        def scored(number: int) -> Generator[float, None, Sampled]:
            micrograph = self.items[number].read()
            return bench.sampled(micrograph, (yield from _score(self.picker, micrograph)))

        for step in self._crew.each(spread_order(len(self.items)), lambda number: _tried(scored(number))):
            if not step.results:
                name = self.items[step.number].name
                yield Progress(failed + len(spent), len(self.items), 0, name, step.fraction)
            for tried in step.results:
                if tried.result is None:
                    failed += 1
                    self._settle(step.number, _Tried(None, tried.error, tried.seconds))
                else:
                    bench.take(step.number, tried.result)
                    spent[step.number] = tried.seconds
            if bench.enough:
                break
        return spent

    def _decide(self, bench: Bench, done: int) -> Job[Judgement]:
        here = Progress(done, len(self.items), 0, "Measuring what averages prove")
        yield here
        judgement = yield from translate(bench.decide(), within(here))
        judgement = replace(judgement, keep_unproved=self.terms.keep_unproved)
        self.terms.tell(judgement)
        return judgement

    def _pick_sample(self, bench: Bench, judgement: Judgement, spent: Mapping[int, float]) -> Job[None]:
        for number in sorted(self._mine & spent.keys()):
            yield self._here(len(spent), len(self.items), self.items[number].name)
            start = time.perf_counter() - spent[number]
            found = judged(self.picker, judgement, bench.measured(number, judgement, bench.score_map(number)))
            self._settle(number, _Tried(found, None, time.perf_counter() - start))

    def _settle(self, number: int, tried: _Tried[Found]) -> None:
        if number in self._mine:
            item = self.items[number]
            self.results[number] = _settled(item.name, tried, item.keep, self.note)

    def _here(self, done: int, total: int, name: str = "", fraction: float = 0.0) -> Progress:
        return Progress(done, total, sum(result.picks for result in self.results.values()), name, fraction)


def spread_order(count: int) -> list[int]:
    """Numbers below ``count``, each once, so that the first few of them are spread evenly."""
    bits = max(count - 1, 0).bit_length()
    turned = (int(f"{number:0{bits}b}"[::-1], 2) if bits else 0 for number in range(1 << bits))
    return [number for number in turned if number < count]
