"""A picker that can only pick, as one whose threshold and minimum distance can change afterwards."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np
from pydantic import ValidationError

from napari_drpnet.data import Candidates, FloatArray, Micrograph, Picks, ScoreMap
from napari_drpnet.errors import UserError
from napari_drpnet.pickers.protocol.choosing import chosen
from napari_drpnet.pickers.protocol.foreign import checked_picks
from napari_drpnet.pickers.protocol.picker import Picker

# Least distance of the picks that are asked for, in diameters: nearer ones are hardly two particles.
CLOSEST = 0.4
_EVERY = 0.2  # seconds


class Rescored:
    """Asks a picker once for everything it can find; `chosen` then takes the threshold, the distance and the border.

    Scores count as probabilities: NaN, of a picker that is sure of all it says, as 1. Other scales are refused, since
    no threshold would mean the same for them.

    Parameters
    ----------
    picker
        Has ``pick`` only. It is built a second time with a threshold of 0 and a minimum distance of 0.4 diameters, and
        asked as it is where its settings do not allow these.
    """

    def __init__(self, picker: Picker) -> None:
        self.name = picker.name
        self.settings_class = picker.settings_class
        self.settings = picker.settings
        self._generous = _generous(picker)

    def pick(self, micrograph: Micrograph) -> Picks:
        """Particles of one micrograph, at the threshold of the settings."""
        return self.picks_from(self.score(micrograph))

    def score_steps(self, micrograph: Micrograph) -> Generator[float, None, ScoreMap]:
        """`score`; nobody knows how far it is, but whoever waits can stop waiting."""
        thread = ThreadPoolExecutor(1)
        try:
            future = thread.submit(self.score, micrograph)
            while not wait([future], timeout=_EVERY).done:
                yield 0.0
            return future.result()
        finally:
            thread.shutdown(wait=False)

    def score(self, micrograph: Micrograph) -> ScoreMap:
        """Every pick of one micrograph as a candidate, without a map.

        Raises
        ------
        UserError
            When the picker gives something else than picks, or scores that are no probabilities.
        """
        picks = checked_picks(self._generous.pick(micrograph), self.name, micrograph.frame)
        _check_scores(picks, self.name, micrograph.frame.micrograph)
        return ScoreMap(None, micrograph.frame.unbinned, _candidates(picks))

    def picks_from(
        self, score_map: ScoreMap, threshold: float | None = None, min_distance: float | None = None
    ) -> Picks:
        """Picks at a probability ``threshold`` and a ``min_distance`` in Angstrom; None: as in the settings."""
        return chosen(self.name, self.settings, score_map, threshold, min_distance)


def _generous(picker: Picker) -> Picker:
    """The same picker, told to keep what may be a particle."""
    settings = picker.settings
    distance = min(settings.spacing, CLOSEST * settings.diameter)
    wanted = settings.model_dump() | {"threshold": 0.0, "min_distance": distance}
    try:
        return type(picker)(picker.settings_class(**wanted))
    except ValidationError:
        return picker


def _check_scores(picks: Picks, name: str, micrograph: str) -> None:
    known = picks.score[~np.isnan(picks.score)]
    if known.size and (known.min() < 0 or known.max() > 1):
        raise UserError(
            f"{micrograph}: picker {name!r} gave scores from {known.min():g} to {known.max():g}, which are no "
            "probabilities.",
            "Tell its author: they are to be 0 to 1, or NaN.",
        )


def _candidates(picks: Picks) -> Candidates:
    """Each pick as a candidate at the usual distance."""
    probability = np.where(np.isnan(picks.score), 1.0, picks.score)
    level = np.full(len(picks), 2)
    diameter = _known(picks.diameter)
    return Candidates(picks.yx, probability, level, probability, diameter, picks.class_number, picks.psi)


def _known(diameter: FloatArray) -> FloatArray | None:
    """Diameters with the median in the place of those that are not known; None where none is."""
    missing = np.isnan(diameter)
    return None if missing.all() else np.where(missing, np.median(diameter[~missing]), diameter)
