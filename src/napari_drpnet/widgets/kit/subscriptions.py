"""Signals that a form listens to as long as it is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

Slot = Callable[..., object]


class _Connectable(Protocol):
    """A signal of psygnal, an event of napari, or a signal of Qt whose object is still there."""

    def connect(self, slot: Any, /) -> Any: ...

    def disconnect(self, slot: Any, /) -> Any: ...


class Subscriptions:
    """Connections that are made one by one and end together.

    Parameters
    ----------
    *pairs
        Signals, each with what it calls; more may follow.

    Examples
    --------
    >>> heard = Subscriptions((session.opened, self._follow_project), (session.moved, self._follow_move))
    >>> heard.end()
    """

    def __init__(self, *pairs: tuple[_Connectable, Slot]) -> None:
        self._made: list[tuple[_Connectable, Slot]] = []
        for signal, slot in pairs:
            self.connect(signal, slot)

    def connect(self, signal: _Connectable, slot: Slot) -> None:
        """Let ``signal`` call ``slot`` until the end."""
        signal.connect(slot)
        self._made.append((signal, slot))

    def end(self) -> None:
        """Disconnect all of them. Afterwards others can be connected."""
        while self._made:
            signal, slot = self._made.pop()
            signal.disconnect(slot)
