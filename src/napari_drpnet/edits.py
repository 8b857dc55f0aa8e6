"""What a person changed in a picker's result, kept apart so that moving a slider never loses it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from napari_drpnet.data import FloatArray, Frame, MaskArray, Picks
from napari_drpnet.labels import join, near

# A pick this near to where one was removed, in diameters, is the same particle found again.
SAME_PARTICLE = 0.25


@dataclass(frozen=True, eq=False)
class Edits:
    """Picks a person added, moved or relabelled, and the places where they removed one.

    Attributes
    ----------
    made
        Picks that a person answers for.
    removed
        ``(n, 2)`` positions in micrograph pixels, (y, x).
    """

    made: Picks
    removed: FloatArray = field(default_factory=lambda: np.empty((0, 2)))

    @classmethod
    def none(cls, frame: Frame) -> Edits:
        """No edits yet."""
        return cls(Picks(frame, np.empty((0, 2))))

    def apply(self, proposed: Picks, diameter: float, min_distance: float) -> Picks:
        """The picker's proposal with the edits in it; ``diameter`` and ``min_distance`` in micrograph pixels.

        A proposed pick gives way to one that a person made within the minimum distance.
        """
        again = near(proposed.yx, self.removed, SAME_PARTICLE * diameter)
        doubled = near(proposed.yx, self.made.yx, max(min_distance, SAME_PARTICLE * diameter))
        return join(proposed.select(~again & ~doubled), self.made)

    def updated(self, shown: Picks, current: Picks) -> Edits:
        """These edits and those since ``shown`` (what `apply` gave), now that the layer holds ``current``.

        A pick is the picker's own as long as it stands where it stood, under the same label.
        """
        ours = shown.select(np.arange(len(shown) - len(self.made)))
        kept = _same_rows(current, ours)
        gone = ours.yx[~near(ours.yx, current.yx, 0.0)]
        return Edits(current.select(~kept), np.concatenate([self.removed, gone]))


def _same_rows(picks: Picks, others: Picks) -> MaskArray:
    """Which picks are among the others, by position and label."""
    labelled = {(*position, label) for position, label in zip(others.yx.tolist(), others.label.tolist(), strict=True)}
    rows = zip(picks.yx.tolist(), picks.label.tolist(), strict=True)
    return np.array([(*position, label) in labelled for position, label in rows], dtype=bool)
