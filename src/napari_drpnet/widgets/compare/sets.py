"""Sets of picks that are compared: whose they are, and which of them lie on the micrograph in question."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from napari_drpnet.averaging.shares import Shares
from napari_drpnet.data import FloatArray, Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.names import same_micrograph
from napari_drpnet.jobs.compare.pick_files import PickFile
from napari_drpnet.jobs.compare.proof import Proof, of_candidates
from napari_drpnet.layers import picks_of
from napari_drpnet.widgets.kit.source import ChosenImage
from napari_drpnet.widgets.kit.subscriptions import Subscriptions

if TYPE_CHECKING:
    from napari.layers import Points, Shapes

_NOT_HERE = "Here this is measured of pickers only; on the command line, compare measures files as well."
_NOT_RUN = "Tick 'estimate true picks', and run the picker on this micrograph."
_PENDING = "Averages are being made; until then these picks are by the picker's own scores."
_SPARSE = (slice(None, None, 61), slice(None, None, 67))  # pixels that are looked at to know an image again


class Origin(Protocol):
    """Where the picks of a set come from."""

    def picks_on(self, source: ChosenImage) -> Picks | None:
        """All picks on a micrograph, above any threshold; None when there are none for it."""
        ...


@dataclass(frozen=True, eq=False)
class Known:
    """What averages prove of the candidates of a picker on one micrograph.

    Attributes
    ----------
    shares
        Of true particles.
    probability, evidence
        ``(n,)`` that the picker gives to all that could be picked, and what averages prove of each; NaN where that was
        not measured.
    """

    shares: Shares
    probability: FloatArray
    evidence: FloatArray

    def proof(self, threshold: float, picks: int) -> Proof:
        """What is expected of so many picks, at a threshold of the data set's own probability."""
        return of_candidates(self.shares, self.probability, self.evidence, threshold, picks)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a picker found on one micrograph.

    Attributes
    ----------
    picks
        Everything, above any threshold; scores are the data set's own probabilities where these are known.
    threshold
        That suits them: by evidence, or by the picker's probabilities where nothing is proved.
    known
        What averages prove; None where it was not measured.
    pending
        Whether it is still being measured.
    """

    picks: Picks
    threshold: float
    known: Known | None = None
    pending: bool = False


@dataclass(eq=False)
class OfPicker:
    """What runs of a picker found, by micrograph.

    Attributes
    ----------
    name
        Of the picker.
    finds_sizes
        Whether it was told no diameter.
    found
        With what the image looked like.
    """

    name: str
    finds_sizes: bool = False
    found: dict[tuple[Any, ...], tuple[int, Outcome]] = field(default_factory=dict)

    def keep(self, source: ChosenImage, outcome: Outcome) -> None:
        """Remember what was found on a micrograph."""
        self.found[source.key] = (_look(source), outcome)

    def give_up(self, source: ChosenImage) -> None:
        """Nobody measures any more what averages prove on a micrograph."""
        look, outcome = self.found.get(source.key, (0, None))
        if outcome is not None:
            self.found[source.key] = look, replace(outcome, pending=False)

    def outcome_on(self, source: ChosenImage) -> Outcome | None:
        """What was found on a micrograph, if the picker ran there and the image is what it was."""
        look, outcome = self.found.get(source.key, (None, None))
        return outcome if outcome is not None and look == _look(source) else None

    def picks_on(self, source: ChosenImage) -> Picks | None:
        """All that was found on a micrograph."""
        outcome = self.outcome_on(source)
        return None if outcome is None else outcome.picks


@dataclass(frozen=True, eq=False)
class OfFile:
    """The picks of a file, of one micrograph or of several."""

    file: PickFile

    def picks_on(self, source: ChosenImage) -> Picks | None:
        """The picks of this micrograph; raises as `PickFile.picks_of` does."""
        return self.file.picks_of(source.frame.unbinned)


@dataclass(eq=False)
class OfLayer:
    """The picks that a Points or Shapes layer shows, as they are now. It is hidden meanwhile.

    Attributes
    ----------
    layer
        With points of the micrograph that its frame names, or else of the one it was added for.
    key
        Of that micrograph.
    changed
        Called when somebody changes the layer.
    """

    layer: Points | Shapes
    key: tuple[Any, ...]
    changed: Callable[..., None]
    _heard: Subscriptions = field(default_factory=Subscriptions, init=False)

    def claim(self) -> None:
        """Hide the layer, and watch it."""
        self.layer.visible = False
        events = self.layer.events
        self._heard = Subscriptions((events.data, self.changed), (events.features, self.changed))

    def release(self) -> None:
        """The layer is its own again."""
        self._heard.end()
        self.layer.visible = True

    def picks_on(self, source: ChosenImage) -> Picks | None:
        """The layer's picks, when they are of this micrograph."""
        frame = self.layer.metadata.get("frame")
        named = frame is not None and same_micrograph(frame.micrograph, source.frame.micrograph)
        return picks_of(self.layer, source.ground, source.position) if named or self.key == source.key else None


@dataclass(eq=False)
class OfOthers:
    """Made of the other sets, the consensus for example; of the micrograph that is shown."""

    made: Picks | None = None

    def picks_on(self, source: ChosenImage) -> Picks | None:
        """What was made last."""
        return self.made


@dataclass(eq=False)
class PickSet:
    """One set: its picks on the present micrograph, best first, and how many of them a threshold lets through.

    Attributes
    ----------
    name
        Of the picker, the file or the layer.
    origin
        Where its picks come from.
    slot
        Its number among the colours.
    threshold
        Least score; picks without a score pass in any case.
    moved
        Whether somebody chose the threshold; otherwise that of a picker is the one that suits its picks.
    every
        All its picks on the present micrograph; None when it has none for it.
    trouble
        Why it has none; empty when nothing is wrong.
    outcome
        Of the run on the present micrograph; None of what is no picker, or did not run there.
    """

    name: str
    origin: Origin
    slot: int
    threshold: float = -math.inf
    moved: bool = False
    every: Picks | None = None
    trouble: str = ""
    outcome: Outcome | None = None

    @property
    def measured(self) -> bool:
        """Whether it is known what averages prove, if only that they prove nothing, or soon will be."""
        return self.outcome is not None and (self.outcome.known is not None or self.outcome.pending)

    @property
    def proof(self) -> Proof:
        """What is expected of the picks that pass, without a truth."""
        if not isinstance(self.origin, OfPicker):
            return Proof(reason=_NOT_HERE)
        if self.outcome is None or self.outcome.known is None:
            pending = self.outcome is not None and self.outcome.pending
            return Proof(reason=_PENDING if pending else _NOT_RUN)
        return self.outcome.known.proof(self.threshold, self.count)

    @property
    def count(self) -> int:
        """How many picks pass."""
        if self.every is None:
            return 0
        return int(np.count_nonzero(~(self.every.score < self.threshold)))

    @property
    def picks(self) -> Picks | None:
        """Those that pass."""
        return None if self.every is None else self.every.select(np.arange(self.count))

    @property
    def range(self) -> tuple[float, float] | None:
        """Where thresholds make a difference: 0 to 1 for probabilities; None for picks without scores."""
        known = np.empty(0) if self.every is None else self.every.score[np.isfinite(self.every.score)]
        if not len(known):
            return None
        low, high = float(known.min()), float(known.max())
        return (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)

    @property
    def own_size(self) -> float | None:
        """Median diameter in micrograph pixels of a picker that finds it out; None of any other set."""
        picks = self.picks
        if not (isinstance(self.origin, OfPicker) and self.origin.finds_sizes) or picks is None:
            return None
        sizes = picks.diameter[np.isfinite(picks.diameter)]
        return float(np.median(sizes)) if len(sizes) else None

    def follow(self, source: ChosenImage | None) -> None:
        """Take the picks of a micrograph, None for none."""
        picks, self.trouble = None, ""
        try:
            picks = None if source is None else self.origin.picks_on(source)
        except UserError as error:
            self.trouble = error.plain
        self.every = None if source is None or picks is None else _placed(picks, source.frame.unbinned)
        origin = self.origin
        self.outcome = origin.outcome_on(source) if source is not None and isinstance(origin, OfPicker) else None
        if not self.moved:
            self.suit()

    def suit(self) -> None:
        """Let the threshold be the one that suits the picks of a picker."""
        if self.outcome is not None:
            self.threshold, self.moved = self.outcome.threshold, False


def _placed(picks: Picks, frame: Frame) -> Picks:
    """Particles, best first and those without a score before them, on the micrograph as the viewer has it."""
    picks = picks.select(picks.label != "background")
    order = np.argsort(-np.nan_to_num(picks.score, nan=np.inf), kind="stable")
    shape = picks.frame.shape or frame.shape  # a file that tells another shape is warned of
    return replace(picks.select(order), frame=replace(frame, shape=shape))


def _look(source: ChosenImage) -> int:
    """A number that differs when an image does: a project's micrograph is another array each time it is shown."""
    image = source.array[source.position]
    return hash(np.asarray(image[_SPARSE]).tobytes())
