"""Dock widget: make a micrograph easier on the eye and on pickers, as a new layer in the same place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_drpnet.data import Micrograph
from napari_drpnet.io import micrograph_stem
from napari_drpnet.jobs import Job, Progress
from napari_drpnet.layers import assign, image_layer, laid_on, lay_on
from napari_drpnet.preprocess import prepare
from napari_drpnet.settings import PreprocessSettings
from napari_drpnet.widgets.kit.dock_form import DockForm
from napari_drpnet.widgets.kit.forms import controls, filled
from napari_drpnet.widgets.kit.help import about
from napari_drpnet.widgets.kit.job import JobBar
from napari_drpnet.widgets.kit.removal import Removal
from napari_drpnet.widgets.kit.source import ChosenImage, ImageForm

if TYPE_CHECKING:
    from napari.viewer import Viewer

ROLE = "preprocessed"


class PreprocessWidget(DockForm):
    """Rescale, even out, smooth, stretch and invert the chosen image."""

    def __init__(self, napari_viewer: Viewer) -> None:
        self._viewer = napari_viewer
        self.source = ImageForm(napari_viewer)
        self.settings = controls(PreprocessSettings)
        self.job = JobBar("Run", self.run)
        super().__init__(widgets=[*self.source.widgets, *self.settings, self.job])
        self.source.changed.connect(self._check)
        for widget in self.settings:
            widget.changed.connect(self._check)
        about(self.native, "Preprocess")
        self._removal = Removal(self.native, self._release)
        self._check()

    def run(self) -> None:
        """Start with the values of the form."""
        source = self.source.source()
        settings = filled(PreprocessSettings, self.settings)
        self.job.run(_steps, source, settings, done=lambda result: self._show(source, result))

    def _check(self) -> None:
        self.job.check(self._require_sense)

    def _require_sense(self) -> None:
        source = self.source.source()
        settings = filled(PreprocessSettings, self.settings)
        if settings.illumination or settings.smoothing:
            source.frame.known_pixel_size()

    def _release(self, window: bool) -> None:
        self.job.leave(window)
        self.source.heard.end()

    def _show(self, source: ChosenImage, result: Micrograph) -> None:
        """The result in its layer: a new one, or that of the last run on this image."""
        if not self.source.holds(source):
            self.job.say("The image changed meanwhile; the result was dropped.")
            return
        made = image_layer(
            result.image, result.frame, name=f"{micrograph_stem(result.frame.micrograph)} {ROLE}", role=ROLE
        )
        image, attributes, _ = laid_on(made, source.ground)
        attributes["metadata"]["key"] = source.key
        for layer in self._viewer.layers:
            if layer.metadata.get("key") == source.key and layer.metadata.get("role") == ROLE:
                layer.data = image
                names = ("scale", "translate", "units", "contrast_limits", "metadata")
                assign(layer, {name: attributes[name] for name in names})
                lay_on(layer, source.ground)
                return
        self._viewer.add_image(image, **attributes)


def _steps(source: ChosenImage, settings: PreprocessSettings) -> Job[Micrograph]:
    yield Progress(0, 2, message="Reading")
    micrograph = source.micrograph()
    yield Progress(1, 2, message="Preprocessing")
    return prepare(micrograph, settings)
