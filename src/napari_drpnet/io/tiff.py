"""TIFF micrographs, their rows turned as RELION, IMOD, EMAN2, SerialEM and MotionCor2 turn them.

The last row of the file is row 0, whatever the orientation tag says: a TIFF and the MRC that these programs make of it
are one array, and coordinates fit both. A TIFF tells no pixel size that can be trusted.
"""

from __future__ import annotations

import logging
import math
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_drpnet.errors import UserError
from napari_drpnet.io.files import reading
from napari_drpnet.io.limits import file_size, reason_of, undamaged
from napari_drpnet.io.tiff_checks import ANEW, check_chain, check_image

TIFF_SUFFIXES = (".tif", ".tiff")

# Weights of red, green and blue in the luminance of ITU-R 601, as in most image programs.
_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_PALETTE = 3  # of the tag PhotometricInterpretation


class TiffStack:
    """Frames of a TIFF that cannot be mapped into memory, each read when it is asked for.

    Attributes
    ----------
    shape, dtype, ndim
        ``(n, h, w)``, the type of the pixels, 3.
    """

    ndim = 3

    def __init__(self, path: Path, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> None:
        self.path, self.shape, self.dtype = path, shape, dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        first, *rest = key if isinstance(key, tuple) else (key,)
        if first is Ellipsis:
            first, rest = slice(None), [Ellipsis, *rest]
        if isinstance(first, slice):
            frames = [self._frame(i)[None] for i in range(*first.indices(len(self)))]
            empty = np.empty((0, *self.shape[1:]), self.dtype)
            stack: npt.NDArray[Any] = np.concatenate([empty, *frames])[(slice(None), *rest)]
            return stack
        frame: npt.NDArray[Any] = self._frame(range(len(self))[int(first)])[tuple(rest)]
        return frame

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.asarray(self[:], dtype)

    def _frame(self, index: int) -> npt.NDArray[Any]:
        with _opened(self.path) as (tiff, size):
            page = [page for series in _alike(tiff) for page in series.pages][index]
            return _pixels(self.path, page, size).reshape(self.shape[1:])


def is_tiff(name: str | Path) -> bool:
    """Whether a file or a micrograph is a TIFF by its name."""
    return str(name).lower().endswith(TIFF_SUFFIXES)


def open_tiff(path: Path) -> Any:
    """Pixels of a TIFF, ``(h, w)`` or ``(n, h, w)``, its last row first; colours become luminance.

    Returns
    -------
    array
        A memory map where the file is not compressed, a `TiffStack` where it is and has several frames.

    Raises
    ------
    UserError
        For a missing or damaged file, pixels without meaning for a micrograph, or more of them than fit into memory.

    Warns
    -----
    UserWarning
        When the file breaks the standard but the pixels can be found, or holds images of other sizes, too.
    """
    with _opened(path) as (tiff, size):
        parts = _alike(tiff)
        series = parts[0]
        frames, height, width = _shape(path, parts)
        if others := len(tiff.series) - len(parts):
            warnings.warn(f"{path}: {others} more images in it, of other sizes or kinds, are not read.", stacklevel=2)
        grey = "S" not in series.axes and series.keyframe.photometric != _PALETTE
        if grey and _in_one_piece(parts):
            offset, dtype = int(series.dataoffset), np.dtype(series.dtype).newbyteorder(tiff.byteorder)
            shape = (height, width) if frames == 1 else (frames, height, width)
            if size < (end := offset + math.prod(shape) * dtype.itemsize):
                raise UserError(f"{path} is truncated: its header asks for {end} bytes, there are {size}.", ANEW)
            return np.memmap(path, dtype, "r", offset, shape)[..., ::-1, :]
        if frames > 1:
            return TiffStack(path, (frames, height, width), np.dtype(series.dtype if grey else np.float32))
        return _pixels(path, series.pages[0], size).reshape(height, width)


def _alike(tiff: Any) -> list[Any]:
    """The first series of images, and those like it: programs that write frame by frame make a series of each."""
    first = tiff.series[0]
    return [s for s in tiff.series if (s.shape, s.axes, s.dtype) == (first.shape, first.axes, first.dtype)]


def _in_one_piece(parts: list[Any]) -> bool:
    return len(parts) == 1 and parts[0].dataoffset is not None


def _shape(path: Path, parts: list[Any]) -> tuple[int, int, int]:
    """Frames, height and width of images that can be micrographs."""
    series = parts[0]
    axes = "".join(axis for axis in series.axes if axis != "S")
    shape = [int(n) for n, axis in zip(series.shape, series.axes, strict=True) if axis != "S"]
    if not axes.endswith("YX") or min(shape) < 1:
        raise UserError(f"{path} holds no image, but an array of shape {reason_of(series.shape)}.", "Save it as MRC.")
    if series.dtype is None or np.dtype(series.dtype).kind not in "biuf":
        kind = "complex" if series.dtype is not None and np.dtype(series.dtype).kind == "c" else "of an unknown kind"
        raise UserError(f"{path}: its pixels are {kind}, which are not read.", "Save it with 32-bit floats.")
    frames, pages = math.prod(shape[:-2]) * len(parts), sum(len(part.pages) for part in parts)
    if not _in_one_piece(parts) and pages != frames:
        raise UserError(f"{path}: it has {pages} images, but tells of {frames}.", ANEW)
    return frames, shape[-2], shape[-1]


def _pixels(path: Path, page: Any, size: int) -> npt.NDArray[Any]:
    """One image with its last row first; of colours, or numbers in a table of them, the luminance without alpha."""
    check_image(path, page, size)
    return _grey(page)[::-1]


def _grey(page: Any) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = page.asarray()
    axes, table = page.axes, page.keyframe.colormap
    if page.keyframe.photometric == _PALETTE and table is not None:
        array, axes = np.moveaxis(table, 0, -1)[array], axes + "S"
    if "S" not in axes:
        return array
    samples = np.moveaxis(array, axes.index("S"), -1)
    if samples.shape[-1] < 3:
        return samples[..., 0].astype(np.float32)
    grey: npt.NDArray[Any] = samples[..., :3].astype(np.float32) @ _LUMINANCE
    return grey


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, int]]:
    """A ``TiffFile`` and the bytes of the file; what tifffile logs of it becomes one warning, or is in the error."""
    import tifffile  # slow to load

    size = file_size(path)
    with reading(path), undamaged(path), _Complaints() as complaints:
        with tifffile.TiffFile(path) as tiff:
            check_chain(path, tiff)
            yield tiff, size
        if complaints.said:
            warnings.warn(f"{path}: {reason_of(complaints.said[0])}; read all the same.", stacklevel=4)


class _Complaints(logging.Handler):
    """What tifffile has to say in this thread, which it would print."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        if record.thread == self._thread:
            self.said.append(record.getMessage())

    def __enter__(self) -> _Complaints:
        logging.getLogger("tifffile").addHandler(self)
        return self

    def __exit__(self, *error: object) -> None:
        logging.getLogger("tifffile").removeHandler(self)
