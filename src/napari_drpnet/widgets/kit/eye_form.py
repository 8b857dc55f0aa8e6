"""The slider of the low-pass filter for the eye, the same one in every dock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import CheckBox, Container, PushButton, Slider

from napari_drpnet.errors import UserError
from napari_drpnet.widgets.kit.eye import FINEST, Eye
from napari_drpnet.widgets.kit.source import ImageForm
from napari_drpnet.widgets.kit.spectrum_window import SpectrumWindow
from napari_drpnet.widgets.kit.subscriptions import Subscriptions

if TYPE_CHECKING:
    from napari.viewer import Viewer

_TOOLTIP = (
    "Show no detail finer than this, so that particles stand out from the noise. Only for the eye: picking always "
    "sees the image as it is."
)


class EyeForm(Container[Any]):
    """A slider of the resolution, and a box that switches the filter on and off.

    Parameters
    ----------
    viewer
        Whose micrograph is filtered.
    source
        Says which micrograph is in view; None where somebody else does.
    """

    def __init__(self, viewer: Viewer, source: ImageForm | None = None) -> None:
        self._eye = eye = Eye.of(viewer)
        self._source = source
        self.on = CheckBox(tooltip="Show the micrograph low-passed, or as it is. Picking sees it as it is.")
        self.resolution = Slider(min=FINEST, max=round(eye.coarsest), readout=False, tooltip=_TOOLTIP)
        super().__init__(widgets=[self.resolution, self.on], layout="horizontal", labels=False, label="Low-pass")
        self.tooltip = _TOOLTIP
        self.margins = (0, 0, 0, 0)
        self._heard = Subscriptions((eye.changed, self._show))
        if source is not None:
            self._heard.connect(source.changed, self._look)
            self._heard.connect(viewer.dims.events.current_step, self._look)
        self.spectrum = PushButton(
            text="Power spectrum…",
            tooltip="A window with the power spectrum of the micrograph in view: its rings, and those of its CTF.",
        )
        self.spectrum.clicked.connect(lambda: SpectrumWindow.of(viewer).open(self.spectrum.native.window()))
        self.on.changed.connect(eye.switch)
        self.resolution.changed.connect(eye.choose)
        eye.join(self)
        self._show()
        self._look()

    def suit(self, diameter: float) -> None:
        """Somebody gave the diameter of the particle, in Angstrom."""
        self._eye.suit(diameter)

    def leave(self, window: bool) -> None:
        """The form is gone."""
        self._heard.end()
        self._eye.leave(self, window)

    def _show(self) -> None:
        with self.on.changed.blocked(), self.resolution.changed.blocked():
            self.on.value, self.on.text = self._eye.on, f"{self._eye.resolution:.0f} Å"
            self.resolution.max = round(max(self._eye.coarsest, self._eye.resolution))
            self.resolution.value = max(round(self._eye.resolution), FINEST)

    def _look(self, _: Any = None) -> None:
        if self._source is None:
            return
        try:
            self._eye.look_at(self._source.layer, self._source.source())
        except UserError:
            self._eye.look_at(None, None)
