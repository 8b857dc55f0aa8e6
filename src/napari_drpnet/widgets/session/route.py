"""Where a person is among the micrographs, and which comes next."""

from __future__ import annotations

from collections.abc import Callable, Sequence


class Route:
    """Names in the order in which they are gone through, and the current one.

    Parameters
    ----------
    every
        Gives all names, in the project's order.

    Attributes
    ----------
    current
        Name of the micrograph on screen; empty when there is none.
    sequence
        Names to go through; empty for all.
    """

    def __init__(self, every: Callable[[], Sequence[str]]) -> None:
        self._every = every
        self.current = ""
        self.sequence: Sequence[str] = ()

    def neighbour(self, step: int) -> str:
        """The name that comes so many after the current one; empty at the end."""
        names, here = self._names, self._place(self.current)
        index = here + step if here >= 0 else 0
        return names[index] if 0 <= index < len(names) else ""

    def go(self, name: str) -> int:
        """Be at a name; by how many places that is further. A name out of the sequence is before its first."""
        before, self.current = self._place(self.current), name
        return self._place(name) - before

    @property
    def _names(self) -> Sequence[str]:
        return self.sequence or self._every()

    def _place(self, name: str) -> int:
        names = self._names
        return names.index(name) if name in names else -1
