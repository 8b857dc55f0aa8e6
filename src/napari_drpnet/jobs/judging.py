"""The threshold of a data set: measured on a sample of its micrographs, and what follows for each micrograph."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from napari_drpnet.averaging.cutting import Cutter
from napari_drpnet.averaging.shares import (
    Estimate,
    Shares,
    measured_shares,
    micrograph_evidence,
    unlike,
    unmeasured_shares,
)
from napari_drpnet.data import FloatArray, Micrograph, Picks, ScoreMap
from napari_drpnet.errors import UserError
from napari_drpnet.io.held import Held
from napari_drpnet.jobs.averaging.stack import STEPS, ParticleStack
from napari_drpnet.pickers.protocol.choosing import suited
from napari_drpnet.pickers.protocol.correction import fitted_to
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.settings import EVEN, Decision

if TYPE_CHECKING:
    from napari_drpnet.averaging.evidence import Evidence

IndexArray = npt.NDArray[np.int64]

# A sample is large enough with so many candidates that are rather particles, or so many micrographs.
_SURE, _MICROGRAPHS = 3000, 64
# Candidates whose evidence is measured, at most: the surest half of them, and others at random.
_MEASURED = 10_000
_NEAR_0 = 1e-9
# Picks of a micrograph beyond the sample whose evidence is measured, at most.
_OF_ONE = 100


_UNKNOWN = Estimate(math.nan)


@dataclass(frozen=True)
class Own:
    """What one micrograph has to say.

    Attributes
    ----------
    evidence
        Of its picks, relative to what the data set expects of them; NaN where it was not measured.
    doubt
        Why its picks are in doubt, a sentence; empty where they are not.
    """

    evidence: Estimate = _UNKNOWN
    doubt: str = ""


NOTHING_KNOWN = Own()


@dataclass(frozen=True, eq=False)
class Judgement:
    """What is known of a data set, for the picker that it was made with.

    Attributes
    ----------
    decision
        The threshold, and why, as files keep it.
    shares
        What gives candidates the data set's own probability.
    evidence
        Averages that further micrographs are measured with; None where there are none.
    cutter
        What cuts their particles out.
    keep_unproved
        Whether picks stay that are in doubt.
    """

    decision: Decision
    shares: Shares
    evidence: Evidence | None = None
    cutter: Cutter | None = None
    keep_unproved: bool = False

    def own_scores(self, probability: FloatArray) -> FloatArray:
        """``(n,)`` the data set's own probability of candidates, from that of the picker."""
        return self.shares.probability(probability) if self.shares.significant else probability

    def adapted(self, score_map: ScoreMap) -> ScoreMap:
        """The candidates with the data set's own probability."""
        found = score_map.candidates
        return replace(score_map, candidates=replace(found, probability=self.own_scores(found.probability)))

    def picks(self, picker: LoadedPicker, score_map: ScoreMap) -> Picks:
        """The picks of one micrograph, at the threshold that was decided; a rule of the picker's own decides itself."""
        by_rule = self.decision.basis == "rule"
        return picker.picks_from(score_map if by_rule else self.adapted(score_map), self.decision.threshold)

    def leaves_out(self, own: Own) -> bool:
        """Whether the picks of a micrograph with this to say are not to be written."""
        return bool(own.doubt) and not self.keep_unproved

    def own(self, picker: LoadedPicker, micrograph: Micrograph, score_map: ScoreMap) -> Own:
        """What a micrograph beyond the sample has to say of its picks, from the surest of them."""
        if self.evidence is None or self.cutter is None or not self.shares.significant:
            return NOTHING_KNOWN
        every = picker.picks_from(score_map, 0.0)
        picked = np.flatnonzero(self.shares.probability(every.score) >= self.decision.threshold)
        some = every.select(picked[:_OF_ONE])
        try:
            images = self.cutter.cut(micrograph, some.yx).images
        except UserError:
            return NOTHING_KNOWN
        return self.verdict(some.score, self.evidence.of(images))

    def verdict(self, probability: FloatArray, evidence: FloatArray) -> Own:
        """From the picker's probabilities of candidates and their evidence, ``(n,)``."""
        at = self.decision.threshold
        found = micrograph_evidence(probability, evidence, self.shares, at)
        if not unlike(probability, evidence, self.shares, at):
            return Own(found)
        said = f"{found.value:.2f} ± {found.error:.2f} of what picks of this data set have"
        return Own(found, f"Nothing proves that its picks are particles: their evidence is {said}.")


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
        self._cut: list[int] = []  # the micrographs in the stack
        self._by_rule = False
        self._problem = ""
        self._sure = 0
        self._probability: dict[int, FloatArray] = {}
        self._measured: dict[int, FloatArray] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of what is on disk."""
        if self._stack is not None:
            self._stack.close()

    @property
    def enough(self) -> bool:
        """Whether more micrographs would hardly change what is found."""
        return self._by_rule or self._sure >= _SURE or len(self._probability) >= _MICROGRAPHS

    def add(self, number: int, micrograph: Micrograph, score_map: ScoreMap) -> None:
        """Take a micrograph that was scored into the sample, under a number of its own."""
        self._by_rule = self._by_rule or self._picker.by_rule(score_map)
        every = self._picker.picks_from(score_map, 0.0)
        if self._held is not None:
            self._held.put(number, score_map)
        self._probability[number] = every.score
        self._sure += int((every.score >= EVEN).sum())
        if self._by_rule:
            return
        try:
            self._stack = self._stack or ParticleStack(_cutter(self._picker, every))
            self._stack.add(micrograph, every)
            self._cut.append(number)
        except UserError as error:
            self._problem = self._problem or error.message

    def decide(self, all_of_it: bool) -> Generator[float, None, Judgement]:
        """Measure the evidence, and choose the threshold; yields the fraction done.

        Parameters
        ----------
        all_of_it
            Whether the sample is the whole data set.
        """
        evidence: Evidence | None = None
        if self._by_rule:
            shares = unmeasured_shares("The picker has a rule of its own in the place of a threshold.")
        elif self._stack is None or not self._cut:
            shares = unmeasured_shares(self._problem or "There are no candidates.")
        else:
            evidence, values = yield from _measured(self._stack)
            ends = np.cumsum([len(picks) for picks in self._stack.picks])
            self._measured = dict(zip(self._cut, np.split(values, ends[:-1]), strict=True))
            shares = as_kept(measured_shares(self._stack.score, values, self._stack.micrograph))
        every = np.concatenate([np.empty(0), *self._probability.values()])
        fields: dict[str, Any] = {
            "basis": "rule" if self._by_rule else "evidence" if shares.significant else "probabilities",
            "made_for": made_for(self._picker),
            "micrographs": len(self._probability),
            "candidates": len(every),
            "enough": all_of_it or self.enough,
        }
        cutter = None if self._stack is None else self._stack.cutter
        return Judgement(decided(shares, every, **fields), shares, evidence, cutter)

    def own(self, number: int, judgement: Judgement) -> Own:
        """What a micrograph of the sample has to say of its picks."""
        if number not in self._measured:
            return NOTHING_KNOWN
        return judgement.verdict(self._probability[number], self._measured[number])

    def score_map(self, number: int) -> ScoreMap:
        """The candidates of a micrograph of the sample, which are kept, once."""
        assert self._held is not None, "somebody else keeps them"
        return self._held.take(number)


def _measured(stack: ParticleStack) -> Generator[float, None, tuple[Evidence, FloatArray]]:
    """The evidence of a sample, and its values for each candidate; NaN of those that were left out."""
    from napari_drpnet.averaging.evidence import Sample, measure_steps  # torch, which a number does not need

    probability = stack.score
    some = _worth_measuring(probability)
    sample = Sample(
        stack.images[some], probability[some], stack.micrograph[some], stack.yx[some], stack.cutter.across, STEPS
    )
    found = yield from measure_steps(sample)
    values = np.full(len(probability), np.nan)
    values[some] = found.values
    return found, values


def judge_one(picker: LoadedPicker, micrograph: Micrograph, score_map: ScoreMap) -> Generator[float, None, Judgement]:
    """What is known of a data set of one micrograph, by its two halves; yields the fraction done."""
    with Bench(picker) as bench:
        bench.add(0, micrograph, score_map)
        return (yield from bench.decide(all_of_it=False))


def judged_before(decision: Decision | None, picker: LoadedPicker) -> Judgement | None:
    """What was decided before, as files keep it, if it holds for a picker; None where it does not.

    A number in the picker's settings counts on what was measured then; where nothing was, there is nothing to keep.
    """
    if decision is None or not decision.micrographs or decision.made_for != made_for(picker):
        return None
    try:
        shares = unmeasured_shares(decision.reason) if decision.shares is None else Shares.of_lists(decision.shares)
    except ValueError:
        return None
    if picker.auto:
        return Judgement(decision, shares)
    if not shares.significant:
        return None
    return Judgement(decision.model_copy(update={"threshold": picker.settings.least}), shares)


def made_for(picker: LoadedPicker) -> dict[str, str]:
    """What a decision depends on: the picker, its networks, and what it looks for."""
    settings = picker.settings
    files = {
        name: said for name, said in fitted_to(picker.name, settings).items() if not picker.learns or name != "weights"
    }
    told = {
        "diameter": f"{settings.diameter:g}",
        "invert": str(settings.invert),
        "calibration": settings.calibration or "",
    }
    return files | told


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


def decided(shares: Shares, every: FloatArray, basis: str, **fields: Any) -> Decision:
    """The decision that shares lead to.

    Parameters
    ----------
    shares
        Of the data set.
    every
        ``(n,)`` probabilities by the picker of all that could be picked on the sample.
    basis, **fields
        Of the `Decision`.
    """
    threshold = shares.threshold(every) if shares.significant else suited([every])
    expected = shares.expected(every, threshold)
    passed = every[shares.probability(every) >= threshold]
    numbers = {name: _kept(getattr(expected, name)) for name in ("number", "precision", "recall", "f1")}
    return Decision(
        threshold=_probability(threshold),
        basis=basis,
        reason=shares.reason,
        probability=_probability(passed.min()) if len(passed) else 1.0,
        shares=shares.lists() if shares.significant else None,
        **numbers,
        **fields,
    )


def _probability(value: Any) -> float:
    """A probability as files keep it."""
    return float(np.clip(value, 0.0, 1.0)) if value > _NEAR_0 else 0.0


def _kept(estimate: Estimate) -> tuple[float | None, float | None]:
    """An estimate as files keep it."""
    value, error = (float(f"{x:.4g}") if math.isfinite(x) else None for x in (estimate.value, estimate.error))
    return value, error


def as_kept(shares: Shares) -> Shares:
    """Shares as files keep them, so that a run that is repeated gives the same to the byte."""
    return Shares.of_lists(_short(shares.lists())) if shares.significant else shares


def _short(value: Any) -> Any:
    """Lists of numbers, of as many digits as mean something."""
    if isinstance(value, dict):
        return {name: _short(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_short(part) for part in value]
    return float(f"{value:.7g}") if isinstance(value, float) else value
