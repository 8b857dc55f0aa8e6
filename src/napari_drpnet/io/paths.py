"""Questions about paths, with an answer for every path.

``Path.exists`` and its like raise for folders that may not be entered, names that are too long, links in a circle and
NUL characters. Here such a path is none that is there: whoever opens it is then told what is wrong with it.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatch
from glob import has_magic
from pathlib import Path

from napari_drpnet.errors import UserError, cut

# What most file systems take for one name, in bytes.
LONGEST_NAME = 255
_LONGEST_SHOWN = 120
_ANY_FOLDERS = "**"
_NUMBER = re.compile(r"(\d+)")


def exists(path: str | Path) -> bool:
    """Whether there is a file or a folder that can be reached."""
    return os.path.exists(path)  # noqa: PTH110 - Path.exists raises


def is_dir(path: str | Path) -> bool:
    """Whether this is a folder that can be reached."""
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises


def leads_to_dir(entry: os.DirEntry[str]) -> bool:
    """`is_dir`, of what a look into a folder found: only links are looked at again."""
    return entry.is_dir(follow_symlinks=False) or (entry.is_symlink() and is_dir(entry.path))


def is_file(path: str | Path) -> bool:
    """Whether this is a regular file that can be reached."""
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises


def resolved(path: str | Path) -> Path:
    """The full path without links, as far as they can be followed."""
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError):
        return Path(path).absolute()


def shown(path: str | Path) -> str:
    """A path as a message names it: of a long one the beginning and the end, and no NUL characters."""
    return cut(str(path).replace("\0", "\\0"), _LONGEST_SHOWN)


def require_name(path: str | Path) -> None:
    """Refuse what no file can be called.

    Raises
    ------
    UserError
        For a NUL character.
    """
    if "\0" in str(path):
        raise UserError(f"{shown(path)}: no file has a NUL character in its name.", "Correct the name.")


def require_ordinary(path: str | Path) -> None:
    """Refuse what is neither a file nor a folder: to read a pipe may take for ever.

    Nothing is said of a path that is not there or cannot be reached: opening it tells why.

    Raises
    ------
    UserError
        For a pipe, a socket or a device, and as `require_name` does.
    """
    require_name(path)
    with suppress(OSError):
        kind = os.stat(path).st_mode  # noqa: PTH116 - of texts, too
        if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
            raise UserError(f"{shown(path)} is no regular file, but a pipe or a device.", "Write it to a file first.")


def matching(pattern: str, root: Path = Path()) -> Iterator[str]:
    """Files and folders that a pattern means, as it would write them, each once; ``**`` is any number of folders.

    Links to folders are followed, but not round in circles. Hidden names are only meant by patterns that begin with a
    dot. Folders that cannot be read are passed over.
    """
    parts = Path(pattern).parts
    start = parts[0] if Path(pattern).is_absolute() else ""
    yield from dict.fromkeys(_below(start, parts[1:] if start else parts, root))


def _below(here: str, parts: tuple[str, ...], root: Path) -> Iterator[str]:
    if not parts:
        yield here
        return
    first, *rest = parts
    if first == _ANY_FOLDERS:
        for folder in _tree(here, root):
            yield from _below(folder, tuple(rest), root)
    elif not has_magic(first):
        place = os.path.join(here, first)  # noqa: PTH118 - as it would be written
        if exists(root / place):
            yield from _below(place, tuple(rest), root)
    else:
        for name in _names(root / here):
            place = os.path.join(here, name)  # noqa: PTH118 - as it would be written
            if fnmatch(name, first) and _as_hidden_as(name, first) and (not rest or is_dir(root / place)):
                yield from _below(place, tuple(rest), root)


def _tree(folder: str, root: Path) -> Iterator[str]:
    """A folder and all folders in it, at any depth, each once: links only where they lead to others."""
    seen: set[str] = set()
    waiting: list[str] = [folder]
    links: list[str] = []
    while waiting or links:
        here = waiting.pop() if waiting else links.pop()
        real = os.path.realpath(root / here)
        if real in seen:
            continue
        seen.add(real)
        yield here
        inside = [entry for entry in _entries(root / here) if entry.name[0] != "."]
        for entry in reversed([entry for entry in inside if leads_to_dir(entry)]):
            (links if entry.is_symlink() else waiting).append(os.path.join(here, entry.name))  # noqa: PTH118 - as above


def files_in(folder: Path) -> list[Path]:
    """The regular files in a folder, by name; none of one that cannot be read."""
    return [folder / entry.name for entry in _entries(folder) if is_file(entry.path)]


def _names(folder: Path) -> list[str]:
    return [entry.name for entry in _entries(folder)]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder, by name; nothing of one that cannot be read."""
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except (OSError, ValueError):
        return []


def _as_hidden_as(name: str, pattern: str) -> bool:
    return name[0] != "." or pattern[0] == "."


def natural(text: str) -> tuple[list[str | int], str]:
    """A key that sorts ``a2`` before ``a10``."""
    parts: list[str | int] = list(_NUMBER.split(text))  # words and numbers take turns
    parts[1::2] = [int(digits) for digits in parts[1::2]]
    return parts, text
