"""MRC files: micrographs and stacks, plain or compressed, of either byte order."""

from __future__ import annotations

import bz2
import gzip
import math
import os
import stat
import struct
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import numpy.typing as npt
from mrcfile.dtypes import HEADER_DTYPE
from mrcfile.mrcfile import MrcFile
from mrcfile.utils import byte_order_from_machine_stamp, data_dtype_from_header

from napari_drpnet.errors import UserError
from napari_drpnet.io.files import atomic_write, reading
from napari_drpnet.io.limits import check_unpacked, file_size, undamaged

MRC_SUFFIXES = (".mrc", ".mrcs", ".map", ".rec", ".st")
_UNPACK: dict[bytes, Any] = {b"\x1f\x8b\x08": gzip.open, b"BZh": bz2.open}
# IMOD's mark in a header whose next field is flags; bit 0 says that bytes have a sign.
_IMOD_STAMP, _IMOD_FIELDS = 1146047817, slice(152, 160)
_HALF_BYTES = 16  # the flag of two pixels in a byte
_SAMPLE = 2**22  # bytes that are looked at where no field says whether they have a sign
_HEADER = 1024  # bytes
# What says "MAP" and the order of bytes.
_LITTLE_ENDIAN = (b"MAP DD\0\0", b"MAP DA\0\0")
# Bytes of a pixel, of the modes whose pixels mean one thing only.
_BYTES = {1: 2, 2: 4, 6: 2, 12: 2}
_USUAL_AXES = (2, 1, 0)
_REFUSED = {3: "complex integers", 4: "complex numbers", 101: "packed 4-bit integers"}
_CONVERT = "Convert it to 32-bit floats (mode 2), for example with `newstack -mode 2`."


class _Mrc(MrcFile):  # type: ignore[misc]  # mrcfile has no types
    """mrcfile's reader of headers; takes memory as bytes come, since a header may lie about how many there are.

    Not `mrcfile.open` and its classes for compressed files: those reserve what the header asks for, and
    unpack the whole file to learn its size.
    """

    _header: Any
    _iostream: Any

    def __init__(self, path: Path) -> None:
        self.path = path
        self.complaints: list[str] = []
        super().__init__(path, permissive=True, header_only=True)

    def _open_file(self, name: str) -> None:
        with self.path.open("rb") as file:
            start = file.read(3)
        self.packed = start in _UNPACK
        self._iostream = _UNPACK.get(start, open)(name, "rb")

    def _read_header(self) -> None:
        """Not mrcfile's own, which warns: to catch that would take the warnings of other threads, too."""
        content, size = self._read_bytearray_from_stream(_HEADER)
        if size < _HEADER:
            told = f"{size} bytes, the header alone has {_HEADER}"
            raise UserError(f"{self.path} is not an MRC file: {told}.", "Copy or make it anew.")
        header = np.frombuffer(content, HEADER_DTYPE).reshape(()).view(np.recarray)
        if bytes(header.map)[:3] != b"MAP":
            self.complaints.append("Map ID string not found")
        try:
            order = byte_order_from_machine_stamp(header.machst)
        except ValueError as error:
            order = "<"
            self.complaints.append(str(error))
        header = header.view(header.dtype.newbyteorder(order))
        other = header.view(header.dtype.newbyteorder())
        if not _has_known_mode(header) and _has_known_mode(other):
            self.complaints.append("Machine stamp does not match the apparent byte order")
            header = other
        # Mode 0 is 0 in both orders, but no image is 65536 wide.
        elif header.mode == 0 and 0 < other.nx < 2**16 and not 0 < header.nx < 2**16:
            header = other
        self._header = header

    def _read_extended_header(self) -> None:
        """Leave it out: nobody asks for it, and its size may be a lie."""

    def _read_bytearray_from_stream(self, number_of_bytes: int) -> tuple[bytearray, int]:
        data = bytearray()
        with suppress(EOFError):  # cut off in the middle of compressed data
            while chunk := self._iostream.read1(max(0, min(number_of_bytes - len(data), 2**20))):
                data += chunk
        return data, len(data)

    def unpack(self, size: int, surplus: int) -> tuple[bytearray, int]:
        """``size`` bytes of pixels, and how many the file has in all, of which ``surplus`` more are looked at."""
        self._read_bytearray_from_stream(int(self.header.nsymbt))
        pixels, _ = self._read_bytearray_from_stream(size)
        self._read_bytearray_from_stream(surplus)
        return pixels, self._iostream.tell()


def _has_known_mode(header: Any) -> bool:
    try:
        data_dtype_from_header(header)
    except ValueError:
        return False
    return True


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
        When the header breaks the standard but the pixels can be found, or does not tell the sign of bytes.
    """
    actual = file_size(path)
    with reading(path), undamaged(path), _Mrc(path) as file:
        header = file.header
        dtype, shape = _pixels(path, header)
        frame = shape[-2] * shape[-1] * dtype.itemsize
        size, offset = int(header.nz) * frame, header.nbytes + int(header.nsymbt)
        says = f"its header asks for {offset + size} bytes ({' x '.join(map(str, shape))} of {dtype.name})"
        pixels = None
        if file.packed:
            check_unpacked(path, offset + size, actual)
            pixels, actual = file.unpack(size, frame)
        _check_size(path, says, offset + size, actual, frame)
        for complaint in file.complaints:
            warnings.warn(f"{path}: {complaint}; read all the same.", stacklevel=2)
        array: npt.NDArray[Any]
        if pixels is not None:
            array = np.frombuffer(pixels, dtype).reshape(shape)
        else:
            # What mrcfile.mmap does, but with the byte order above and a stack of volumes as one stack.
            array = np.memmap(path, dtype, "r", offset, shape)
        unsigned = dtype == np.int8 and _unsigned(path, header, array)
        return array.view(np.uint8) if unsigned else array, _pixel_size(path, header)


def says_volume(path: Path) -> bool:
    """Whether the header calls its sections slices of one volume, not images: by its space group and its sampling."""
    with reading(path), undamaged(path), _Mrc(path) as file:
        header = file.header
        sampled = (header.mx, header.my, header.mz)[_axes(path, header)[0]]
        return bool(header.ispg == 1 and sampled == header.nz)


def in_order(path: Path, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The voxels of a volume as ``(z, y, x)``, whatever axes its file has its sections, rows and columns along.

    Parameters
    ----------
    path
        The file.
    values
        ``(sections, rows, columns)`` of it.

    Raises
    ------
    UserError
        When the file cannot be read, or its header gives axes that cannot be.
    """
    with reading(path), undamaged(path), _Mrc(path) as file:
        axes = _axes(path, file.header)
    return values.transpose([axes.index(axis) for axis in _USUAL_AXES])


def _axes(path: Path, header: Any) -> tuple[int, int, int]:
    """The axes of sections, rows and columns, 0 for x, 1 for y, 2 for z."""
    told = int(header.maps), int(header.mapr), int(header.mapc)
    if told == (0, 0, 0):  # of programs that leave these fields out
        return _USUAL_AXES
    if sorted(told) != [1, 2, 3]:
        raise UserError(
            f"{path}: its header gives the axes {told[2]}, {told[1]}, {told[0]} (mapc, mapr, maps), which cannot be.",
            "Make it anew, with 1, 2, 3.",
        )
    sections, rows, columns = (one - 1 for one in told)
    return sections, rows, columns


def usual_header(path: Path) -> tuple[tuple[int, int], float] | None:
    """Size ``(h, w)`` and pixel size of a plain MRC file with one image and nothing odd in its header or its length.

    None for all others, of which `open_mrc` tells, in ten times the time: a data set has ten thousand.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        with path.open("rb", buffering=0) as file:
            head, actual = file.read(_HEADER), os.fstat(file.fileno()).st_size
    except OSError:
        return None
    if len(head) < _HEADER or head[208:216] not in _LITTLE_ENDIAN:
        return None
    nx, ny, nz, mode, *_, mx, my, _ = struct.unpack_from("<10i", head)
    *edges, _ = struct.unpack_from("<3f", head, 40)
    (extended,) = struct.unpack_from("<i", head, 92)
    if nz != 1 or mode not in _BYTES or min(nx, ny, mx, my) <= 0 or extended < 0 or not 0 < min(edges) < math.inf:
        return None
    x, y = edges[0] / mx, edges[1] / my
    if actual != _HEADER + extended + nx * ny * _BYTES[mode] or not abs(x - y) <= 0.01 * max(x, y) or _unset(x):
        return None
    return (ny, nx), _rounded(x)


def _check_size(path: Path, says: str, expected: int, actual: int, frame: int) -> None:
    if actual < expected:
        raise UserError(
            f"{path} is truncated: {says}, there are {actual}.",
            "Wait if it is still being written; else copy or make it anew.",
        )
    if actual >= expected + frame:
        raise UserError(f"{path}: {says}, there are {actual}: the header is wrong.", "Make it anew.")
    if actual > expected:
        warnings.warn(f"{path}: {says}, there are {actual}; the rest is ignored.", stacklevel=3)


def _pixels(path: Path, header: Any) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Type and shape, ``(h, w)`` or ``(n, h, w)``, of pixels that can be an image."""
    mode, shape = int(header.mode), (int(header.nz), int(header.ny), int(header.nx))
    possible = min(shape) > 0 and header.nsymbt >= 0
    if bytes(header.map)[:3] != b"MAP" and not (possible and max(shape[1:]) < 2**20):
        raise UserError(f"{path} is not an MRC file.", "Check what it is, and give it the suffix of its format.")
    if mode == 0 and (_imod_flags(header) or 0) & _HALF_BYTES:
        mode = 101
    if mode in _REFUSED:
        raise UserError(
            f"{path}: its pixels are {_REFUSED[mode]} (mode {int(header.mode)}), which are not read.", _CONVERT
        )
    try:
        dtype: np.dtype[Any] = data_dtype_from_header(header)
    except ValueError as error:
        raise UserError(f"{path}: its header gives pixels of an unknown mode ({mode}).", _CONVERT) from error
    if not possible:
        size = " x ".join(map(str, shape))
        raise UserError(f"{path}: its header gives a size of {size}, which cannot be.", "Make it anew.")
    return dtype, shape[1:] if shape[0] == 1 else shape


def _imod_flags(header: Any) -> int | None:
    """IMOD's flags, in a header that has them."""
    stamp, flags = np.frombuffer(header.tobytes()[_IMOD_FIELDS], header.mode.dtype).tolist()
    return flags if stamp == _IMOD_STAMP else None


def _unsigned(path: Path, header: Any, array: npt.NDArray[Any]) -> bool:
    """Whether the bytes of mode 0 have no sign, as in older files of IMOD and SerialEM: by what the header says.

    Where it says nothing, or two things, those grey levels are right that do not fall apart into black and white.
    """
    flags = _imod_flags(header)
    said = set() if flags is None else {not flags & 1}
    low, high = float(header.dmin), float(header.dmax)
    if -128 <= low < 0 and low < high <= 127:
        said.add(False)
    elif low >= 0 and 127 < high <= 255:
        said.add(True)
    if len(said) == 1:
        return said.pop()
    sample = array.reshape(-1)[:_SAMPLE]
    if sample.min() >= 0:
        return False  # the same either way
    unsigned = bool(sample.view(np.uint8).std() < 0.9 * sample.std())
    if unsigned or said:
        reads = "without a sign" if unsigned else "with a sign"
        warnings.warn(f"{path}: its header does not tell whether bytes have a sign; read {reads}.", stacklevel=3)
    return unsigned


def _pixel_size(path: Path, header: Any) -> float | None:
    cells = np.array([int(header["mx"]), int(header["my"])], dtype=np.float64)
    edges = np.array([header["cella"]["x"], header["cella"]["y"]], dtype=np.float64)
    if not (np.isfinite(edges).all() and (edges > 0).all() and (cells > 0).all()):
        return None
    x, y = edges / cells
    if abs(x - y) > 0.01 * max(x, y):
        warnings.warn(
            f"{path}: the header gives pixels of {x:.4g} by {y:.4g} A; its pixel size is not used.", stacklevel=3
        )
        return None
    return None if _unset(x) else _rounded(x)


def _unset(size: float) -> bool:
    return abs(size - 1) < 1e-6


def _rounded(size: float) -> float:
    """The header has single precision: 1.77, not 1.7699999809."""
    return float(f"{size:.7g}")


def write_mrc(image: npt.ArrayLike, path: str | Path, pixel_size: float | None = None, *, volume: bool = False) -> Path:
    """Write one image, a stack of them, or a volume, as 32-bit floats (mode 2).

    Parameters
    ----------
    image
        ``(h, w)``, row 0 first, ``(n, h, w)``, or ``(z, y, x)``.
    path
        Where to write; an existing file is replaced.
    pixel_size
        Angstrom per pixel; None writes 0, which means that nobody knows.
    volume
        Whether three axes are those of a volume, not of a stack.

    Raises
    ------
    UserError
        When the file cannot be written.
    """
    path = Path(path)
    with atomic_write(path) as temporary, mrcfile.new(temporary, overwrite=True) as file:
        file.set_data(np.asarray(image, dtype=np.float32))
        if file.data.ndim == 3 and volume:
            file.set_volume()
        elif file.data.ndim == 3:
            file.set_image_stack()
        file.voxel_size = pixel_size or 0.0
        # mrcfile's label has the time of day; the same image is to give the same bytes.
        file.header.label = b""
        file.header.nlabl = 0
    return path
