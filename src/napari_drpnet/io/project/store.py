"""What is on disk of each micrograph of a project: picks, labels and region."""

from __future__ import annotations

import math
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_drpnet.data import Frame, MaskArray, Micrograph, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import write_text, writing
from napari_drpnet.io.images import open_image, read_single
from napari_drpnet.io.lock import Lock
from napari_drpnet.io.paths import exists
from napari_drpnet.io.project.candidates import Measured, read_measured, write_measured
from napari_drpnet.io.project.files import FOLDERS, NO_FILES
from napari_drpnet.io.project.imports import Offer, first_of
from napari_drpnet.io.project.listed import Listed
from napari_drpnet.io.project.picks import Stored, labels_text, picks_text, read_stored, split
from napari_drpnet.io.project.regions import read_region, write_region
from napari_drpnet.io.project.survey import counted, counts, survey
from napari_drpnet.settings import ProjectSettings
from napari_drpnet.steps import Job, Progress

# Seconds between two steps that are told.
_EVERY = 0.1


class Store(Listed):
    """The micrographs of an open project with what is on disk of each.

    `Project` adds what concerns the project as a whole: how it is opened, its settings and its networks.
    """

    def __init__(
        self, folder: Path, settings: ProjectSettings, lock: Lock | None, read_only: str = "", fresh: bool = False
    ) -> None:
        super().__init__(folder, settings, lock, read_only)
        self._read: Measured | None = None  # what was measured on the micrograph that was looked at last
        self._offers: dict[str, list[Offer]] = {}
        if fresh:
            self._index.forget()
        self._survey()

    # ---------------------------------------------------------------- micrographs

    def read_micrograph(self, name: str) -> Micrograph:
        """The pixels of a micrograph, with the project's pixel size.

        Raises
        ------
        UserError
            When the file is gone, damaged, still being written, a stack, or of another size than when it was picked.
        """
        entry = self.entry(name)
        micrograph = read_single(entry.path, entry.pixel_size, entry.micrograph)
        before, now = self._stored(name).picks.frame.shape, micrograph.frame.shape
        if before and now and before != now:
            raise UserError(
                f"{entry.path} is {now[0]} x {now[1]} px now, but its picks were made on {before[0]} x {before[1]} px.",
                f"Put the former file back, or delete {self._files.picks(name)} and {self._files.labels(name)}.",
            )
        return micrograph

    # ---------------------------------------------------------------- what others changed

    def _survey(self) -> None:
        """Bring the index up to date, and write it where that is allowed."""
        if not self.read_only:
            # A half-written file changes the time of its folder, but that of the project's own is not in the index.
            self._files.sweep(() if self._index.folders == self._files.stamp() else FOLDERS)
        changed, self._offers = survey(self._files, self.settings, self.root, self._index, not self.read_only)
        self._entries = self._all_entries()
        if self.read_only:
            return
        # Without an index all works as well: where the disk is full it is written with the first picks that fit.
        with suppress(UserError):
            self._write_index()
        for name in changed:
            if self._index.records[name].region:
                self.write_picks(name, self.read_picks(name))  # a region may be newer than the picks it hides

    @property
    def offers(self) -> int:
        """How many micrographs have picks that came with the inputs and are to be taken over, see `adopt`."""
        return len(self._offers)

    def adopt(self) -> Job[None]:
        """Take over the picks that came with the inputs, of all micrographs without picks.

        What is taken over stays when this is stopped, and the next opening of the project goes on with the rest.

        Raises
        ------
        UserError
            When the project cannot be written.

        Warns
        -----
        UserWarning
            Of what is passed over, see `imports.offered`.
        """
        if self.read_only or not self._offers:
            return
        total, picks, told = len(self._offers), 0, -math.inf
        with self._one_list():
            for done, name in enumerate(list(self._offers)):
                if time.monotonic() - told > _EVERY:
                    told = time.monotonic()
                    yield Progress(done, total, picks, name)
                picks += self._adopted(name)
            self._index.unfinished = False

    def _adopted(self, name: str) -> int:
        """Take over what is offered of a micrograph, unless it has got files meanwhile; how many picks."""
        with self._guard:
            record = self._record(name)
            found = first_of(self._offers[name], record.listed) if record.stamp in ("", NO_FILES) else None
            if found is not None:
                self.write_picks(name, found, _picker(found) or "imported")
            del self._offers[name]
            return 0 if found is None else len(found)

    # ---------------------------------------------------------------- picks and regions

    def read_picks(self, name: str) -> Picks:
        """The picks of a micrograph: the picker's, then those labelled; none for a new one.

        Raises
        ------
        UserError
            When there is no such micrograph, or a file is damaged.
        """
        with self._guard:
            picks = self._stored(name).picks
            self._recount(name)
        if self.settings.diameter and picks.frame.pixel_size:
            usual = self.settings.diameter / picks.frame.pixel_size
            picks = replace(picks, diameter=np.where(np.isfinite(picks.diameter), picks.diameter, usual))
        return picks

    def _recount(self, name: str) -> None:
        """Notice a file that another program wrote into, which the time of its folder does not tell."""
        record, look = self._record(name), self._files.stamp_of(name)
        if look != (record.stamp or NO_FILES):
            self._note(counted(self._files, replace(record, stamp=look), not self.read_only))

    def _stored(self, name: str) -> Stored:
        entry = self.entry(name)
        frame = Frame(entry.micrograph, pixel_size=entry.pixel_size)
        picks, labels = self._files.picks(name), self._files.labels(name)
        with self._guard:  # both of one writing
            here = [path if exists(path) else None for path in (picks, labels)]
            if here == [None, None]:
                self._require_there()
            return read_stored(frame, *here)

    def write_picks(self, name: str, picks: Picks, picker: str = "", measured: Measured | None = None) -> None:
        """Keep the picks of a micrograph: what a person labelled first, then what RELION extracts.

        Parameters
        ----------
        name
            Of the micrograph.
        picks
            All of them, also those that its region hides.
        picker
            Who proposed those that nobody labelled; by default what their source says.
        measured
            By the run that found them; None: the picks are of the run before.

        Raises
        ------
        UserError
            When the project cannot be written; each file is then the former or the new one, whole.
        """
        with self._guard:
            self.require_writable()
            record = self._record(name)
            region = self.read_region(name) if record.region else None
            picks = replace(picks, frame=self._known_frame(name, picks.frame, region is not None))
            extracted, labels = split(picks, region)
            picker = picker or _picker(picks) or record.picker
            measured = self._measured(name, picks.frame, measured)
            # First the labels, which nobody can make again: what they say goes before older picks.
            _put(self._files.labels(name), labels_text(labels) if len(labels) else None)
            _put(self._files.picks(name), picks_text(extracted, picker) if len(picks) or picker else None)
            record = replace(record, picker=picker, **counts(extracted, labels, measured, region))
            self._note(replace(record, stamp=self._files.stamp_of(name)))

    def _measured(self, name: str, frame: Frame, new: Measured | None) -> Measured | None:
        """What was measured on a micrograph; what is ``new`` is kept, unless it was read from there."""
        path = self._files.candidates(name)
        if new is None or new is self._read:
            return new or read_measured(path, frame)
        with writing(path):
            path.parent.mkdir(exist_ok=True)
        write_measured(new, path)
        return new

    def _known_frame(self, name: str, frame: Frame, needed: bool) -> Frame:
        """The frame with its shape and pixel size, from the picks, the files of former picks, or the image."""
        entry = self.entry(name)
        before = self._stored(name).picks.frame if frame.shape is None or frame.pixel_size is None else frame
        shape = frame.shape or before.shape
        if shape is None and needed:
            height, width = open_image(entry.path).array.shape[-2:]
            shape = int(height), int(width)
        return Frame(entry.micrograph, shape, frame.pixel_size or before.pixel_size)

    def read_region(self, name: str) -> MaskArray | None:
        """The contaminated region, ``(h, w)`` in coarse pixels with the micrograph's edges; None without one."""
        path = self._files.region(self._record(name).name)
        return read_region(path) if exists(path) else None

    def write_region(self, name: str, mask: MaskArray | None) -> None:
        """Keep the contaminated region, ``(h, w)`` in pixels of any size; what it hides leaves RELION's file.

        Raises
        ------
        UserError
            When the project cannot be written, or the size of the micrograph cannot be told.
        """
        with self._guard:
            self.require_writable()
            picks, path = self.read_picks(name), self._files.region(name)
            painted = mask is not None and bool(np.any(mask))
            if mask is not None and painted:
                write_region(mask, path)
            else:
                _put(path, None)
            self._index.records[name] = replace(self._record(name), region=painted)
            self.write_picks(name, picks)


def _put(path: Path, text: str | None) -> None:
    """Write a text file, or remove it."""
    if text is not None:
        write_text(text, path)
        return
    with writing(path):
        path.unlink(missing_ok=True)


def _picker(picks: Picks) -> str:
    """Who proposed the picks that nobody labelled."""
    names = sorted(set(picks.source[~picks.by_hand].tolist()) - {""})
    return " ".join("+".join(names).split())
