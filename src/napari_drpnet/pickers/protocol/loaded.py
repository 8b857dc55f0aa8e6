"""A picker ready for use: whatever its class brings along, all of them can be used alike."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

from napari_drpnet.data import FloatArray, Micrograph, Picks, ScoreMap
from napari_drpnet.errors import UserError
from napari_drpnet.io.weights import WeightsCard
from napari_drpnet.pickers.protocol.choosing import Selection, as_picks, selected, suited
from napari_drpnet.pickers.protocol.correction import corrected, read_correction
from napari_drpnet.pickers.protocol.flat import FlatMaps
from napari_drpnet.pickers.protocol.foreign import blaming, checked_map
from napari_drpnet.pickers.protocol.picker import (
    ConfidentPicker,
    Correction,
    Learnable,
    LearningPicker,
    LimitedPicker,
    Picker,
    Reader,
    ReliablePicker,
    RetrainablePicker,
    RulingPicker,
    ScoringPicker,
    SimplePicker,
    ThreadedPicker,
    learnable,
)
from napari_drpnet.pickers.protocol.simple import everything, generous
from napari_drpnet.settings import AUTO
from napari_drpnet.stages import stage
from napari_drpnet.steps import drained


class Turns:
    """The same picker on several cards: whoever scores gets the one with least to do."""

    def __init__(self, pickers: Sequence[Any]) -> None:
        self._busy = [[0, number, picker] for number, picker in enumerate(pickers)]
        self._lock = Lock()

    @contextmanager
    def next(self) -> Iterator[Any]:
        """The picker to score with."""
        with self._lock:
            chosen = min(self._busy, key=lambda each: each[:2])
            chosen[0] += 1
        try:
            yield chosen[2]
        finally:
            with self._lock:
                chosen[0] -= 1


class LoadedPicker:
    """A picker whose threshold can change afterwards, whose probabilities are corrected, and whose errors name it.

    Parameters
    ----------
    picker
        Built from its settings.
    origin
        The package that it is from, if that is not this one: whatever it raises becomes a `UserError` that says so.
    auto
        Choose the threshold although the picker's own settings know numbers only.
    others
        The same picker on other cards; several threads score with whichever has least to do.

    Raises
    ------
    UserError
        When the calibration in its settings cannot be used.

    Attributes
    ----------
    picker
        As its class made it.
    name, settings_class, settings
        Of the picker.
    auto
        Whether the threshold is to be chosen.
    correction
        Slope and offset of the logits of its probabilities, as its settings say.
    """

    def __init__(
        self, picker: Picker, origin: str = "", auto: bool = False, others: Sequence[ScoringPicker] = ()
    ) -> None:
        self.name = picker.name
        self.settings_class = picker.settings_class
        self.settings = picker.settings
        self._turns = Turns([picker, *others])
        self.origin = origin
        self.auto = auto or self.settings.threshold == AUTO
        self.correction: Correction = read_correction(self.name, self.settings)
        self.picker = picker
        self._flat = FlatMaps(self.name, self.settings)
        if not isinstance(picker, ScoringPicker):
            assert isinstance(picker, SimplePicker), "the registry looks at this"
            self._generous = generous(picker)

    # ---------------------------------------------------------------- picking

    def pick(self, micrograph: Micrograph) -> Picks:
        """Particles of one micrograph, at the threshold of the settings."""
        return self.picks_from(self.score(micrograph))

    def score(self, micrograph: Micrograph) -> ScoreMap:
        """The score map of one micrograph, with every candidate."""
        return drained(self.score_steps(micrograph))

    @stage("picker").steps
    def score_steps(self, micrograph: Micrograph) -> Generator[float, None, ScoreMap]:
        """`score`, yielding the fraction done."""
        with self._blaming(micrograph.frame.micrograph):
            if isinstance(self.picker, ScoringPicker):
                with self._turns.next() as picker:
                    score_map = yield from picker.score_steps(micrograph)
            else:
                score_map = yield from everything(self._generous, micrograph)
            if self.origin:
                checked_map(score_map, self.name, micrograph.frame)
            else:
                score_map = self._flat.told(score_map)
        return corrected(score_map, self.correction)

    def picks_from(
        self, score_map: ScoreMap, threshold: float | None = None, min_distance: float | None = None
    ) -> Picks:
        """Picks at a probability ``threshold`` and a ``min_distance`` in Angstrom; None: as in the settings.

        A threshold that is to be chosen is the one that suits this micrograph, as its probabilities are.
        """
        least = self.threshold_on(score_map, min_distance) if threshold is None else threshold
        return as_picks(self.name, score_map, self._selected(score_map, least, min_distance))

    def pickable(self, score_map: ScoreMap, min_distance: float | None = None) -> Selection:
        """The candidates that `picks_from` gives at a threshold of 0."""
        return self._selected(score_map, 0.0, min_distance)

    @stage("candidates")
    def _selected(self, score_map: ScoreMap, threshold: float, min_distance: float | None) -> Selection:
        with self._blaming(score_map.frame.micrograph):
            keep = self.picker.keep(score_map) if isinstance(self.picker, RulingPicker) else None
            found = selected(self.settings, score_map, threshold, min_distance, keep)
        most = self.picker.most if isinstance(self.picker, LimitedPicker) else None
        return replace(found, index=found.index[:most])

    def threshold_on(self, score_map: ScoreMap, min_distance: float | None = None) -> float:
        """The threshold of the settings; one that is to be chosen is the one that suits these candidates alone."""
        if not self.auto:
            return self.settings.least
        index = selected(self.settings, score_map, 0.0, min_distance).index
        return suited([score_map.candidates.probability[index]])

    def by_rule(self, score_map: ScoreMap) -> bool:
        """Whether a rule of the picker's own is in the place of the threshold."""
        with self._blaming(score_map.frame.micrograph):
            return isinstance(self.picker, RulingPicker) and self.picker.keep(score_map) is not None

    def levels(self, score_map: ScoreMap) -> tuple[int, int, int] | None:
        """See `ConfidentPicker.levels`; None of a picker whose candidates have no such levels."""
        return self.picker.levels(score_map) if isinstance(self.picker, ConfidentPicker) else None

    def maxima(
        self, score_map: ScoreMap, level: int, sigma: float | None = None, height: float | None = None
    ) -> FloatArray | None:
        """See `ConfidentPicker.maxima`; None of a picker whose candidates have no such levels."""
        return self.picker.maxima(score_map, level, sigma, height) if isinstance(self.picker, ConfidentPicker) else None

    @property
    def in_force(self) -> dict[str, Any]:
        """Its settings as files keep them, by name."""
        threshold = {"threshold": AUTO} if self.auto else {}
        return self.settings.model_dump(mode="json") | threshold

    @property
    def many_at_once(self) -> bool:
        """Whether several threads may score with it."""
        return isinstance(self.picker, ThreadedPicker) and self.picker.many_at_once

    @property
    def reliable(self) -> bool:
        """Whether its probabilities are believed where evidence leaves room; of others only the order counts."""
        return isinstance(self.picker, ReliablePicker) and self.picker.reliable

    # ---------------------------------------------------------------- learning without labels

    @property
    def learns(self) -> bool:
        """Whether it learns from a data set, without labels, before it picks."""
        return isinstance(self.picker, LearningPicker)

    @property
    def ready(self) -> bool:
        """Whether there is nothing to learn, or it has learnt."""
        with self._blaming("Learning"):
            return not isinstance(self.picker, LearningPicker) or self.picker.ready

    def learn_steps(self, micrographs: Sequence[Reader]) -> Generator[tuple[float, str], None, None]:
        """Learn from some of the micrographs, yielding the fraction done and what is being done."""
        with self._blaming("Learning"):
            yield from self._learner.learn_steps(micrographs)

    def save(self, path: Path) -> Path:
        """Write what was learnt as a weights file, for ``weights`` of the settings."""
        with self._blaming(str(path)):
            return self._learner.save(path)

    @property
    def _learner(self) -> LearningPicker:
        if not isinstance(self.picker, LearningPicker):
            raise UserError(f"The picker {self.name!r} learns nothing without labels.", "Retrain it with labels.")
        return self.picker

    # ---------------------------------------------------------------- retraining with labels

    @property
    def learnable(self) -> tuple[Learnable, ...]:
        """Its networks that labels can train; any picker's probabilities can be corrected beside."""
        return learnable(self.settings_class) if isinstance(self.picker, RetrainablePicker) else ()

    def second_stage(self, slope: float, correction: Correction, start: str) -> WeightsCard:
        """See `RetrainablePicker.second_stage`; only of a picker with something `learnable` from patches."""
        assert isinstance(self.picker, RetrainablePicker), "something of it is learnable"
        return self.picker.second_stage(slope, correction, start)

    def _blaming(self, where: str) -> AbstractContextManager[None]:
        if not self.origin:
            return nullcontext()
        return blaming(f"{where}: picker {self.name!r} of the package {self.origin} failed")
