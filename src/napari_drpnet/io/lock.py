"""One writer at a time: a small file that says which process has a folder open.

The file names the computer, the process and when that process started, so that the lock of a program that was killed
holds nobody up. A lock can be taken away by deleting its file; its owner notices before it writes again.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import socket
import stat
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

import psutil
from pydantic import Field, TypeAdapter, ValidationError

from napari_drpnet.errors import UserError, cut
from napari_drpnet.io.files import reading, writing
from napari_drpnet.io.paths import exists

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # Windows has none

_Word = Annotated[str, Field(max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$", strict=True)]
# Bytes; a lock has about 150.
_LONGEST = 10_000
_TRIES = 100
# The start of a process is told to a hundredth of a second, but the clock it is told by may be set right meanwhile.
_CLOCK = 2.0


@dataclass(frozen=True)
class Owner:
    """Who holds a lock.

    Attributes
    ----------
    host
        Name of the computer.
    pid, started
        The process, and when it started: seconds since 1970.
    since
        When it took the lock, for people.
    token
        Differs for every lock ever taken.
    """

    host: _Word
    pid: Annotated[int, Field(gt=0, lt=2**31, strict=True)]
    started: Annotated[float, Field(allow_inf_nan=False, strict=True)]
    since: _Word
    token: _Word

    @classmethod
    def me(cls) -> Owner:
        """The process that runs this, about to take a lock."""
        pid = os.getpid()
        since = time.strftime("%Y-%m-%d %H:%M:%S")
        return cls(socket.gethostname(), pid, psutil.Process(pid).create_time(), since, secrets.token_hex(8))

    def __str__(self) -> str:
        return f"process {self.pid} on {cut(self.host, 60)}, since {cut(self.since, 25)}"

    @property
    def here(self) -> bool:
        """Whether it is on this computer."""
        return self.host == socket.gethostname()

    @property
    def alive(self) -> bool:
        """Whether it may still write: of a process on another computer nobody can tell, so it may."""
        if not self.here:
            return True
        if self.pid == os.getpid():
            return self.token in _held
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < _CLOCK
            return bool(same and process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:
            return True


# Locks of this process: it may open a folder twice.
_held: set[str] = set()


class Lock:
    """A lock that this process holds, until `release` or the end of the program.

    Attributes
    ----------
    path
        The lock file.
    owner
        This process.
    """

    def __init__(self, path: Path, owner: Owner) -> None:
        self.path = path
        self.owner = owner
        self._finalizer = weakref.finalize(self, _release, path, owner)

    @classmethod
    def take(cls, path: Path) -> Lock | Owner:
        """Take the lock, or tell which living process has it. Of several that try at once exactly one gets it.

        Raises
        ------
        UserError
            When the file cannot be written.
        """
        owner = Owner.me()
        return _claim(path, owner) or cls(path, owner)

    def lost_to(self) -> str:
        """Who holds the lock instead of this process; empty when all is well. A deleted file is made again."""
        other = read_owner(self.path)
        if other is not None and other.token == self.owner.token:
            return ""
        if other is None and not exists(self.path):
            return str(_claim(self.path, self.owner) or "")
        return str(other or "another process")

    def release(self) -> None:
        """Let others have it."""
        self._finalizer()


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold the lock of an output folder, which is made where there is none, and removed if nothing comes into it.

    Raises
    ------
    UserError
        When another process writes into it, or it cannot be written.
    """
    made = [place for place in (folder, *folder.parents) if not exists(place)]
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    lock = Lock.take(folder / ".lock")
    if not isinstance(lock, Lock):
        more = "" if lock.here else f", or delete {folder / '.lock'} if that program has ended"
        raise UserError(f"{folder} is in use by {lock}.", f"Wait for its end, or choose another folder{more}.")
    try:
        yield
    finally:
        lock.release()
        with suppress(OSError):  # the first one that has something in it ends this
            for place in made:
                place.rmdir()


def read_owner(path: Path) -> Owner | None:
    """Who holds a lock; None when nobody does, or when the file is damaged."""
    try:
        with reading(path), path.open("rb") as file:
            return _parsed(file.read(_LONGEST))
    except UserError:
        return None


def _parsed(content: bytes) -> Owner | None:
    """Whom a lock file names; None for one that no process can have written."""
    try:
        return _owners().validate_json(content)
    except ValidationError:
        return None


@cache
def _owners() -> TypeAdapter[Owner]:
    # Made once: this costs more than all else, and a lock is looked at before each write.
    return TypeAdapter(Owner)


def _claim(path: Path, owner: Owner) -> Owner | None:
    """Write an owner into the lock file, unless it names another one that is alive: then it is that one."""
    _held.add(owner.token)  # before others can read it
    try:
        with writing(path):
            found = _decided(path, owner)
    except UserError:
        _held.discard(owner.token)
        raise
    if found == owner:
        return None
    _held.discard(owner.token)
    return found


def _decided(path: Path, owner: Owner) -> Owner:
    """Who has the lock: another one that is alive, or the owner, who is written into the file.

    Only who has the file to itself reads and writes it, so that nobody takes away what another has just taken. Where
    the system has no such locks (Windows, some network disks), of two who take the lock of a dead process in the same
    millisecond the later one has it, and the other sees that before its first write.
    """
    for _ in range(_TRIES):
        with _opened(path) as number:
            if not _alone(number, path):
                continue
            other = _parsed(os.read(number, _LONGEST))
            if other is not None and other.alive:
                return other
            if _put(number, path, owner):
                return owner
    raise OSError(errno.EBUSY, "others take and leave it all the time")


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """The lock file, made where there is none; never another file that a link leads to."""
    flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        number = os.open(path, os.O_RDWR | os.O_CREAT | flags, 0o644)
    except PermissionError as error:
        try:  # it may be of another person, in a folder that both may write
            number = os.open(path, os.O_RDONLY | flags)
        except FileNotFoundError:
            raise error from None
    try:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise OSError(errno.EINVAL, "it is no plain file")
        yield number
    finally:
        os.close(number)


def _alone(number: int, path: Path) -> bool:
    """Wait until no other process has the open file to itself; False when the path is another file by then."""
    if fcntl is not None:
        with suppress(OSError):  # a disk without such locks
            fcntl.flock(number, fcntl.LOCK_EX)
    try:
        return os.path.samestat(os.fstat(number), path.stat())
    except FileNotFoundError:
        return False


def _put(number: int, path: Path, owner: Owner) -> bool:
    """Write an owner into the open lock file; False when it is removed instead, since it cannot be written."""
    try:
        os.ftruncate(number, 0)
        os.lseek(number, 0, os.SEEK_SET)
        os.write(number, (json.dumps(asdict(owner)) + "\n").encode())
    except OSError as error:
        path.unlink(missing_ok=True)
        if error.errno in (errno.EBADF, errno.EINVAL):  # opened for reading only
            return False
        raise
    return True


def _release(path: Path, owner: Owner) -> None:
    """Remove the file if it is still this process's own; a forked child leaves it to its parent."""
    if os.getpid() != owner.pid:
        return
    _held.discard(owner.token)
    there = read_owner(path)
    if there is not None and there.token == owner.token:
        with suppress(OSError):
            path.unlink()
