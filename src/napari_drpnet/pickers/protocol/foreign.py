"""Pickers of other packages: whatever they raise names them, and stops nothing else.

A bug of ours is to be seen as one; a bug of theirs is a line that says whom to tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from napari_drpnet.data import FloatArray, Frame, Picks, ScoreMap
from napari_drpnet.errors import UserError

_TELL = "Tell its author; the other pickers still work."


@contextmanager
def blaming(sentence: str, step: str = _TELL) -> Iterator[None]:
    """Any error but a `UserError` as one: a ``sentence`` that names the picker, then what was raised."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # whatever somebody else's code raises
        said = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(": .")
        raise UserError(f"{sentence}: {said}.", step) from error


def checked_picks(picks: Any, name: str, frame: Frame) -> Picks:
    """What a picker gave for the micrograph of ``frame``, if it is what the protocol says.

    Raises
    ------
    UserError
        When it is something else than picks, a pick is not on the micrograph, or a score is no probability.
    """
    if not isinstance(picks, Picks):
        raise _wrong(frame, name, f"a {type(picks).__name__}, not Picks")
    _check(picks.yx, picks.score, name, frame)
    return picks


def checked_map(score_map: Any, name: str, frame: Frame) -> ScoreMap:
    """The same for a picker that scores."""
    if not isinstance(score_map, ScoreMap):
        raise _wrong(frame, name, f"a {type(score_map).__name__}, not a ScoreMap")
    _check(score_map.candidates.yx, score_map.candidates.probability, name, frame)
    return score_map


def _check(yx: FloatArray, score: FloatArray, name: str, frame: Frame) -> None:
    if not np.isfinite(yx).all():
        raise _wrong(frame, name, "picks without a place (NaN or infinite)")
    if frame.shape is not None and len(yx) and not _on(yx, frame.shape):
        h, w = frame.shape
        raise _wrong(frame, name, f"picks outside the micrograph of {h} x {w} pixels")
    known = score[~np.isnan(score)]
    if known.size and (known.min() < 0 or known.max() > 1):
        what = f"scores from {known.min():g} to {known.max():g}, which are no probabilities"
        raise _wrong(frame, name, what, "Tell its author: they are to be 0 to 1, or NaN.")


def _wrong(frame: Frame, name: str, what: str, step: str = _TELL) -> UserError:
    return UserError(f"{frame.micrograph}: picker {name!r} gave {what}.", step)


def _on(yx: FloatArray, shape: tuple[int, int]) -> bool:
    """Whether all centres are on an image, but for what rescaling rounds."""
    return bool((yx >= -1).all() and (yx <= np.array(shape)).all())
