"""From one pick of the chosen classes to the next, over all micrographs, with a ring around it; N and Shift+N."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_drpnet.data import FloatArray, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.layers import there
from napari_drpnet.widgets.averages.target import Target, rows_of
from napari_drpnet.widgets.session.marks import Marks
from napari_drpnet.widgets.session.session import Session

if TYPE_CHECKING:
    from napari.layers import Layer

COLOUR = "#3ddc84"
_KEYS = {"N": 1, "Shift-N": -1}
_RING = 1.25  # diameters


class Tour:
    """The picks of the chosen classes: selected on the micrograph in view, and gone through.

    As long as a class is chosen, N and Shift+N go through its picks in the canvas, too, and Esc lets go; then these
    keys do what they did before.

    Parameters
    ----------
    session
        Of the viewer.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._target: Target | None = None
        self._places: Mapping[str, FloatArray] = {}
        self._at: tuple[str, int] | None = None
        self._diameter = np.nan
        self._marks = Marks(session, "pick of a class")
        self._bound: list[tuple[Layer, str, Any, Any]] = []
        # What the keys in the canvas do.
        self.stepped: Callable[[int], object] = self.step
        self.left: Callable[[], object] = lambda: None

    def begin(self, target: Target | None, places: Mapping[str, FloatArray], diameter: float = np.nan) -> None:
        """Go through these places, ``(n, 2)`` by micrograph; none: end. ``diameter`` in Angstrom."""
        at = self._place if target is self._target else None
        self._target, self._places, self._diameter, self._at = target, places, diameter, None
        if at is not None and at[0] in places:  # the same pick, be it in another order
            same = np.flatnonzero((places[at[0]] == at[1]).all(axis=1))
            self._at = (at[0], int(same[0])) if len(same) else None
        if self._at is None:
            self._marks.hide()
        self.select()
        if places:
            self.bind()
        else:
            self._unbind()

    @property
    def _place(self) -> tuple[str, FloatArray] | None:
        """The pick that is shown: its micrograph, and where it is."""
        return None if self._at is None else (self._at[0], self._places[self._at[0]][self._at[1]])

    def select(self) -> None:
        """Select the picks on the micrograph in view; it is another one, or its picks changed."""
        target = self._target
        layer = None if target is None else target.points
        if target is None or layer is None:
            return
        name = target.current
        if name and self._at is not None and self._at[0] != name:
            self._at = None
            self._marks.hide()
        if not self._places:
            layer.selected_data = set()
        elif name in self._places:
            shown = np.asarray(layer.shown)
            rows = rows_of(self._places[name], target.picks(name))
            layer.selected_data = {row for row in rows if row < len(shown) and shown[row]}

    def step(self, by: int) -> str:
        """Go to the next place, or to the one before; tells where that is."""
        target = self._target
        if target is None or not self._places:
            return "Choose a class first: click it."
        order = [(name, row) for name, yx in self._places.items() for row in range(len(yx))]
        goes_on = self._at in order
        index = order.index(self._at) + by if goes_on and self._at else self._first(order, target.current, by)
        if not 0 <= index < len(order):
            return "That was the last pick." if by > 0 else "That was the first pick."
        name, row = order[index]
        yx = self._places[name][row]
        try:
            self._at = None  # going to another micrograph selects there
            target.show(name, yx)
            self._at = name, row
            self._ring(target, name, yx)
        except UserError as error:
            return error.plain
        return f"Pick {index + 1:,} of {len(order):,}, on {name.rsplit('/', 1)[-1]}."

    def _first(self, order: list[tuple[str, int]], name: str, by: int) -> int:
        """Where to begin: on the micrograph in view, or with the first or last of all."""
        here = [index for index, (other, _) in enumerate(order) if other == name]
        if by > 0:
            return here[0] if here else 0
        return here[-1] if here else len(order) - 1

    def _ring(self, target: Target, name: str, yx: FloatArray) -> None:
        frame = target.picks(name).frame
        size = _RING * self._diameter / frame.pixel_size if frame.pixel_size else np.nan
        self._marks.show(Picks(frame, np.asarray([yx]), diameter=np.array(size)), [COLOUR], ["disc"], 0.06)
        if self._marks.layer is not None:
            target.lay(self._marks.layer)

    # ------------------------------------------------------------ keys

    def bind(self) -> None:
        """Let the keys work in the canvas; what they did before is kept."""
        if self._target is None or not self._places:
            return
        for layer in self._target.bindable:
            if not any(bound is layer for bound, *_ in self._bound):
                acts = {key: partial(self.stepped, by) for key, by in _KEYS.items()} | {"Escape": self.left}
                for key, act in acts.items():
                    former, ours = layer.bind_key(key, None), _calling(act)
                    layer.bind_key(key, ours)
                    self._bound.append((layer, key, ours, former))

    def _unbind(self) -> None:
        for layer, key, ours, former in self._bound:
            bound = layer.bind_key(key, None)
            if bound is not ours:  # another dock took it since
                former = bound
            if former is not None:
                layer.bind_key(key, former)
        self._bound.clear()

    def end(self, window: bool) -> None:
        """The dock is gone: leave nothing behind."""
        if window:
            self._unbind()
            points = None if self._target is None else self._target.points
            if points is not None and there(self._session.viewer, points) is not None and self._places:
                points.selected_data = set()
            self._marks.close()
        self._target, self._places = None, {}


def _calling(act: Callable[[], object]) -> Callable[[Any], None]:
    """A key's function: napari gives it the layer."""

    def call(_: Any) -> None:
        act()

    return call
