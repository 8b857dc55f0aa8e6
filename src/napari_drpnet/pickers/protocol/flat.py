"""Score maps in which nothing stands out: no picks, and words about the first of them."""

from __future__ import annotations

from dataclasses import replace
from warnings import warn

import numpy as np

from napari_drpnet import candidates
from napari_drpnet.data import ScoreMap
from napari_drpnet.errors import cut
from napari_drpnet.settings import PickerSettings


class FlatMaps:
    """Tells of flat score maps of a picker of this package, whose candidates are maxima of the map.

    A network that does not work makes one of each micrograph, and one sentence for each would hide all others.

    Parameters
    ----------
    name, settings
        Of the picker.
    """

    def __init__(self, name: str, settings: PickerSettings) -> None:
        self._files = " and ".join(f"{field} {cut(file, 60)}" for field, file in settings.files.items())
        self._whose = f"{name} ({self._files})" if self._files else name
        self._micrographs: set[str] = set()

    def told(self, score_map: ScoreMap) -> ScoreMap:
        """A score map as it is, with a warning where it is flat; what is no number in it becomes 0.

        The first micrograph is named, with the second it is said that there are others, and no more is said then.
        """
        values = score_map.values
        if values is None or not candidates.flat(values):
            return score_map
        numbers = bool(np.isfinite(values).all())
        self._micrographs.add(score_map.frame.micrograph)
        if len(self._micrographs) == 1:
            warn(self._first(score_map.frame.micrograph, numbers), stacklevel=2)
        elif len(self._micrographs) == 2:
            others = f"The score maps of other micrographs by {self._whose} are no better, and have no picks either."
            warn(f"{others} No more is said of them.{self._advice(numbers)}", stacklevel=2)
        # A window cannot show what is no number.
        return score_map if numbers else replace(score_map, values=np.nan_to_num(values, posinf=0.0, neginf=0.0))

    def _first(self, micrograph: str, numbers: bool) -> str:
        said = "is the same everywhere" if numbers else "holds what is no number"
        first = f"{micrograph}: the score map of {self._whose} {said}, so that there are no picks."
        return f"{first}{self._advice(numbers)}"

    def _advice(self, numbers: bool) -> str:
        if not self._files:
            return " Look at the micrograph."
        cpu = "" if numbers else " If it ran on a graphics card, try the processor (--device cpu)."
        return f"{cpu} If other micrographs are the same, the network does not work: choose another."
