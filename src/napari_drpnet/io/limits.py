"""Image files that are not what they say: no more memory than their bytes can fill, and damage as a plain sentence."""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_drpnet.errors import UserError, cut
from napari_drpnet.io.files import reading

LARGEST = 2**34  # bytes of pixels that are held in memory at once
# Counted electrons compress best: one in 200 pixels by a factor of 170. A small file may hold a constant image.
_MOST_COMPRESSED = 200
_ALWAYS = 2**28  # bytes
# What the libraries raise for damaged files, besides OSError: with words for people, and for programmers.
_TELLING = (ValueError, SyntaxError, EOFError, RuntimeError, zlib.error)
_MUTE = (LookupError, TypeError, AttributeError, ArithmeticError, AssertionError, MemoryError, struct.error)
_LONGEST_REASON = 120


def file_size(path: Path) -> int:
    """Bytes of a file, which is looked at before it is opened: to open a pipe would wait for ever.

    Raises
    ------
    UserError
        When it is missing, or no file: a folder, a pipe, a device, a socket.
    """
    with reading(path):
        found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise UserError(f"{path} is a folder, not a file.", "Name a file in it.")
    return found.st_size


def check_unpacked(path: Path, unpacked: int, packed: int) -> None:
    """Refuse compressed pixels that ask for more memory than they can fill.

    Parameters
    ----------
    path
        Their file.
    unpacked
        Bytes of the pixels, as the header has it.
    packed
        Bytes of the file.

    Raises
    ------
    UserError
        When the pixels are too many for any image, or for a file of this size.
    """
    if unpacked > LARGEST:
        raise UserError(f"{path}: its header asks for {unpacked} bytes, too many for memory.", "Unpack it, or bin it.")
    if unpacked > max(_ALWAYS, _MOST_COMPRESSED * packed):
        raise UserError(
            f"{path}: its header asks for {unpacked} bytes of pixels, but the file has only {packed}.",
            "It is damaged, or empty: copy it anew, or save it uncompressed.",
        )


@contextmanager
def undamaged(path: Path) -> Iterator[None]:
    """Turn what a library raises for a damaged ``path`` into a `UserError`."""
    try:
        yield
    except (*_TELLING, *_MUTE) as error:
        reason = (isinstance(error, _TELLING) and reason_of(error)) or "its header is damaged"
        hint = "Copy it anew, or save it as MRC or as uncompressed TIFF."
        if "imagecodecs" in reason:
            hint = "Its compression needs the package imagecodecs. What mends it:  napari-drpnet doctor"
        raise UserError(f"{path} cannot be read: {reason}.", hint) from error


def reason_of(reason: object) -> str:
    """What a library says, on one line, without what it repeats of the file at length."""
    return cut(" ".join(str(reason).split()).rstrip("."), _LONGEST_REASON)
