"""What both stages have in common: where a network begins, how a run is known, and what it leaves behind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from torch import nn

from napari_drpnet.data import FloatArray
from napari_drpnet.drawing.charts import draw_training
from napari_drpnet.errors import UserError
from napari_drpnet.evaluation.curves import Curve, precision_recall
from napari_drpnet.io.checkpoints import checkpoint_path
from napari_drpnet.io.files import atomic_write, write_text, writing
from napari_drpnet.io.weights import WeightsCard, locate, read_weights, write_weights
from napari_drpnet.networks import build, channels_last, with_tensors
from napari_drpnet.pickers.context import calibrated, margin
from napari_drpnet.settings import TrainSettings
from napari_drpnet.steps import translate
from napari_drpnet.training.calibration import fit_logistic, typical
from napari_drpnet.training.detections import Detections
from napari_drpnet.training.finetune import recalibrate
from napari_drpnet.training_loop.fit import Fitted, Step
from napari_drpnet.training_loop.parallel import Processes

# Fields of a recipe that change how quickly a run goes, not what comes of it.
_NO_DIFFERENCE = {"workers", "device", "minutes"}

VALIDATION = "the validation sets"
# What is written beside weights.
_BESIDE = (".tsv", ".png")
# So many micrographs, of so many structures, tell how a usual one is.
_MANY, _SEVERAL = 20, 5


@dataclass(frozen=True)
class TrainingReport:
    """What came of a training run.

    Attributes
    ----------
    weights
        The file.
    f1
        At the best threshold, on micrographs that the network did not learn from; None when there were none.
    judged_on
        Which micrographs those were, as words.
    calibration
        Coefficients of the probability of a pick.
    steps
        Optimisation steps that were made; fewer than asked for when it stopped early.
    f1_at_half
        As ``f1``, at a probability of 0.5.
    iou
        Of a network that segments: the mean overlap of its map with the masks of validation micrographs, see
        `masks.pixel_iou`.
    """

    weights: Path
    f1: float | None
    judged_on: str
    calibration: tuple[float, ...]
    steps: int
    f1_at_half: float | None = None
    iou: float | None = None

    @property
    def plot(self) -> Path:
        """Loss, validation F1 and reliability, beside the weights."""
        return self.weights.with_suffix(".png")


Training: TypeAlias = Generator[Step, None, TrainingReport | None]
Labelled = TypeVar("Labelled")


@dataclass(frozen=True, eq=False)
class Evidence:
    """Candidates to calibrate with.

    Attributes
    ----------
    detected
        One per micrograph, each with the weight of its example.
    judged_on
        Which micrographs they are, as words; empty when the network learnt from them.
    """

    detected: list[Detections]
    judged_on: str = ""

    @property
    def hit(self) -> npt.NDArray[np.bool_]:
        """``(n,)`` which candidates of all micrographs are particles."""
        return np.concatenate([np.empty(0, bool), *(h.hit for h in self.detected)])

    def probability(self, calibration: tuple[float, ...]) -> list[FloatArray]:
        """Probabilities of the candidates of each micrograph."""
        return [calibrated(calibration, *h.terms) for h in self.detected]

    def curve(self, calibration: tuple[float, ...]) -> Curve | None:
        """What every threshold on the probability would find, pooled; None where there is no particle."""
        scores = self.probability(calibration)
        return precision_recall([h.sweep(score) for h, score in zip(self.detected, scores, strict=True)])

    def best_f1(self, calibration: tuple[float, ...]) -> float:
        """F1 at the best threshold on the probability; 0 where there is no candidate or no particle."""
        curve = self.curve(calibration)
        return curve.best[0] if curve is not None and len(curve.threshold) else 0.0


def begin(settings: TrainSettings, role: str, network: str, **options: int) -> tuple[WeightsCard | None, nn.Module]:
    """The network to train, and the card of the weights that the recipe starts from; None and untrained without these.

    Raises
    ------
    UserError
        When these are of another stage, network or version.
    """
    if settings.start is None:
        return None, channels_last(build(network, **options))
    card, tensors = read_weights(settings.start)
    if card.role != role:
        raise UserError(f"The weights {settings.start!r} are a {card.role}, not a {role}.", f"Start from a {role}.")
    asked = "network" in settings.model_fields_set and role == "detector"
    if asked and card.network != settings.network:
        raise UserError(
            f"The weights {settings.start!r} are of the network {card.network}, not {settings.network}.",
            "Leave out the network, or start from other weights.",
        )
    try:
        return card, channels_last(with_tensors(card.network, card.options, tensors))
    except UserError as error:
        raise UserError(f"The weights {settings.start!r} cannot be used. {error.message}", error.hint) from error


def identity(settings: TrainSettings, team: Processes, role: str, *weights: str | None) -> str:
    """What makes a run itself, as JSON: its recipe, the weights that it uses, and how many processes share it."""
    fields = settings.model_dump(mode="json", exclude=_NO_DIFFERENCE)
    used = {name: hashlib.blake2b(locate(name).read_bytes(), digest_size=16).hexdigest() for name in weights if name}
    return json.dumps({"stage": role, **fields, "weights": used, "processes": team.size})


def calibrate(evidence: Evidence, earlier: tuple[float, ...] | None = None) -> tuple[float, ...]:
    """Coefficients of the probability of a candidate, right on a usual micrograph (`calibration.typical`).

    Parameters
    ----------
    evidence
        Candidates on micrographs the network did not learn from, where there are some.
    earlier
        The calibration of the weights that training began from; the new one leans on it.

    Raises
    ------
    UserError
        When there is not one candidate, and no earlier calibration.
    """
    detected = evidence.detected
    hit = evidence.hit
    if not len(hit):
        if earlier is not None:
            return earlier
        raise UserError("The detector finds no candidate on the validation sets.", "Train it for more steps.")
    columns = [np.concatenate(column) for column in zip(*(h.terms for h in detected), strict=True)]
    weight = np.concatenate([np.full(len(h.hit), h.example.weight / max(len(h.hit), 1)) for h in detected])
    fitted = recalibrate(earlier, columns, hit, weight) if earlier else fit_logistic(columns, hit, weight)
    return _usual(fitted, [h for h in detected if h.example.structure and h.hit.any()])


def _usual(calibration: tuple[float, ...], detected: Sequence[Detections]) -> tuple[float, ...]:
    """A calibration that is right on a usual micrograph, where there are many, of several proteins, to know it from."""
    if len(detected) < _MANY or len({h.example.structure for h in detected}) < _SEVERAL:
        return calibration
    *slopes, offset = calibration
    (more, slope), _ = typical([margin(calibration, *h.terms) for h in detected], [h.hit for h in detected])
    return tuple(float(round(c, 5)) for c in (*(slope * one for one in slopes), slope * offset + more))


def scorer(
    detect: Callable[[nn.Module, list[Labelled]], list[Detections]], validation: list[Labelled], checked: int
) -> Callable[[nn.Module], float] | None:
    """What gives the best F1 of a network on validation micrographs; None where there are none.

    Parameters
    ----------
    detect
        The candidates of a network on each of some micrographs.
    validation
        All of them.
    checked
        So many, evenly chosen, are looked at, since the F1 is asked for during training.
    """
    if not validation:
        return None
    few = validation[:: -(-len(validation) // checked)]

    def score(network: nn.Module) -> float:
        evidence = Evidence(detect(network, few))
        return evidence.best_f1(calibrate(evidence)) if len(evidence.hit) else 0.0

    return score


def part_of_run(steps: Generator[Step, None, Fitted], before: int, total: int) -> Generator[Step, None, Fitted]:
    """The steps of one of several trainings as those of the whole, with ``before`` of ``total`` steps before them."""
    return translate(steps, lambda step: replace(step, done=before + step.done, total=total))


def conclude(out: Path, card: WeightsCard, fitted: Fitted, evidence: Evidence) -> TrainingReport:
    """Write the weights, and beside them the log and the plots of the run; remove its checkpoint."""
    probability = np.concatenate([np.empty(0), *evidence.probability(card.calibration)])
    leave(out, card, fitted, probability, evidence.hit)
    best = at_half = None
    if evidence.judged_on:
        curve = evidence.curve(card.calibration)
        best, at_half = evidence.best_f1(card.calibration), curve.f1_at(0.5) if curve is not None else 0.0
    report = TrainingReport(out, best, evidence.judged_on, card.calibration, fitted.checks[-1].done, at_half)
    checkpoint_path(out).unlink(missing_ok=True)
    return report


def leave(out: Path, card: WeightsCard, fitted: Fitted, probability: FloatArray, hit: npt.NDArray[np.bool_]) -> None:
    """Write the weights, the log of the checks, and the plots: loss, F1, and how often a probability was right."""
    _clear(out)
    write_weights(out, card, fitted.network.state_dict())
    rows = [f"{c.done}\t{c.loss:.6f}\t{c.rate:.3g}\t{'' if c.f1 is None else f'{c.f1:.4f}'}" for c in fitted.checks]
    write_text("\n".join(["step\tloss\trate\tvalidation_f1", *rows, ""]), out.with_suffix(".tsv"))
    with atomic_write(out.with_suffix(".png")) as temporary:
        draw_training(fitted.checks, probability, hit).save(temporary)


def bring(made: Path, out: Path) -> None:
    """Move weights from where they were made, with what `leave` wrote beside them.

    Raises
    ------
    UserError
        When they cannot be moved.
    """
    _clear(out)
    for suffix in (out.suffix, *_BESIDE):
        with writing(out):
            made.with_suffix(suffix).replace(out.with_suffix(suffix))


def _clear(out: Path) -> None:
    """Take away what tells of earlier weights of this name: whoever is ended before the new is there leaves none."""
    for suffix in _BESIDE:
        with writing(out):
            out.with_suffix(suffix).unlink(missing_ok=True)
