"""Plots of a training run and of how honest its probabilities are, drawn with Pillow, which is there in any case."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from napari_drpnet.data import FloatArray
from napari_drpnet.drawing.svg import ticks
from napari_drpnet.evaluation.reliability import calibration_error, reliability
from napari_drpnet.training_loop.fit import Step

_SIDE, _MARGIN = 420, 56
_INK, _PALE, _BLUE, _RED = "#222222", "#cccccc", "#2166ac", "#b2182b"

Points = Sequence[tuple[float, float]]


class Panel:
    """A square plot with linear axes.

    Parameters
    ----------
    title
        Above the plot.
    x, y
        Names of the axes.
    x_range, y_range
        What they span.
    scale
        Size of everything, 1 for a plot of 420 pixels.
    x_text
        How the numbers of the axis x are written.
    top
        The same in other units, above the plot; empty where it has none.
    """

    def __init__(
        self,
        title: str,
        x: str,
        y: str,
        x_range: tuple[float, float],
        y_range: tuple[float, float],
        scale: int = 1,
        x_text: Callable[[float], str] = "{:g}".format,
        top: Callable[[float], str] = lambda _: "",
    ) -> None:
        self.image = Image.new("RGB", (_SIDE * scale, _SIDE * scale), "white")
        self.draw = ImageDraw.Draw(self.image)
        self.x_range, self.y_range, self.scale = x_range, y_range, scale
        low, high = _MARGIN, _SIDE - _MARGIN
        for value in ticks(*x_range):
            px, _ = self._at(value, y_range[0])
            self._draw_line([(px, low), (px, high)], _PALE)
            self._text((px, high + 6), x_text(value), "ma")
            self._text((px, low - 6), top(value), "ms")
        for value in ticks(*y_range):
            _, py = self._at(x_range[0], value)
            self._draw_line([(low, py), (high, py)], _PALE)
            self._text((low - 6, py), f"{value:g}", "rm")
        self._draw_line([(low, low), (low, high), (high, high), (high, low), (low, low)], _INK)
        self._text((_SIDE / 2, 10), title, "ma", 15)
        self._text((_SIDE / 2, _SIDE - 10), x, "ms", 13)
        self._text((8, low - 8), y, "ls", 13)

    def line(self, points: Points, colour: str, width: int = 2) -> None:
        """Points in order, joined."""
        self._draw_line([self._at(*point) for point in points], colour, width)

    def dots(self, points: Points, colour: str, size: Callable[[int], float] = lambda _: 3.0) -> None:
        """Filled circles; ``size`` gives the radius in pixels of each."""
        for i, point in enumerate(points):
            x, y = self._at(*point)
            r = size(i)
            self._draw_dot((x - r, y - r, x + r, y + r), colour)

    def label(self, x: float, y: float, text: str, anchor: str = "ls") -> None:
        """A small text at a point; ``anchor`` as Pillow has it."""
        self._text(self._at(x, y), text, anchor, 10)

    def legend(self, entries: Sequence[tuple[str, str]], at_top: bool = False) -> None:
        """Names and their colours, in the lower left corner of the plot, or in the upper left one."""
        left, top = _MARGIN + 12, _MARGIN + 10 if at_top else _SIDE - _MARGIN - 10 - 18 * len(entries)
        widest = max(ImageFont.load_default(12).getlength(name) for name, _ in entries)
        plate = (left - 6, top - 4, left + widest + 24, top + 18 * len(entries) + 4)
        self.draw.rectangle(tuple(value * self.scale for value in plate), "white", _PALE)
        for i, (name, colour) in enumerate(entries):
            middle = top + 18 * i + 9
            self._draw_dot((left, middle - 5, left + 10, middle + 5), colour)
            self._text((left + 16, middle), name, "lm", 12)

    def _at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point is, in pixels of a plot of scale 1."""
        (x0, x1), (y0, y1) = self.x_range, self.y_range
        width = _SIDE - 2 * _MARGIN
        return _MARGIN + width * (x - x0) / (x1 - x0), _SIDE - _MARGIN - width * (y - y0) / (y1 - y0)

    def _draw_line(self, points: Points, colour: str, width: int = 1) -> None:
        at = [(x * self.scale, y * self.scale) for x, y in points]
        self.draw.line(at, colour, width * self.scale)

    def _draw_dot(self, box: tuple[float, float, float, float], colour: str) -> None:
        left, top, right, bottom = (value * self.scale for value in box)
        self.draw.ellipse((left, top, right, bottom), colour)

    def _text(self, at: tuple[float, float], text: str, anchor: str, size: int = 11) -> None:
        font = ImageFont.load_default(size * self.scale)
        self.draw.text((at[0] * self.scale, at[1] * self.scale), text, _INK, font, anchor=anchor)


def draw_reliability(p: FloatArray, hit: npt.NDArray[np.bool_], title: str = "Reliability") -> Image.Image:
    """The reliability diagram: how often candidates of a probability are particles, the diagonal being honest.

    Parameters
    ----------
    p
        ``(n,)`` probabilities.
    hit
        ``(n,)`` whether each was a particle.
    title
        Above the plot, before the expected calibration error. The area of a dot is proportional to its candidates.
    """
    error = calibration_error(p, hit)
    panel = Panel(f"{title} (ECE {error:.3f}, n = {len(p)})", "probability", "frequency", (0, 1), (0, 1))
    panel.line([(0, 0), (1, 1)], _INK, 1)
    mean, frequency, count = reliability(p, hit)
    points = list(zip(mean.tolist(), frequency.tolist(), strict=True))
    if points:
        panel.line(points, _BLUE)
        panel.dots(points, _BLUE, lambda i: 2 + 6 * float(count[i] / count.max()) ** 0.5)
    return panel.image


def draw_training(checks: Sequence[Step], p: FloatArray, hit: npt.NDArray[np.bool_]) -> Image.Image:
    """Loss, validation F1 and reliability of a run, side by side.

    Parameters
    ----------
    checks
        With loss and, where it was measured, F1.
    p, hit
        As for `draw_reliability`.
    """
    last = float(max(checks[-1].done, 1))
    losses = [(float(c.done), c.loss) for c in checks]
    values = [loss for _, loss in losses]
    spread = (max(values) - min(values)) or max(abs(max(values)), 1e-9)
    loss = Panel("Loss", "step", "mean loss", (0, last), (min(values) - 0.05 * spread, max(values) + 0.05 * spread))
    loss.line(losses, _RED)
    loss.dots(losses, _RED)
    panels = [loss.image]
    scores = [(float(c.done), c.f1) for c in checks if c.f1 is not None]
    if scores:
        f1 = Panel("Validation", "step", "F1 at the best threshold", (0, last), (0, 1))
        f1.line(scores, _BLUE)
        f1.dots(scores, _BLUE)
        panels.append(f1.image)
    panels.append(draw_reliability(p, hit))
    figure = Image.new("RGB", (_SIDE * len(panels), _SIDE), "white")
    for i, panel in enumerate(panels):
        figure.paste(panel, (i * _SIDE, 0))
    return figure
