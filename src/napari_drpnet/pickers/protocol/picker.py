"""What a picker is: one class with its settings, and what more it can do.

Third parties add a picker through the entry-point group ``napari_drpnet.pickers``. What every picker can do once it is
loaded, whatever its class brings along, is `loaded.LoadedPicker`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from napari_drpnet.data import FloatArray, MaskArray, Micrograph, Picks, ScoreMap
from napari_drpnet.io.weights import WeightsCard
from napari_drpnet.settings import PickerSettings, extra_of, networks_of

# Reads one micrograph when it is called, so that a data set need not fit into memory.
Reader = Callable[[], Micrograph]
# Slope and offset: a probability p becomes expit(slope * logit(p) + offset).
Correction = tuple[float, float]


@runtime_checkable
class Picker(Protocol):
    """Finds particles in micrographs. Built from its settings; weights are loaded then.

    It is a `ScoringPicker`, or a `SimplePicker` that can only pick.
    """

    name: ClassVar[str]
    settings_class: ClassVar[type[PickerSettings]]
    settings: PickerSettings

    def __init__(self, settings: Any) -> None: ...


@runtime_checkable
class SimplePicker(Picker, Protocol):
    """A picker that can only pick."""

    def pick(self, micrograph: Micrograph) -> Picks:
        """Particles of one micrograph, at the threshold of the settings."""
        ...


@runtime_checkable
class ScoringPicker(Picker, Protocol):
    """A picker whose threshold and minimum distance can change without running it again."""

    def score_steps(self, micrograph: Micrograph) -> Generator[float, None, ScoreMap]:
        """The score map of one micrograph with every candidate.

        Yields the fraction done at least every 0.3 s, so that a caller can show it or stop.
        """
        ...


@runtime_checkable
class RulingPicker(ScoringPicker, Protocol):
    """A picker that may have a rule of its own in the place of the threshold."""

    def keep(self, score_map: ScoreMap) -> MaskArray | None:
        """Which candidates the rule lets through, ``(n,)``; None where the threshold decides."""
        ...


@runtime_checkable
class ConfidentPicker(ScoringPicker, Protocol):
    """A picker whose candidates have a level of confidence: 1 low, 2 normal, 3 high."""

    def levels(self, score_map: ScoreMap) -> tuple[int, int, int]:
        """How many candidates that could be picked have at least low, normal and high confidence."""
        ...

    def maxima(self, score_map: ScoreMap, level: int, sigma: float | None, height: float | None) -> FloatArray:
        """Where candidates are by another smoothing of the map and another height, ``(n, 2)`` in micrograph pixels.

        Parameters
        ----------
        score_map
            As the picker made it.
        level
            Of its own smoothing and height, where these are None.
        sigma, height
            In the units of its settings.
        """
        ...


@runtime_checkable
class LimitedPicker(ScoringPicker, Protocol):
    """A picker that gives so many picks of a micrograph at most, the best ones; None for all."""

    most: int | None


@runtime_checkable
class ThreadedPicker(Picker, Protocol):
    """A picker that says whether several threads may score with it at once, different micrographs; others may not."""

    many_at_once: ClassVar[bool]


@runtime_checkable
class ReliablePicker(Picker, Protocol):
    """A picker whose probabilities are right on a usual data set, as far as `averaging.belief` takes for granted.

    Where evidence leaves room they are believed; of other pickers only the order of candidates counts.
    """

    reliable: bool


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


@dataclass(frozen=True)
class Learnable:
    """A network of a picker that a person's labels can train.

    Attributes
    ----------
    field
        Of the picker's settings, that names the network.
    learns_from
        ``patches`` of particles and background; or ``micrographs`` on which every particle is labelled.
    leaves_out
        The field of a network that was made for the former one, and is left out with the new one; empty for none.
    """

    field: str
    learns_from: str
    leaves_out: str = ""


def learnable(model: type[PickerSettings]) -> tuple[Learnable, ...]:
    """The networks of a picker with these settings that labels can train, as the marks of its fields say."""
    found = [Learnable(field, *(extra_of(model, field, key) for key in _LEARNABLE)) for field in networks_of(model)]
    return tuple(one for one in found if one.learns_from)


_LEARNABLE = ("learns_from", "leaves_out")


@runtime_checkable
class RetrainablePicker(ScoringPicker, Protocol):
    """A picker some of whose networks can be trained on labels, see `learnable`.

    The probabilities of any picker can be corrected.
    """

    def second_stage(self, slope: float, correction: Correction, start: str) -> WeightsCard:
        """The card of a classifier that learnt from patches, and judges the candidates of this picker.

        Parameters
        ----------
        slope
            Of the classifier's logit, which is added to that of this picker's probability.
        correction
            Of the sum.
        start
            The weights that its training began from.
        """
        ...
