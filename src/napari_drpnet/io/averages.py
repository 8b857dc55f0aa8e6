"""The averages that a data set was judged by, kept so that micrographs that come later are judged by the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from napari_drpnet.errors import UserError
from napari_drpnet.io.files import atomic_write, reading

AVERAGES = "averages.safetensors"
_MOST = 1 << 27  # bytes; averages have a hundredth of it


def write_judges(arrays: Mapping[str, npt.NDArray[Any]], path: Path) -> str:
    """Write arrays by name; gives a word that tells them from others.

    Raises
    ------
    UserError
        When they cannot be written.
    """
    from safetensors.numpy import save

    content = save(dict(arrays))
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)
    return _word(content)


def read_judges(path: Path, word: str) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a file whose word is this.

    Raises
    ------
    UserError
        When the file is missing, damaged, or has others.
    """
    from safetensors.numpy import load

    with reading(path):
        content = path.read_bytes() if path.stat().st_size <= _MOST else b""
    if _word(content) != word:
        raise UserError(f"{path}: these are not the averages that the threshold was decided by.", "Decide it anew.")
    return dict(load(content))


def _word(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()
