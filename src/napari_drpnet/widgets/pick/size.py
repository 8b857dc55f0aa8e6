"""How large the particle is: in Angstrom, in pixels, and as a ring over the micrograph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import CheckBox, Label
from magicgui.widgets.bases import Widget
from psygnal import Signal

from napari_drpnet.data import Frame
from napari_drpnet.settings import PickerSettings
from napari_drpnet.widgets.kit.forms import control
from napari_drpnet.widgets.kit.preferences import preference
from napari_drpnet.widgets.pick.ring import Ring

if TYPE_CHECKING:
    from napari.viewer import Viewer

_FOUND = "found by the picker"


class SizeForm:
    """The diameter's controls.

    Parameters
    ----------
    viewer
        Where the ring is drawn.

    Attributes
    ----------
    told
        Whether somebody gave the diameter, so that it is no mere default.
    """

    changed = Signal()

    def __init__(self, viewer: Viewer) -> None:
        self.told = False
        self.diameter: Any = control(PickerSettings, "diameter", preference("diameter"))
        self.in_pixels = Label(label=" ", value="")
        self.show_ring = CheckBox(
            text="Show this size",
            value=True,
            tooltip="A ring as large as the particle, at the view's centre or cursor.",
        )
        self._ring = Ring(viewer)
        self._frame: Frame | None = None
        self.diameter.changed.connect(self._tell)
        self.show_ring.changed.connect(self._draw)

    @property
    def widgets(self) -> list[Widget]:
        """To be put on the form, in this order."""
        return [self.diameter, self.in_pixels, self.show_ring]

    def give(self, diameter: float) -> None:
        """Show a diameter that somebody gave elsewhere; emits nothing."""
        self.told = True
        self._set(diameter)

    def suit(self, usual: float | None) -> None:
        """Suit a picker, of which a diameter that nobody gave is the ``usual`` one; None: it must be given one."""
        self.diameter.native.setSpecialValueText(_FOUND if usual == 0 else "")
        if not self.told:
            self._set(preference("diameter") if usual is None else usual)

    def draw(self, frame: Frame | None) -> None:
        """The diameter in pixels of a micrograph, in words and as a ring; None where there is no micrograph."""
        self._frame = frame
        self._draw()

    def notice_removal(self) -> None:
        """A ring that someone deleted is not wanted."""
        if self._ring.deleted:
            self.show_ring.value = False

    def close(self) -> None:
        """Leave nothing behind in the viewer."""
        self._ring.close()

    def _set(self, diameter: float) -> None:
        with self.diameter.changed.blocked():
            self.diameter.value = diameter

    def _tell(self) -> None:
        self.told = True
        self.changed.emit()

    def _draw(self) -> None:
        diameter, frame = float(self.diameter.value), self._frame
        if frame is None or not frame.pixel_size or not diameter:
            self.in_pixels.value = ""
            self._ring.hide()
            return
        self.in_pixels.value = f"= {frame.micrograph_pixels(diameter):.1f} px"
        if self.show_ring.value:
            self._ring.show(frame, diameter)
        else:
            self._ring.hide()
