"""Dock widget: micrographs of a structure, with the true place of every particle."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from napari.layers import Layer

from napari_drpnet import jobs
from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io import micrograph_stem
from napari_drpnet.jobs import Job, Progress
from napari_drpnet.jobs.simulation import read_simulated
from napari_drpnet.layers import TRUTH_COLOUR, LayerTuple, image_layer, points_layer
from napari_drpnet.settings import SimulationSettings
from napari_drpnet.steps import attended, translate
from napari_drpnet.widgets.kit.dock_form import DockForm
from napari_drpnet.widgets.kit.fold import Fold, aligned
from napari_drpnet.widgets.kit.forms import controls, file_edit, filled
from napari_drpnet.widgets.kit.help import about
from napari_drpnet.widgets.kit.job import JobBar
from napari_drpnet.widgets.kit.removal import Removal

if TYPE_CHECKING:
    from napari.viewer import Viewer

MOST = 10  # micrographs shown at once

_FIRST = (
    *("structures", "count", "size", "pixel_size", "defocus", "dose", "coverage"),
    *("preferred_views", "negative_stain", "seed"),
)
_NOT_ON_THE_FORM = {"diameter_px", "visibility", "voltage"}

# One thread: a step that goes on after Cancel is at its end before the next run begins.
_ASIDE = ThreadPoolExecutor(1, "simulation")


class SimulateWidget(DockForm):
    """Choose structures and conditions, run, and get images with their truth as points."""

    def __init__(self, napari_viewer: Viewer) -> None:
        self._viewer = napari_viewer
        self._made: WeakSet[Layer] = WeakSet()
        fields = [name for name in SimulationSettings.model_fields if name not in _NOT_ON_THE_FORM]
        first = controls(SimulationSettings, _FIRST)
        more = controls(SimulationSettings, [name for name in fields if name not in _FIRST])
        self.settings = {widget.name: widget for widget in (*first, *more)}
        self.folder: Any = file_edit(
            "nowhere: only show them",
            label="Write to",
            mode="d",
            nullable=True,
            tooltip="Folder for the micrographs, their truth and the settings. Empty: they are only shown.",
        )
        self.advanced = Fold("Advanced", more)
        self.job = JobBar("Run", self.run)
        super().__init__(widgets=[self.advanced, self.job], labels=False)
        self.form.layout().insertWidget(0, aligned([*first, self.folder]))
        for widget in (*self.settings.values(), self.folder):
            widget.changed.connect(self._check)
        about(self.native, "Simulate")
        self._removal = Removal(self.native, self.job.leave)
        self._check()

    def run(self) -> None:
        """Start with the values of the form."""
        settings = filled(SimulationSettings, self.settings.values())
        before = list(self._made)
        self.job.run(
            _steps, settings, self.folder.value, step=lambda progress: self._show(progress, before), done=self.job.say
        )

    def _check(self) -> None:
        """Run is on when it can work."""
        self.job.check(self._require_sense)

    def _require_sense(self) -> None:
        settings = filled(SimulationSettings, self.settings.values())
        if settings.count > MOST and self.folder.value is None:
            raise UserError(f"More than {MOST} micrographs are not shown at once.", "Choose a folder to write to.")

    def _show(self, progress: Progress, before: list[Layer]) -> None:
        """Add a micrograph that is ready. Of those of this form, the first one of the last run is visible."""
        if not isinstance(progress, _Ready):
            return
        first = set(self._made) <= set(before)
        if first:
            for layer in before:
                layer.visible = False
        extent = self._viewer.layers.extent.world
        for data, attributes, kind in progress.layers:
            layer = Layer.create(data, {**attributes, "visible": first}, kind)
            self._viewer.add_layer(layer)
            self._made.add(layer)
        if (self._viewer.layers.extent.world != extent).any():
            self._viewer.reset_view()


# ---------------------------------------------------------------- in a thread, without the viewer


@dataclass(frozen=True)
class _Ready(Progress):
    """A micrograph is there."""

    layers: tuple[LayerTuple, ...] = ()


def _steps(settings: SimulationSettings, folder: Path | None) -> Generator[Progress | None, None, str]:
    yield Progress(0, settings.count, message="Loading the libraries")
    return (yield from attended(_shown(settings) if folder is None else _written(settings, folder), _ASIDE))


def _shown(settings: SimulationSettings) -> Job[str]:
    from napari_drpnet.simulation import simulate_one  # imports torch

    particles = 0
    for index in range(settings.count):
        yield _begun(Progress(index, settings.count))
        made = simulate_one(settings, index)
        image = image_layer(made.micrograph.image, made.micrograph.frame)
        particles += len(made.truth)
        yield _Ready(index + 1, settings.count, layers=(image, _truth_layer(made.truth)))
    return _summary(settings.count, particles)


def _written(settings: SimulationSettings, folder: Path) -> Job[str]:
    """Write all, and show the first ones as they are in the files."""
    particles = 0

    def tell(progress: Progress) -> Progress:
        nonlocal particles
        particles = progress.picks
        return _begun(progress)

    paths = yield from translate(jobs.simulate(settings, folder), tell)
    for path in paths[:MOST]:
        yield _Ready(len(paths), len(paths), message="Reading", layers=_layers_of(path))
    shown = f"; the first {MOST} are shown" if len(paths) > MOST else ""
    return f"{_summary(len(paths), particles)} In {folder}{shown}."


def _layers_of(path: Path) -> tuple[LayerTuple, LayerTuple]:
    array, truth = read_simulated(path)
    return image_layer(array, truth.frame, path=path), _truth_layer(truth)


def _truth_layer(truth: Picks) -> LayerTuple:
    return points_layer(truth, name=f"{micrograph_stem(truth.frame.micrograph)} true centres", colour=TRUTH_COLOUR)


def _begun(progress: Progress) -> Progress:
    return replace(progress, message=f"Micrograph {min(progress.done + 1, progress.total)} of {progress.total}")


def _summary(micrographs: int, particles: int) -> str:
    return f"{micrographs} micrograph{'s' * (micrographs > 1)} with {particles} particles."
