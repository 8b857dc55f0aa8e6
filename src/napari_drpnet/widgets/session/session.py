"""The project that one viewer has open, shared by all docks: where it is, what it shows, and every edit."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from napari.utils.notifications import show_warning
from psygnal import Signal
from qtpy.QtCore import QCoreApplication

from napari_drpnet.data import Frame, MaskArray, Micrograph, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.project.project import Project
from napari_drpnet.labels import inside_region, labels_of, proposals_of, with_labels
from napari_drpnet.layers import LayerTuple, image_layer
from napari_drpnet.regions import coarse_shape
from napari_drpnet.widgets.session.autosave import Autosave
from napari_drpnet.widgets.session.canvas import Canvas
from napari_drpnet.widgets.session.history import History
from napari_drpnet.widgets.session.readahead import Reader

if TYPE_CHECKING:
    from napari.layers import Image, Labels, Points
    from napari.viewer import Viewer

KEPT = 64  # picks of so many micrographs that are on disk as well
UNREADABLE = (1024, 1024)  # drawn in place of a micrograph that cannot be read

_SESSIONS: WeakKeyDictionary[Any, Session] = WeakKeyDictionary()


class Session:
    """One project in one viewer. Every dock reads and changes picks through it; only the main thread may.

    Attributes
    ----------
    project
        None while none is open.
    current
        Name of the micrograph on screen; empty when there is none.
    sequence
        Names that `next` and `previous` go through; empty for all, in the project's order.
    shared
        Whether a job writes picks as well: labels that are not saved yet go among its picks, not over them.
    smooth
        Whether micrographs are shown smoothed as well, where the particle's diameter is known; see `show_smoothed`.
    trouble
        Why the current micrograph cannot be shown; empty when it is.
    """

    opened = Signal()  # a project was opened or closed
    moved = Signal(str)  # another micrograph is current
    edited = Signal(str)  # the picks, regions or state of this micrograph changed
    configured = Signal()  # the project's settings changed
    saving = Signal(str)  # `unsaved` changed
    layered = Signal()  # the layers are new

    @classmethod
    def of(cls, viewer: Viewer) -> Session:
        """The session of a viewer, made when it is first asked for."""
        viewer = getattr(viewer, "__wrapped__", viewer)  # a form is given a proxy, each form its own
        if viewer not in _SESSIONS:
            _SESSIONS[viewer] = cls(viewer)
        return _SESSIONS[viewer]

    def __init__(self, viewer: Viewer) -> None:
        self.project: Project | None = None
        self.current = ""
        self.sequence: Sequence[str] = ()
        self.shared = False
        self.smooth = True
        self.trouble = ""
        self._canvas = Canvas(viewer)
        self._canvas.edited.connect(self._take_edit)
        self._canvas.painted.connect(self._take_regions)
        self._canvas.made.connect(self.layered.emit)
        self._autosave = Autosave()
        self._autosave.changed.connect(self.saving.emit)
        self._reader: Reader | None = None
        self._frames: dict[str, Frame] = {}
        self._forget()
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.leave)

    def _forget(self) -> None:
        """Nothing is known of any micrograph."""
        self._unsaved: dict[str, Picks] = {}
        self._saved: OrderedDict[str, Picks] = OrderedDict()
        self._histories: defaultdict[str, History] = defaultdict(History)
        self._masks: dict[str, MaskArray | None] = {}
        self._damaged: dict[str, str] = {}
        self._given_up = False
        self._frames.clear()

    # ------------------------------------------------------------ the project

    def open(self, project: Project) -> None:
        """Show a project where it was left; one that is open already is closed."""
        self.close()
        if self.project is not None:
            project.close()
            return
        self.project = project
        self._reader = Reader(project)
        self.opened.emit()
        names = self.names
        if names:
            self.go(project.settings.current if project.settings.current in names else names[0])

    def close(self) -> None:
        """Save, let go of the project, and take its layers away.

        While edits cannot be saved the project stays open, until somebody asks a second time.
        """
        if self.project is None:
            return
        self.flush()
        if self.unsaved and not self._given_up:
            self._given_up = True
            show_warning(f"{self.unsaved} The project stays open with your edits. Close it again to give them up.")
            return
        self._canvas.remove()
        self.leave()
        self.opened.emit()

    def leave(self) -> None:
        """Save, and let go of the project without a word: the window is gone."""
        if self.project is None or self._reader is None:
            return
        self.flush()
        self._autosave.drop()
        self._reader.close()
        self.project.close()
        self.project, self._reader, self.current, self.trouble, self.sequence = None, None, "", "", ()
        self._forget()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all micrographs, in the project's order."""
        return () if self.project is None else tuple(entry.name for entry in self.project.micrographs)

    @property
    def read_only(self) -> str:
        """Why nothing can be changed; empty when it can."""
        return "No project is open." if self.project is None else self.project.read_only

    def configure(self, **settings: Any) -> None:
        """Change settings of the project; raises as `Project.update` does."""
        if self.project is None or all(getattr(self.project.settings, key) == value for key, value in settings.items()):
            return
        before = self.project.settings
        self.flush()
        self.project.update(**settings)
        after = self.project.settings
        if after.pixel_size != before.pixel_size:
            self._frames.clear()
            self._saved.clear()
        if self.current and (after.pixel_size, after.diameter) != (before.pixel_size, before.diameter):
            self._show()
        self.configured.emit()

    # ------------------------------------------------------------ going through it

    @property
    def viewer(self) -> Viewer | None:
        """The viewer, None when it is gone."""
        return self._canvas.viewer

    @property
    def image(self) -> Image | None:
        """The layer with the current micrograph; None while there is none in the viewer."""
        return self._canvas.image

    @property
    def points(self) -> Points | None:
        """The layer with its picks and labels; None while there is none in the viewer."""
        return self._canvas.points

    @property
    def regions(self) -> Labels | None:
        """The layer with its contaminated regions; None while there is none in the viewer."""
        return self._canvas.regions

    def go(self, name: str) -> None:
        """Show another micrograph; what was changed on this one is saved. Layers that were deleted come back."""
        if self.project is None or (name == self.current and self._canvas.complete):
            return
        step = self._position(name) - self._position(self.current)
        self.flush()
        if name in self._damaged:
            self._saved.pop(name, None)  # it may have been repaired
        moved, self.current = name != self.current, name
        self._masks = {known: mask for known, mask in self._masks.items() if self._autosave.waits(("region", known))}
        self._show()
        if not self.project.read_only:
            self._autosave.later("current", self._write_place)
        if moved:
            self.moved.emit(name)
        self._read_ahead(-1 if step == -1 else 1)

    def next(self) -> None:
        """Go to the next micrograph."""
        self._step(1)

    def previous(self) -> None:
        """Go to the micrograph before."""
        self._step(-1)

    def show(self, name: str, yx: npt.ArrayLike) -> None:
        """Go to a micrograph and centre the view on a place in its pixels, (y, x)."""
        self.go(name)
        if self.current == name:
            place = [float(at) for at in np.asarray(yx, dtype=float).reshape(2)]
            self._canvas.look_at(place, self._frame(name).pixel_size)

    def micrograph(self, name: str) -> Micrograph:
        """One micrograph with the project's pixel size; may be called in any thread.

        Raises
        ------
        UserError
            When it cannot be read, or no project is open.
        """
        reader = self._reader
        if reader is None:
            raise UserError("No project is open.", "Open one in the Micrographs dock.")
        return reader.micrograph(name)

    def _position(self, name: str) -> int:
        """Place in the sequence; -1 for one that is not in it."""
        names = self.sequence or self.names
        return names.index(name) if name in names else -1

    def _neighbour(self, step: int) -> str:
        """The name that comes so many after the current one; empty at the end."""
        names, here = self.sequence or self.names, self._position(self.current)
        index = here + step if here >= 0 else 0
        return names[index] if 0 <= index < len(names) else ""

    def _step(self, step: int) -> None:
        name = self._neighbour(step)
        if name:
            self.go(name)

    def _read_ahead(self, step: int) -> None:
        name = self._neighbour(step)
        if name and self._reader is not None:
            self._reader.ahead(name, self._eye)

    # ------------------------------------------------------------ picks

    def picks(self, name: str) -> Picks:
        """The picks of a micrograph as they are now, saved or not; labels of both kinds are among them."""
        if self.project is None:
            raise UserError("No project is open.", "Open one in the Micrographs dock.")
        store = self._unsaved if name in self._unsaved else self._saved
        if name not in store:
            self._keep(name, self._read_picks(name))
        store[name] = self._framed(name, store[name])
        return store[name]

    def _read_picks(self, name: str) -> Picks:
        """The picks on disk; none where a file is damaged, which is then left as it is."""
        assert self.project is not None
        self._damaged.pop(name, None)
        try:
            return self.project.read_picks(name)
        except UserError as error:
            self._damaged[name] = str(error)
            entry = self.project.entry(name)
            return Picks(Frame(entry.path.name, pixel_size=entry.pixel_size), np.empty((0, 2)))

    def change(self, name: str, picks: Picks, step: bool = True) -> None:
        """Set the picks of a micrograph; they are on disk within a moment.

        Parameters
        ----------
        name
            Of the micrograph.
        picks
            All of its picks and labels.
        step
            Whether undo comes back to the picks as they were before.

        Raises
        ------
        UserError
            When the project can only be read, or the micrograph's file of picks is damaged.
        """
        if self.read_only:
            raise UserError(f"Nothing can be changed: {self.read_only}.", "Open the project again when that has ended.")
        before = self.picks(name)
        if name in self._damaged:
            raise UserError(self._damaged[name], "Then go to another micrograph and back.")
        if step:
            self._histories[name].note(before)
        self._put(name, picks)

    def undo(self) -> None:
        """Take back the last step on the current micrograph."""
        if self.current and not self.read_only:
            self._put_if(self._histories[self.current].undo(self.picks(self.current)))

    def redo(self) -> None:
        """Do again what undo took back."""
        if self.current and not self.read_only:
            self._put_if(self._histories[self.current].redo(self.picks(self.current)))

    def reload(self, names: Sequence[str] | None = None) -> None:
        """Read picks again that a job wrote to the project; of all micrographs by default. Unsaved edits stay."""
        self.flush()
        for name in [name for name in self._saved if names is None or name in names]:
            before = self._saved.pop(name)
            if _same(before, self.picks(name)):
                self._saved[name] = before
            else:
                self._histories[name].note(before)
        if self.current and (names is None or self.current in names):
            self._show_picks()
        for name in self.names if names is None else names:
            self.edited.emit(name)

    def mark_done(self, name: str, done: bool = True) -> None:
        """Mark a micrograph as finished, or as not finished."""
        if self.project is None or self.read_only:
            return
        project = self.project
        self._autosave.later(("done", name), lambda: project.mark_done(name, done))
        self.flush()
        self.edited.emit(name)

    def region(self, name: str) -> MaskArray | None:
        """The contaminated regions of a micrograph, ``(h, w)`` in coarse pixels; None when there are none."""
        if self.project is None:
            return None
        if name not in self._masks:
            try:
                self._masks[name] = self.project.read_region(name)
            except UserError as error:
                show_warning(str(error))
                self._masks[name] = None
        return self._masks[name]

    @property
    def unsaved(self) -> str:
        """Why edits are not on disk at the moment; empty when all is well."""
        return self._autosave.reason

    def flush(self) -> None:
        """Write what waits to be written."""
        self._canvas.settle()
        self._autosave.flush()

    def _put_if(self, picks: Picks | None) -> None:
        if picks is not None:
            self._put(self.current, picks)

    def _put(self, name: str, picks: Picks) -> None:
        self._unsaved[name] = picks
        self._autosave.later(("picks", name), lambda: self._write_picks(name))
        if name == self.current:
            self._show_picks()
        self.edited.emit(name)

    def _write_picks(self, name: str) -> None:
        project, picks = self.project, self._unsaved[name]
        assert project is not None
        with project.alone():
            if self.shared:
                picks = with_labels(proposals_of(project.read_picks(name)), labels_of(picks), self._spacing(picks))
            project.write_picks(name, picks)
        self._keep(name, picks)
        del self._unsaved[name]

    def _write_place(self) -> None:
        if self.project is not None and self.project.settings.current != self.current:
            self.project.update(current=self.current)

    def _spacing(self, picks: Picks) -> float:
        """The project's minimum distance in micrograph pixels; 0 when it is not known."""
        spacing = 0.0 if self.project is None else self.project.settings.spacing
        return spacing / picks.frame.pixel_size if picks.frame.pixel_size else 0.0

    def _keep(self, name: str, picks: Picks) -> None:
        self._saved[name] = picks
        while len(self._saved) > KEPT:
            self._saved.popitem(last=False)

    # ------------------------------------------------------------ what is on screen

    def _show(self) -> None:
        """The current micrograph in the layers."""
        assert self._reader is not None
        name, self.trouble = self.current, ""
        try:
            made = self._reader.layer(name)
        except UserError as error:
            self.trouble = str(error)
            show_warning(self.trouble)
            frame = replace(self._frame(name), shape=self._frame(name).shape or UNREADABLE)
            made = image_layer(np.zeros(frame.shape or UNREADABLE, np.float32), frame, name=name)
        else:
            self._frames[name] = made[1]["metadata"]["frame"].unbinned
        smoothed = self._smoothed()
        if smoothed is None:
            self._canvas.show_smoothed(None)  # first, since napari warns of layers in different units
        self._canvas.show_image(made)
        self._canvas.show_smoothed(smoothed)
        frame = self._frame(name)
        mask = self.region(name)
        self._canvas.show_regions(
            np.zeros(coarse_shape(frame.shape or UNREADABLE), bool) if mask is None else mask, frame
        )
        if self.regions is not None:
            self.regions.editable = not self.read_only
        self._show_picks()

    def show_smoothed(self, smooth: bool) -> None:
        """Show micrographs smoothed for the eye, or only as they are; pickers see them as they are in any case."""
        self.smooth = smooth
        if self.current:
            self._canvas.show_smoothed(self._smoothed())

    @property
    def _eye(self) -> float | None:
        """The diameter to smooth for, in Angstrom; None where micrographs are not smoothed."""
        return self.project.settings.diameter if self.project is not None and self.smooth else None

    def _smoothed(self) -> LayerTuple | None:
        """The current micrograph for the eye, where it can be made: its pixel size is known, and the diameter fits."""
        diameter = self._eye
        if diameter and self._reader is not None and not self.trouble and self._frame(self.current).pixel_size:
            with suppress(UserError):
                return self._reader.smoothed(self.current, diameter)
        return None

    def _show_picks(self) -> None:
        picks = self.picks(self.current)
        damaged = self._damaged.get(self.current, "")
        if damaged and damaged not in self.trouble:
            self.trouble = f"{self.trouble} {damaged}".strip()
            show_warning(damaged)
        editable = not (self.read_only or damaged)
        self._canvas.show_picks(picks, self._shown(picks), self._diameter(picks.frame), editable)

    def _shown(self, picks: Picks) -> MaskArray:
        """All but what lies in a contaminated region."""
        mask = self.region(self.current)
        if mask is None or picks.frame.shape is None:
            return np.ones(len(picks), dtype=bool)
        return ~inside_region(picks, mask)

    def _diameter(self, frame: Frame) -> float | None:
        """The project's diameter in micrograph pixels; None when it is not known."""
        diameter = None if self.project is None else self.project.settings.diameter
        return diameter / frame.pixel_size if diameter and frame.pixel_size else None

    def _frame(self, name: str) -> Frame:
        """What is known of where a micrograph stands."""
        return self._frames.get(name) or self.picks(name).frame

    def _framed(self, name: str, picks: Picks) -> Picks:
        """Picks in the frame of the micrograph itself, once it was read."""
        known = self._frames.get(name)
        if known is None or (picks.frame.shape, picks.frame.pixel_size) == (known.shape, known.pixel_size):
            return picks
        return replace(picks, frame=replace(picks.frame, shape=known.shape, pixel_size=known.pixel_size))

    # ------------------------------------------------------------ what a person does in the layers

    def _take_edit(self, picks: Picks) -> None:
        if self.read_only:
            self._show_picks()
        else:
            self.change(self.current, picks)

    def _take_regions(self, mask: MaskArray) -> None:
        name, project = self.current, self.project
        if project is None or self.read_only:
            return
        self._masks[name] = mask if mask.any() else None
        self._autosave.later(("region", name), lambda: project.write_region(name, self._masks[name]))
        self._show_picks()
        self.edited.emit(name)


def _same(one: Picks, other: Picks) -> bool:
    """Whether two versions hold the same picks; files keep fewer decimals."""
    return (
        len(one) == len(other)
        and np.allclose(one.yx, other.yx, atol=0.01)
        and np.array_equal(one.label, other.label)
        and np.array_equal(one.source, other.source)
    )
