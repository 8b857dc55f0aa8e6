"""One try, or many: damage a sound file, read it, and tell what must not be."""

from __future__ import annotations

import random
import shutil
import signal
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fuzz.targets import Target
from napari_drpnet.errors import UserError

# Seconds, characters.
SLOWEST, LONGEST = 10.0, 300
# Seconds after which a reader that goes on is stopped.
_GRACE = 1.0


@dataclass(frozen=True)
class Failure:
    """What went wrong.

    Attributes
    ----------
    number
        Of the damage.
    reason
        What must not be, in a line.
    content
        The damaged file.
    details
        A traceback; empty where there is none.
    """

    number: int
    reason: str
    content: bytes
    details: str = ""


class TooSlowError(Exception):
    """Raised by the alarm."""


def damaged(target: Target, sound: bytes, seed: int, number: int) -> bytes:
    """The damage of a number: always the same."""
    rng = random.Random(f"{seed} {target.name} {number}")
    raw = sound
    for _ in range(rng.choice((1, 1, 1, 2))):
        mutate = rng.choice(target.mutations)
        try:
            raw = mutate(rng, raw)
        except Exception:  # what the mutation itself cannot take apart any more
            raw = random.Random(f"{seed} {number}").choice((raw[: len(raw) // 2], raw + raw))
    return raw


class Bench:
    """A folder that the sound files of a target are in, each time anew, and what lies around it.

    Attributes
    ----------
    target, sound
        What is tried, and the content of its file before any damage.
    work, file
        The folder, and the file in it that is damaged.
    """

    def __init__(self, target: Target, root: Path) -> None:
        self.target = target
        self.work = root / "1" / "2" / "3"
        self._root, self._kept = root, root / "sound"
        self._kept.mkdir(parents=True)
        path = target.make(self._kept)
        self.sound = path.read_bytes()
        self.file = self.work / path.relative_to(self._kept)

    def tried(self, content: bytes) -> tuple[str, str]:
        """What must not be when the damaged file is read, and its traceback; empty when all is well."""
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.copytree(self._kept, self.work)
        self.file.write_bytes(content)
        before = set(self._around())
        begun, details = time.monotonic(), ""
        try:
            with _alarm(), warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                self.target.read(self.file)
            reason = next((r for w in said if w.category is UserWarning and (r := self._wrong(str(w.message)))), "")
        except UserError as error:
            reason = self._wrong(str(error))
        except TooSlowError:
            reason, details = f"slower than {SLOWEST:.0f} s", traceback.format_exc()
        except Exception as error:
            reason, details = f"{type(error).__name__}: {str(error)[:200]!r}", traceback.format_exc()
        if time.monotonic() - begun > SLOWEST:
            reason = reason or f"slower than {SLOWEST:.0f} s"
        if escaped := set(self._around()) - before:
            reason = f"written outside: {sorted(escaped)[:3]}"
            for name in escaped:
                Path(name).unlink(missing_ok=True)
        return reason, details

    def _around(self) -> Iterator[str]:
        for path in self._root.rglob("*"):
            if self.work not in path.parents:
                yield str(path)
        yield from (str(path) for path in (Path("/ESCAPED"), Path("ESCAPED")) if path.exists())

    def _wrong(self, message: str) -> str:
        """A message is short, whatever the file says; the folder that it names is the user's own."""
        shown = message.replace(f"{self.work}/", "").replace(str(self.work), ".")
        return f"a message of {len(shown)} characters: {shown[:150]!r}" if len(shown) > LONGEST else ""


@contextmanager
def _alarm() -> Iterator[None]:
    """Raise `TooSlowError` after the time that a reader may take, where the system has an alarm."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def ring(*_: object) -> None:
        raise TooSlowError

    former = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, SLOWEST + _GRACE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


def tries(bench: Bench, seed: int, numbers: range) -> Iterator[tuple[int, Failure | None]]:
    """Try so many kinds of damage; gives each number, and what went wrong."""
    assert not (wrong := bench.tried(bench.sound)[0]), f"the sound file: {wrong}"
    for number in numbers:
        content = damaged(bench.target, bench.sound, seed, number)
        reason, details = bench.tried(content)
        yield number, Failure(number, reason, content, details) if reason else None
