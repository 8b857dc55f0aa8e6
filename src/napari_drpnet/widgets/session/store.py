"""The picks of a project in memory: what is on disk, what waits to be written, and what undo goes back to."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from psygnal import Signal

from napari_drpnet.data import Frame, MaskArray, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.project.candidates import Measured
from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs.project_threshold import own_threshold
from napari_drpnet.labels import inside_region, labels_of, proposals_of, same_places, with_labels
from napari_drpnet.widgets.session.autosave import Autosave
from napari_drpnet.widgets.session.history import History

KEPT = 64  # picks of so many micrographs that are on disk as well


class PickStore:
    """Every edit of one project; it reads from disk what it does not hold.

    Parameters
    ----------
    project
        Where picks, regions and states are kept.
    writes
        Writes what changes, within a moment.

    Attributes
    ----------
    shared
        Whether a job writes picks as well: labels that are not saved yet go among its picks, not over them.
    damaged
        Micrographs whose file of picks cannot be read, and why.
    """

    warned = Signal(str)  # a region cannot be read

    def __init__(self, project: Project, writes: Autosave) -> None:
        self.project = project
        self.shared = False
        self.damaged: dict[str, str] = {}
        self._writes = writes
        self._unsaved: dict[str, Picks] = {}
        self._edits: dict[str, list[tuple[Picks, Picks]]] = {}  # by hand, not saved: before and after each
        self._at: dict[str, float] = {}  # thresholds that the project does not have yet
        self._new: dict[str, Measured] = {}  # by runs whose picks are not saved
        self._saved: OrderedDict[str, Picks] = OrderedDict()
        self._histories: defaultdict[str, History] = defaultdict(History)
        self._masks: dict[str, MaskArray | None] = {}
        self._frames: dict[str, Frame] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all micrographs, in the project's order."""
        return tuple(entry.name for entry in self.project.micrographs)

    # ------------------------------------------------------------ picks

    def picks(self, name: str) -> Picks:
        """The picks of a micrograph as they are now, saved or not; labels of both kinds are among them."""
        held = self._unsaved if name in self._unsaved else self._saved
        if name not in held:
            self._keep(name, self._read(name))
        held[name] = self._framed(name, held[name])
        return held[name]

    def change(
        self, name: str, picks: Picks, step: bool = True, at: float | None = None, measured: Measured | None = None
    ) -> None:
        """Set all picks and labels of a micrograph; they are on disk within a moment.

        Parameters
        ----------
        name
            Of the micrograph.
        picks
            All of its picks and labels.
        step
            Whether undo comes back to the picks as they were before.
        at
            The threshold that they follow from. None: a person changed them, and what is gone stays so.
        measured
            By the run that found them, if one did.

        Raises
        ------
        UserError
            When the project can only be read, or the micrograph's file of picks is damaged.
        """
        if self.project.read_only:
            raise UserError(
                f"Nothing can be changed: {self.project.read_only}.", "Open the project again when that has ended."
            )
        before = self.picks(name)
        if name in self.damaged:
            raise UserError(self.damaged[name], "Then go to another micrograph and back.")
        if step:
            self._histories[name].note(before)
        if measured is not None:
            self._new[name] = measured
            self._edits.pop(name, None)
        if at is not None:
            self._at[name] = at
        self._put(name, picks, by_hand=at is None)

    def undo(self, name: str) -> bool:
        """Take back the last step on a micrograph; whether there was one that can be taken back.

        The threshold is no step: it stays where it is.
        """
        return self._put_if(name, self._histories[name].undo)

    def redo(self, name: str) -> bool:
        """Do again what undo took back; whether there was something."""
        return self._put_if(name, self._histories[name].redo)

    def reload(self, names: Sequence[str] | None = None) -> None:
        """Read picks again that somebody else wrote; of all micrographs by default. Edits that wait stay."""
        for name in [name for name in self._saved if names is None or name in names]:
            before = self._at_threshold(name, self._saved.pop(name))
            if _same(before, self.picks(name)):
                self._saved[name] = before
            else:
                self._histories[name].note(before)

    def look_again(self, name: str) -> None:
        """A person goes to this micrograph: a damaged file may be whole by now, and regions are read anew."""
        if name in self.damaged:
            self._saved.pop(name, None)
        self._masks = {known: mask for known, mask in self._masks.items() if self._writes.waits(("region", known))}

    def _read(self, name: str) -> Picks:
        """The picks on disk; none where a file is damaged, which is then left as it is."""
        self.damaged.pop(name, None)
        try:
            return self.project.read_picks(name)
        except UserError as error:
            self.damaged[name] = error.plain
            entry = self.project.entry(name)
            return Picks(Frame(entry.micrograph, pixel_size=entry.pixel_size), np.empty((0, 2)))

    def _put_if(self, name: str, step: Callable[[Picks], Picks | None]) -> bool:
        picks = None if self.project.read_only else step(self.picks(name))
        if picks is not None:
            self._put(name, self._at_threshold(name, picks), by_hand=True)
        return picks is not None

    def _at_threshold(self, name: str, picks: Picks) -> Picks:
        """Former picks, with the labels of then, at the threshold of now, where they are of the same run."""
        threshold, proposed = self._at.get(name, own_threshold(self.project)), proposals_of(picks)
        measured = self.measured(name) if len(proposed) and threshold is not None else None
        if measured is None or measured.candidates is None or threshold is None:
            return picks
        if (same_places(proposed.yx, measured.candidates.yx) < 0).any():
            return picks
        gone = same_places(measured.gone, picks.yx) < 0
        now = replace(measured, gone=measured.gone[gone]).at(threshold, labels_of(picks))
        return replace(now, frame=picks.frame)

    def _put(self, name: str, picks: Picks, by_hand: bool) -> None:
        if by_hand:
            self._edits.setdefault(name, []).append((self.picks(name), picks))
        self._unsaved[name] = picks
        self._writes.later(("picks", name), lambda: self._write(name))

    def _write(self, name: str) -> None:
        project, picks = self.project, self._unsaved[name]
        with project.alone():
            if self.shared:
                picks, measured = self._among(name, picks)
            else:
                measured = self.measured(name) if self._edits.get(name) or name in self._new else None
            project.write_picks(name, picks, measured=measured)
        self._edits.pop(name, None)
        self._new.pop(name, None)
        self._keep(name, picks)
        del self._unsaved[name]

    def _among(self, name: str, picks: Picks) -> tuple[Picks, Measured | None]:
        """Labels among what a job wrote meanwhile, without picks that a person took out."""
        proposed, measured = proposals_of(self.project.read_picks(name)), self.project.measured(name)
        if measured is not None and measured.candidates is not None:
            for before, after in self._edits.get(name, ()):
                measured = measured.cleared(before, after)
            proposed = proposed.select(same_places(proposed.yx, measured.gone) < 0)
        return with_labels(proposed, labels_of(picks), self._spacing(picks)), measured

    def measured(self, name: str) -> Measured | None:
        """What a picker measured on a micrograph, with what edits have made of it, saved or not."""
        measured = self._new.get(name) or self.project.measured(name)
        if measured is not None and measured.candidates is not None:
            for before, after in self._edits.get(name, ()):
                measured = measured.after(before, after) if measured.candidates is not None else measured
        return measured

    def _keep(self, name: str, picks: Picks) -> None:
        self._saved[name] = picks
        while len(self._saved) > KEPT:
            self._saved.popitem(last=False)

    # ------------------------------------------------------------ regions and states

    def region(self, name: str) -> MaskArray | None:
        """The contaminated regions of a micrograph, ``(h, w)`` in coarse pixels; None when there are none."""
        if name not in self._masks:
            try:
                self._masks[name] = self.project.read_region(name)
            except UserError as error:
                self.warned.emit(error.plain)
                self._masks[name] = None
        return self._masks[name]

    def paint(self, name: str, mask: MaskArray) -> None:
        """Set the contaminated regions of a micrograph, ``(h, w)`` in coarse pixels."""
        self._masks[name] = mask if mask.any() else None
        self._writes.later(("region", name), lambda: self.project.write_region(name, self._masks[name]))

    def shown(self, name: str) -> MaskArray:
        """``(n,)`` which picks of a micrograph no region hides."""
        picks, mask = self.picks(name), self.region(name)
        if mask is None or picks.frame.shape is None:
            return np.ones(len(picks), dtype=bool)
        return ~inside_region(picks, mask)

    def mark_done(self, name: str, done: bool) -> None:
        """Mark a micrograph as finished, or as not finished."""
        self._writes.later(("done", name), lambda: self.project.mark_done(name, done))

    # ------------------------------------------------------------ sizes

    def frame(self, name: str) -> Frame:
        """What is known of where a micrograph stands."""
        return self._frames.get(name) or self.picks(name).frame

    def note_frame(self, name: str, frame: Frame) -> None:
        """A micrograph was read: its picks stand in ``frame`` from now on."""
        self._frames[name] = frame

    def settle_threshold(self) -> None:
        """The project has another threshold, which counts for all."""
        self._at.clear()

    def forget_frames(self) -> None:
        """Pixels have another size: what was read with the former one counts no more."""
        self._frames.clear()
        self._saved.clear()

    def diameter(self, frame: Frame) -> float | None:
        """The project's diameter in micrograph pixels; None when it is not known."""
        diameter = self.project.settings.diameter
        return diameter / frame.pixel_size if diameter and frame.pixel_size else None

    def _spacing(self, picks: Picks) -> float:
        """The project's minimum distance in micrograph pixels; 0 when it is not known."""
        return self.project.settings.spacing / picks.frame.pixel_size if picks.frame.pixel_size else 0.0

    def _framed(self, name: str, picks: Picks) -> Picks:
        """Picks in the frame of the micrograph itself, once it was read."""
        known = self._frames.get(name)
        if known is None or (picks.frame.shape, picks.frame.pixel_size) == (known.shape, known.pixel_size):
            return picks
        return replace(picks, frame=replace(picks.frame, shape=known.shape, pixel_size=known.pixel_size))


def _same(one: Picks, other: Picks) -> bool:
    """Whether two versions hold the same picks; files keep fewer decimals."""
    return (
        len(one) == len(other)
        and np.allclose(one.yx, other.yx, atol=0.01)
        and np.array_equal(one.label, other.label)
        and np.array_equal(one.source, other.source)
    )
