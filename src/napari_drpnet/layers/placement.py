"""Where a layer lies in the one world, and what it says of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import Frame
from napari_drpnet.errors import UserError, short
from napari_drpnet.io.names import own_name
from napari_drpnet.io.tiff import is_tiff
from napari_drpnet.layers.transforms import angstrom

if TYPE_CHECKING:
    from napari.layers import Image, Layer

READER = "napari-drpnet"  # as napari calls ours
LayerTuple = tuple[Any, dict[str, Any], str]


def placement(frame: Frame, leading: int = 0) -> dict[str, Any]:
    """Scale, translate, units and axis labels of a layer in working pixels of ``frame``.

    Parameters
    ----------
    frame
        Its pixel size gives the Angstrom; its scale the half-pixel shift of rescaled images.
    leading
        Number of axes before y and x.
    """
    step = frame.pixel_size or 1.0
    unit = "angstrom" if frame.pixel_size else "pixel"
    origin = frame.to_micrograph(np.zeros((1, 2)))[0] * step
    return {
        "scale": (1.0,) * leading + (step / frame.scale,) * 2,
        "translate": (0.0,) * leading + (float(origin[0]), float(origin[1])),
        "units": ("pixel",) * leading + (unit,) * 2,
        "axis_labels": (*(f"frame {i}" if i else "frame" for i in range(leading)), "y", "x"),
    }


def square_pixel_size(scale: npt.ArrayLike, units: Sequence[Any], frame_scale: float, name: str) -> float | None:
    """Angstrom per micrograph pixel of a layer with this ``scale``; None when it is in pixels."""
    length = angstrom(str(units[-1]))
    if length is None:
        return None
    height, width = (float(step) for step in np.asarray(scale)[-2:])
    if not np.isclose(height, width, rtol=1e-3):
        raise UserError(
            f"{name}: its pixels are not square ({height:g} by {width:g}).", "Give the layer one scale in y and x."
        )
    return width * length * frame_scale


def frame_of(layer: Image) -> Frame:
    """The frame an image layer is in, of our own or any other making.

    Raises
    ------
    UserError
        When its pixels are not square, its colours make it no micrograph, or its rows are turned over.
    """
    if turned(layer):
        raise UserError(
            f"{short(layer.name, 40)}: another reader opened this TIFF, and did not turn its rows as RELION does.",
            "Open the file with the reader napari-drpnet.",
        )
    if layer.rgb:
        raise UserError(f"{layer.name}: a colour picture is no micrograph.", "Split its channels and choose one.")
    frame = named_frame(layer)
    return replace(frame, pixel_size=square_pixel_size(layer.scale, layer.units, frame.scale, layer.name))


def named_frame(layer: Image) -> Frame:
    """The frame that an image layer carries, or else one with the path of its file, or the name of the layer."""
    frame = layer.metadata.get("frame")
    if isinstance(frame, Frame):
        return frame
    height, width = picture_shape(layer)[-2:]
    file = layer.source.path
    return Frame(Path(file).absolute().as_posix() if file else layer.name, (height, width))


def turned(layer: Image) -> bool:
    """Whether the rows of an image layer run the other way than its file's do for RELION and for us.

    It is so in a TIFF that another plugin opened.
    """
    file, plugin = layer.source.path, layer.source.reader_plugin
    return bool(file) and plugin != READER and is_tiff(file)


def called(frame: Frame, metadata: Mapping[str, Any]) -> str:
    """What a layer calls its micrograph, with the folders of the file that it came from."""
    path = metadata.get("path")
    return own_name(frame.micrograph, Path(path)) if path else frame.micrograph


def picture_shape(layer: Image) -> tuple[int, ...]:
    """Sizes of the axes of an image layer at full resolution, y and x last; colours are no axis."""
    shape = tuple(int(size) for size in pixels(layer).shape)
    return shape[:-1] if layer.rgb else shape


def pixels(layer: Image) -> Any:
    """The full-resolution array of an image layer, ``(..., h, w)``."""
    return layer.data[0] if layer.multiscale else layer.data


def assign(layer: Layer, attributes: Mapping[str, Any]) -> None:
    """Set attributes of a layer, those that differ: napari draws anew at each; main thread only."""
    for name, value in attributes.items():
        if not _equal(getattr(layer, name), value):
            setattr(layer, name, value)


def _equal(before: Any, value: Any) -> bool:
    try:
        return bool(np.array_equal(before, value))
    except ValueError:  # arrays inside of a dict are not compared
        return False


def metadata_of(frame: Frame, role: str, path: Path | None = None, **more: Any) -> dict[str, Any]:
    """What a layer carries about itself, beside what napari knows."""
    return {"frame": frame, "path": path and str(path), "pixel_size": frame.pixel_size, "role": role, **more}
