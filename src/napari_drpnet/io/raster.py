"""TIFF, PNG and JPEG micrographs. None of them tells a pixel size that can be trusted."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_drpnet.errors import UserError
from napari_drpnet.io.files import reading

TIFF_SUFFIXES = (".tif", ".tiff")
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg")

# Weights of red, green and blue in the luminance of ITU-R 601, as in most image programs.
_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)
# What the two libraries raise for damaged files, besides OSError.
_DAMAGE = (
    ValueError,
    SyntaxError,
    EOFError,
    LookupError,
    TypeError,
    RuntimeError,
    ArithmeticError,
    AssertionError,
    MemoryError,
    struct.error,
    zlib.error,
)


class TiffStack:
    """Frames of a compressed TIFF, each read when it is asked for.

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
        import tifffile  # slow to load

        with reading(self.path), _undamaged(self.path), tifffile.TiffFile(self.path) as tiff:
            page: Any = tiff.series[0].pages[index]
            return _grey(page.asarray(), page.axes).reshape(self.shape[1:])


def open_tiff(path: Path) -> Any:
    """Pixels of a TIFF, ``(h, w)`` or ``(n, h, w)``; colours become luminance.

    Returns
    -------
    array
        A memory map where the file is not compressed, a `TiffStack` where it is and has several frames.

    Raises
    ------
    UserError
        For a missing or damaged file.
    """
    import tifffile  # slow to load

    with reading(path), _undamaged(path), tifffile.TiffFile(path) as tiff:
        series = tiff.series[0]
        colour = "S" in series.axes
        shape = tuple(n for n, axis in zip(series.shape, series.axes, strict=True) if axis != "S")
        if len(shape) < 2:
            raise ValueError(f"an array of shape {shape} is no image")
        frames, height, width = int(np.prod(shape[:-2])), *shape[-2:]
        if frames > 1 and (colour or series.dataoffset is None):
            dtype = np.dtype(np.float32) if colour else np.dtype(series.dtype)
            return TiffStack(path, (frames, height, width), dtype)
        if colour or series.dataoffset is None:
            array = _grey(series.asarray(), series.axes)
        else:
            array = tifffile.memmap(path, mode="r", series=0)
        return array.reshape((height, width) if frames == 1 else (frames, height, width))


def open_picture(path: Path) -> npt.NDArray[Any]:
    """Pixels of a PNG or JPEG, ``(h, w)``, 8 or 16 bit; colours become luminance, transparency is dropped.

    Raises
    ------
    UserError
        For a missing or damaged file.
    """
    from PIL import Image  # slow to load

    with reading(path), _undamaged(path), warnings.catch_warnings():
        # A micrograph of 100 million pixels is no attack.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            with path.open("rb") as file, Image.open(file, formats=("PNG", "JPEG")) as image:
                grey = image.mode in ("L", "I", "F") or image.mode.startswith("I;16")
                return np.array(image if grey else image.convert("L"))
        except Image.DecompressionBombError as error:
            raise UserError(f"{path}: the picture is too large.", "Save it as MRC or as uncompressed TIFF.") from error


def _grey(array: npt.NDArray[Any], axes: str) -> npt.NDArray[Any]:
    """Luminance of an image whose ``axes`` name its samples ``S``; alpha is dropped."""
    if "S" not in axes:
        return array
    samples = np.moveaxis(array, axes.index("S"), -1)
    if samples.shape[-1] < 3:
        return samples[..., 0].astype(np.float32)
    grey: npt.NDArray[Any] = samples[..., :3].astype(np.float32) @ _LUMINANCE
    return grey


@contextmanager
def _undamaged(path: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise UserError(
            f"{path} cannot be read: {error}.", "Copy it anew, or save it as MRC or as uncompressed TIFF."
        ) from error
