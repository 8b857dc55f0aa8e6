"""What is known of a data set, and what follows: its threshold, its own probabilities, and whom to doubt."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from warnings import warn

import numpy as np
import numpy.typing as npt

from napari_drpnet.averaging.cutting import Cutter
from napari_drpnet.averaging.shares import (
    Estimate,
    Shares,
    micrograph_evidence,
    unlike,
    unmeasured_shares,
)
from napari_drpnet.data import FloatArray, Micrograph, Picks, ScoreMap
from napari_drpnet.errors import UserError
from napari_drpnet.io.averages import AVERAGES, read_judges, write_judges
from napari_drpnet.pickers.protocol.choosing import suited
from napari_drpnet.pickers.protocol.correction import fitted_to
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.settings import Decision

if TYPE_CHECKING:
    from napari_drpnet.averaging.evidence import Evidence

IndexArray = npt.NDArray[np.int64]

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
    seconds
        That it took to measure.
    """

    decision: Decision
    shares: Shares
    evidence: Evidence | None = None
    cutter: Cutter | None = None
    keep_unproved: bool = False
    seconds: float = 0.0

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


def kept(judgement: Judgement, folder: Path) -> Judgement:
    """A judgement whose averages are in a file of the folder, so that it holds for micrographs that come later, too.

    Raises
    ------
    UserError
        When the file cannot be written.
    """
    if judgement.evidence is None or not judgement.shares.significant:
        return judgement
    word = write_judges(judgement.evidence.arrays(), folder / AVERAGES)
    return replace(judgement, decision=judgement.decision.model_copy(update={"averages": word}))


def with_averages(judgement: Judgement | None, picker: LoadedPicker, folder: Path) -> Judgement | None:
    """A judgement with the averages that were kept in a folder; without, later micrographs are not doubted.

    Warns
    -----
    UserWarning
        When they are gone.
    """
    diameter = picker.settings.diameter
    if judgement is None or not judgement.decision.averages or not diameter:
        return judgement
    from napari_drpnet.averaging.evidence import Evidence  # torch, which a number does not need

    try:
        evidence = Evidence.of_arrays(read_judges(folder / AVERAGES, judgement.decision.averages))
    except (UserError, ValueError) as error:
        warn(f"{error} Micrographs on which nothing proves the picks are not told of.", stacklevel=2)
        return judgement
    return replace(judgement, evidence=evidence, cutter=Cutter(diameter))


def by_the_picker(decision: Decision, threshold: float) -> float:
    """The picker's own probability where a threshold is, that is one of the data set's own."""
    if decision.shares is None:
        return threshold
    try:
        shares = Shares.of_lists(decision.shares)
    except ValueError:
        return threshold
    fine = np.linspace(0.0, 1.0, 1001)
    return float(fine[np.searchsorted(shares.probability(fine), threshold).clip(max=len(fine) - 1)])


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
