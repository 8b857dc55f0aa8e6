"""A score map in which nothing stands out: no picks, and words about it."""

from __future__ import annotations

from dataclasses import replace
from warnings import warn

import numpy as np

from napari_drpnet import candidates
from napari_drpnet.data import ScoreMap
from napari_drpnet.errors import cut
from napari_drpnet.settings import PickerSettings


def told_if_flat(score_map: ScoreMap, name: str, settings: PickerSettings) -> ScoreMap:
    """A score map as it is, with a warning where it is flat; what is no number in it becomes 0.

    Parameters
    ----------
    score_map
        Of a picker of this package, whose candidates are maxima of the map.
    name, settings
        Of the picker.
    """
    values = score_map.values
    if values is None or not candidates.flat(values):
        return score_map
    numbers = bool(np.isfinite(values).all())
    warn(_in_words(score_map.frame.micrograph, name, settings.files, numbers), stacklevel=2)
    # A window cannot show what is no number.
    return score_map if numbers else replace(score_map, values=np.nan_to_num(values, posinf=0.0, neginf=0.0))


def _in_words(micrograph: str, name: str, files: dict[str, str], numbers: bool) -> str:
    networks = " and ".join(f"{field} {cut(file, 60)}" for field, file in files.items())
    whose = f"{name} ({networks})" if networks else name
    said = "is the same everywhere" if numbers else "holds what is no number"
    first = f"{micrograph}: the score map of {whose} {said}, so that there are no picks."
    if not networks:
        return f"{first} Look at the micrograph."
    cpu = "" if numbers else " If it ran on a graphics card, try the processor (--device cpu)."
    return f"{first}{cpu} If other micrographs are the same, the network does not work: choose another."
