"""The project that one viewer has open, shared by all docks: where it is, what it shows, and every edit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from napari.utils.notifications import show_info, show_warning
from psygnal import Signal
from qtpy.QtCore import QCoreApplication, QTimer

from napari_drpnet.data import Frame, MaskArray, Micrograph, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.project.candidates import Measured
from napari_drpnet.io.project.project import Project
from napari_drpnet.widgets.kit.binding import warn_of_binding
from napari_drpnet.widgets.kit.context import guard_context
from napari_drpnet.widgets.session.autosave import Autosave
from napari_drpnet.widgets.session.handful import Handful
from napari_drpnet.widgets.session.route import Route
from napari_drpnet.widgets.session.sight import Sight
from napari_drpnet.widgets.session.slices import Slices
from napari_drpnet.widgets.session.store import PickStore
from napari_drpnet.widgets.session.threshold import ProjectThreshold

if TYPE_CHECKING:
    from napari.viewer import Viewer

T = TypeVar("T")

_SESSIONS: WeakKeyDictionary[Any, Session] = WeakKeyDictionary()


class Session(Sight):
    """One project in one viewer. Every dock reads and changes picks through it; only the main thread may.

    Picks are kept in a `PickStore`, shown by a `Screen`, and gone through along a `Route`.

    Attributes
    ----------
    threshold
        The threshold of the project, the same for all its micrographs.
    slices
        What changes many micrographs: it is finished before anything is saved or another project opened.
    """

    opened = Signal()  # a project was opened or closed
    moved = Signal(str)  # another micrograph is current
    edited = Signal(str)  # the picks, regions or state of this micrograph changed
    configured = Signal()  # the project's settings changed
    saving = Signal(str, str)  # `unsaved` changed: what it is, and what it was
    layered = Signal()  # the layers are new
    gathered = Signal()  # a `handful` of particles is to be looked at

    @classmethod
    def of(cls, viewer: Viewer) -> Session:
        """The session of a viewer, made when it is first asked for."""
        viewer = getattr(viewer, "__wrapped__", viewer)  # a form is given a proxy, each form its own
        if viewer not in _SESSIONS:
            warn_of_binding()
            _SESSIONS[viewer] = cls(viewer)
        return _SESSIONS[viewer]

    def __init__(self, viewer: Viewer) -> None:
        super().__init__(viewer)
        guard_context(viewer)
        self._store: PickStore | None = None
        self._route = Route(tuple)
        self._given_up = False
        self._handful: Handful | None = None
        self._canvas.edited.connect(self._take_edit)
        self._canvas.painted.connect(self._take_regions)
        self._canvas.made.connect(self.layered.emit)
        self._sharing = 0
        self.slices = Slices()
        self.threshold = ProjectThreshold(self)
        self._autosave = Autosave(QTimer())
        self._autosave.changed.connect(_tell_saving)
        self._autosave.changed.connect(self.saving.emit)
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.leave)

    # ------------------------------------------------------------ the project

    @property
    def project(self) -> Project | None:
        """The project; None while none is open."""
        return None if self._store is None else self._store.project

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all micrographs, in the project's order."""
        return () if self._store is None else self._store.names

    @property
    def read_only(self) -> str:
        """Why nothing can be changed; empty when it can."""
        return "No project is open." if self.project is None else self.project.read_only

    def open(self, project: Project) -> None:
        """Show a project where it was left; one that is open already is closed."""
        self.close()
        if self.project is not None:
            project.close()
            return
        self._store = store = PickStore(project, self._autosave)
        store.warned.connect(show_warning)
        self._begin_to_show(store)
        self._route, self._sharing = Route(lambda: store.names), 0
        self.threshold.reset()
        self.opened.emit()
        here = project.settings.current
        self.go(here if here in self.names else self._route.neighbour(1))

    def close(self) -> None:
        """Save, let go of the project, and take its layers away.

        While edits cannot be saved the project stays open, until somebody asks a second time.
        """
        if self.project is None:
            return
        self.threshold.leave()
        self.flush()
        if self.unsaved and not self._given_up:
            self._given_up = True
            show_warning(f"{self.unsaved} The project stays open with your edits. Close it again to give them up.")
            self.threshold.reset()
            return
        self._clear()
        self.leave()
        self.opened.emit()

    def leave(self) -> None:
        """Save, and let go of the project without a word: the window is gone."""
        if self._store is None or self._screen is None:
            return
        self.threshold.leave()
        self.flush()
        self._autosave.drop()
        self._screen.reader.close()
        self._store.project.close()
        self._store = self._screen = self._handful = None
        self._route, self._given_up = Route(tuple), False

    def configure(self, **settings: Any) -> None:
        """Change settings of the project; raises as `Project.update` does."""
        store = self._store
        if store is None or all(getattr(store.project.settings, key) == value for key, value in settings.items()):
            return
        before = store.project.settings
        self.flush()
        store.project.update(**settings)
        after = store.project.settings
        if after.pixel_size != before.pixel_size:
            store.forget_frames()
        if (after.pixel_size, after.diameter) != (before.pixel_size, before.diameter):
            self._show(self.current)
        if after.threshold != before.threshold:
            store.settle_threshold()
        self.threshold.follow()
        self.configured.emit()

    # ------------------------------------------------------------ going through it

    @property
    def current(self) -> str:
        """Name of the micrograph on screen; empty when there is none."""
        return self._route.current

    def follow(self, names: Sequence[str]) -> None:
        """Let `next` and `previous` go through these; empty for all, in the project's order."""
        self._route.sequence = names

    def go(self, name: str) -> None:
        """Show another micrograph; what was changed on this one is saved. Layers that were deleted come back."""
        if self._store is None or not name or (name == self.current and self._canvas.complete):
            return
        self.flush()
        self._store.look_again(name)
        moved, step = name != self.current, self._route.go(name)
        self._show(self.current)
        if not self.read_only:
            self._autosave.later("current", self._write_place)
        if moved:
            self.moved.emit(name)
        ahead = self._route.neighbour(-1 if step == -1 else 1)
        if ahead and self._screen is not None:
            self._screen.prepare(ahead)

    def next(self) -> None:
        """Go to the next micrograph."""
        self.go(self._route.neighbour(1))

    def previous(self) -> None:
        """Go to the micrograph before."""
        self.go(self._route.neighbour(-1))

    def show(self, name: str, yx: npt.ArrayLike) -> None:
        """Go to a micrograph and centre the view on a place in its pixels, (y, x)."""
        self.go(name)
        if self.current == name and self._store is not None:
            place = [float(at) for at in np.asarray(yx, dtype=float).reshape(2)]
            self._canvas.look_at(place, self._store.frame(name).pixel_size)

    def micrograph(self, name: str) -> Micrograph:
        """One micrograph with the project's pixel size; may be called in any thread.

        Raises
        ------
        UserError
            When it cannot be read, or no project is open.
        """
        return _opened(self._screen).reader.micrograph(name)

    @property
    def handful(self) -> Handful | None:
        """The particles that are to be looked at together; None where nobody asked for any."""
        return self._handful

    def gather(self, handful: Handful) -> None:
        """Have some particles shown side by side."""
        if self._store is not None:
            self._handful = handful
            self.gathered.emit()

    def _write_place(self) -> None:
        if self.project is not None and self.project.settings.current != self.current:
            self.project.update(current=self.current)

    # ------------------------------------------------------------ picks

    def picks(self, name: str) -> Picks:
        """The picks of a micrograph as they are now, saved or not; labels of both kinds are among them."""
        return _opened(self._store).picks(name)

    def change(
        self, name: str, picks: Picks, step: bool = True, at: float | None = None, measured: Measured | None = None
    ) -> None:
        """Set all picks and labels of a micrograph; they are on disk within a moment. See `PickStore.change`."""
        _opened(self._store).change(name, picks, step, at, measured)
        self._tell_edited(name)

    def measured(self, name: str) -> Measured | None:
        """What a picker measured on a micrograph, with what edits have made of it; None where nothing is known."""
        return None if self._store is None else self._store.measured(name)

    def seen(self, name: str) -> MaskArray:
        """``(n,)`` which picks of a micrograph no region hides."""
        return _opened(self._store).shown(name)

    def undo(self) -> None:
        """Take back the last step on the current micrograph."""
        if self._store is not None and self.current and self._store.undo(self.current):
            self._tell_edited(self.current)

    def redo(self) -> None:
        """Do again what undo took back."""
        if self._store is not None and self.current and self._store.redo(self.current):
            self._tell_edited(self.current)

    def reload(self, names: Sequence[str] | None = None) -> None:
        """Read picks again that a job wrote to the project; of all micrographs by default. Unsaved edits stay."""
        if self._store is None:
            return
        self.flush()
        self._store.reload(names)
        names = self.names if names is None else names
        if self.current in names:
            self._show_picks(self.current)
        for name in names:
            self.edited.emit(name)

    def mark_done(self, name: str, done: bool = True) -> None:
        """Mark a micrograph as finished, or as not finished."""
        if self._store is None or self.read_only:
            return
        self._store.mark_done(name, done)
        self.flush()
        self.edited.emit(name)

    def diameter(self, frame: Frame) -> float | None:
        """The project's diameter in pixels of a micrograph; None when it is not known."""
        return None if self._store is None else self._store.diameter(frame)

    def region(self, name: str) -> MaskArray | None:
        """The contaminated regions of a micrograph, ``(h, w)`` in coarse pixels; None when there are none."""
        return None if self._store is None else self._store.region(name)

    def share(self, shared: bool) -> None:
        """Tell whether a job writes picks as well: labels that are not saved yet go among its, not over them."""
        self._sharing = max(0, self._sharing + (1 if shared else -1))
        if self._store is not None:
            self._store.shared = self._sharing > 0

    @property
    def shared(self) -> bool:
        """Whether a job writes picks as well."""
        return self._store is not None and self._store.shared

    @property
    def unsaved(self) -> str:
        """Why edits are not on disk at the moment; empty when all is well."""
        return self._autosave.reason

    def flush(self) -> None:
        """Write what waits to be written."""
        self.slices.finish()
        self._canvas.settle()
        self._autosave.flush()

    def _tell_edited(self, name: str) -> None:
        if name == self.current:
            self._show_picks(self.current)
        self.edited.emit(name)

    # ------------------------------------------------------------ what a person changed in the layers

    def _take_edit(self, picks: Picks) -> None:
        """A person changed points in the layer."""
        if self.read_only:
            self._show_picks(self.current)
        else:
            self.change(self.current, picks)

    def _take_regions(self, mask: MaskArray) -> None:
        """A person painted regions in the layer."""
        if self._store is not None and not self.read_only:
            self._store.paint(self.current, mask)
            self._tell_edited(self.current)


def _opened(part: T | None) -> T:
    if part is None:
        raise UserError("No project is open.", "Open one in the Micrographs dock.")
    return part


def _tell_saving(reason: str, before: str) -> None:
    if not before:
        show_warning(f"{reason} Your edits are kept in memory and saved as soon as that works.")
    if not reason:
        show_info("Your edits are saved again.")
