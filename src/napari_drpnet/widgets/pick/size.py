"""How large the particle is: in Angstrom, in pixels, and as a ring over the micrograph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import CheckBox
from magicgui.widgets.bases import Widget
from psygnal import Signal

from napari_drpnet.data import Frame
from napari_drpnet.errors import UserError
from napari_drpnet.settings import PickerSettings
from napari_drpnet.widgets.kit.diameter import DiameterRow
from napari_drpnet.widgets.kit.forms import control, mark
from napari_drpnet.widgets.kit.preferences import preference
from napari_drpnet.widgets.kit.ring import Ring
from napari_drpnet.widgets.kit.source import ChosenImage

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_drpnet.layers import Ground

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
        self._ring = Ring(viewer)
        self._source: ChosenImage | None = None
        self.row = DiameterRow(viewer, self._ring, self._ground, self.diameter)
        self.in_pixels = self.row.said
        self.show_ring = CheckBox(
            text="Show this size",
            value=True,
            tooltip="A ring as large as the particle, at the view's centre or cursor.",
        )
        self.diameter.changed.connect(self._tell)
        self.show_ring.changed.connect(self._draw)
        self.row.measure.switched.connect(self._draw)

    @property
    def widgets(self) -> list[Widget]:
        """To be put on the form, in this order."""
        return [self.row, self.in_pixels, self.show_ring]

    def give(self, diameter: float) -> None:
        """Show a diameter that somebody gave elsewhere; emits nothing."""
        self.told = True
        self._set(diameter)

    def suit(self, usual: float | None) -> None:
        """Suit a picker, of which a diameter that nobody gave is the ``usual`` one; None: it must be given one."""
        self.diameter.native.setSpecialValueText(_FOUND if usual == 0 else "")
        if not self.told:
            self._set(preference("diameter") if usual is None else usual)

    def require_room(self, frame: Frame, diameter: float) -> None:
        """Raise a `UserError` where a ``diameter`` in Angstrom does not fit into the micrograph, and mark the field."""
        pixels = frame.micrograph_pixels(diameter) if diameter else 0.0
        wrong = f"is {pixels:.0f} px, larger than the image"
        fits = frame.shape is None or pixels <= min(frame.shape)
        mark(self.diameter, "" if fits else f"The particle {wrong}")
        if not fits:
            raise UserError(f"A particle of {diameter:g} Å {wrong}.", "Check the diameter and the pixel size.")

    def draw(self, source: ChosenImage | None) -> None:
        """The diameter in pixels of a micrograph, in words and as a ring; None where there is no micrograph."""
        self._source = source
        self._draw()

    def notice_removal(self) -> None:
        """A ring that someone deleted is not wanted."""
        if self._ring.deleted:
            self.row.measure.switch(False)
            self.show_ring.value = False

    def close(self, window: bool) -> None:
        """Leave nothing behind in the viewer, if there is a window."""
        self.row.leave(window)
        if window:
            self._ring.close()

    def _ground(self) -> Ground | None:
        return None if self._source is None else self._source.ground

    def _set(self, diameter: float) -> None:
        with self.diameter.changed.blocked():
            self.diameter.value = diameter

    def _tell(self) -> None:
        self.told = True
        self.changed.emit()

    def _draw(self) -> None:
        diameter, source = float(self.diameter.value), self._source
        size = 0.0
        if source is not None and source.frame.pixel_size and diameter:
            size = source.frame.micrograph_pixels(diameter)
        self.row.tell(f"= {size:.1f} px" if size else "")
        if self.row.measure.on:
            self.row.measure.look_again()
            return
        if source is not None and size and self.show_ring.value:
            self._ring.show(source.ground, size)
        else:
            self._ring.hide()
