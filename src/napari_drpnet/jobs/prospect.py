"""What was decided about a threshold, and what it is expected to give, in words."""

from __future__ import annotations

import math

from napari_drpnet.averaging.shares import Estimate
from napari_drpnet.data import FloatArray
from napari_drpnet.jobs.judging import Judgement
from napari_drpnet.settings import Decision

_HALF = 0.5
_SAME = 0.005  # a slider has two decimals
_COUNT = 1.5  # what is larger is a number of particles, not a part
_HELPS = "More micrographs in one project help, and so do the right diameter and pixel size."
NOTHING_MEASURED = "Nothing is measured at a number that is given: run with auto to see what is expected."


def in_words(decision: Decision) -> str:
    """What was chosen and why, in a sentence or two."""
    if decision.basis == "rule":
        return f"No threshold was chosen. {decision.reason}"
    on = f"{decision.candidates:,} candidates on {counted(decision.micrographs)}"
    chosen = f"Threshold {decision.threshold:.2f}"
    if decision.basis == "probabilities":
        return f"{chosen}, by the picker's own probabilities of {on}, without evidence. {decision.reason}"
    return (
        f"{chosen}, by evidence: it keeps what the picker gives {decision.probability:.2f} or more. About "
        f"{said(*decision.number)} of {on} are particles; expected precision {said(*decision.precision)}, recall "
        f"{said(*decision.recall)}, F1 {said(*decision.f1)}."
    )


def expected_in_words(
    judgement: Judgement | None, probabilities: FloatArray, evidence: FloatArray | None, threshold: float
) -> str:
    """What a threshold is expected to give on some micrograph, or why nobody knows, with what helps.

    Parameters
    ----------
    judgement
        Of the data set; None where nothing was measured.
    probabilities, evidence
        ``(n,)`` by the picker, of all that could be picked, and what averages prove of each, as far as it was measured.
    threshold
        In the data set's own probability.
    """
    if judgement is None:
        return NOTHING_MEASURED
    if judgement.decision.basis == "rule":
        return judgement.shares.reason
    if not judgement.shares.significant:
        return f"How many of these are particles is not known. {judgement.shares.reason} {_HELPS}"
    found = judgement.shares.expected(probabilities, threshold, evidence)
    number, precision, recall = (_of(one) for one in (found.number, found.precision, found.recall))
    return f"About {number} particles; precision {precision}, recall {recall}"


def doubt_in_words(
    judgement: Judgement | None,
    probabilities: FloatArray,
    evidence: FloatArray | None,
    scores: FloatArray,
    threshold: float,
) -> str:
    """Why a threshold looks wrong on some micrograph, a sentence; empty where it does not, or nobody knows.

    Parameters
    ----------
    judgement, probabilities, evidence, threshold
        As for `expected_in_words`.
    scores
        ``(n,)`` in the probability that the threshold counts in.
    """
    picked = int((scores >= threshold).sum())
    if not len(scores):
        return ""
    if not picked:
        return f"The threshold lies above all {len(scores):,} possible picks: nothing is picked."
    if judgement is None or judgement.decision.basis == "rule" or not judgement.shares.significant:
        return ""
    found = judgement.shares.expected(probabilities, threshold, evidence)
    if _surely_below_half(found.recall):
        return f"The threshold looks too high: it keeps only {_of(found.recall)} of the particles there are."
    if _surely_below_half(found.precision):
        return f"The threshold looks too low: of the picks only {_of(found.precision)} are particles."
    return ""


def _surely_below_half(estimate: Estimate) -> bool:
    """Whether it is below a half by two of its errors; not where no error is known."""
    return estimate.value + 2 * estimate.error < _HALF


def decided_in_words(decision: Decision | None, threshold: float) -> str:
    """What was measured at the threshold of a data set, a sentence; empty at any other threshold."""
    if decision is None or decision.basis != "evidence" or abs(threshold - decision.threshold) > _SAME:
        return ""
    return (
        f"As chosen for the data set, by averages of {counted(decision.micrographs)}: precision "
        f"{said(*decision.precision)}, recall {said(*decision.recall)}"
    )


def _of(estimate: Estimate) -> str:
    known = (None if math.isnan(number) else number for number in (estimate.value, estimate.error))
    return said(*known)


def said(value: float | None, error: float | None = None) -> str:
    """An estimate in words, with its error where that is known."""
    if value is None:
        return "unknown"
    digits = 0 if abs(value) > _COUNT else 2
    return f"{value:,.{digits}f}" + ("" if error is None else f" ± {error:,.{digits}f}")


def counted(micrographs: int) -> str:
    """How many micrographs, in words."""
    return "1 micrograph" if micrographs == 1 else f"{micrographs} micrographs"
