"""How many picks there are, and how many of them a person changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_drpnet.data import MaskArray, Picks
from napari_drpnet.edits import Edits


@dataclass(frozen=True)
class Tally:
    """Numbers of one micrograph.

    Attributes
    ----------
    picks
        Particles, by whomever.
    deleted, background, added
        What a person did: taken out, labelled as background, added.
    """

    picks: int
    deleted: int = 0
    background: int = 0
    added: int = 0

    @classmethod
    def of_edits(cls, picks: Picks, edits: Edits) -> Tally:
        """Of a micrograph of no project, with what was changed since the run."""
        added = int((edits.made.label == "particle").sum())
        particles = int((picks.label == "particle").sum())
        return cls(particles, len(edits.removed), len(edits.made) - added, added)

    @classmethod
    def of_labels(cls, picks: Picks, seen: MaskArray) -> Tally:
        """Of a micrograph of a project; ``seen`` are the ``(n,)`` picks that no region hides."""
        particle = picks.label == "particle"
        added = picks.by_hand & particle & np.isnan(picks.score)
        return cls(int((particle & seen).sum()), 0, int((~particle).sum()), int((added & seen).sum()))

    def __str__(self) -> str:
        said = {"deleted": self.deleted, "background": self.background, "added by hand": self.added}
        told = ", ".join(f"{number:,} {what}" for what, number in said.items() if number)
        return counted(self.picks) + (f" ({told})" if told else "")


def counted(picks: int) -> str:
    """A number of picks, in words."""
    return "1 pick" if picks == 1 else f"{picks:,} picks"
