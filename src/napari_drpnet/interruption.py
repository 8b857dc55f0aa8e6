"""Ctrl-C, SIGTERM and SIGHUP end the program in order: no traceback, and no file half done.

Only a program that asks for it is ended so: the command line. In a window nothing changes.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

# So long the orderly end may take until one more signal ends the program at once, in seconds.
_PATIENCE = 10.0


class Interrupted(BaseException):
    """The program is to end. Like KeyboardInterrupt it is no error, so that nothing takes it for one.

    Attributes
    ----------
    status
        The exit status, 128 and the number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


class _Signals:
    """The first signal raises `Interrupted`; those that follow wait for the orderly end, but not for ever."""

    def __init__(self) -> None:
        self.number, self.since = 0, 0.0
        self.unbroken, self.raised = 0, False

    def arrived(self, number: int, _: FrameType | None) -> None:
        if not self.number:
            self.number, self.since = number, time.monotonic()
            self.end()
        elif time.monotonic() - self.since > _PATIENCE:
            with suppress(OSError):
                os.write(2, b"interrupted\n")
            os._exit(128 + number)

    def end(self) -> None:
        if not self.unbroken:
            self.raised = True
            raise Interrupted(self.number)


_signals: _Signals | None = None


@contextmanager
def ended_in_order() -> Iterator[None]:
    """In this block signals raise `Interrupted`, once; those that whoever started the program ignores stay ignored.

    What a signal breaks may fail in its own way, such as an import, or a line for a terminal that is gone: that, too,
    ends the program with the status of the signal.
    """
    global _signals
    if _signals is not None or threading.current_thread() is not threading.main_thread():
        yield
        return
    _signals = _Signals()
    before: dict[int, Any] = {}
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, _signals.arrived)
    hook, sys.unraisablehook = sys.unraisablehook, _unraisable
    try:
        yield
    except (SystemExit, Interrupted):
        raise
    except BaseException:
        if not _signals.number:
            raise
        with suppress(OSError):
            print("interrupted", file=sys.stderr)
        raise SystemExit(128 + _signals.number) from None
    finally:
        # Whoever still sends signals to a program that is ending wants no traceback.
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if _signals.number else handler)
        sys.unraisablehook, _signals = hook, None


@contextmanager
def unbroken() -> Iterator[None]:
    """What belongs together, and is quick: a signal that comes in this block waits for its end."""
    signals = _signals
    if signals is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    signals.unbroken += 1
    try:
        yield
    finally:
        signals.unbroken -= 1
        if signals.number and not signals.raised:
            signals.end()


@contextmanager
def deaf_to_ctrl_c() -> Iterator[None]:
    """Processes that are begun in this block do not hear Ctrl-C, which a terminal sends to all: this one ends them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # its start would let the signal through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def handlers_kept() -> Iterator[None]:
    """Signals are heard after this block as before it, whatever a library that is imported in it does to them."""
    numbers = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None))]
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is not handler:  # which only the main thread can have changed
                signal.signal(number, handler)


def check() -> None:
    """Raise `Interrupted` if a signal came and its exception was lost, as in the end of an object."""
    if _signals is not None and _signals.number:
        raise Interrupted(_signals.number)


def _unraisable(what: sys.UnraisableHookArgs) -> None:
    """Where Python can raise nothing, it would print a traceback."""
    if not issubclass(what.exc_type, Interrupted):
        sys.__unraisablehook__(what)
