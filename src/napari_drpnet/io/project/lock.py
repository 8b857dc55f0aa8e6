"""One writer at a time: a small file that says which process has a folder open.

The file names the computer, the process and when that process started, so that the lock of a program that was killed
holds nobody up. A lock can be taken away by deleting its file; its owner notices before it writes again.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
import weakref
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from napari_drpnet.io.files import write_text, writing

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

    host: str
    pid: int
    started: float
    since: str
    token: str

    @classmethod
    def me(cls) -> Owner:
        """The process that runs this, about to take a lock."""
        pid = os.getpid()
        since = time.strftime("%Y-%m-%d %H:%M:%S")
        return cls(socket.gethostname(), pid, psutil.Process(pid).create_time(), since, secrets.token_hex(8))

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"

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
        except (psutil.NoSuchProcess, ValueError):
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
        _held.add(owner.token)
        self._finalizer = weakref.finalize(self, _release, path, owner)

    @classmethod
    def take(cls, path: Path) -> Lock | Owner:
        """Take the lock, or tell which living process has it.

        Raises
        ------
        UserError
            When the file cannot be written.
        """
        owner = Owner.me()
        if _create(path, owner):
            return cls(path, owner)
        other = read_owner(path)
        if other is not None and other.alive:
            return other
        # Of two who do this at once the later one has it; the other sees that before its first write.
        write_text(_text(owner), path)
        return cls(path, owner)

    def lost_to(self) -> str:
        """Who holds the lock instead of this process; empty when all is well. A deleted file is made again."""
        other = read_owner(self.path)
        if other is not None and other.token == self.owner.token:
            return ""
        if other is None and not self.path.exists():
            return "" if _create(self.path, self.owner) else str(read_owner(self.path) or "another process")
        return str(other or "another process")

    def release(self) -> None:
        """Let others have it."""
        self._finalizer()


def read_owner(path: Path) -> Owner | None:
    """Who holds a lock; None when nobody does, or when the file is damaged."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return Owner(
            str(said["host"]), int(said["pid"]), float(said["started"]), str(said["since"]), str(said["token"])
        )
    except (OSError, ValueError, TypeError, LookupError):
        return None


def _text(owner: Owner) -> str:
    return json.dumps(asdict(owner)) + "\n"


def _create(path: Path, owner: Owner) -> bool:
    """Make the lock file unless there is one."""
    with writing(path):
        try:
            number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            return False
        try:
            os.write(number, _text(owner).encode())
        except OSError:
            path.unlink(missing_ok=True)
            raise
        finally:
            os.close(number)
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
