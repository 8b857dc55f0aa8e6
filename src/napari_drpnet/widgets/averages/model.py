"""The averages that are shown, which of them are chosen, and what is written under each."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray, MaskArray
from napari_drpnet.jobs import Averages, same_classes
from napari_drpnet.jobs.averaging.write import resolution_words
from napari_drpnet.widgets.averages.verdicts import Verdict, Verdicts

GreyArray = npt.NDArray[np.uint8]


class ClassList:
    """Classes of averages, the one that is worth most first; a *place* counts from 0, a person reads it from 1.

    Attributes
    ----------
    averages
        None before there are any.
    verdicts
        On them; None as long as better averages may come.
    pending
        Whether evidence is still to be measured.
    selected
        ``(k,)`` those that are chosen.
    current
        Where the keyboard is; -1 for nowhere.
    """

    def __init__(self) -> None:
        self.averages: Averages | None = None
        self.verdicts: Verdicts | None = None
        self.pending = False
        self.selected: MaskArray = np.zeros(0, bool)
        self.current = self._anchor = -1

    def __len__(self) -> int:
        return 0 if self.averages is None else len(self.averages.classes)

    def take(self, averages: Averages | None, pending: bool = False) -> None:
        """Other averages; classes that persist stay chosen."""
        before, chosen, current = self.averages, self.chosen, self.current
        self.averages, self.pending = averages, pending
        self.selected = np.zeros(len(self), bool)
        self.current = self._anchor = -1
        if before is not None and averages is not None:
            same = same_classes(before, averages)
            self.selected[[place for place in same[chosen].tolist() if place >= 0]] = True
            self.current = self._anchor = int(same[current]) if current >= 0 else -1

    # ------------------------------------------------------------ which are chosen

    @property
    def chosen(self) -> list[int]:
        """Places of the chosen classes."""
        return [int(place) for place in np.flatnonzero(self.selected)]

    def choose(self, place: int, *, upto: bool = False, toggle: bool = False) -> None:
        """Choose one class alone; all ``upto`` it from the one before; or ``toggle`` it beside the others."""
        if toggle:
            self.selected[place] = not self.selected[place]
            self._anchor = place
        else:
            self.selected[:] = False
            first = self._anchor if upto and self._anchor >= 0 else place
            self.selected[min(first, place) : max(first, place) + 1] = True
            self._anchor = first
        self.current = place

    def choose_all(self, every: bool = True) -> None:
        """Choose all, or none."""
        self.selected[:] = every

    def places(self, classes: list[int]) -> dict[str, FloatArray]:
        """``(n, 2)`` where the members of classes are, by micrograph, the best evidence first."""
        found: dict[str, FloatArray] = {}
        for one in self.averages.members if self.averages is not None else ():
            which = np.flatnonzero(np.isin(one.picks.class_number, np.asarray(classes) + 1))
            if len(which):
                order = np.argsort(-np.nan_to_num(one.evidence[which]), kind="stable")
                found[one.name] = one.picks.yx[which[order]]
        return found

    # ------------------------------------------------------------ what is known of them

    def verdict(self, place: int) -> Verdict:
        """Of a person on a class."""
        return "" if self.verdicts is None else self.verdicts.of(place)

    def judged(self, verdict: Verdict) -> list[int]:
        """Places of the classes with a verdict."""
        return [place for place in range(len(self)) if self.verdict(place) == verdict]

    def lines(self, place: int) -> tuple[str, ...]:
        """What is written under an average."""
        assert self.averages is not None
        one = self.averages.classes[place]
        known = math.isfinite(one.evidence)
        unknown = "evidence to come" if self.pending else "evidence not measured"
        lines = (
            f"{place + 1}:  {one.picks:,} pick{'' if one.picks == 1 else 's'}",
            f"evidence {one.evidence:.1f} ± {one.error:.1f}" if known else unknown,
            resolution_words(one.resolution, self.averages.diameter),
        )
        if len(self.averages.members) < 2:
            return lines
        return *lines, f"{100 * one.micrographs:.0f} % of micrographs"

    def described(self, place: int) -> str:
        """All that is known of a class, for a tooltip."""
        assert self.averages is not None
        one, total = self.averages.classes[place], max(self.averages.picks, 1)
        lines = [f"Class {place + 1}: {one.picks:,} picks, {100 * one.picks / total:.0f} % of all"]
        if math.isfinite(one.evidence):
            lines.append(f"Evidence {one.evidence:.2f} ± {one.error:.2f}, where noise has 0")
        if math.isfinite(one.share):
            lines.append(f"{100 * one.share:.0f} % of all evidence")
        lines.append(f"Resolution {resolution_words(one.resolution, self.averages.diameter)}")
        if len(self.averages.members) > 1:
            lines.append(f"Has picks on {100 * one.micrographs:.0f} % of the micrographs")
        verdict = self.verdict(place)
        return "\n".join([*lines, verdict.capitalize()] if verdict else lines)
