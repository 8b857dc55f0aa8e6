"""Plots of what half maps tell: Fourier shell correlation, local resolution, resolution against particles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from PIL import Image

from napari_drpnet.assessment.bfactor import BFactor
from napari_drpnet.assessment.shells import GOLD_STANDARD
from napari_drpnet.data import FloatArray
from napari_drpnet.drawing.charts import Panel
from napari_drpnet.drawing.colours import colour

_SCALE = 2
_PALE, _INK = "#999999", "#222222"
# Of the legend, so that it fits into the plot.
_LONGEST = 40
_BINS = 40


def draw_correlations(
    curves: Mapping[str, tuple[FloatArray, FloatArray]],
    title: str = "Fourier shell correlation",
    threshold: float = GOLD_STANDARD,
    order: Sequence[str] = (),
) -> Image.Image:
    """Several curves of Fourier shell correlation over each other.

    Parameters
    ----------
    curves
        ``(n,)`` frequencies in 1/Angstrom and ``(n,)`` correlations by their names.
    title
        Above the plot.
    threshold
        Where a line is drawn.
    order
        Names that have the same colours in several plots, whether all are in this one or not.
    """
    end = max(float(frequency[-1]) for frequency, _ in curves.values())
    low = min(-0.05, *(float(np.nanmin(values)) for _, values in curves.values()))
    panel = Panel(title, "spatial frequency (1/A)", "FSC", (0, end), (max(low, -1.0), 1.02), _SCALE,
                  top=lambda frequency: f"{1 / frequency:.3g}" if frequency > 0 else "")  # fmt: skip
    panel.label(end, 1.045, "  A", "lm")
    panel.line([(0, threshold), (end, threshold)], _INK, 1)
    panel.label(end, threshold + 0.01, f"{threshold:g} ", "rs")
    colours = _colours(curves, order)
    for name, (frequency, values) in curves.items():
        told = np.isfinite(values)
        panel.line(_points(frequency[told], values[told]), colours[name])
    panel.legend([(_short(name), colours[name]) for name in curves])
    return panel.image


def draw_local(
    values: Mapping[str, FloatArray], title: str = "Local resolution", order: Sequence[str] = ()
) -> Image.Image:
    """How much of each map is resolved how well.

    Parameters
    ----------
    values
        ``(n,)`` resolutions in Angstrom of the voxels within a mask, by the names of the maps.
    title
        Above the plot.
    order
        As of `draw_correlations`.
    """
    every = np.concatenate(list(values.values()))
    low, high = np.quantile(every, (0.001, 0.999))
    edges = np.linspace(low, max(high, low + 0.1), _BINS + 1)
    parts = {
        name: np.histogram(np.clip(one, low, edges[-1]), edges)[0] / max(len(one), 1) for name, one in values.items()
    }
    most = 1.4 * max(float(part.max()) for part in parts.values())
    panel = Panel(title, "resolution (A)", "part of the voxels", (float(edges[0]), float(edges[-1])), (0, most), _SCALE)
    colours = _colours(parts, order)
    for name, part in parts.items():
        panel.line(_points(np.repeat(edges, 2)[1:-1], np.repeat(part, 2)), colours[name])
    panel.legend([(_short(name), colours[name]) for name in parts], at_top=True)
    return panel.image


def draw_growth(
    fits: Mapping[str, BFactor], title: str = "Resolution and number of particles", order: Sequence[str] = ()
) -> Image.Image:
    """Rosenthal and Henderson's plot of several sets of particles; pairs that are not in the fit are pale.

    Parameters
    ----------
    fits
        By their names.
    title
        Above the plot.
    order
        As of `draw_correlations`.
    """
    numbers = np.log10(np.concatenate([fit.particles for fit in fits.values()]))
    inverse = np.concatenate([fit.resolution for fit in fits.values()]) ** -2.0
    x = _widened(float(numbers.min()), float(numbers.max()), 0.08, 0.12)
    # With room for the legend above.
    y = _widened(float(inverse.min()), float(inverse.max()), 0.12, 0.2 + 0.1 * len(fits))
    panel = Panel(
        title, "particles", "1/d^2 (1/A^2); beside the points: d in A", x, y, _SCALE, lambda value: _number(10**value)
    )
    colours = _colours(fits, order)
    for index, (name, fit) in enumerate(fits.items()):
        ends = np.log10([fit.particles.min(), fit.particles.max()])
        panel.line(_points(ends, fit.intercept + fit.slope * ends * np.log(10)), colours[name])
        pairs = zip(np.log10(fit.particles), fit.resolution, fit.used, strict=True)
        for number, resolution, used in pairs:
            panel.dots([(float(number), resolution**-2.0)], colours[name] if used else _PALE, lambda _: 4.0)
            above = index % 2 == 0
            panel.label(float(number), resolution**-2.0 + (y[1] - y[0]) * (0.02 if above else -0.02),
                        f"{resolution:.3g}", "ms" if above else "mt")  # fmt: skip
    told = {name: f"{_short(name)}: B = {fit.value:.0f} ± {fit.error:.0f} A^2" for name, fit in fits.items()}
    panel.legend([(text, colours[name]) for name, text in told.items()], at_top=True)
    return panel.image


def _colours(names: Iterable[str], order: Sequence[str]) -> dict[str, str]:
    return {name: colour(index) for index, name in enumerate(dict.fromkeys([*order, *names]))}


def _points(x: FloatArray, y: FloatArray) -> list[tuple[float, float]]:
    return list(zip(x.tolist(), y.tolist(), strict=True))


def _widened(low: float, high: float, below: float, above: float) -> tuple[float, float]:
    span = (high - low) or abs(high) or 1
    return low - below * span, high + above * span


def _number(value: float) -> str:
    """Two digits are enough for a place on an axis."""
    return f"{float(f'{value:.2g}'):,.0f}"


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 3]}..."
