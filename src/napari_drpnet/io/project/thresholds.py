"""One threshold for all micrographs of a project: how many picks there would be, and bringing them there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_drpnet.data import Frame
from napari_drpnet.errors import UserError
from napari_drpnet.io.paths import exists
from napari_drpnet.io.project.candidates import LEVELS, IntArray, Measured, is_level, level_of, read_measured, unpacked
from napari_drpnet.io.project.index import Record
from napari_drpnet.io.project.store import Store
from napari_drpnet.labels import labels_of, same_places


@dataclass(frozen=True)
class Total:
    """Picks of a whole project.

    Attributes
    ----------
    picks
        At the threshold asked for.
    micrographs
        That have picks, or were looked at by a picker.
    fixed
        Those of them whose picks are the same at any threshold: only picking again could tell.
    """

    picks: int
    micrographs: int
    fixed: int


class Thresholds(Store):
    """The micrographs of a project, whose picks follow from candidates that were kept."""

    def __init__(self, *args: Any, **more: Any) -> None:
        self._sums: tuple[IntArray, int, int] | None = None  # picks by level, micrographs that are seen, and fixed
        super().__init__(*args, **more)

    def measured(self, name: str) -> Measured | None:
        """What a picker measured on a micrograph; None where nothing is known of that."""
        entry, path = self.entry(name), self._files.candidates(name)
        frame = Frame(entry.micrograph, pixel_size=entry.pixel_size)
        self._read = read_measured(path, frame) if exists(path) else None
        return self._read

    def total(self, threshold: float | None = None) -> Total:
        """How many picks there are at a threshold, labels included; None: as they are now."""
        sums = self._sums
        if sums is None:
            with self._guard:  # else nobody waits for who is writing
                sums = self._sums = self._summed()
        levels, seen, fixed = sums
        if threshold is not None:
            return Total(int(levels[level_of(threshold)]), seen, fixed)
        return Total(sum(record.picks for record in self._index.records.values()), seen, fixed)

    @property
    def fixed(self) -> frozenset[str]:
        """Micrographs whose picks only picking again could bring to another threshold."""
        with self._guard:
            return frozenset(r.name for r in self._index.records.values() if not r.levels and (r.picks or r.picker))

    def behind(self, threshold: float) -> list[str]:
        """Micrographs whose picks may not be those of a threshold, though candidates tell which these are."""
        level, exact = level_of(threshold), is_level(threshold)
        with self._guard:
            records = [record for record in self._index.records.values() if record.levels]
        at = ((record, unpacked(record.levels)) for record in records)
        # As many picks are the same picks, but for those that a region hides; between two levels, if both have as many.
        return [r.name for r, n in at if r.region or n[level] != r.picks or not (exact or n[level - 1] == r.picks)]

    def bring(self, name: str, threshold: float) -> bool:
        """Let the picks of a micrograph be those of a threshold; what a person labelled stays.

        Those whose files are damaged stay as they are; opening the project tells of them.

        Returns
        -------
        bool
            Whether that changed any.

        Raises
        ------
        UserError
            When the project cannot be written.
        """
        with self._guard:
            try:
                before = self.read_picks(name)  # first: it notices what another program changed
            except UserError:
                return False
            measured = self.measured(name)
            if measured is None or measured.candidates is None:
                return False
            after = measured.at(threshold, labels_of(before))
            if len(before) == len(after) and (same_places(before.yx, after.yx) >= 0).all():
                return False
            self.write_picks(name, after)
            return True

    def _survey(self) -> None:
        self._sums = None
        super()._survey()

    def _note(self, record: Record) -> None:
        if self._sums is not None:
            before, now = _counted(self._record(record.name)), _counted(record)
            every, seen, fixed = self._sums
            self._sums = every + now[0] - before[0], seen + now[1] - before[1], fixed + now[2] - before[2]
        super()._note(record)

    def _summed(self) -> tuple[IntArray, int, int]:
        every, seen, fixed = np.zeros(LEVELS, np.int64), 0, 0
        for record in self._index.records.values():
            levels, is_seen, is_fixed = _counted(record)
            every += levels
            seen, fixed = seen + is_seen, fixed + is_fixed
        return every, seen, fixed


def _counted(record: Record) -> tuple[IntArray, int, int]:
    """Of one micrograph: its picks by level, whether there are any or a picker looked, and whether they are fixed."""
    if record.levels:
        return unpacked(record.levels), 1, 0
    seen = bool(record.picks or record.picker)
    return np.full(LEVELS, record.picks, np.int64), int(seen), int(seen)
