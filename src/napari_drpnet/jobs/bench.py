"""The sample of a data set that its threshold is measured on."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from napari_drpnet.averaging.cutting import Cutter
from napari_drpnet.averaging.doubt import believed_of_one, shares_of_set
from napari_drpnet.averaging.leakage import leak, rim_places, without
from napari_drpnet.averaging.shares import unmeasured_shares
from napari_drpnet.data import FloatArray, Micrograph, Picks, ScoreMap
from napari_drpnet.errors import UserError
from napari_drpnet.io.held import Held
from napari_drpnet.jobs.judging import Judgement, as_kept, decided, made_for
from napari_drpnet.jobs.particle_stack import STEPS, ParticleStack, Pieces, cut_pieces, unpacked
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.settings import EVEN
from napari_drpnet.stages import stage

if TYPE_CHECKING:
    from napari_drpnet.averaging.evidence import Evidence

IndexArray = npt.NDArray[np.int64]

# Candidates whose evidence is measured, at most: the surest half of them, and others at random.
_MEASURED = 10_000
# A sample is large enough when candidates that are rather particles fill the surest half, or with so many micrographs.
_SURE, _MICROGRAPHS = _MEASURED // 2, 64
# Places on the rims of candidates, in all and on one micrograph.
_RIMS, _RIMS_EACH = 2000, 400


@dataclass(frozen=True, eq=False)
class Sampled:
    """A scored micrograph as a bench takes it.

    Attributes
    ----------
    score_map, every
        Its candidates, and all that could be picked.
    pieces
        Of those that could be picked, and of places on their rims; empty where nothing is to be measured.
    micrograph
        Only where the size of the particles is not known yet, so that nothing could be cut out.
    problem
        Why nothing could be cut out.
    """

    score_map: ScoreMap
    every: Picks
    pieces: tuple[Pieces, ...] = ()
    micrograph: Micrograph | None = None
    problem: str = ""


class Bench:
    """A sample of the micrographs of a data set, on disk until the threshold is decided.

    Parameters
    ----------
    picker
        That scores them.
    held
        Where candidates are kept; None where somebody else keeps them.
    """

    def __init__(self, picker: LoadedPicker, held: Held | None = None) -> None:
        self._picker = picker
        self._held = held
        self._stack: ParticleStack | None = None
        self._rims: ParticleStack | None = None
        self._cut: list[int] = []  # the micrographs in the stack
        self._by_rule = False
        self._problem = ""
        self._sure = 0
        self._probability: dict[int, FloatArray] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of what is on disk."""
        for stack in (self._stack, self._rims):
            if stack is not None:
                stack.close()

    @property
    def enough(self) -> bool:
        """Whether more micrographs would hardly change what is found."""
        return self._by_rule or self._sure >= _SURE or len(self._probability) >= _MICROGRAPHS

    def add(self, number: int, micrograph: Micrograph, score_map: ScoreMap) -> None:
        """Take a micrograph that was scored into the sample, under a number of its own."""
        self.take(number, self.sampled(micrograph, score_map))

    def sampled(self, micrograph: Micrograph, score_map: ScoreMap) -> Sampled:
        """What `take` takes of a micrograph that was scored; changes nothing, so that several threads may call it."""
        every = self._picker.picks_from(score_map, 0.0)
        if self._by_rule or self._picker.by_rule(score_map):
            return Sampled(score_map, every)
        diameter = self._picker.settings.diameter
        if not diameter:
            return Sampled(score_map, every, micrograph=micrograph)
        return _cut(Cutter(diameter), micrograph, score_map, every)

    def take(self, number: int, sampled: Sampled) -> None:
        """Take a micrograph into the sample, under a number of its own."""
        score_map, every = sampled.score_map, sampled.every
        self._by_rule = self._by_rule or self._picker.by_rule(score_map)
        if self._held is not None:
            self._held.put(number, score_map)
        self._probability[number] = every.score
        self._sure += int((every.score >= EVEN).sum())
        if self._by_rule:
            return
        try:
            if self._stack is None:  # one without particles is false
                self._stack = ParticleStack(_cutter(self._picker, every))
            if sampled.micrograph is not None:
                sampled = _cut(self._stack.cutter, sampled.micrograph, score_map, every)
            if not sampled.pieces:
                raise UserError(sampled.problem)
            self._stack.put(sampled.pieces[0])
            self._cut.append(number)
            self._put_rims(self._stack.cutter, sampled.pieces[1:])
        except UserError as error:
            self._problem = self._problem or error.message

    def _put_rims(self, cutter: Cutter, rims: Sequence[Pieces]) -> None:
        for pieces in rims:
            room = _RIMS - (0 if self._rims is None else len(self._rims))
            if room <= 0 or not len(pieces.picks):
                continue
            self._rims = self._rims or ParticleStack(cutter)
            self._rims.put(pieces.first(room))

    @stage("evidence", whole=True).steps
    def decide(self) -> Generator[float, None, Judgement]:
        """Measure the evidence, and choose the threshold; yields the fraction done."""
        evidence: Evidence | None = None
        start = time.perf_counter()
        every = np.concatenate([np.empty(0), *self._probability.values()])
        left, proved = np.ones(len(every), np.bool_), np.full(len(every), np.nan)
        if self._by_rule:
            shares = unmeasured_shares("The picker has a rule of its own in the place of a threshold.")
        elif self._stack is None or not self._cut:
            shares = unmeasured_shares(self._problem or "There are no candidates.")
        else:
            evidence, values = yield from _measured(self._stack)
            shares = unmeasured_shares(
                f"Too few candidates for averages that could prove something: {len(self._stack)}."
            )
            if evidence.judges:
                lent = 0.0 if self._rims is None else leak(_evidence_of(self._rims, evidence))
                micrograph = np.repeat(list(self._probability), [len(some) for some in self._probability.values()])
                proved[np.isin(micrograph, self._cut)] = _without(self._stack, values, lent)
                shares, left = shares_of_set(every, proved, micrograph, ranks=not self._picker.reliable)
                if self._picker.reliable and len(self._cut) == 1:
                    shares = believed_of_one(shares, every)
                shares = as_kept(replace(shares, lent=lent))
        fields: dict[str, Any] = {
            "basis": "rule" if self._by_rule else "evidence" if shares.significant else "probabilities",
            "made_for": made_for(self._picker),
            "micrographs": len(self._probability),
            "candidates": len(every),
            "enough": self.enough,
        }
        cutter = None if self._stack is None else self._stack.cutter
        decision = decided(shares, every[left], proved[left], **fields)
        return Judgement(decision, shares, evidence, cutter, seconds=time.perf_counter() - start)

    def knows(self, number: int) -> bool:
        """Whether particles of a micrograph are at hand."""
        return number in self._cut

    @stage("evidence", whole=True)
    def measured(
        self, number: int, judgement: Judgement, score_map: ScoreMap, threshold: float | None = None
    ) -> ScoreMap:
        """The candidates of a micrograph of the sample with their evidence, see `Judgement.measured`."""
        if self._stack is None or number not in self._cut:
            return score_map
        images = self._stack.of(self._cut.index(number))
        return judgement.measured(self._picker, score_map, lambda _, some: unpacked(images[some]), threshold)

    def score_map(self, number: int) -> ScoreMap:
        """The candidates of a micrograph of the sample, which are kept, once."""
        assert self._held is not None, "somebody else keeps them"
        return self._held.take(number)


@stage("evidence", whole=True)
def _cut(cutter: Cutter, micrograph: Micrograph, score_map: ScoreMap, every: Picks) -> Sampled:
    """With pieces of all that could be picked, and of places on their rims."""
    try:
        return Sampled(score_map, every, cut_pieces(cutter, micrograph, [every, _rims(cutter, every)]))
    except UserError as error:
        return Sampled(score_map, every, problem=error.message)


def _rims(cutter: Cutter, every: Picks) -> Picks:
    """Places on the rims of candidates, as picks."""
    if every.frame.shape is None:
        return Picks(every.frame, np.empty((0, 2)))
    across = cutter.diameter / every.frame.known_pixel_size()
    size = np.array(every.frame.shape, np.float64) / across
    return Picks(every.frame, across * rim_places(every.yx / across, size, _RIMS_EACH, seed=len(every)))


def _measured(stack: ParticleStack) -> Generator[float, None, tuple[Evidence, FloatArray]]:
    """The evidence of a sample, and its values for each candidate; NaN of those that were left out."""
    from napari_drpnet.averaging.evidence import Evidence, Sample, measure_steps  # torch, which a number does not need

    probability = stack.score
    some = _worth_measuring(probability)
    sample = Sample(
        stack.images[some], probability[some], stack.micrograph[some], stack.yx[some], stack.cutter.across, STEPS
    )
    found = yield from measure_steps(sample)
    values = np.full(len(probability), np.nan)
    values[some] = found.values
    halves = found.halves.named([picks.frame.micrograph for picks in stack.picks])
    return Evidence.of_arrays(found.arrays(), halves), values


def _without(stack: ParticleStack, evidence: FloatArray, lent: float) -> FloatArray:
    """``(n,)`` evidence of all in a stack, less what is lent to those on a rim."""
    ends = np.cumsum([len(picks) for picks in stack.picks])[:-1]
    parts = zip(np.split(evidence, ends), np.split(stack.yx, ends), strict=True)
    return np.concatenate([without(part, yx, lent) for part, yx in parts])


def _evidence_of(stack: ParticleStack, evidence: Evidence) -> FloatArray:
    """``(n,)`` evidence of all in a stack, by averages that were made already."""
    found = [np.empty(0)]
    ends = np.cumsum([len(picks) for picks in stack.picks])
    for number, (picks, yx) in enumerate(zip(stack.picks, np.split(stack.yx, ends[:-1]), strict=True)):
        found.append(evidence.of(unpacked(stack.of(number)), picks.frame.micrograph, yx))
    return np.concatenate(found)


def judge_one(
    picker: LoadedPicker, micrograph: Micrograph, score_map: ScoreMap
) -> Generator[float, None, tuple[Judgement, ScoreMap]]:
    """What is known of a data set of one micrograph, by its two halves, and its candidates with their evidence.

    Yields the fraction done.
    """
    with Bench(picker) as bench:
        bench.add(0, micrograph, score_map)
        judgement = yield from bench.decide()
        return judgement, bench.measured(0, judgement, score_map, 0.0)


def _cutter(picker: LoadedPicker, every: Picks) -> Cutter:
    """For particles as large as the picker was told, or as it finds them."""
    diameter = picker.settings.diameter
    if not diameter:
        sure = every.select(every.score >= EVEN) if (every.score >= EVEN).any() else every
        diameter = float(np.median(sure.diameter)) * every.frame.known_pixel_size() if len(sure) else 0.0
    if not diameter > 0:
        raise UserError(f"{every.frame.micrograph}: how large a particle is is not known.")
    return Cutter(diameter)


def _worth_measuring(probability: FloatArray) -> IndexArray:
    """Indices of the candidates whose evidence is measured, ``(m,)`` rising.

    The surest make the averages; of the others some are enough, drawn without a look at them.
    """
    order = np.argsort(-probability, kind="stable")
    if len(order) > _MEASURED:
        rest = np.random.default_rng(0).permutation(order[_MEASURED // 2 :])
        order = np.concatenate([order[: _MEASURED // 2], rest[: _MEASURED - _MEASURED // 2]])
    return np.sort(order)
