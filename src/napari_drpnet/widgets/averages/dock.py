"""Dock widget: class averages of picks, beside them; classes are accepted and rejected with one key."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari.utils.notifications import show_error

from napari_drpnet import jobs
from napari_drpnet.errors import UserError
from napari_drpnet.jobs import Progress, Source
from napari_drpnet.widgets.averages.asked import AskedForm
from napari_drpnet.widgets.averages.files import Files
from napari_drpnet.widgets.averages.form import HINT
from napari_drpnet.widgets.averages.grid import AveragesGrid
from napari_drpnet.widgets.averages.model import ClassList
from napari_drpnet.widgets.averages.run import Better, Found, steps
from napari_drpnet.widgets.averages.target import ProjectTarget, Target
from napari_drpnet.widgets.averages.tour import Tour
from napari_drpnet.widgets.averages.verdicts import Verdict, Verdicts
from napari_drpnet.widgets.kit.help import about
from napari_drpnet.widgets.kit.parts import timer
from napari_drpnet.widgets.kit.removal import Removal
from napari_drpnet.widgets.kit.subscriptions import Subscriptions

if TYPE_CHECKING:
    from napari.viewer import Viewer

PLUGIN, GALLERY = "napari-drpnet", "Gallery"  # as napari's menu has them
_CANCELLED = "Cancelled; these averages are the last ones that were made."
_BETTER_COME = "Wait until the averages are finished, or cancel: then classes can be accepted and rejected."


class AveragesWidget(AskedForm):
    """Sort the picks into classes, look at their averages, and judge picks by the class."""

    def __init__(self, napari_viewer: Viewer) -> None:
        self.classes_shown = ClassList()
        self.target: Target | None = None
        self._asked: Target | None = None  # of the run under way
        self._source: Source | None = None
        super().__init__(napari_viewer, AveragesGrid(self.classes_shown), self.run)
        self.tour = Tour(self.session)
        self._files = Files(self.session)
        self.grid.hint = HINT
        self._soon = timer(self._select_again, parent=self)
        self._connect()
        self._follow_project()
        self.offer_layers()
        self._allow()

    def _connect(self) -> None:
        session, events = self.session, self._viewer.layers.events
        self._heard = Subscriptions(
            (session.opened, self._follow_project),
            (session.configured, self._follow_settings),
            (session.moved, self._note_move),
            (session.edited, self._note_edit),
            (session.layered, self.tour.bind),
            (events.inserted, lambda _: self.offer_layers()),
            (events.removed, lambda _: self.offer_layers()),
            (events.renamed, lambda _: self.offer_layers()),
        )
        self.job.ended.connect(self._end)
        grid = self.grid
        grid.chosen.connect(self._follow_choice)
        grid.opened.connect(self.look_through)
        grid.marked.connect(self.judge)
        grid.undone.connect(self.take_back)
        grid.redone.connect(self.redo)
        grid.stepped.connect(self.step)
        self.tour.stepped, self.tour.left = self.step, partial(grid.select_all, False)
        self.accept.clicked.connect(lambda: self.judge("accepted"))
        self.reject.clicked.connect(lambda: self.judge("rejected"))
        self.templates.clicked.connect(self.use_as_templates)
        self.save.clicked.connect(self.save_all)
        self._files.said.connect(lambda text: self.said.setText(text))
        about(self, "Averages")
        self._removal = Removal(self, self._release)

    def _follow_project(self) -> None:
        """A project was opened or closed."""
        self.job.cancel()
        self.offer(self.session.project is not None)
        if isinstance(self.target, ProjectTarget):
            self._forget()
        self._follow_where()

    # ------------------------------------------------------------ the run

    def run(self) -> None:
        """Start with the values of the form."""
        with self.job.saying():
            order, self._asked = self.asked()
            self.said.setText("")
            self.job.run(steps, order, done=self._finish, step=self._improve)
            self._allow()

    def _improve(self, progress: Progress) -> None:
        """The averages so far."""
        if isinstance(progress, Better) and progress.found is not None:
            self._show(progress.found, pending=True)

    def _finish(self, found: Found) -> None:
        if self._asked is not None:
            self.take(found, self._asked)

    def take(self, found: Found, target: Target) -> None:
        """Show averages that are finished, whose picks are in ``target``."""
        self._asked = target
        self._show(found, pending=False)
        self._open_for_verdicts()
        averages = found.averages
        failed = [f"Left out: {why if name in why else f'{name}: {why}'}" for name, why in averages.failed[:5]]
        self.told.setText(" ".join([jobs.evidence_in_words(averages), *averages.notes, *failed]))

    def _show(self, found: Found, pending: bool) -> None:
        """Show averages; those of another run take the place of what was there, with what belongs to it."""
        if self.target is not self._asked:
            self.target = self._asked
            self.classes_shown.verdicts = None
        self._source = found.source
        self.classes_shown.take(found.averages, pending)
        if pending:
            self.told.setText(
                "Rough averages; better ones follow, and the evidence (how far they are proved) is measured last."
            )
        self.grid.renew()
        self._follow_choice()
        self._allow()

    def _end(self) -> None:
        """The run is over; where it was cancelled, what there was last stays."""
        classes = self.classes_shown
        if classes.averages is not None and classes.verdicts is None:
            self._open_for_verdicts()
            classes.pending = False
            self.told.setText("Evidence is not measured: the run ended before.")
            if self.job.status.value == "Cancelled.":
                self.job.say(_CANCELLED)
            self.grid.redraw()
        self._allow()

    def _open_for_verdicts(self) -> None:
        """No better averages come: classes can be judged."""
        averages, target = self.classes_shown.averages, self.target
        if averages is not None and target is not None:
            self.classes_shown.verdicts = verdicts = Verdicts(target, averages, self.session.slices.add)
            verdicts.changed.connect(self._show_verdicts)
            verdicts.failed.connect(show_error)
            verdicts.told.connect(lambda text: self.said.setText(text))
        self._allow()

    def _forget(self) -> None:
        """What was averaged is gone."""
        self.target = self._asked = self._source = None
        self.classes_shown.verdicts = None
        self.classes_shown.take(None)
        self.tour.begin(None, {})
        self.told.setText("")
        self.said.setText("")
        self.grid.renew()
        self._allow()

    def _allow(self) -> None:
        """What can be pressed."""
        classes = self.classes_shown
        judged = classes.verdicts is not None and not self.job.running
        for pressed in (self.accept, self.reject):
            pressed.setEnabled(judged and bool(classes.chosen))
        for pressed in (self.templates, self.save):
            pressed.setEnabled(len(classes) > 0 and not self.job.running)

    # ------------------------------------------------------------ the chosen classes

    def _follow_choice(self) -> None:
        """Select the picks of the chosen classes in the view."""
        classes = self.classes_shown
        chosen = classes.chosen
        diameter = classes.averages.diameter if classes.averages is not None else float("nan")
        self.tour.begin(self.target, classes.places(chosen) if chosen else {}, diameter)
        if chosen and classes.averages is not None:
            count = sum(classes.averages.classes[place].picks for place in chosen)
            named = ", ".join(str(place + 1) for place in chosen[:8]) + (" …" if len(chosen) > 8 else "")
            what = "Class" if len(chosen) == 1 else "Classes"
            self.said.setText(f"{what} {named}: {count:,} picks. N goes from one to the next, Esc lets go.")
        self._allow()

    def step(self, by: int) -> None:
        """Go to the next pick of the chosen classes, or to the one before."""
        self.said.setText(self.tour.step(by))

    def _note_move(self, name: str) -> None:
        self._soon.start()

    def _note_edit(self, name: str) -> None:
        """The picks of a micrograph of the project changed."""
        verdicts, target = self.classes_shown.verdicts, self.target
        if verdicts is not None and isinstance(target, ProjectTarget) and self.session.project is not None:
            verdicts.note(target.micrograph(name))
        self._soon.start()

    def _select_again(self) -> None:
        """Another micrograph is in view, or its picks are others."""
        if self.classes_shown.chosen:
            try:
                self.tour.select()
            except UserError as error:
                self.said.setText(error.plain)

    def look_through(self, place: int) -> None:
        """Show the members of a class side by side, in the Gallery."""
        averages, target = self.classes_shown.averages, self.target
        if averages is None or target is None:
            return
        told = target.gather(f"Class {place + 1} of the averages", averages, [place])
        if not told:
            dock, _ = self._viewer.window.add_plugin_dock_widget(PLUGIN, GALLERY, tabify=True)
            dock.show()
            dock.raise_()
        self.said.setText(told or f"The members of class {place + 1} are in the Gallery.")

    # ------------------------------------------------------------ verdicts

    def judge(self, verdict: Verdict) -> None:
        """Accept or reject the chosen classes."""
        verdicts = self.classes_shown.verdicts
        if verdicts is None or self.job.running:
            self.said.setText(_BETTER_COME if len(self.classes_shown) else "There are no averages yet: Run.")
            return
        fate = self.accepted.value if verdict == "accepted" else self.rejected.value
        self.said.setText(verdicts.give(self.classes_shown.chosen, verdict, fate))

    def take_back(self) -> None:
        """Undo the last verdict."""
        if self.classes_shown.verdicts is not None and not self.job.running:
            self.said.setText(self.classes_shown.verdicts.take_back())

    def redo(self) -> None:
        """Give the verdict again that was taken back."""
        if self.classes_shown.verdicts is not None and not self.job.running:
            self.said.setText(self.classes_shown.verdicts.redo())

    def _show_verdicts(self) -> None:
        self.grid.redraw()
        self._soon.start()

    # ------------------------------------------------------------ files

    def use_as_templates(self) -> None:
        """Write the chosen averages, else the accepted ones, else all, as templates."""
        classes = self.classes_shown
        if classes.averages is not None:
            which = classes.chosen or classes.judged("accepted") or list(range(len(classes)))
            self._files.write_templates(self, classes.averages, which, isinstance(self.target, ProjectTarget))

    def save_all(self) -> None:
        """Write averages and what RELION reads, a table and a picture to a folder that is asked for."""
        averages, source = self.classes_shown.averages, self._source
        if averages is not None and source is not None:
            self._files.write_all(self, averages, source, isinstance(self.target, ProjectTarget))

    # ------------------------------------------------------------ the end

    def _release(self, window: bool) -> None:
        """The dock is gone: leave the viewer as it would be without it."""
        self.job.leave(window)
        self._files.leave(window)
        self._soon.stop()
        self._heard.end()
        self.image.heard.end()
        self.tour.end(window)
