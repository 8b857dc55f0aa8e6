"""MRC files: micrographs and stacks, plain or compressed, of either byte order."""

from __future__ import annotations

import bz2
import gzip
import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast
from warnings import warn

import numpy as np
import numpy.typing as npt

from napari_drpnet.errors import UserError
from napari_drpnet.io.files import atomic_write, reading

Bytes = npt.NDArray[np.uint8]

MRC_SUFFIXES = (".mrc", ".mrcs", ".map", ".rec", ".st")
_HEADER_BYTES = 1024
_MODES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
_REFUSED = {3: "complex integers", 4: "complex numbers", 101: "packed 4-bit integers"}
_CONVERT = "Convert it to 32-bit floats (mode 2), for example with `newstack -mode 2`."


@dataclass(frozen=True)
class _Header:
    """What is needed to find the pixels: ``shape`` is ``(h, w)`` or ``(n, h, w)``, ``offset`` in bytes."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    pixel_size: float | None

    @property
    def data_bytes(self) -> int:
        """Bytes of all frames."""
        return int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame."""
        return self.shape[-2] * self.shape[-1] * self.dtype.itemsize


def open_mrc(path: Path) -> tuple[npt.NDArray[Any], float | None]:
    """The pixels of an MRC file, as they are on disk.

    Parameters
    ----------
    path
        ``.mrc``, ``.mrcs``, ``.map``, ``.rec`` or ``.st``; ``.gz`` and ``.bz2`` are told by their content.

    Returns
    -------
    array
        ``(h, w)`` for one image, ``(n, h, w)`` for a stack or volume. A read-only memory map that reads
        what is asked for; in memory when the file is compressed.
    pixel_size
        Angstrom per pixel; None where the header says 0, 1 or nonsense, which all mean that nobody set it.

    Raises
    ------
    UserError
        For a file that is missing, not MRC, truncated, or of a pixel type without meaning for a micrograph.

    Warns
    -----
    UserWarning
        When the header breaks the standard but the pixels can be found.
    """
    with reading(path), path.open("rb") as file:
        stream = _decompressed(file)
        if stream is not file:
            return _read_stream(path, stream)
        header = _read_header(path, _fill(path, file, _HEADER_BYTES))
        _check_size(path, header, path.stat().st_size)
        return np.memmap(file, header.dtype, "r", header.offset, header.shape), header.pixel_size


def _decompressed(file: IO[bytes]) -> IO[bytes]:
    start = file.read(4)
    file.seek(0)
    if start[:2] == b"\x1f\x8b":
        return cast(IO[bytes], gzip.GzipFile(fileobj=file))
    if start[:3] == b"BZh":
        return cast(IO[bytes], bz2.BZ2File(file))
    return file


def _read_stream(path: Path, stream: IO[bytes]) -> tuple[npt.NDArray[Any], float | None]:
    """Header and pixels of a compressed file, whose size is known only when it has been read."""
    header = _read_header(path, _fill(path, stream, _HEADER_BYTES))
    sizes = (header.offset - _HEADER_BYTES, header.data_bytes, header.frame_bytes)
    extended, pixels, rest = [_fill(path, stream, size) for size in sizes]
    _check_size(path, header, _HEADER_BYTES + len(extended) + len(pixels) + len(rest))
    return pixels.view(header.dtype).reshape(header.shape), header.pixel_size


def _fill(path: Path, stream: IO[bytes], size: int) -> Bytes:
    """The next ``size`` bytes, or as many as there are."""
    try:
        buffer: Bytes = np.empty(size, np.uint8)
    except (MemoryError, ValueError) as error:
        raise UserError(f"{path}: its header asks for {size} bytes, more than fit.", "Copy or make it anew.") from error
    done = 0
    try:
        while done < size and (count := cast(io.BufferedReader, stream).readinto(buffer[done:].data)):
            done += count
    except EOFError:
        pass  # cut off in the middle of the compressed data: reported with both sizes
    except (gzip.BadGzipFile, zlib.error, ValueError) as error:
        raise UserError(f"{path}: its compressed data are damaged ({error}).", "Copy it anew.") from error
    return buffer[:done]


def _read_header(path: Path, raw: Bytes) -> _Header:
    from mrcfile.dtypes import HEADER_DTYPE

    if len(raw) == 0:
        raise UserError(f"{path}: the file is empty.", "Copy or make it anew.")
    if len(raw) < _HEADER_BYTES:
        raise UserError(f"{path} is not an MRC file: {len(raw)} bytes, the header alone has 1024.", "Copy it anew.")
    little: Any = np.frombuffer(raw, HEADER_DTYPE.newbyteorder("<"))[0]
    big: Any = np.frombuffer(raw, HEADER_DTYPE.newbyteorder(">"))[0]
    stamped = big if raw[212:214].tobytes() == b"\x11\x11" else little
    header = next((h for h in (stamped, little, big) if _plausible(h)), stamped)
    _check_header(path, header, header is not stamped)
    shape = _size(header)[::-1]
    order = "<" if header is little else ">"
    return _Header(
        shape=shape[1:] if shape[0] == 1 else shape,
        dtype=np.dtype(order + _MODES[int(header["mode"])]),
        offset=_HEADER_BYTES + int(header["nsymbt"]),
        pixel_size=_pixel_size(path, header),
    )


def _size(header: Any) -> tuple[int, int, int]:
    return int(header["nx"]), int(header["ny"]), int(header["nz"])


def _plausible(header: Any) -> bool:
    """Whether these can be a header's numbers, read in the right byte order."""
    nx, ny, nz = _size(header)
    return int(header["mode"]) in {*_MODES, *_REFUSED} and 0 < nx < 2**20 and 0 < ny < 2**20 and nz > 0


def _check_header(path: Path, header: Any, swapped: bool) -> None:
    """Refuse what cannot be read, warn of what breaks the standard."""
    mode, marked = int(header["mode"]), bytes(header["map"])[:3] == b"MAP"
    if not marked and not _plausible(header):
        raise UserError(f"{path} is not an MRC file.", "Check what it is, and give it the suffix of its format.")
    if mode in _REFUSED:
        raise UserError(f"{path}: its pixels are {_REFUSED[mode]} (mode {mode}), which are not read.", _CONVERT)
    if mode not in _MODES:
        raise UserError(f"{path}: its header gives pixels of an unknown mode ({mode}).", _CONVERT)
    if min(_size(header)) <= 0 or int(header["nsymbt"]) < 0:
        size = " x ".join(map(str, _size(header)))
        raise UserError(f"{path}: its header gives a size of {size}, which cannot be.", "Make it anew.")
    if not marked:
        warn(f"{path}: the header lacks the MRC mark 'MAP'; read all the same.", stacklevel=2)
    if swapped:
        warn(f"{path}: the header gives the wrong byte order; read in the other one.", stacklevel=2)


def _check_size(path: Path, header: _Header, actual: int) -> None:
    expected = header.offset + header.data_bytes
    says = f"its header asks for {expected} bytes ({' x '.join(map(str, header.shape))} of {header.dtype.name})"
    if actual < expected:
        raise UserError(f"{path} is truncated: {says}, there are {actual}.", "Copy or make it anew.")
    if actual - expected >= header.frame_bytes:
        raise UserError(f"{path}: {says}, there are {actual}: the header is wrong.", "Make it anew.")
    if actual > expected:
        warn(f"{path}: {says}, there are {actual}; the rest is ignored.", stacklevel=2)


def _pixel_size(path: Path, header: Any) -> float | None:
    cells = np.array([int(header["mx"]), int(header["my"])], dtype=np.float64)
    edges = np.array([header["cella"]["x"], header["cella"]["y"]], dtype=np.float64)
    if not (np.isfinite(edges).all() and (edges > 0).all() and (cells > 0).all()):
        return None
    x, y = edges / cells
    if abs(x - y) > 0.01 * max(x, y):
        warn(f"{path}: the header gives pixels of {x:.4g} by {y:.4g} A; its pixel size is not used.", stacklevel=2)
        return None
    # The header has single precision: 1.77, not 1.7699999809.
    return None if abs(x - 1) < 1e-6 else float(f"{x:.7g}")


def write_mrc(image: npt.ArrayLike, path: str | Path, pixel_size: float | None = None) -> Path:
    """Write one image as 32-bit floats (mode 2).

    Parameters
    ----------
    image
        ``(h, w)``, row 0 first.
    path
        Where to write; an existing file is replaced.
    pixel_size
        Angstrom per pixel; None writes 0, which means that nobody knows.

    Raises
    ------
    UserError
        When the file cannot be written.
    """
    import mrcfile

    path = Path(path)
    with atomic_write(path) as temporary, mrcfile.new(temporary, overwrite=True) as file:
        file.set_data(np.asarray(image, dtype=np.float32))
        file.voxel_size = pixel_size or 0.0
    return path
