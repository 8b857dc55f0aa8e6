"""Names that files bring and that are written to: one part of a path, which never leaves its folder."""

from __future__ import annotations

import os
import unicodedata

from napari_drpnet.errors import UserError, short

# Bytes. A file's name may have 255; what is added to the name, such as ``_autopick.star``, must fit as well.
LONGEST = 200
# Control characters, and what some programs take for the end of a line.
_UNSEEN = ("Cc", "Zl", "Zp")


def safe_name(name: str) -> str:
    """The name itself, if a file or folder called so lies in the folder that it is made in.

    Good is one part of a path without control characters, of at most `LONGEST` bytes. Bytes that are no UTF-8 are kept.

    Raises
    ------
    UserError
        When it is empty, ``.`` or ``..``, has folders in it, control characters, or is too long.
    """
    if reason := _wrong(name):
        raise UserError(f"The name {short(name)} {reason}.", "Choose a plain name, without a folder.")
    return name


def is_safe(name: str) -> bool:
    """Whether `safe_name` takes the name."""
    return not _wrong(name)


def _wrong(name: str) -> str:
    if name in ("", ".", ".."):
        return "is not one of a file"
    # Both kinds everywhere: a project may be copied to Windows.
    if "/" in name or "\\" in name or os.path.splitdrive(name)[0]:
        return "has folders in it"
    # Most names are printable, which is quick to see.
    if not name.isprintable() and any(unicodedata.category(sign) in _UNSEEN for sign in name):
        return "has control characters in it"
    return f"is longer than {LONGEST} bytes" if len(os.fsencode(name)) > LONGEST else ""
