"""How sure the picks of a run are, from the files of some of its micrographs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_drpnet.errors import UserError
from napari_drpnet.io.picks.star import read_listed
from napari_drpnet.jobs.pick_report import PickResult
from napari_drpnet.jobs.run_page.charts import BINS
from napari_drpnet.jobs.run_page.thumbnails import chance

# A histogram of so many micrographs is that of all, to the eye.
_MOST = 1000

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Histogram:
    """Picks by their score.

    Attributes
    ----------
    counts
        ``(BINS,)`` in each part of 0 to 1.
    micrographs
        On how many.
    """

    counts: Counts
    micrographs: int


@dataclass
class Scores:
    """Counts of files that were read already, so that a page that is written again reads only what is new."""

    known: dict[Path, tuple[int, Counts]] = field(default_factory=dict)

    def histogram(self, results: Sequence[PickResult], until: float) -> Histogram:
        """Of some micrographs at random, as many as can be read until a time of `time.monotonic`."""
        listed = [result for result in results if result.coordinates is not None]
        counts, read = np.zeros(BINS, np.int64), 0
        for result in sorted(listed, key=lambda result: chance(result.micrograph))[:_MOST]:
            if time.monotonic() > until:
                break
            found = self._of(result)
            if found is not None:
                counts, read = counts + found, read + 1
        return Histogram(counts, read)

    def _of(self, result: PickResult) -> Counts | None:
        assert result.coordinates is not None, "those without were left out"
        try:
            written = result.coordinates.stat().st_mtime_ns
            before = self.known.get(result.coordinates)
            if before is None or before[0] != written:
                score = read_listed(result.micrograph, result.coordinates).score
                places = np.clip((score[np.isfinite(score)] * BINS).astype(np.int64), 0, BINS - 1)
                before = self.known[result.coordinates] = (written, np.bincount(places, minlength=BINS))
        except (OSError, UserError):
            return None
        return before[1]
