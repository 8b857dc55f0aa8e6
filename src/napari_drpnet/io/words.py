"""Words of a file as an array, which has room for the longest word in each of its places."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from napari_drpnet.errors import UserError, short

Words: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.str_]]

# Signs: at four bytes each, 200 MB.
_MOST = 50_000_000


def as_array(words: Sequence[str], path: Path) -> Words:
    """The words of a column, ``(n,)``.

    Raises
    ------
    UserError
        When one is so long that all would take too much memory; it names the file.
    """
    longest = max(words, key=len, default="")
    if len(longest) * len(words) > _MOST:
        raise UserError(f"{path}: a word of {len(longest)} signs, {short(longest)}.", "Correct the file.")
    return np.array(words, dtype=np.str_)
