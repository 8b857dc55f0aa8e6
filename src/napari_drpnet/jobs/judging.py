"""What is known of a data set, and what follows: its threshold, its own probabilities, and whom to doubt."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from warnings import warn

import numpy as np
import numpy.typing as npt

from napari_drpnet.averaging.cutting import Cutter
from napari_drpnet.averaging.doubt import micrograph_evidence, unlike
from napari_drpnet.averaging.halves import Halves
from napari_drpnet.averaging.leakage import without
from napari_drpnet.averaging.shares import Estimate, Shares, unmeasured_shares
from napari_drpnet.candidates import suppressors
from napari_drpnet.data import FloatArray, ImageArray, Micrograph, Picks, ScoreMap
from napari_drpnet.errors import UserError
from napari_drpnet.io.averages import AVERAGES, read_judges, write_judges
from napari_drpnet.jobs.particle_stack import packed, unpacked
from napari_drpnet.pickers.protocol.choosing import suited
from napari_drpnet.pickers.protocol.correction import fitted_to
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.settings import Decision, KnownHalves
from napari_drpnet.stages import stage

if TYPE_CHECKING:
    from napari_drpnet.averaging.evidence import Evidence

IndexArray = npt.NDArray[np.int64]

_NEAR_0 = 1e-9
# Picks of a micrograph whose evidence is measured where that of a single one tells nothing: to judge the micrograph.
_OF_ONE = 200

# Pictures of candidates, from their positions in micrograph pixels and their places among those that could be picked.
Cut = Callable[[FloatArray, IndexArray], ImageArray]

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

    def own_scores(self, probability: FloatArray, evidence: FloatArray | None = None) -> FloatArray:
        """``(n,)`` the data set's own probability of candidates, from that of the picker and what averages prove."""
        return self.shares.probability(probability, evidence) if self.shares.significant else probability

    def adapted(self, score_map: ScoreMap) -> ScoreMap:
        """The candidates with the data set's own probability."""
        found = score_map.candidates
        own = self.own_scores(found.probability, found.evidence)
        return replace(score_map, candidates=replace(found, probability=own))

    def picks(self, picker: LoadedPicker, score_map: ScoreMap) -> Picks:
        """The picks of one micrograph, at the threshold that was decided; a rule of the picker's own decides itself."""
        by_rule = self.decision.basis == "rule"
        return picker.picks_from(score_map if by_rule else self.adapted(score_map), self.decision.threshold)

    def leaves_out(self, own: Own) -> bool:
        """Whether the picks of a micrograph with this to say are not to be written."""
        return bool(own.doubt) and not self.keep_unproved

    @property
    def measures(self) -> bool:
        """Whether there is something to measure candidates with."""
        return self.evidence is not None and self.cutter is not None and self.shares.significant

    def measured(self, picker: LoadedPicker, score_map: ScoreMap, cut: Cut, threshold: float | None = None) -> ScoreMap:
        """The candidates with their evidence, as far as a threshold asks for it; None: the one that was decided.

        Where the evidence of a single candidate tells, it is measured of all that could be picked. Whoever gave way to
        one of them has the evidence of that one: it is not picked in the place of a surer neighbour that has none.
        """
        if self.evidence is None or self.cutter is None or not self.shares.significant:
            return score_map
        found, could = score_map.candidates, picker.pickable(score_map)
        asked = self.decision.threshold if threshold is None else threshold
        some = np.flatnonzero(self.shares.at_most(found.probability[could.index]) >= asked)
        some = some if self.shares.telling else some[:_OF_ONE]
        which = could.index[some]
        try:
            images = cut(found.yx[which], some)
        except UserError:
            return score_map
        frame, evidence = score_map.frame, np.full(len(found), np.nan)
        across = frame.known_pixel_size() / self.cutter.diameter
        yx = found.yx[which] * across
        evidence[which] = self.evidence.of(images, frame.micrograph, yx)
        evidence[could.index] = without(evidence[could.index], found.yx[could.index] * across, self.shares.lent)
        by = suppressors(found.yx, could.index, could.spacing)
        evidence = np.where(by >= 0, evidence[by], np.nan)
        return replace(score_map, candidates=replace(found, evidence=evidence))

    @stage("evidence", whole=True)
    def measured_on(
        self, picker: LoadedPicker, micrograph: Micrograph, score_map: ScoreMap, threshold: float | None = None
    ) -> ScoreMap:
        """`measured`, from the pixels of the micrograph."""

        def cut(yx: FloatArray, _: IndexArray) -> ImageArray:
            assert self.cutter is not None, "it is measured only where there is one"
            return unpacked(packed(self.cutter.cut(micrograph, yx).images))

        return self.measured(picker, score_map, cut, threshold)

    def own(self, picker: LoadedPicker, score_map: ScoreMap) -> Own:
        """What a micrograph has to say of its picks, from the evidence of its candidates."""
        found = score_map.candidates
        if found.evidence is None or not self.shares.significant:
            return NOTHING_KNOWN
        index = picker.pickable(score_map).index
        return self.verdict(found.probability[index], found.evidence[index])

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
    if judgement.evidence is None or judgement.cutter is None or not judgement.shares.significant:
        return judgement
    told = {
        "averages": write_judges(judgement.evidence.arrays(), folder / AVERAGES),
        "diameter": judgement.cutter.diameter,
        "halves": KnownHalves(**asdict(judgement.evidence.halves)),
    }
    return replace(judgement, decision=judgement.decision.model_copy(update=told))


def with_averages(judgement: Judgement | None, picker: LoadedPicker, folder: Path) -> Judgement | None:
    """A judgement with the averages that were kept in a folder, by which further candidates are measured.

    Warns
    -----
    UserWarning
        When they are gone.
    """
    if judgement is None or not judgement.decision.averages:
        return judgement
    diameter = judgement.decision.diameter or picker.settings.diameter
    if not diameter:
        return judgement
    from napari_drpnet.averaging.evidence import Evidence  # torch, which a number does not need

    try:
        arrays = read_judges(folder / AVERAGES, judgement.decision.averages)
        evidence = Evidence.of_arrays(arrays, Halves(**judgement.decision.halves.model_dump()))
    except (UserError, ValueError) as error:
        warn(
            f"{error} Picks count by the picker's probability alone, and micrographs on which nothing proves them are "
            "not told of.",
            stacklevel=2,
        )
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


def decided(shares: Shares, every: FloatArray, evidence: FloatArray, basis: str, **fields: Any) -> Decision:
    """The decision that shares lead to.

    Parameters
    ----------
    shares
        Of the data set.
    every, evidence
        ``(n,)`` probabilities by the picker of all that could be picked on the sample, on micrographs that are not in
        doubt, and what averages prove of each; NaN where that was not measured.
    basis, **fields
        Of the `Decision`.
    """
    threshold = shares.threshold(every, evidence) if shares.significant else suited([every])
    expected = shares.expected(every, threshold, evidence)
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
