"""What the formats of plain text have in common: letters, numbers, a missing end, and what people are told of them."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from pathlib import Path
from warnings import warn

from napari_drpnet.errors import UserError, cut
from napari_drpnet.io.files import reading

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# Of columns that are named in one warning, and of the letters of one name.
_MOST_COLUMNS, _MOST_LETTERS = 6, 24


def read_plain(path: Path) -> str:
    """The text of a file, in UTF-8, with or without its mark, or in UTF-16 with its mark.

    Other bytes come back as they were when the text is written.

    Raises
    ------
    UserError
        When the file cannot be read, or is no text.
    """
    with reading(path):
        data = path.read_bytes()
    text = decoded(data)
    if text is None or "\0" in text:
        raise UserError(f"{path} is not a text file.", "Choose another file, or save it as text (UTF-8).")
    return text


def decoded(data: bytes) -> str | None:
    """The bytes of a file as text; None for half a letter of UTF-16."""
    if not data.startswith(_UTF16):
        return data.decode("utf-8-sig", errors="surrogateescape")
    try:
        return data.decode("utf-16")
    except UnicodeDecodeError:
        return None


def number(text: str) -> float:
    """A number as programs write it: no ``1_000``, and only the digits 0 to 9.

    Raises
    ------
    ValueError
        When it is none.
    """
    if "_" in text or not text.isascii():
        raise ValueError(text)
    return float(text)


def listed(names: Iterable[str]) -> str:
    """Names of columns for a message, short however many and long they are."""
    names = [cut(" ".join(name.split()), _MOST_LETTERS) or "(no name)" for name in names]
    more = len(names) - _MOST_COLUMNS
    return ", ".join(names[:_MOST_COLUMNS]) + (f" and {more} more" if more > 0 else "")


def tell_passed_over(path: Path, columns: Iterable[str], what: str = "columns", stacklevel: int = 4) -> None:
    """Warn of what a file has and nobody reads; say nothing where there is none."""
    if columns := list(columns):
        warn(f"{path}: these {what} are passed over: {listed(columns)}.", stacklevel=stacklevel)


def tell_if_cut(text: str, path: Path, stacklevel: int = 4) -> None:
    """Warn of a last line without an end: when a file is cut, 123 becomes 12 there, and rows are missing."""
    if text and not text.endswith(("\n", "\r")):
        warn(
            f"{path}: the last line has no end. If the file was cut, its last number is wrong and rows are missing.",
            stacklevel=stacklevel,
        )
