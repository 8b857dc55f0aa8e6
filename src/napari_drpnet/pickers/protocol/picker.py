"""What a picker is.

Third parties add a picker through the entry-point group ``napari_drpnet.pickers``: a class with a ``settings_class``
attribute (a subclass of `PickerSettings`), built from one such settings object.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from napari_drpnet.data import Micrograph, Picks, ScoreMap
from napari_drpnet.settings import PickerSettings


@runtime_checkable
class Picker(Protocol):
    """Finds particles in a micrograph. Built from its settings; weights are loaded then."""

    name: ClassVar[str]
    settings_class: ClassVar[type[PickerSettings]]
    settings: PickerSettings

    def __init__(self, settings: Any) -> None: ...

    def pick(self, micrograph: Micrograph) -> Picks:
        """Particles of one micrograph, at the threshold of the settings."""
        ...


@runtime_checkable
class ScoringPicker(Picker, Protocol):
    """A picker whose threshold and minimum distance can change without running it again."""

    def score_steps(self, micrograph: Micrograph) -> Generator[float, None, ScoreMap]:
        """`score`, yielding the fraction done at least every 0.3 s so that a caller can show it or stop."""
        ...

    def score(self, micrograph: Micrograph) -> ScoreMap:
        """The score map of one micrograph, with every candidate."""
        ...

    def picks_from(
        self, score_map: ScoreMap, threshold: float | None = None, min_distance: float | None = None
    ) -> Picks:
        """Picks at a probability ``threshold`` and a ``min_distance`` in Angstrom; None: as in the settings."""
        ...


# Reads one micrograph when it is called, so that a data set need not fit into memory.
Reader = Callable[[], Micrograph]


@runtime_checkable
class LearningPicker(ScoringPicker, Protocol):
    """A picker that learns from a data set's own micrographs, without labels, before it picks them.

    Its settings have a field ``weights``: the file of what it has learnt, None before.
    """

    @property
    def ready(self) -> bool:
        """Whether it has learnt, now or before (weights in its settings)."""
        ...

    def learn_steps(self, micrographs: Sequence[Reader]) -> Generator[tuple[float, str], None, None]:
        """Learn from some of the micrographs, yielding the fraction done and what is being done."""
        ...

    def save(self, path: Path) -> Path:
        """Write what was learnt as a weights file, which ``weights`` of its settings takes the next time."""
        ...
