"""Pickers of other packages: whatever they raise names them, and stops nothing else.

A bug of ours is to be seen as one; a bug of theirs is a line that says whom to tell.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_drpnet.data import FloatArray, Frame, Micrograph, Picks, ScoreMap
from napari_drpnet.errors import UserError

if TYPE_CHECKING:
    from napari_drpnet.pickers.protocol.picker import LearningPicker, Reader, ScoringPicker


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
        When it is something else than picks, or a pick is not on the micrograph.
    """
    where = f"{frame.micrograph}: picker {name!r} gave"
    if not isinstance(picks, Picks):
        raise UserError(f"{where} a {type(picks).__name__}, not Picks.", _TELL)
    if not np.isfinite(picks.yx).all():
        raise UserError(f"{where} picks without a place (NaN or infinite).", _TELL)
    if frame.shape is not None and len(picks) and not _on(picks.yx, frame.shape):
        h, w = frame.shape
        raise UserError(f"{where} picks outside the micrograph of {h} x {w} pixels.", _TELL)
    return picks


def _on(yx: FloatArray, shape: tuple[int, int]) -> bool:
    """Whether all centres are on an image, but for what rescaling rounds."""
    return bool((yx >= -1).all() and (yx <= np.array(shape)).all())


class Guarded:
    """A picker of another package, each of whose errors becomes a `UserError` with its name.

    Parameters
    ----------
    picker
        To be guarded.
    origin
        The package it is from.
    """

    def __init__(self, picker: ScoringPicker, origin: str) -> None:
        self.name = picker.name
        self.settings_class = picker.settings_class
        self.settings = picker.settings
        self.origin = origin
        self._picker = picker

    def pick(self, micrograph: Micrograph) -> Picks:
        """Particles of one micrograph, at the threshold of the settings."""
        with self._blaming(micrograph.frame.micrograph):
            return checked_picks(self._picker.pick(micrograph), self.name, micrograph.frame)

    def score_steps(self, micrograph: Micrograph) -> Generator[float, None, ScoreMap]:
        """`score`, yielding the fraction done."""
        with self._blaming(micrograph.frame.micrograph):
            return (yield from self._picker.score_steps(micrograph))

    def score(self, micrograph: Micrograph) -> ScoreMap:
        """The score map of one micrograph, with every candidate."""
        with self._blaming(micrograph.frame.micrograph):
            return self._picker.score(micrograph)

    def picks_from(
        self, score_map: ScoreMap, threshold: float | None = None, min_distance: float | None = None
    ) -> Picks:
        """Picks at a probability ``threshold`` and a ``min_distance`` in Angstrom; None: as in the settings."""
        with self._blaming(score_map.frame.micrograph):
            picks = self._picker.picks_from(score_map, threshold, min_distance)
            return checked_picks(picks, self.name, score_map.frame)

    def _blaming(self, where: str) -> AbstractContextManager[None]:
        return blaming(f"{where}: picker {self.name!r} of the package {self.origin} failed")


class GuardedLearner(Guarded):
    """The same for a picker that learns from the data set before it picks."""

    _picker: LearningPicker

    @property
    def ready(self) -> bool:
        """Whether it has learnt."""
        with self._blaming("Learning"):
            return self._picker.ready

    def learn_steps(self, micrographs: Sequence[Reader]) -> Generator[tuple[float, str], None, None]:
        """Learn from some of the micrographs, yielding the fraction done and what is being done."""
        with self._blaming("Learning"):
            yield from self._picker.learn_steps(micrographs)

    def save(self, path: Path) -> Path:
        """Write what was learnt as a weights file."""
        with self._blaming(str(path)):
            return self._picker.save(path)
