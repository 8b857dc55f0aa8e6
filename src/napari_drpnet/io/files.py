"""Files on disk: whole or not at all when written, and a plain sentence when something is in the way."""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from napari_drpnet.errors import UserError
from napari_drpnet.io.paths import exists, is_dir, require_name, require_ordinary, resolved, shown

# Windows would write each end of a line as two bytes.
_AS_IT_IS = getattr(os, "O_BINARY", 0)
# What may follow a micrograph's name in the name of one of its files.
_SUFFIX = re.compile(
    r"(\.(mrcs?|map|rec|st|tiff?|png|jpe?g|eer|star|csv|c?box|txt|json|cs|gz|bz2))+$|_(autopick|manualpick)$",
    re.IGNORECASE,
)


def micrograph_stem(name: str | Path) -> str:
    """What the files of one micrograph have in common: no folder, no suffix, no ``_autopick``.

    >>> micrograph_stem("AutoPick/job006/Micrographs/a.frames_autopick.star")
    'a.frames'
    """
    return _stem(str(name))


@lru_cache(2**16)  # a name is asked for many times, and there may be ten thousand
def _stem(name: str) -> str:
    stem = re.split(r"[/\\]", name)[-1]
    while (shorter := _SUFFIX.sub("", stem)) not in (stem, ""):
        stem = shorter
    return stem


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what the operating system says about ``path`` into a `UserError`; pipes and devices are refused."""
    require_ordinary(path)
    try:
        yield
    except FileNotFoundError as error:
        raise UserError(f"{shown(path)}: there is no such file.", "Check the name and the folder.") from error
    except IsADirectoryError as error:
        raise UserError(f"{shown(path)} is a folder, not a file.", "Name a file in it.") from error
    except PermissionError as error:
        raise UserError(f"{shown(path)}: no permission to read it.", "Ask its owner, or copy it.") from error
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"{shown(path)} cannot be read: {reason}.", "Check the file and its disk.") from error


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the operating system says about writing ``path`` into a `UserError`."""
    require_name(path)
    try:
        yield
    except OSError as error:
        raise _cannot_write(path, error) from error


def require_folder(folder: Path) -> None:
    """Refuse a folder that nothing can be written to, before hours of work; it need not be there yet.

    Raises
    ------
    UserError
        When it, or what is to hold it, is no folder or cannot be written.
    """
    require_name(folder)
    there = resolved(folder)
    while not exists(there) and there != there.parent:
        there = there.parent
    with writing(folder):
        if not is_dir(there):
            raise NotADirectoryError(errno.ENOTDIR, f"{there.name} is a file")
        if not os.access(there, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
            raise PermissionError(errno.EACCES, "no permission")


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Write a file whole or not at all.

    Gives a temporary name in the same folder, with the same suffix, to write to. It takes the place of
    ``path`` when the block ends, and is removed when the block raises, Ctrl-C included. Missing folders are
    made; a link is written through.

    Raises
    ------
    UserError
        When the disk is full, or the folder cannot be made or written.
    """
    require_name(path)
    target = resolved(path)
    temporary, there = target.with_name(f".{secrets.token_hex(6)}{target.suffix}"), True
    try:
        with writing(Path(path)):
            if not is_dir(target.parent):
                target.parent.mkdir(parents=True, exist_ok=True)
            # Made here, so that a folder without permission is found before any work is done.
            temporary.touch(exist_ok=False)
            yield temporary
            os.replace(temporary, target)  # noqa: PTH105 - Path.replace makes one more Path, each time
            there = False
    finally:
        if there:
            with suppress(OSError):  # gone already, or never made
                temporary.unlink()


def write_text(text: str, path: Path) -> Path:
    """Write a text file by `atomic_write`: the same bytes on every system, odd names as they were read."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape", newline="\n")
    return path


def append_text(text: str, path: Path) -> None:
    """Add text to the end of a file, whole or not at all.

    Raises
    ------
    UserError
        When it cannot be written.
    """
    with writing(path):
        number = os.open(path, os.O_WRONLY | os.O_APPEND | _AS_IT_IS)
        try:
            before, content = os.fstat(number).st_size, text.encode("utf-8", "surrogateescape")
            try:
                if os.write(number, content) < len(content):
                    raise OSError(errno.ENOSPC, "the file was written in part")
            except OSError:
                with suppress(OSError):
                    os.ftruncate(number, before)
                raise
        finally:
            os.close(number)


def _cannot_write(path: Path, error: OSError) -> UserError:
    """What the operating system says about writing ``path``, as a sentence and a next step."""
    name = shown(path)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError(f"{name} cannot be written: the disk is full.", "Free some space, or choose another folder.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return UserError(f"{name} cannot be written: no permission.", "Choose another folder.")
    reason = error.strerror or str(error)
    return UserError(f"{name} cannot be written: {reason}.", "Choose another name or folder.")
