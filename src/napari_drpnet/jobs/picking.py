"""Pick micrographs: how one is picked, and how all of a data set are, everywhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, TypeVar
from warnings import warn

import numpy as np

from napari_drpnet.data import Micrograph, Picks, ScoreMap
from napari_drpnet.defects import repaired
from napari_drpnet.errors import UserError
from napari_drpnet.interruption import unbroken
from napari_drpnet.io.held import held
from napari_drpnet.jobs.bench import Bench, Sampled
from napari_drpnet.jobs.crew import Crew, usual_size
from napari_drpnet.jobs.judging import NOTHING_KNOWN, Judgement, Own
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
    """

    score_map: ScoreMap
    picks: Picks
    own: Own = NOTHING_KNOWN
    left_out: int = 0


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
    micrograph = repaired(micrograph)
    score_map = yield from _score(picker, micrograph)
    if judgement is None:
        return Found(score_map, picker.picks_from(score_map))
    return judged(picker, judgement, judgement.measured_on(picker, micrograph, score_map))


def _score(picker: LoadedPicker, micrograph: Micrograph) -> Generator[float, None, ScoreMap]:
    if doubt := doubtful_size(micrograph.frame, picker.settings.diameter):
        warn(doubt, stacklevel=2)  # Python shows a sentence once
    return (yield from picker.score_steps(micrograph))


def judged(picker: LoadedPicker, judgement: Judgement, score_map: ScoreMap) -> Found:
    """The picks of one micrograph, from candidates with their evidence; none where the picks are in doubt."""
    picks, own = judgement.picks(picker, score_map), judgement.own(picker, score_map)
    if not len(picks):  # nothing is in doubt
        return Found(score_map, picks, replace(own, doubt=""))
    if not judgement.leaves_out(own):
        return Found(score_map, picks, own)
    return Found(score_map, picks.select(np.zeros(len(picks), bool)), own, len(picks))


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


def _read_and_find(picker: LoadedPicker, read: Reader, judgement: Judgement | None) -> Generator[float, None, Found]:
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
    tried = yield from translate(_tried(_read_and_find(picker, read, None)), within(here))
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
    picker: LoadedPicker, items: Sequence[Item], note: Callable[[PickResult], None], terms: Terms
) -> Job[list[PickResult]]:
    """Pick all micrographs of a data set, several at once; results come, are kept and noted in their order.

    Where the threshold is to be chosen, a sample spread over the data set is scored first, then evidence is measured
    and the threshold decided. The picks of the sample follow from candidates that were kept on disk: no network runs
    twice.
    """
    results: dict[int, PickResult] = {}
    crew = Crew(min(terms.workers, len(items)) if picker.many_at_once else 1)
    judgement = terms.judgement
    if judgement is None and picker.auto and items:
        with held(terms.folder) as kept, Bench(picker, kept) as bench:
            judgement = yield from _pick_sample(picker, items, note, terms, bench, crew, results)
    elif judgement is not None:
        judgement = replace(judgement, keep_unproved=terms.keep_unproved)
    rest = [number for number in range(len(items)) if number not in results]
    for step in crew.each(rest, lambda number: _tried(_read_and_find(picker, items[number].read, judgement))):
        item = items[step.number]
        if not step.results:
            yield Progress(len(results), len(items), _sum(results), item.name, step.fraction)
        for tried in step.results:
            results[step.number] = _settled(item.name, tried, item.keep, note)
    yield Progress(len(items), len(items), _sum(results))
    return [results[number] for number in range(len(items))]


def _pick_sample(
    picker: LoadedPicker,
    items: Sequence[Item],
    note: Callable[[PickResult], None],
    terms: Terms,
    bench: Bench,
    crew: Crew,
    results: dict[int, PickResult],
) -> Job[Judgement]:
    """Score a sample, decide, and pick it; ``results`` takes what became of its micrographs, by number."""
    spent: dict[int, float] = {}

    def scored(number: int) -> Generator[float, None, Sampled]:
        micrograph = repaired(items[number].read())
        return bench.sampled(micrograph, (yield from _score(picker, micrograph)))

    for step in crew.each(spread_order(len(items)), lambda number: _tried(scored(number))):
        item, done = items[step.number], len(results) + len(spent)
        if not step.results:
            yield Progress(done, len(items), 0, item.name, step.fraction)
        for tried in step.results:
            if tried.result is None:
                results[step.number] = PickResult(item.name, seconds=tried.seconds, error=str(tried.error))
                note(results[step.number])
            else:
                bench.take(step.number, tried.result)
                spent[step.number] = tried.seconds
        if bench.enough:
            break
    done = len(results) + len(spent)
    here = Progress(done, len(items), 0, "Measuring what averages prove")
    yield here
    judgement = yield from translate(bench.decide(), within(here))
    judgement = replace(judgement, keep_unproved=terms.keep_unproved)
    terms.tell(judgement)
    for number, seconds in sorted(spent.items()):
        yield Progress(done, len(items), _sum(results), items[number].name)
        start = time.perf_counter() - seconds
        found = judged(picker, judgement, bench.measured(number, judgement, bench.score_map(number)))
        tried_again = _Tried(found, None, time.perf_counter() - start)
        results[number] = _settled(items[number].name, tried_again, items[number].keep, note)
    return judgement


def _sum(results: Mapping[int, PickResult]) -> int:
    return sum(result.picks for result in results.values())


def spread_order(count: int) -> list[int]:
    """Numbers below ``count``, each once, so that the first few of them are spread evenly."""
    bits = max(count - 1, 0).bit_length()
    turned = (int(f"{number:0{bits}b}"[::-1], 2) if bits else 0 for number in range(1 << bits))
    return [number for number in turned if number < count]
