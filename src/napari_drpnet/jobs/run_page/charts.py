"""The charts of a run: picks a micrograph in the order of the data set, and how sure they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray
from napari_drpnet.drawing.svg import Chart
from napari_drpnet.jobs.pick_report import PickResult

# Bins of the scores, from 0 to 1.
BINS = 50
# So many micrographs have a dot each; of more, groups in the order of the data set are shown.
_DOTS, _GROUPS = 400, 150
# Counts that are so many times the median are drawn at the top.
_HIGHEST = 4
# Above the highest bar there is room for a line of text.
_ROOM = 1.14
# Micrographs of which a running median is taken.
SPAN = 9


def picks_in_order(results: Sequence[PickResult]) -> str:
    """Picks on each micrograph, in the order given; empty where none was picked."""
    if not any(not result.error for result in results):
        return ""
    picks = np.array([np.nan if result.error else result.picks for result in results])
    top = max(1.0, min(float(np.nanmax(picks)), _HIGHEST * float(np.nanmedian(picks)) or np.inf)) * 1.04
    chart = Chart(
        "Picks on each micrograph, in the order of the data set",
        "micrograph",
        "picks",
        (0.5, len(results) + 0.5),
        (0, top),
    )
    shown = np.minimum(picks, top)
    if len(results) <= _DOTS:
        _dots(chart, results, shown)
    else:
        _groups(chart, results, shown)
    return chart.drawing()


def _dots(chart: Chart, results: Sequence[PickResult], picks: FloatArray) -> None:
    """One each, and a running median where there are some."""
    there = np.flatnonzero(~np.isnan(picks))
    if len(there) >= 2 * SPAN:
        near = np.lib.stride_tricks.sliding_window_view(np.pad(picks[there], SPAN // 2, mode="reflect"), SPAN)
        chart.line((there + 1).astype(np.float64), np.asarray(np.median(near, axis=1)))
    for number, (result, at) in enumerate(zip(results, picks.tolist(), strict=True), 1):
        if result.error:
            chart.cross(number, 0, f"{result.micrograph}: failed")
        else:
            said = f"{result.micrograph}: {result.picks} picks{', in doubt' if result.doubt else ''}"
            chart.dot(number, at, said, "doubt" if result.doubt else "dot")


def _groups(chart: Chart, results: Sequence[PickResult], picks: FloatArray) -> None:
    """Of each group the median, and where the middle eight of ten are; marks for those with failed or doubted ones."""
    edges = np.linspace(0, len(results), _GROUPS + 1).round().astype(int)
    middle, median = [], []
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        group, some = results[start:end], picks[start:end]
        where = f"{start + 1} to {end}"
        if (known := some[~np.isnan(some)]).size:
            low, half, high = np.percentile(known, (10, 50, 90)).tolist()
            chart.box((start + 0.5, end + 0.5), (low, high), f"{where}: median {half:g} picks", "band")
            middle.append((start + end + 1) / 2)
            median.append(half)
        if doubted := sum(bool(result.doubt) for result in group):
            chart.dot((start + end + 1) / 2, 0, f"{where}: {doubted} in doubt", "doubt")
        if failed := sum(bool(result.error) for result in group):
            chart.cross((start + end + 1) / 2, 0, f"{where}: {failed} failed")
    chart.line(np.array(middle), np.array(median))


def scores(counts: npt.NDArray[np.int64], threshold: float | None) -> str:
    """Histogram of the scores of picks, with the threshold; empty where no scores are known.

    Parameters
    ----------
    counts
        ``(BINS,)`` picks with a score in each part of 0 to 1.
    threshold
        In the same scale; None where there is none.
    """
    if not counts.any():
        return ""
    chart = Chart("Histogram of the scores", "score", "picks", (0, 1), (0, float(counts.max()) * _ROOM))
    for number, count in enumerate(counts.tolist()):
        if count:
            ends = number / BINS, (number + 1) / BINS
            chart.box(ends, (0, count), f"{ends[0]:.2f} to {ends[1]:.2f}: {count:,} picks")
    if threshold is not None:
        chart.upright(threshold, f"threshold {threshold:.2f}")
    return chart.drawing()
