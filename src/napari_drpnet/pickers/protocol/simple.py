"""A picker that can only pick, as one whose threshold and minimum distance can change afterwards.

It is asked once for everything it can find. Scores count as probabilities: NaN, of a picker that is sure of all it
says, as 1. Other scales are refused, since no threshold would mean the same for them.
"""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace

import numpy as np
from pydantic import ValidationError

from napari_drpnet.data import Candidates, FloatArray, Micrograph, Picks, ScoreMap
from napari_drpnet.pickers.protocol.foreign import checked_picks
from napari_drpnet.pickers.protocol.picker import SimplePicker

# Least distance of the picks that are asked for, in diameters: nearer ones are hardly two particles.
CLOSEST = 0.4
_EVERY = 0.2  # seconds


def generous(picker: SimplePicker) -> SimplePicker:
    """The same picker, built again to keep what may be a particle; itself where its settings do not allow that."""
    settings = picker.settings
    distance = min(settings.spacing, CLOSEST * settings.diameter)
    wanted = settings.model_dump() | {"min_distance": distance}
    for threshold in (0.0, settings.least):  # not the word that may be in its place, which a picker need not know
        try:
            return type(picker)(picker.settings_class(**wanted | {"threshold": threshold}))
        except ValidationError:
            continue
    return picker


def everything(picker: SimplePicker, micrograph: Micrograph) -> Generator[float, None, ScoreMap]:
    """Every pick of one micrograph as a candidate, without a map.

    Nobody knows how far it is, but whoever waits can stop waiting.

    Raises
    ------
    UserError
        When the picker gives something else than picks, or scores that are no probabilities.
    """
    thread = ThreadPoolExecutor(1)
    try:
        future = thread.submit(picker.pick, micrograph)
        while not wait([future], timeout=_EVERY).done:
            yield 0.0
        picks = checked_picks(future.result(), picker.name, micrograph.frame)
    finally:
        thread.shutdown(wait=False)
    return ScoreMap(None, micrograph.frame.unbinned, _candidates(picks))


def _candidates(picks: Picks) -> Candidates:
    """Each pick as a candidate at the usual distance."""
    probability = np.where(np.isnan(picks.score), 1.0, picks.score)
    level = np.full(len(picks), 2)
    diameter = _known(picks.diameter)
    every = Candidates(picks.yx, probability, level, probability, diameter, picks.class_number, picks.psi)
    return replace(every, box=picks.box)


def _known(diameter: FloatArray) -> FloatArray | None:
    """Diameters with the median in the place of those that are not known; None where none is."""
    missing = np.isnan(diameter)
    return None if missing.all() else np.where(missing, np.median(diameter[~missing]), diameter)
