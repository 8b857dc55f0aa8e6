"""Dock widget: several pickers, layers and files on one micrograph, beside each other and against the truth."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_drpnet import jobs
from napari_drpnet.errors import UserError
from napari_drpnet.jobs.compare.pick_files import ReadFiles, Stranger, read_pick_files
from napari_drpnet.widgets.compare.form import NO_TRUTH, CompareForm
from napari_drpnet.widgets.compare.keys import BEFORE, LEAVE, NEXT, Keys
from napari_drpnet.widgets.compare.model import GRID, RESTED, CompareModel
from napari_drpnet.widgets.compare.run import Found, LoadedPickers, School, problems, run_pickers
from napari_drpnet.widgets.compare.sets import OfFile, OfLayer, OfPicker, PickSet
from napari_drpnet.widgets.kit.background import Background
from napari_drpnet.widgets.kit.eye import Eye
from napari_drpnet.widgets.kit.help import about
from napari_drpnet.widgets.kit.parts import timer
from napari_drpnet.widgets.kit.preferences import preference
from napari_drpnet.widgets.kit.removal import Removal
from napari_drpnet.widgets.kit.source import ChosenImage, picks_layers
from napari_drpnet.widgets.kit.subscriptions import Subscriptions
from napari_drpnet.widgets.session.session import Session

if TYPE_CHECKING:
    from napari.layers import Points, Shapes
    from napari.viewer import Viewer


class CompareWidget(CompareForm):
    """Run pickers, add layers and files, choose the truth, move the threshold."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer, self.run, self.average)
        self._viewer = napari_viewer
        self.session = Session.of(napari_viewer)
        self.model = CompareModel(napari_viewer, self)
        self._crew = LoadedPickers()
        self._found: list[Found] = []
        self.loading = Background()
        self._running_on: Any = None
        self._image: Any = None
        self._connect()
        self._follow_project()
        self._ask()
        self.loading.order(problems, self.pickers.tell)

    def _connect(self) -> None:
        self._looking = timer(self._look_again, RESTED, self)
        self.source.changed.connect(self._follow_image)
        self._heard = Subscriptions(
            (self.session.opened, self._follow_project),
            (self.session.configured, self._follow_settings),
            (self.session.moved, self._follow_move),
            (self._viewer.dims.events.current_step, self._follow_image),
            (self._viewer.layers.events.removed, self.model.drop_lost),
            (Eye.of(self._viewer).shown, self._show_cells),
        )
        self._watched = Subscriptions()
        for widget in (self.diameter, self.truth, self.consensus, self.at_least):
            widget.changed.connect(self._ask)
        self.diameter.changed.connect(self.eye.suit)
        self.pickers.changed.connect(self._check)
        self.job.ended.connect(self._end)
        self.median.clicked.connect(self._use_median)
        self.add.wanted.connect(lambda: self.add.offer(self._others()))
        self.add.layer.connect(self.add_points)
        self.add.files.connect(self.add_files)
        self.add.remove.clicked.connect(lambda: self.model.remove(self.model.chosen))
        self.sets.itemSelectionChanged.connect(self._choose)
        self.strangers.theirs.connect(self._take_strangers)
        self.sets.cellDoubleClicked.connect(lambda row, _: self.place.setText(self.model.go_on(self.model.sets[row])))
        step = {NEXT: 1, BEFORE: -1}
        actions = {key: partial(self._step, by) for key, by in step.items()}
        self._keys = Keys(self._viewer, self, {**actions, LEAVE: self.model.leave_place})
        self.pairs.cellDoubleClicked.connect(lambda row, _: self._go_to_pair(row))
        self.threshold.changed.connect(self._let_through)
        self.best.clicked.connect(self._use_best)
        self.suited.clicked.connect(lambda: self.model.suit(self.together.value))
        self.view.changed.connect(self._show)
        self.model.grid.ended.connect(lambda: setattr(self.view, "value", self.view.choices[0]))
        for signal in (self.model.changed, self.model.measured):
            signal.connect(lambda: self.fill(self.model))
        about(self, "Compare")
        self._removal = Removal(self, self._release)

    @property
    def busy(self) -> bool:
        """Whether something is under way, and the form may change by itself."""
        running = self.job.running or self.averages.job.running
        return running or self.model.busy or self.loading.busy or self._looking.isActive()

    # ------------------------------------------------------------ the micrograph

    def _follow_image(self, _: Any = None) -> None:
        """Perhaps another micrograph is shown, or this one is another image or has another pixel size."""
        layer = self.source.layer
        if layer is not self._image:
            self._watch(layer)
        try:
            source = self.source.source()
        except UserError:
            source = None
        if not self.model.shows(source):
            self.strangers.ask([])
            self.model.follow(source, layer)
        self._check()

    def _look_again(self) -> None:
        """Somebody changed the image, or points that are compared."""
        self._follow_image()
        self.model.look_again(*self.model.sets)

    def _watch(self, layer: Any) -> None:
        """Be told when the chosen image shows other data."""
        self._watched.end()
        self._image = layer
        if layer is not None:
            self._watched.connect(layer.events.data, self._look_soon)

    def _look_soon(self, _: Any = None) -> None:
        """Somebody changes the image, or points that are compared; look when that rests."""
        self._looking.start()

    def _follow_move(self, _: str = "") -> None:
        """The image and the points show another micrograph of the project."""
        self.source.refresh()
        self._look_again()

    def _follow_project(self) -> None:
        """A project was opened or closed."""
        self._follow_settings()
        self._follow_image()

    def _follow_settings(self) -> None:
        """The project knows its particle."""
        project = self.session.project
        if project is not None:
            self.invert.value = bool(project.settings.invert)
            if project.settings.diameter:
                self.diameter.value = project.settings.diameter

    # ------------------------------------------------------------ the run

    def run(self) -> None:
        """Run the pickers that are ticked."""
        source, names = self.source.source(), self.pickers.chosen
        settings = {
            "diameter": float(self.diameter.value),
            "invert": self.invert.value,
            "device": preference("device"),
            "memory": preference("memory"),
        }
        self._found, self._running_on = [], source
        self.failed.clear()
        self.failed.hide()
        steps = partial(
            run_pickers, self._crew, names, settings, source, self._school(source), self._found, self.measure.value
        )
        self.job.run(steps, done=lambda _: None, step=self._take_found)

    def _school(self, source: ChosenImage) -> School:
        """The data set: all micrographs of the project, or the one that is shown."""
        project = self.session.project
        if project is not None and self.source.layer is self.session.image:
            readers = [partial(self.session.micrograph, name) for name in self.session.names]
            return School(
                (project.folder, project.settings.pixel_size), readers, partial(jobs.project_judgement, project)
            )
        return School((*source.key, source.frame.pixel_size), [source.micrograph])

    def _take_found(self, _: Any = None) -> None:
        """Some pickers have ended: show what they found, or say why they failed."""
        while self._found:
            one = self._found.pop(0)
            if one.outcome is None:
                self.failed.setText(f"{self.failed.text()}\n{one.name}: {one.problem}".strip())
                self.failed.show()
                continue
            chosen, origin = self._set_of(one)
            origin.keep(self._running_on, one.outcome)
            self.model.look_again(chosen)

    def _end(self) -> None:
        """The run is over; where it was cancelled, picks stay as they are."""
        self._take_found()
        for chosen in self.model.sets:
            if chosen.outcome is not None and chosen.outcome.pending and isinstance(chosen.origin, OfPicker):
                chosen.origin.give_up(self._running_on)
                self.model.look_again(chosen)

    def _set_of(self, one: Found) -> tuple[PickSet, OfPicker]:
        """The set of a picker, a new one where it has none."""
        for chosen in self.model.sets:
            if isinstance(chosen.origin, OfPicker) and chosen.origin.name == one.name:
                return chosen, chosen.origin
        origin = OfPicker(one.name, one.finds_sizes)
        return self.model.add(one.name, origin), origin

    def average(self) -> None:
        """Average the picks of all sets."""
        with self.averages.job.saying():
            self.averages.run(self.source.source(), self.model.sets, float(self.diameter.value))

    # ------------------------------------------------------------ layers and files

    def _others(self) -> list[Points | Shapes]:
        """The layers of picks that are not compared yet."""
        known = [*self.model.layers.all, *(s.origin.layer for s in self.model.sets if isinstance(s.origin, OfLayer))]
        return [layer for layer in picks_layers(self._viewer) if layer not in known]

    def add_points(self, layer: Points | Shapes) -> None:
        """Compare the points of a layer; it is hidden, and its set follows what is changed in it."""
        with self.job.saying():
            source = self.source.source()
            origin = OfLayer(layer, source.key, self._look_soon)
            if origin.picks_on(source) is None:
                raise UserError(f"The points of {layer.name!r} are of another micrograph.")
            origin.claim()
            self.model.add(layer.name, origin)

    def add_files(self, paths: Sequence[Path]) -> None:
        """Compare the picks of files, those of the micrograph that is chosen."""
        if self.job.running:
            self.job.say("Wait until the run has ended, then add the files.")
            return
        with self.job.saying():
            frame = self.source.source().frame.unbinned
            self.job.run(read_pick_files, list(paths), frame, done=self._take_files)

    def _take_files(self, found: ReadFiles) -> None:
        for file in found.files:
            self.model.add(file.path.name, OfFile(file))
        self.strangers.ask(found.strangers)

    def _take_strangers(self, strangers: Sequence[Stranger]) -> None:
        """Somebody says that these picks are of the micrograph that is open."""
        with self.job.saying():
            frame = self.source.source().frame.unbinned
            for one in strangers:
                self.model.add(one.file.path.name, OfFile(one.file.given_to(frame)))

    # ------------------------------------------------------------ what is asked

    def _ask(self, _: Any = None) -> None:
        """The truth, the diameter or the consensus is another."""
        truth = None if self.truth.value in (None, NO_TRUTH) else str(self.truth.value)
        at_least = int(self.at_least.value) if self.consensus.value else 0
        self.model.ask(truth, float(self.diameter.value), at_least)
        self._check()

    def _choose(self) -> None:
        """A row of the table was chosen."""
        row = self.sets.currentRow()
        if 0 <= row < len(self.model.sets) and self.model.sets[row] is not self.model.chosen:
            self.model.choose(self.model.sets[row])
            self.fill(self.model)

    def _show(self, view: str) -> None:
        self.model.show(view)
        self.fill(self.model)

    def _show_cells(self) -> None:
        """The micrograph is filtered for the eye, in the cells as well."""
        if self.view.value == GRID:
            self.model.show(GRID)

    def _let_through(self, threshold: float) -> None:
        self.model.let_through(threshold, self.together.value)
        self.curves.show_lines(self.model.lines)

    def _use_best(self) -> None:
        best = self.model.best_threshold
        if best is not None:  # not by way of the slider, which rounds
            self.model.let_through(best)
            self.fill(self.model)

    def _use_median(self) -> None:
        found = self.model.own_sizes
        if found is not None:
            self.diameter.value = round(found[1])

    def _step(self, step: int) -> None:
        """A key goes to the next place where two sets differ, or to the one before."""
        self.place.setText(self.model.step(step))

    def _go_to_pair(self, row: int) -> None:
        """Two sets were double-clicked: see where they differ."""
        if self.model.figures is not None:
            pair = self.model.figures.pairs[row]
            first, second = self.model.named(pair.first), self.model.named(pair.second)
            if first is not None and second is not None:
                self.place.setText(self.model.go_on(first, second))

    def _check(self, _: Any = None) -> None:
        """Run is on when it can work."""
        self.job.check(self._require_sense)

    def _require_sense(self) -> None:
        frame = self.source.source().frame
        self.in_pixels.value = f"= {frame.micrograph_pixels(float(self.diameter.value)):.1f} px"
        if not self.pickers.chosen:
            raise UserError("Tick the pickers to run, or add layers and files.")

    def _release(self, window: bool) -> None:
        """The form is gone: leave the sets' layers, and nothing else."""
        self.job.leave(window)
        self.averages.job.leave(window)
        self.loading.leave(window)
        self._looking.stop()
        self.source.heard.end()
        self.eye.leave(window)
        self._heard.end()
        if window:
            self._watched.end()
            self._keys.release()
        self.model.leave(window)
        self._crew = LoadedPickers()  # napari keeps the form, but the networks may go
