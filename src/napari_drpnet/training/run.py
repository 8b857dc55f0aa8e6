"""What both stages have in common: where a network begins, how a run is known, and what it leaves behind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from torch import nn

from napari_drpnet.data import FloatArray
from napari_drpnet.drawing.charts import draw_training
from napari_drpnet.errors import UserError
from napari_drpnet.io.checkpoints import checkpoint_path
from napari_drpnet.io.files import atomic_write, write_text
from napari_drpnet.io.weights import WeightsCard, locate, read_weights, write_weights
from napari_drpnet.networks import build, channels_last
from napari_drpnet.pickers.network import calibrated
from napari_drpnet.settings import TrainSettings
from napari_drpnet.training.calibration import fit_logistic
from napari_drpnet.training.detections import Detections, best_f1, f1_at_half
from napari_drpnet.training.finetune import recalibrate
from napari_drpnet.training_loop.fit import Fitted, Step
from napari_drpnet.training_loop.parallel import Processes

# Fields of a recipe that change how quickly a run goes, not what comes of it.
_NO_DIFFERENCE = {"workers", "device"}

VALIDATION = "the validation sets"


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
    """

    weights: Path
    f1: float | None
    judged_on: str
    calibration: tuple[float, ...]
    steps: int
    f1_at_half: float | None = None

    @property
    def plot(self) -> Path:
        """Loss, validation F1 and reliability, beside the weights."""
        return self.weights.with_suffix(".png")


Training: TypeAlias = Generator[Step, None, TrainingReport | None]


@dataclass(frozen=True, eq=False)
class Evidence:
    """Candidates to calibrate with.

    Attributes
    ----------
    detected
        One per micrograph, each with the weight of its example.
    terms
        For each of them what the probability is made of, ``(n,)`` each.
    judged_on
        Which micrographs they are, as words; empty when the network learnt from them.
    """

    detected: list[Detections]
    terms: list[list[FloatArray]]
    judged_on: str = ""

    @classmethod
    def joined(cls, parts: Sequence[Evidence]) -> Evidence:
        """The candidates of all parts, which were judged alike."""
        return cls(
            [h for part in parts for h in part.detected],
            [row for part in parts for row in part.terms],
            parts[0].judged_on if parts else "",
        )


def begin(settings: TrainSettings, role: str, network: str) -> tuple[WeightsCard | None, nn.Module]:
    """The network to train: untrained, or with the weights that the recipe starts from and their card.

    Raises
    ------
    UserError
        When these are of another stage, network or version.
    """
    if settings.start is None:
        return None, channels_last(build(network))
    card, tensors = read_weights(settings.start)
    if card.role != role:
        raise UserError(f"The weights {settings.start!r} are a {card.role}, not a {role}.", f"Start from a {role}.")
    asked = "network" in settings.model_fields_set and role == "detector"
    if asked and card.network != settings.network:
        raise UserError(
            f"The weights {settings.start!r} are of the network {card.network}, not {settings.network}.",
            "Leave out the network, or start from other weights.",
        )
    started = build(card.network)
    try:
        started.load_state_dict(tensors)
    except RuntimeError as error:
        raise UserError(
            f"The weights {settings.start!r} do not fit the network {card.network} of this version.",
            "Train them anew.",
        ) from error
    return card, channels_last(started)


def identity(settings: TrainSettings, team: Processes, role: str, *weights: str | None) -> str:
    """What makes a run itself, as JSON: its recipe, the weights that it uses, and how many processes share it."""
    fields = settings.model_dump(mode="json", exclude=_NO_DIFFERENCE)
    used = {name: hashlib.blake2b(locate(name).read_bytes(), digest_size=16).hexdigest() for name in weights if name}
    return json.dumps({"stage": role, **fields, "weights": used, "processes": team.size})


def calibrate(evidence: Evidence, earlier: tuple[float, ...] | None = None) -> tuple[tuple[float, ...], float]:
    """Coefficients of the probability of a candidate, and the F1 it reaches at its best threshold.

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
    if not sum(len(h.hit) for h in detected):
        if earlier is not None:
            return earlier, 0.0
        raise UserError("The detector finds no candidate on the validation sets.", "Train it for more steps.")
    columns = [np.concatenate(column) for column in zip(*evidence.terms, strict=True)]
    hit = np.concatenate([h.hit for h in detected])
    weight = np.concatenate([np.full(len(h.hit), h.example.weight / max(len(h.hit), 1)) for h in detected])
    found = recalibrate(earlier, columns, hit, weight) if earlier else fit_logistic(columns, hit, weight)
    return found, best_f1(detected, [calibrated(found, *row) for row in evidence.terms])


def conclude(out: Path, card: WeightsCard, fitted: Fitted, evidence: Evidence, f1: float) -> TrainingReport:
    """Write the weights, and beside them the log and the plots of the run; remove its checkpoint."""
    probability, hit = verdicts(card.calibration, evidence)
    leave(out, card, fitted, probability, hit)
    judged = f1 if evidence.judged_on else None
    at_half = f1_at_half(evidence.detected, probability, hit) if evidence.judged_on else None
    report = TrainingReport(out, judged, evidence.judged_on, card.calibration, fitted.checks[-1].done, at_half)
    checkpoint_path(out).unlink(missing_ok=True)
    return report


def leave(out: Path, card: WeightsCard, fitted: Fitted, probability: FloatArray, hit: npt.NDArray[np.bool_]) -> None:
    """Write the weights, the log of the checks, and the plots: loss, F1, and how often a probability was right."""
    write_weights(out, card, fitted.network.state_dict())
    rows = [f"{c.done}\t{c.loss:.6f}\t{c.rate:.3g}\t{'' if c.f1 is None else f'{c.f1:.4f}'}" for c in fitted.checks]
    write_text("\n".join(["step\tloss\trate\tvalidation_f1", *rows, ""]), out.with_suffix(".tsv"))
    with atomic_write(out.with_suffix(".png")) as temporary:
        draw_training(fitted.checks, probability, hit).save(temporary)


def verdicts(calibration: tuple[float, ...], evidence: Evidence) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Probability of every candidate, ``(n,)``, and whether it is a particle."""
    probability = [calibrated(calibration, *row) for row in evidence.terms]
    return np.concatenate([np.empty(0), *probability]), np.concatenate(
        [np.empty(0, bool), *(h.hit for h in evidence.detected)]
    )
