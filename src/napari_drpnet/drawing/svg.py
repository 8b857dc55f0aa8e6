"""Charts as drawings inside an HTML page, in its colours; they are as sharp on paper as on any screen."""

from __future__ import annotations

from html import escape

import numpy as np

from napari_drpnet.data import FloatArray

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 620, 300, 70, 26, 14, 46

STYLE = """
.grid { stroke: var(--line); } .axis { stroke: var(--pale); fill: none; }
.dot, .bar { fill: var(--blue); } .band { fill: var(--blue); opacity: .3; } .doubt { fill: var(--orange); }
.line { stroke: var(--blue); fill: none; stroke-width: 2; } .bad { stroke: var(--red); fill: none; stroke-width: 2.5; }
.mark { stroke: var(--orange); stroke-width: 2; stroke-dasharray: 5 4; }
"""


def ticks(low: float, high: float) -> FloatArray:
    """About five round numbers from ``low`` to ``high``."""
    rough = (high - low) / 5
    step = 10 ** np.floor(np.log10(rough))
    step *= next(factor for factor in (1, 2, 5, 10) if factor * step >= rough * 0.999)
    first, last = np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9)
    found: FloatArray = np.round(np.arange(first, last + 1) * step, 10) + 0.0  # no -0
    return found


class Chart:
    """A chart with linear axes, to which shapes are added.

    Parameters
    ----------
    title
        For those who cannot see it.
    x, y
        Names of the axes.
    x_range, y_range
        What they span.
    """

    def __init__(self, title: str, x: str, y: str, x_range: tuple[float, float], y_range: tuple[float, float]) -> None:
        self._title, self._ranges = title, (x_range, y_range)
        self._shapes: list[str] = []
        self.bottom, self.right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
        for value in ticks(*x_range):
            at, _ = self.at(value, y_range[0])
            self._shapes.append(f'<text x="{at:.1f}" y="{self.bottom + 19}" text-anchor="middle">{value:,g}</text>')
        for value in ticks(*y_range):
            _, at = self.at(x_range[0], value)
            self._shapes.append(
                f'<path class="grid" d="M{_LEFT} {at:.1f}H{self.right}"/>'
                f'<text x="{_LEFT - 8}" y="{at + 5:.1f}" text-anchor="end">{value:,g}</text>'
            )
        middle = (_LEFT + self.right) / 2, (_TOP + self.bottom) / 2
        self._shapes.append(
            f'<path class="axis" d="M{_LEFT} {_TOP}V{self.bottom}H{self.right}"/>'
            f'<text x="{middle[0]:g}" y="{_HEIGHT - 6}" text-anchor="middle">{escape(x)}</text>'
            f'<text transform="translate(14 {middle[1]:g}) rotate(-90)" text-anchor="middle">{escape(y)}</text>'
        )

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point is, in the units of the drawing."""
        (left, right), (low, high) = self._ranges
        across = (x - left) / (right - left) * (self.right - _LEFT)
        return _LEFT + across, self.bottom - (y - low) / (high - low) * (self.bottom - _TOP)

    def dot(self, x: float, y: float, told: str, kind: str = "dot") -> None:
        """A point that tells a plain text where the mouse rests on it."""
        px, py = self.at(x, y)
        self._add(f'<circle class="{kind}" cx="{px:.1f}" cy="{py:.1f}" r="3"', "circle", told)

    def cross(self, x: float, y: float, told: str) -> None:
        """A point of what went wrong."""
        px, py = self.at(x, y)
        self._add(f'<path class="bad" d="M{px - 4:.1f} {py - 4:.1f}l8 8m0-8l-8 8"', "path", told)

    def box(self, x: tuple[float, float], y: tuple[float, float], told: str = "", kind: str = "bar") -> None:
        """A rectangle between two corners."""
        (left, top), (right, bottom) = self.at(x[0], y[1]), self.at(x[1], y[0])
        shape = f'<rect class="{kind}" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}"'
        self._add(f'{shape} height="{max(bottom - top, 0):.1f}"', "rect", told)

    def line(self, x: FloatArray, y: FloatArray, kind: str = "line") -> None:
        """Points in order, joined."""
        points = " ".join("{:.1f},{:.1f}".format(*self.at(*point)) for point in zip(x, y, strict=True))
        self._shapes.append(f'<polyline class="{kind}" points="{points}"/>')

    def upright(self, x: float, label: str) -> None:
        """A line from the bottom to the top, with a text beside it where there is more room."""
        at, _ = self.at(x, self._ranges[1][0])
        left = at > (_LEFT + self.right) / 2
        self._shapes.append(
            f'<path class="mark" d="M{at:.1f} {_TOP}V{self.bottom}"/><text x="{at + (-7 if left else 7):.1f}" '
            f'y="{_TOP + 13}" text-anchor="{"end" if left else "start"}">{escape(label)}</text>'
        )

    def drawing(self) -> str:
        """As HTML."""
        view = f'viewBox="0 0 {_WIDTH} {_HEIGHT}"'
        return f'<svg {view} role="img" aria-label="{escape(self._title)}">{"".join(self._shapes)}</svg>'

    def _add(self, shape: str, name: str, told: str) -> None:
        self._shapes.append(f"{shape}><title>{escape(told)}</title></{name}>" if told else f"{shape}/>")
