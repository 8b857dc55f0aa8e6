"""What a TIFF asks for, looked at before it takes any memory: tifffile believes what the file says of itself."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

from napari_drpnet.errors import UserError
from napari_drpnet.io.limits import check_unpacked, reason_of

ANEW = "Copy it anew, or save it as MRC."

_NONE, _JPEG = 1, 7
# LZW, Deflate, PackBits, LZMA, ZSTD, whose unpacked size is known before. The rest are for photographs or documents.
_COMPRESSIONS = {_NONE, _JPEG, 5, 8, 32773, 32946, 34925, 34926, 50000}
# Of JPEG: the markers whose segment has the size of the image, those without a segment, and the start of the pixels.
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_BARE, _PIXELS = {0x00, 0x01, 0xFF, *range(0xD0, 0xDA)}, 0xDA


def check_chain(path: Path, tiff: Any) -> None:
    """Refuse images that lead back to one of them, which tifffile would follow for ever."""
    seen: set[int] = set()
    for page in tiff.pages:
        if page.offset in seen:
            raise UserError(f"{path} cannot be read: its list of images leads back to itself.", ANEW)
        seen.add(page.offset)


def check_image(path: Path, page: Any, size: int) -> None:
    """Refuse an image whose parts are missing, or ask for more than there is.

    Parameters
    ----------
    path
        The file.
    page
        The image, a ``TiffPage`` or ``TiffFrame``.
    size
        Bytes of the file.

    Raises
    ------
    UserError
        See above; also when its compression is not one for micrographs.
    """
    image = page.keyframe
    if image.compression not in _COMPRESSIONS:
        kind = reason_of(getattr(image.compression, "name", image.compression))
        raise UserError(f"{path}: its compression ({kind}) is not read.", "Save it with LZW, or as MRC.")
    piece = math.prod(image.chunks) * image.dtype.itemsize
    for asked in (image.nbytes, piece):
        check_unpacked(path, asked, size)
    starts, counts = page.dataoffsets, page.databytecounts
    wanted = math.prod(image.chunked)
    if not len(starts) == len(counts) == wanted or 0 in starts or 0 in counts:
        raise UserError(f"{path} cannot be read: parts of its image are missing.", ANEW)
    end = max(start + count for start, count in zip(starts, counts, strict=True))
    if image.compression == _NONE and image.bitspersample % 8 == 0:
        end = max(end, wanted * piece if image.is_tiled else image.nbytes)
    if end > size:
        raise UserError(f"{path} is truncated: its header asks for {end} bytes, there are {size}.", ANEW)
    if image.compression == _JPEG:
        _check_jpeg(path, page)


def _check_jpeg(path: Path, page: Any) -> None:
    """Refuse parts that say they are larger than they have place for: each has a size of its own, too."""
    room = math.prod(page.keyframe.chunks)
    for start, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        with path.open("rb") as file:
            file.seek(start)
            height, width = _jpeg_size(file.read(count))
        if not 0 < height * width <= room:
            raise UserError(f"{path} cannot be read: a part of its image has {height} x {width} pixels.", ANEW)


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Height and width that JPEG data say they have; 0 where they do not say it."""
    at = 0
    while 0 <= (at := data.find(b"\xff", at)) <= len(data) - 9:
        marker = data[at + 1]
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return height, width
        if marker == _PIXELS:
            break
        at += 1 if marker in _BARE else 2 + struct.unpack_from(">H", data, at + 2)[0]
    return 0, 0
