"""What a picker leaves of a micrograph beside its picks: all that it could pick, and what was measured meanwhile.

``candidates/NAME.npz`` lets a project go to another threshold without a network. It can be made again by picking, so
that a damaged one counts as none.
"""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray, Frame, Picks
from napari_drpnet.io.files import atomic_write
from napari_drpnet.labels import labels_of, near, proposals_of, same_places, with_labels

FLOOR = 0.01
"""Candidates of a lower probability are not kept: fewer than one in a hundred of them is a particle."""

LEVELS = 101
"""Thresholds that picks are counted at: from 0 to 1, as the slider goes."""

_MOST = 64 * 2**20  # bytes of a file that somebody may have put there
_LARGEST = 65_535  # that a count can be in the index

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Measured:
    """What one run of a picker measured on one micrograph.

    Attributes
    ----------
    candidates
        All that it could pick from `FLOOR` on; None of a picker whose own rule picks.
    spacing
        In micrograph pixels: a candidate nearer than this to a label gives way to it.
    evidence, evidence_error
        That the picks are particles, relative to the data set, and the standard error; NaN where not measured.
    ice
        See `ice.ice`; NaN where not measured.
    gone
        ``(n, 2)`` places of picks that a person took out without a label: no threshold brings them back.
    """

    candidates: Picks | None = None
    spacing: float = 0.0
    evidence: float = math.nan
    evidence_error: float = math.nan
    ice: float = math.nan
    gone: FloatArray = field(default_factory=lambda: np.empty((0, 2)))

    @property
    def offered(self) -> Picks:
        """The candidates without those that are gone."""
        assert self.candidates is not None, "only a picker with candidates has a threshold"
        if not len(self.gone):
            return self.candidates
        rows = same_places(self.gone, self.candidates.yx)
        return self.candidates.select(np.setdiff1d(np.arange(len(self.candidates)), rows))

    def at(self, threshold: float, labels: Picks) -> Picks:
        """The picks at a threshold, with what a person labelled."""
        found = self.offered
        return with_labels(found.select(found.score >= threshold), labels, self.spacing)

    def after(self, before: Picks, now: Picks) -> Measured:
        """The same after a person changed picks: what vanished without a label is gone, what came back is not.

        Where a person went back to the picks of another run, nothing is known of other thresholds.
        """
        assert self.candidates is not None, "only a picker with candidates has a threshold"
        if (same_places(proposals_of(now).yx, self.candidates.yx) < 0).any():
            return replace(self, candidates=None, gone=np.empty((0, 2)))
        return self.cleared(before, now)

    def cleared(self, before: Picks, now: Picks) -> Measured:
        """The same after a person changed picks, be they of this run or of another."""
        vanished = _lost(before, now)
        came_back = same_places(self.gone, now.yx) >= 0
        if not len(vanished) and not came_back.any():
            return self
        return replace(self, gone=np.concatenate([self.gone[~came_back], vanished]))

    def beside(self, picks: Picks) -> Measured:
        """The same beside all picks of the micrograph that another program wrote.

        What it took out is gone, as is what a person took out. Where it added some, these are not of this run, and
        nothing is known of other thresholds.
        """
        assert self.candidates is not None, "only a picker with candidates has a threshold"
        found, proposed = self.offered, proposals_of(picks)
        strangers = (same_places(proposed.yx, self.candidates.yx) < 0) & ~(proposed.score < FLOOR)
        if strangers.any():
            return replace(self, candidates=None, gone=np.empty((0, 2)))
        there = same_places(found.yx, picks.yx) >= 0
        if not there.any():
            return self  # at a threshold above all of them
        least = found.score[there].min()
        missing = (found.score > least) & ~there & ~near(found.yx, labels_of(picks).yx, self.spacing)
        return replace(self, gone=np.concatenate([self.gone, found.yx[missing]])) if missing.any() else self

    def counts(self, labels: Picks, seen: npt.NDArray[np.bool_], kept: int) -> IntArray:
        """``(LEVELS,)`` how many picks there are at each threshold.

        Parameters
        ----------
        labels
            Of the micrograph.
        seen
            ``(n,)`` which of the `offered` no region hides.
        kept
            Labelled particles, which are there at any threshold.
        """
        found = self.offered
        scores = found.score[seen & ~near(found.yx, labels.yx, self.spacing)]
        return counts_at(scores) + kept


def _lost(before: Picks, now: Picks) -> FloatArray:
    """``(n, 2)`` places of a picker's picks at which there is nothing now, not even a label."""
    proposed = proposals_of(before)
    return np.asarray(proposed.yx[same_places(proposed.yx, now.yx) < 0])


def counts_at(scores: FloatArray) -> IntArray:
    """``(LEVELS,)`` how many of ``(n,)`` scores are at least 0, 0.01, and so on to 1."""
    level = np.floor(scores * (LEVELS - 1) + 1e-6).astype(np.int64).clip(0, LEVELS - 1)
    return np.asarray(np.bincount(level, minlength=LEVELS)[::-1].cumsum()[::-1], np.int64)


def level_of(threshold: float) -> int:
    """The level that a threshold is at; between two of them, the upper one."""
    return math.ceil(_place(threshold))


def is_level(threshold: float) -> bool:
    """Whether a threshold is one of those that picks are counted at."""
    return _place(threshold) == level_of(threshold)


def _place(threshold: float) -> float:
    return round(min(max(threshold, 0.0), 1.0) * (LEVELS - 1), 4)


def packed(counts: IntArray) -> str:
    """Counts as a word."""
    return base64.b64encode(counts.clip(0, _LARGEST).astype("<u2").tobytes()).decode("ascii")


def unpacked(word: str) -> IntArray:
    """The counts of a word; a `ValueError` where it holds none."""
    counts = np.frombuffer(base64.b64decode(word, validate=True), "<u2")
    if len(counts) != LEVELS:
        raise ValueError(f"{len(counts)} counts")
    return counts.astype(np.int64)


def write_measured(measured: Measured, path: Path) -> None:
    """Write it atomically.

    Raises
    ------
    UserError
        When it cannot be written.
    """
    numbers = (measured.spacing, measured.evidence, measured.evidence_error, measured.ice)
    arrays: dict[str, Any] = {"numbers": np.array(numbers, np.float64)}
    found = measured.candidates
    if found is not None:
        arrays["gone"] = measured.gone.astype(np.float32)
        frame = found.frame
        arrays["frame"] = np.array([*(frame.shape or (0, 0)), frame.pixel_size or 0], np.float64)
        source = found.source[0] if len(found) else ""
        diameter = float(found.diameter[0]) if len(found) else math.nan
        arrays |= {"yx": found.yx.astype(np.float32), "score": found.score.astype(np.float32)}
        arrays |= {"source": np.array(str(source)), "diameter": np.array(diameter)}
        if found.class_number.any() or found.psi.any():
            arrays |= {"class_number": found.class_number, "psi": found.psi.astype(np.float32)}
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def read_measured(path: Path, frame: Frame) -> Measured | None:
    """What was measured on the micrograph of ``frame``; None where there is nothing, or nothing that can be used."""
    try:
        if path.stat().st_size > _MOST:
            return None
        with np.load(path, allow_pickle=False) as arrays:
            return _measured(dict(arrays), frame)
    except Exception:  # a damaged archive raises whatever its reader comes across; picking again makes it anew
        return None


def _measured(arrays: dict[str, npt.NDArray[Any]], frame: Frame) -> Measured:
    spacing, evidence, error, ice = map(float, arrays["numbers"])
    if not 0 <= spacing < math.inf:
        raise ValueError(f"a spacing of {spacing}")
    if "yx" not in arrays:
        return Measured(None, spacing, evidence, error, ice)
    yx, score = arrays["yx"].astype(np.float64), arrays["score"].astype(np.float64)
    if yx.shape != (len(score), 2) or not (np.isfinite(yx).all() and np.isfinite(score).all()):
        raise ValueError("candidates without a place")
    height, width, pixel_size = map(float, arrays["frame"])
    shape = (int(height), int(width)) if height > 0 and width > 0 else None
    if not 0 <= pixel_size < math.inf:
        raise ValueError(f"pixels of {pixel_size}")
    frame = replace(frame, shape=frame.shape or shape, pixel_size=frame.pixel_size or pixel_size or None)
    more: dict[str, Any] = {name: arrays[name] for name in ("class_number", "psi") if name in arrays}
    candidates = Picks(frame, yx, score, arrays["diameter"], source=arrays["source"], **more)
    gone = arrays["gone"].astype(np.float64).reshape(-1, 2)
    return Measured(candidates, spacing, evidence, error, ice, gone)
