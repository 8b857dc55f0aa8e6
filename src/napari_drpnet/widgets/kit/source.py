"""The head of a form: which image, and how large its pixels are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from warnings import warn

import numpy as np
from magicgui.widgets import ComboBox, FloatSpinBox
from magicgui.widgets.bases import ValueWidget
from napari.layers import Image, Points, Shapes
from psygnal import Signal

from napari_drpnet import layers
from napari_drpnet.data import Frame, Micrograph
from napari_drpnet.errors import UserError
from napari_drpnet.widgets.kit.context import guard_context
from napari_drpnet.widgets.kit.forms import mark
from napari_drpnet.widgets.kit.narrow import narrow
from napari_drpnet.widgets.kit.subscriptions import Subscriptions

if TYPE_CHECKING:
    from napari.viewer import Viewer


@dataclass(frozen=True, eq=False)
class ChosenImage:
    """What a job needs of an image layer, taken in the main thread.

    Attributes
    ----------
    layer_id
        The layer's ``unique_id``.
    array
        Its data as the layer holds them, ``(..., h, w)``.
    position
        Numbers of the frame, one for each leading axis.
    frame
        Where the image stands.
    ground
        Where the layer lies, for points on it.
    """

    layer_id: Any
    array: Any
    position: tuple[int, ...]
    frame: Frame
    ground: layers.Ground

    @property
    def key(self) -> tuple[Any, ...]:
        """One micrograph of this session."""
        return (self.layer_id, self.frame.micrograph, *self.position)

    def micrograph(self) -> Micrograph:
        """Its pixels read and checked; may take a while.

        Raises
        ------
        UserError
            When no pixel is a finite number.

        Warns
        -----
        UserWarning
            When some are not.
        """
        micrograph = Micrograph.from_array(self.array[self.position], name=self.frame.micrograph)
        if micrograph.valid is not None:
            bad = np.count_nonzero(~micrograph.valid)
            warn(f"{self.frame.micrograph}: {bad} pixels are not finite and are left out.", UserWarning, stacklevel=2)
        return replace(micrograph, frame=self.frame)


class ImageForm:
    """The two controls that choose the image layer and its pixel size in Angstrom.

    The image is the one that is active in the viewer. The pixel size is that of the layer. A new one goes to the layer
    at once, and to every other layer of the same micrograph, so that all of them stay where they are to each other.

    Parameters
    ----------
    viewer
        The one whose layers are offered.
    """

    changed = Signal()

    def __init__(self, viewer: Viewer) -> None:
        guard_context(viewer)
        self._viewer = viewer
        tooltip = "The image layer that holds the micrograph."
        self.image = narrow(ComboBox(label="Image", choices=self._images, tooltip=tooltip))
        self.pixel_size = FloatSpinBox(
            label="Pixel size (Å)",
            min=0.0,
            max=1000.0,
            step=0.01,
            tooltip="Angstrom per pixel of the unbinned micrograph. Filled in from the file where it tells; "
            "0 means that nobody knows.",
        )
        self.image.changed.connect(self.refresh)
        self.pixel_size.changed.connect(self._set_pixel_size)
        events = viewer.layers.events
        self.heard = Subscriptions(
            (events.inserted, self._update),
            (events.removed, self._update),
            (events.renamed, self._update),
            (viewer.layers.selection.events.active, self._follow),
        )
        self._follow()
        self.refresh()

    @property
    def widgets(self) -> list[ValueWidget[Any]]:
        """To be put on the form, in this order."""
        return [self.image, self.pixel_size]

    @property
    def layer(self) -> Image | None:
        """The chosen layer, None when there is none."""
        return self.image.value

    def source(self) -> ChosenImage:
        """The chosen micrograph as it is now; of a stack the frame that is shown.

        Raises
        ------
        UserError
            When there is no image, or it cannot be a micrograph.
        """
        layer = self.layer
        if layer is None:
            volumes = [other.name for other in self._viewer.layers if isinstance(other, Image) and is_volume(other)]
            known = f"{volumes[0]} is a 3D volume, not a micrograph." if volumes else "There is no image."
            raise UserError(known, "Open a micrograph first.")
        frame = layers.frame_of(layer)
        array = layers.pixels(layer)
        ground = layers.ground_of(layer, self._viewer.layers)
        return ChosenImage(layer.unique_id, array, self._position(array), frame, ground)

    def holds(self, source: ChosenImage) -> bool:
        """Whether the image that ``source`` was taken from is still there, unchanged."""
        for layer in self._viewer.layers:
            if layer.unique_id == source.layer_id:
                return layers.pixels(layer) is source.array and layers.frame_of(layer) == source.frame
        return False

    def _position(self, array: Any) -> tuple[int, ...]:
        leading = array.ndim - 2
        steps = self._viewer.dims.current_step[:-2]
        shown = steps[len(steps) - leading :] if leading else ()
        return tuple(min(int(step), size - 1) for step, size in zip(shown, array.shape, strict=False))

    def _images(self, _: Any = None) -> list[tuple[str, Image]]:
        return [(layer.name, layer) for layer in self._viewer.layers if is_micrograph(layer)]

    def _update(self, event: Any = None) -> None:
        before = self.layer
        self.image.reset_choices()
        if self.layer is not before:
            self.refresh()

    def _follow(self, event: Any = None) -> None:
        """Take the micrograph whose layer is active. Another image of the same micrograph is taken by hand only."""
        active = self._viewer.layers.selection.active
        if active is None or active is self.layer or not is_micrograph(active):
            return
        if self.layer is None or layers.named_frame(active).micrograph != layers.named_frame(self.layer).micrograph:
            self.image.reset_choices()
            self.image.value = active

    def refresh(self) -> None:
        """The layers show other data now: their pixel size."""
        with self.pixel_size.changed.blocked():
            self.pixel_size.enabled = self.layer is not None
            self.pixel_size.value = self._known_pixel_size() or 0.0
        self._mark()
        self.changed.emit()

    def _mark(self) -> None:
        """A pixel size that nobody knows is asked for."""
        missing = self.layer is not None and not self._known_pixel_size()
        mark(self.pixel_size, "The pixel size is not known: give it in Angstrom" if missing else "")

    def _known_pixel_size(self) -> float | None:
        try:
            return None if self.layer is None else layers.frame_of(self.layer).pixel_size
        except UserError:
            return None

    def _set_pixel_size(self, value: float) -> None:
        if self.layer is not None and value != self._known_pixel_size():
            zoom = value / (self._known_pixel_size() or 1.0) if value else 1.0 / (self._known_pixel_size() or 1.0)
            layers.set_pixel_size(self._viewer.layers, layers.frame_of(self.layer).micrograph, value or None)
            self._keep_view(zoom)
        self._mark()
        self.changed.emit()

    def _keep_view(self, factor: float) -> None:
        """Look at the same pixels after the world has grown by ``factor``."""
        camera = self._viewer.scene.camera
        camera.center = tuple(factor * at for at in camera.center)
        camera.zoom /= factor


def picks_layers(viewer: Viewer) -> list[Points | Shapes]:
    """The layers that may hold picks, without those that only point at something."""
    points = [layer for layer in viewer.layers if isinstance(layer, Points | Shapes)]
    return [layer for layer in points if layer.metadata.get("role") not in ("ring", "marks")]


def is_micrograph(layer: Any) -> bool:
    """Whether a layer may hold a micrograph: an image, but no volume, no score map, and none for the eye."""
    if not isinstance(layer, Image) or layer.metadata.get("role") in ("score map", "smoothed", "twin"):
        return False
    return not is_volume(layer)


def is_volume(layer: Any) -> bool:
    """Whether an image is a 3D volume: our reader said so, or its three sides are equal."""
    if layer.metadata.get("role") == "volume":
        return True
    shape = layers.pixels(layer).shape
    return len(shape) == 3 and len(set(shape)) == 1 and not layer.rgb
