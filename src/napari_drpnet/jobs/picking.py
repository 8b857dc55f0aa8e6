"""Pick micrographs: how one is picked, and how all of a data set are, everywhere."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from warnings import warn

import numpy as np

from napari_drpnet.data import Micrograph, Picks, ScoreMap
from napari_drpnet.interruption import unbroken
from napari_drpnet.io.held import held
from napari_drpnet.jobs.bench import Bench, Sampled
from napari_drpnet.jobs.crew import Crew, Step, usual_size
from napari_drpnet.jobs.elsewhere import Elsewhere
from napari_drpnet.jobs.judging import NOTHING_KNOWN, Judgement, Own
from napari_drpnet.jobs.levels import Levels
from napari_drpnet.jobs.pick_report import PickResult, doubtful_size
from napari_drpnet.jobs.tried import Tried, tried
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.pickers.protocol.picker import Reader
from napari_drpnet.steps import Job, Progress, drained, translate, within


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
    judgement
        Of the data set; None where nothing is known of it.
    """

    score_map: ScoreMap
    picks: Picks
    own: Own = NOTHING_KNOWN
    left_out: int = 0
    levels: Levels | None = None
    judgement: Judgement | None = None


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
    found = Found(score_map, picks, own, levels=picker.levels(score_map), judgement=judgement)
    if not len(picks):  # nothing is in doubt
        return replace(found, own=replace(own, doubt=""))
    if not judgement.leaves_out(own):
        return found
    return replace(found, picks=picks.select(np.zeros(len(picks), bool)), left_out=len(picks))


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
    came = yield from translate(tried(_pick(picker, None, read)), within(here))
    return _settled(name, came, keep, note)


def _settled(name: str, came: Tried[Found], keep: Keep, note: Callable[[PickResult], None]) -> PickResult:
    """Keep what was found, and note it."""
    if came.result is None:
        result = PickResult(name, seconds=came.seconds, error=str(came.error))
        note(result)
        return result
    with unbroken():
        start = time.perf_counter()
        count, coordinates = keep(came.result)
        seconds = came.seconds + time.perf_counter() - start
        result = with_own(PickResult(name, count, seconds, coordinates=coordinates), came.result)
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
    result = replace(result, levels=found.levels, pixel_size=found.picks.frame.pixel_size or math.nan)
    value, error = own.evidence.value, own.evidence.error
    return replace(result, evidence=value, evidence_error=error, left_out=found.left_out, doubt=own.doubt)


@dataclass(frozen=True)
class Item:
    """One micrograph of a data set: its name, what reads it, and what keeps its picks."""

    name: str
    read: Reader
    keep: Keep


def pick_item(picker: LoadedPicker, judgement: Judgement | None, item: Item) -> PickResult:
    """Pick one micrograph of a data set, and keep what was found; `Elsewhere` notes it."""
    return _settled(item.name, drained(tried(_pick(picker, judgement, item.read))), item.keep, lambda _: None)


def sample_item(picker: LoadedPicker, bench: Bench, item: Item) -> Generator[float, None, Sampled]:
    """Score one micrograph for the sample of its data set, yielding the fraction done."""
    micrograph = item.read()
    return bench.sampled(micrograph, (yield from _score(picker, micrograph)))


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
    elsewhere
        Who does the work in the place of this process; None where it does it itself.
    """

    folder: Path
    judgement: Judgement | None = None
    keep_unproved: bool = False
    tell: Callable[[Judgement], None] = lambda _: None
    workers: int = field(default_factory=usual_size)
    elsewhere: Elsewhere | None = None


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
        self._mine, self._picks, self._tried = frozenset(self.wanted), 0, 0
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
        for step in self._picked(rest, judgement):
            if not step.results:
                name = step.instead or self.items[step.number].name
                yield self._here(len(self.results), len(self.wanted), name, step.fraction)
            for came in step.results:
                self._settle(step.number, came)
        yield self._here(len(self.wanted), len(self.wanted))
        return [self.results[number] for number in self.wanted]

    def _picked(
        self, numbers: Sequence[int], judgement: Judgement | None
    ) -> Iterator[Step[Tried[Found]] | Step[PickResult]]:
        if self.terms.elsewhere is not None:
            return self.terms.elsewhere.pick(numbers, judgement)
        return self._crew.each(numbers, lambda number: tried(_pick(self.picker, judgement, self.items[number].read)))

    def _sampled(self, bench: Bench, numbers: Sequence[int]) -> Iterator[Step[Tried[Sampled]]]:
        if self.terms.elsewhere is not None:
            return self.terms.elsewhere.sample(numbers)
        return self._crew.each(numbers, lambda number: tried(sample_item(self.picker, bench, self.items[number])))

    def _score_sample(self, bench: Bench) -> Job[dict[int, float]]:
        """Fill the bench from all over the data set; gives the seconds that each micrograph took."""
        spent: dict[int, float] = {}
        for step in self._sampled(bench, spread_order(len(self.items))):
            if not step.results:
                name = step.instead or self.items[step.number].name
                yield Progress(self._tried, len(self.items), 0, name, step.fraction)
            for came in step.results:
                self._tried += 1
                if came.result is None:
                    self._settle(step.number, Tried(None, came.error, came.seconds))
                else:
                    bench.take(step.number, came.result)
                    spent[step.number] = came.seconds
            if bench.enough:
                break
        return spent

    def _decide(self, bench: Bench, done: int) -> Job[Judgement]:
        here = Progress(done, len(self.items), 0, "Measuring what averages prove")
        yield here
        judgement = yield from translate(bench.decide(), within(here))
        judgement = replace(judgement, decision=judgement.decision.model_copy(update={"tried": self._tried}))
        judgement = replace(judgement, keep_unproved=self.terms.keep_unproved)
        self.terms.tell(judgement)
        return judgement

    def _pick_sample(self, bench: Bench, judgement: Judgement, spent: Mapping[int, float]) -> Job[None]:
        for number in sorted(self._mine & spent.keys()):
            yield self._here(len(spent), len(self.items), self.items[number].name)
            start = time.perf_counter() - spent[number]
            found = judged(self.picker, judgement, bench.measured(number, judgement, bench.score_map(number)))
            self._settle(number, Tried(found, None, time.perf_counter() - start))

    def _settle(self, number: int, came: Tried[Found] | PickResult) -> None:
        """Keep and note what came of a micrograph; what others picked, they kept."""
        if number not in self._mine:
            return
        if isinstance(came, PickResult):
            self.note(came)
        else:
            came = _settled(self.items[number].name, came, self.items[number].keep, self.note)
        self.results[number] = came
        self._picks += came.picks

    def _here(self, done: int, total: int, name: str = "", fraction: float = 0.0) -> Progress:
        return Progress(done, total, self._picks, name, fraction)


def spread_order(count: int) -> list[int]:
    """Numbers below ``count``, each once, so that the first few of them are spread evenly."""
    bits = max(count - 1, 0).bit_length()
    turned = (int(f"{number:0{bits}b}"[::-1], 2) if bits else 0 for number in range(1 << bits))
    return [number for number in turned if number < count]
