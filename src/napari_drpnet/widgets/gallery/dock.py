"""Dock widget: the particles of a micrograph, or of the whole data set, side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from napari.utils.notifications import show_error
from qtpy.QtWidgets import QMenu

from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError
from napari_drpnet.jobs import Progress
from napari_drpnet.jobs.browse import Gathered, Measured, Opener, gather, measure, opener, outside
from napari_drpnet.labels import LabelKind
from napari_drpnet.layers import STAND_IN_DIAMETER, STAND_IN_PIXELS
from napari_drpnet.widgets.gallery.catalogue import Catalogue
from napari_drpnet.widgets.gallery.form import EVERYWHERE, HERE, GalleryForm
from napari_drpnet.widgets.gallery.grid import Grid
from napari_drpnet.widgets.gallery.labelling import Labelling
from napari_drpnet.widgets.gallery.succession import Succession
from napari_drpnet.widgets.gallery.thumbnails import Thumbnails
from napari_drpnet.widgets.kit.help import about
from napari_drpnet.widgets.kit.parts import NO_PROJECT, timer
from napari_drpnet.widgets.kit.removal import Removal
from napari_drpnet.widgets.kit.subscriptions import Subscriptions
from napari_drpnet.widgets.session.handful import Handful
from napari_drpnet.widgets.session.session import Session

if TYPE_CHECKING:
    from napari.viewer import Viewer

NOTHING = "There are no picks here yet. Press Pick all in the Micrographs dock."
FILTERED = "No pick is of the kind that is chosen above."
_MANY = 64  # micrographs whose picks are not read while the window waits


class GalleryWidget(GalleryForm):
    """Thumbnails of particles, to be accepted and rejected by the dozen."""

    def __init__(self, napari_viewer: Viewer) -> None:
        self._session = Session.of(napari_viewer)
        self._measured_at: tuple[Any, ...] | None = None  # for which project, diameter and pixel size
        self._edited: set[str] = set()  # micrographs of which the disk may hold older picks
        self._pending: dict[str, None] = {}  # and those that are not up to date here
        self._unreadable: set[str] = set()
        self._labelling = Labelling(self._session)
        self.catalogue = Catalogue()
        self.thumbnails = Thumbnails()
        super().__init__(Grid(self.catalogue, self.thumbnails), self.reload)
        self.grid.hint = NO_PROJECT
        self._jobs = Succession(self.job)
        self._soon = timer(self._update_soon, parent=self.grid)
        self._connect()
        self._look_at_handful()

    def _connect(self) -> None:
        self.scope.changed.connect(self.reload)
        for widget in (self.filter, self.order, self.backwards):
            widget.changed.connect(self._arrange)
        self.size.changed.connect(lambda size: setattr(self.grid, "size_of_one", size))
        self.accept.clicked.connect(lambda: self.mark("particle"))
        self.reject.clicked.connect(lambda: self.mark("background"))
        self.reject_rest.clicked.connect(self.reject_after)
        self.grid.opened.connect(self._go_to)
        self.grid.marked.connect(self.mark)
        self.grid.undone.connect(self.take_back)
        self._labelling.failed.connect(show_error)
        self._labelling.told.connect(self._show_done)
        self.grid.chosen.connect(self._tell_count)
        self.grid.customContextMenuRequested.connect(self._show_menu)
        session = self._session
        self._heard = Subscriptions(
            (session.opened, self._begin_anew),
            (session.moved, self._follow),
            (session.edited, self._note),
            (session.configured, self._follow_diameter),
            (session.gathered, self._look_at_handful),
        )
        about(self.native, "Gallery")
        self._removal = Removal(self.native, self._release)

    # ------------------------------------------------------------ what is shown

    def reload(self) -> None:
        """Begin anew with the picks of the chosen micrographs."""
        self._jobs.drop()
        self.catalogue.clear()
        self.thumbnails.retry()
        self._follow_diameter()
        session = self._session
        self.job.allow("" if session.project else NO_PROJECT)
        if session.project is not None and self.scope.value != HERE:
            self._read(self._names)
        elif session.current:
            self.catalogue.add(self._now([session.current]))
        self._arrange()

    @property
    def _handful(self) -> Handful | None:
        """The particles of which alone it is; None: of all."""
        return self._session.handful if self.scope.value not in (HERE, EVERYWHERE) else None

    @property
    def _names(self) -> Sequence[str]:
        """The micrographs that are looked through where it is not only the one on screen."""
        handful = self._handful
        return self._session.names if handful is None else handful.names

    def _look_at_handful(self) -> None:
        """Somebody wants some particles to be looked at."""
        handful = self._session.handful
        self.offer("" if handful is None else handful.title)
        self.reload()

    def _read(self, names: Sequence[str]) -> None:
        """Read picks from disk, in a thread."""
        session, project = self._session, self._session.project
        assert project is not None
        session.flush()
        if not session.unsaved:
            self._edited.clear()
        self._jobs.run(lambda: gather(project, names), self._take, self._end_job)

    def _take(self, step: Progress) -> None:
        """Some picks are read; those that a person changed meanwhile are newer in the session."""
        if not isinstance(step, Gathered) or step.found is None:
            return
        first, handful = not self.catalogue.names, self._handful
        found = step.found if handful is None else {n: handful.among(n, picks) for n, picks in step.found.items()}
        picks = {**found, **self._now([name for name in found if name in self._edited])}
        self._replace({name: new for name, new in picks.items() if self.catalogue.holds(name)})
        self.catalogue.add({name: new for name, new in picks.items() if not self.catalogue.holds(name)})
        if first:  # the rest is sorted in at the end: not at every step under the eye of who looks
            self._arrange()
        self._tell_count()

    def _end_job(self, failures: Sequence[str]) -> None:
        self._arrange(stay=True)
        if failures:
            self.job.say(f"Not read: {len(failures):,} micrographs. The first: {failures[0]}")

    def _arrange(self, event: Any = None, *, stay: bool = False) -> None:
        """Filter and sort as chosen; ``stay`` keeps in sight what is looked at."""
        before = self.catalogue.shown
        self.grid.hint = "Reading the picks" if self._jobs.at_work else self._nothing
        self.catalogue.arrange(self.filter.value, self.order.value, self.backwards.value)
        if stay and (self.catalogue.selected.any() or self.grid.first > 0):
            self.grid.renumbered(before, np.arange(len(self.catalogue)))
        else:
            self.grid.rearranged()
        self._measure()

    @property
    def _nothing(self) -> str:
        """Why there is nothing to be seen."""
        if self._session.project is None:
            return NO_PROJECT
        return FILTERED if len(self.catalogue) else NOTHING

    def _measure(self) -> None:
        """Find the standard deviations that the order needs and that are not known yet."""
        if self.order.value != "deviation" or self._jobs.at_work:
            return
        missing = self.catalogue.unmeasured()
        places = {name: yx for name, yx in missing.items() if name not in self._unreadable}
        if not places:
            return

        def take(step: Progress) -> None:
            if isinstance(step, Measured) and step.found is not None:
                for name, values in step.found.items():
                    self.catalogue.measured(name, places[name], values)

        def end(failures: Sequence[str]) -> None:
            self._unreadable.update(name for name in self.catalogue.unmeasured() if name in places)
            self._end_job(failures)

        open_one = self._opener()
        self._jobs.run(lambda: measure(open_one, places), take, end)

    def _opener(self) -> Opener:
        session = self._session
        assert session.project is not None
        return opener(session.project, lambda name: session.micrograph(name).image, STAND_IN_DIAMETER, STAND_IN_PIXELS)

    def _tell_count(self) -> None:
        catalogue = self.catalogue
        shown = catalogue.shown
        background = int(catalogue.background[shown].sum())
        particles = int((catalogue.by_hand & ~catalogue.background)[shown].sum())
        chosen = int(catalogue.selected.sum())
        self.summary.value = (
            f"{len(shown):,} of {len(catalogue):,} shown · labelled: {particles:,} as particle, {background:,} as "
            f"background · {chosen:,} selected"
        )
        for button in (self.accept, self.reject, self.reject_rest):
            button.enabled = chosen > 0

    # ------------------------------------------------------------ what the session does

    def _begin_anew(self) -> None:
        """Another project, or none."""
        self._labelling.forget()
        self._edited.clear()
        self._measured_at = None
        if self._session.project is None:
            self.thumbnails.use(None)
        self._look_at_handful()

    def _follow(self, name: str) -> None:
        """Another micrograph is on screen."""
        if self.scope.value == HERE and not (name and self.catalogue.holds(name)):
            self.reload()

    def _note(self, name: str) -> None:
        """The picks of a micrograph changed; of many at once after an action or a job, so they are seen to together."""
        self._edited.add(name)
        self._pending[name] = None
        self._soon.start()

    def _update_soon(self) -> None:
        """A job may have changed them all: many are read in a thread."""
        names = list(self._pending)
        if len(names) > _MANY and self.scope.value != HERE:
            self._pending.clear()
            wanted = set(self._names)
            self._read(self._names if self._jobs.at_work else [name for name in names if name in wanted])
        else:
            self._update()

    def _update(self) -> None:
        """Show the changed picks, in their places."""
        self._soon.stop()
        names = [name for name in self._pending if self.catalogue.holds(name)]
        self._pending.clear()
        self._replace(self._now(names))

    def _replace(self, found: Mapping[str, Picks]) -> None:
        for name, picks in found.items():
            before = self.catalogue.shown
            numbers = self.catalogue.replace(name, picks)
            if numbers is not None:
                self.grid.renumbered(before, numbers)
        self.grid.refresh()

    def _now(self, names: Sequence[str]) -> dict[str, Picks]:
        """The picks of some micrographs as they are now, of those that can be read; regions hide theirs."""
        found, handful = {}, self._handful
        for name in names:
            with self.job.saying():
                picks = outside(self._session.picks(name), self._session.region(name))
                found[name] = picks if handful is None else handful.among(name, picks)
        return found

    def _follow_diameter(self) -> None:
        """Thumbnails and standard deviations are of the project's particles."""
        project = self._session.project
        if project is None:
            return
        size = project.folder, project.settings.diameter, project.settings.pixel_size
        if size != self._measured_at:
            self._measured_at = size
            self._unreadable.clear()
            self.catalogue.deviations.clear()
            self.thumbnails.use(self._opener())
            self.grid.refresh()
            self._measure()

    # ------------------------------------------------------------ what a person does

    def _go_to(self, position: int) -> None:
        particle = self.catalogue.particle(position)
        try:
            self._session.show(particle.micrograph, (particle.y, particle.x))
        except UserError as error:
            show_error(error.plain)

    def mark(self, label: LabelKind) -> None:
        """Label what is selected: one step of undo for each micrograph."""
        self._mark(np.flatnonzero(self.catalogue.selected), label)

    def reject_after(self) -> None:
        """Label everything after the last selected one as background."""
        chosen = np.flatnonzero(self.catalogue.selected[self.catalogue.shown])
        if len(chosen):
            self._mark(self.catalogue.shown[chosen[-1] + 1 :], "background")

    def take_back(self) -> None:
        """Give the particles of the last action the labels that they had."""
        self._labelling.take_back()

    def _mark(self, numbers: npt.NDArray[np.int64], label: LabelKind) -> None:
        self._labelling.mark(self.catalogue.places_of(numbers), label)
        self._update()

    def _show_done(self, told: str) -> None:
        self._update()
        if told:
            self.job.say(told)

    def _show_menu(self, point: Any) -> None:
        position = self.grid.position_at(point)
        if position >= 0:
            menu = self.menu(position)
            menu.exec(self.grid.on_screen(point))
            menu.deleteLater()

    def menu(self, position: int) -> QMenu:
        """What can be done with the particle at a position, and with those before and after it."""
        shown, particle = self.catalogue.shown, self.catalogue.particle(position)
        menu = QMenu(self.grid)
        actions: list[tuple[str, Callable[[], object]]] = [
            ("Go to it", lambda: self._go_to(position)),
            ("Accept selected\tG", lambda: self.mark("particle")),
            ("Reject selected\tB", lambda: self.mark("background")),
            ("Reject everything after this one", lambda: self._mark(shown[position + 1 :], "background")),
            ("Reject this one and everything after it", lambda: self._mark(shown[position:], "background")),
            ("Accept everything before this one", lambda: self._mark(shown[:position], "particle")),
            (f"Select all of {particle.micrograph}", lambda: self._select_micrograph(particle.micrograph)),
        ]
        for text, act in actions:
            action = menu.addAction(text)
            assert action is not None
            action.triggered.connect(lambda _=False, act=act: act())
        return menu

    def _select_micrograph(self, name: str) -> None:
        self.catalogue.select_micrograph(name)
        self.grid.refresh()

    def _release(self, window: bool) -> None:
        """The dock is gone: read no more, listen no more."""
        self._jobs.drop()
        self._soon.stop()
        self.thumbnails.close()
        self.job.leave(window)
        self._heard.end()
