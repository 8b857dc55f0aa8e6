"""Precision-recall curves as a drawing inside an HTML page."""

from __future__ import annotations

from html import escape

from napari_drpnet.drawing.colours import colour as colour_of
from napari_drpnet.drawing.colours import dashed
from napari_drpnet.evaluation.comparison import Comparison, Standing
from napari_drpnet.jobs.compare.report.pictures import at_threshold, curve_points

_WIDTH, _HEIGHT, _LEFT, _TOP, _SIDE = 760, 500, 64, 16, 420
_LEGEND = _LEFT + _SIDE + 36


def curves(comparison: Comparison) -> str:
    """The curves of all sets that are judged, the threshold in force as a dot; empty when none is."""
    judged = [(i, one) for i, one in enumerate(comparison.standings) if one.evaluation is not None]
    if not judged:
        return ""
    lines = "".join(_line(standing, colour_of(i), dashed(i)) for i, standing in judged)
    dots = "".join(_dot(standing, colour_of(i)) for i, standing in judged)
    legend = "".join(_entry(n, standing, colour_of(i), dashed(i)) for n, (i, standing) in enumerate(judged))
    return (
        f'<svg class="paper" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="Precision over recall">'
        f"{_axes()}{lines}{dots}{legend}</svg>\n"
        '<p class="small">A dot is the threshold in force. A set without scores has a dot and no curve. '
        "AP is the average precision by distance, the area under the curve.</p>"
    )


def _at(recall: float, precision: float) -> tuple[float, float]:
    return _LEFT + _SIDE * recall, _TOP + _SIDE * (1 - precision)


def _axes() -> str:
    ticks = ""
    for tenth in range(0, 11, 2):
        x, y = _at(tenth / 10, tenth / 10)
        bottom, right = _TOP + _SIDE, _LEFT + _SIDE
        ticks += (
            f'<path d="M{x:g} {_TOP}V{bottom}M{_LEFT} {y:g}H{right}" stroke="#d9dee6"/>'
            f'<text x="{x:g}" y="{bottom + 20}" text-anchor="middle">{tenth / 10:g}</text>'
            f'<text x="{_LEFT - 10}" y="{y + 5:g}" text-anchor="end">{tenth / 10:g}</text>'
        )
    middle = _SIDE / 2
    return (
        f'{ticks}<rect x="{_LEFT}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="#1d2430"/>'
        f'<text x="{_LEFT + middle:g}" y="{_HEIGHT - 16}" text-anchor="middle">recall</text>'
        f'<text transform="translate(18 {_TOP + middle:g}) rotate(-90)" text-anchor="middle">precision</text>'
    )


def _line(standing: Standing, colour: str, dash: bool) -> str:
    points = [_at(*point) for point in curve_points(standing)]
    if not points:
        return ""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    ink = f'stroke="{colour}" stroke-width="2.5"{_dash(dash)}'
    return f'<polyline points="{path}" fill="none" {ink} stroke-linejoin="round"/>'


def _dot(standing: Standing, colour: str) -> str:
    point = at_threshold(standing)
    if point is None:
        return ""
    x, y = _at(*point)
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{colour}" stroke="white" stroke-width="1.5"/>'


def _dash(dash: bool) -> str:
    return ' stroke-dasharray="7 5"' * dash


def _entry(n: int, standing: Standing, colour: str, dash: bool) -> str:
    y = _TOP + 14 + 44 * n
    counts = standing.evaluation.counts if standing.evaluation is not None else None
    area = "" if standing.area != standing.area else f", AP {standing.area:.3f}"
    said = f"F1 {counts.f1:.3f}{area}" if counts is not None and counts.f1 == counts.f1 else "no picks"
    return (
        f'<path d="M{_LEGEND} {y}h26" stroke="{colour}" stroke-width="4"{_dash(dash)}/>'
        f'<circle cx="{_LEGEND + 13}" cy="{y}" r="6" fill="{colour}" stroke="white" stroke-width="1.5"/>'
        f'<text x="{_LEGEND + 36}" y="{y + 5}" font-weight="600">{escape(standing.name)}</text>'
        f'<text x="{_LEGEND + 36}" y="{y + 22}" fill="#5d6675">{said}</text>'
    )
