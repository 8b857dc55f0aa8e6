"""Probabilities corrected by what labels said: two numbers in a file, and what they were fitted to.

A correction holds for the picker and the networks whose probabilities it was fitted to, and for no others.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.special import expit, logit

from napari_drpnet.data import FloatArray, ScoreMap
from napari_drpnet.errors import UserError, cut, short
from napari_drpnet.io.paths import is_file
from napari_drpnet.io.weights import WeightsCard, locate, read_card, write_weights
from napari_drpnet.pickers.protocol.picker import Correction
from napari_drpnet.settings import PickerSettings

UNCHANGED: Correction = (1.0, 0.0)
ROLE = "calibration"
# Probabilities of 0 and 1 have no finite logit.
_LEAST = 1e-12


def logits(probability: FloatArray) -> FloatArray:
    """Logits of probabilities, finite also at 0 and 1."""
    return np.asarray(logit(np.clip(probability, _LEAST, 1 - _LEAST)), np.float64)


def corrected(score_map: ScoreMap, correction: Correction) -> ScoreMap:
    """The score map with other probabilities of its candidates."""
    if correction == UNCHANGED:
        return score_map
    slope, offset = correction
    probability = expit(slope * logits(score_map.candidates.probability) + offset)
    return replace(score_map, candidates=replace(score_map.candidates, probability=probability))


def read_correction(picker: str, settings: PickerSettings) -> Correction:
    """The correction that a picker's settings name; none where they name none.

    Raises
    ------
    UserError
        When there is no such file, it is something else, or it was fitted to another picker or other networks.
    """
    name = settings.calibration
    if name is None:
        return UNCHANGED
    card = read_card(locate(name))
    if card.role != ROLE or len(card.calibration) != 2:
        raise UserError(
            f"{short(name)} is a {cut(card.role, 30)}, not a calibration.", "Choose a calibration, or none."
        )
    if card.of != fitted_to(picker, settings):
        whom = card.of.get("picker", "")
        other = f"another picker, {cut(whom, 30)}" if whom != picker else "other networks or templates"
        raise UserError(
            f"The calibration {Path(name).stem!r} was fitted to {other}.", "Retrain, or pick without the calibration."
        )
    slope, offset = card.calibration
    return slope, offset


def write_correction(path: Path, correction: Correction, picker: str, settings: PickerSettings) -> Path:
    """Write a correction of the probabilities of a picker with these settings."""
    slope, offset = (round(float(number), 5) for number in correction)
    card = WeightsCard(
        network="", role=ROLE, diameter=settings.diameter, calibration=(slope, offset), of=fitted_to(picker, settings)
    )
    return write_weights(path, card, {})


def fitted_to(picker: str, settings: PickerSettings) -> dict[str, str]:
    """What a correction depends on: the picker, and the content of each of its files."""
    return {"picker": picker} | {field: _content(name) for field, name in settings.files.items()}


def _content(name: str) -> str:
    path = Path(name)
    file = path if is_file(path) else locate(name)
    return hashlib.blake2b(file.read_bytes(), digest_size=8).hexdigest()
