"""CenterPicker's table 3: average precision and recall of boxes by intersection over union, as COCO defines them.

On the real sets. Truth: squares of the diameter of the set. All candidates of the picker are taken; a band along the
border, where labels stop, is left out. "size": median of the mean sides of the boxes of even odds, in parts of the true
one. "AP by distance": a pick is right within half a diameter. Rows of each set: nothing is told, boxes are squares of
the diameter found on the micrograph, as the labels are squares of one diameter; the same, the diameter is told; nothing
is told, boxes are the outlines that the network finds, of each particle; nothing is told, squares of the true diameter,
so that only centres count. Where there are simulated validation sets with true outlines (runs/simulated), outlines are
scored on every third micrograph of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import astuple, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from measures import Sample, TestSet, find_sets, judge
from napari_drpnet import Picks, load_picker
from tables.rows import Row, Task

_OF_THE_PAPER: Row = {"set": "the paper's own", "picker": "CenterPicker"}
_BOXES = ("box AP", "AP50", "AP75", "AR")
_THEIRS = (0.520, 0.734, 0.619, 0.628)
# What is told, and which boxes are scored, as words.
_SQUARES, _OUTLINES, _TRUE = "squares of the found diameter", "outlines", "squares of the true diameter"
_ROWS = ((False, _SQUARES), (True, _SQUARES), (False, _OUTLINES), (False, _TRUE))
SIMULATED = Path("runs/simulated")


def rows(data: Path) -> Iterator[Task]:
    """CenterPicker's table 3 on the real sets, and on simulations."""
    yield "the paper", lambda: _OF_THE_PAPER | dict(zip(_BOXES, _THEIRS, strict=True))
    for test in find_sets(data, data):
        if test.has_truth:
            for told, boxes in _ROWS:
                yield f"{test.name}, told={told}, {boxes}", partial(_box_row, test, told, boxes)
    for simulated in ("validation", "validation-crowded"):
        test = TestSet(simulated, SIMULATED / simulated)
        if test.folder.exists():
            yield simulated, partial(_box_row, test, False, _OUTLINES, every=3)


def _box_row(test: TestSet, told: bool, boxes: str, every: int = 1) -> Row:
    samples = test.samples[::every]
    found = [_everything(sample, told, boxes == _OUTLINES) for sample in samples]
    if boxes != _OUTLINES:
        found = [_squares(*both, boxes == _TRUE) for both in zip(found, samples, strict=True)]
    samples = [replace(s, truth=replace(s.truth, box=s.truth.sides)) for s in samples]
    label = f"{'diameter' if told else 'nothing'} told, {boxes}"
    result = judge(found, samples)
    assert result.boxes is not None, "sizes and scores are known"
    size = np.concatenate([_sizes(*both) for both in zip(found, samples, strict=True)])
    figures = dict(zip(_BOXES, astuple(result.boxes), strict=True))
    row: Row = {"set": test.name, "picker": label, "particles": result.counts.true + result.counts.missed}
    return row | figures | {"AP by distance": result.area, "size": float(np.median(size)) if len(size) else math.nan}


@lru_cache(maxsize=64)
def _everything(sample: Sample, told: bool, outlines: bool) -> Picks:
    options = {"diameter": sample.diameter} if told else {}
    picker = load_picker("centerpicker", device="cpu", outlines=outlines, **options)
    return picker.picks_from(picker.score(sample.micrograph), 0.0)


def _squares(picks: Picks, sample: Sample, true: bool) -> Picks:
    if true:
        picks = replace(picks, diameter=np.array(sample.micrograph.frame.micrograph_pixels(sample.diameter)))
    return replace(picks, box=np.array(np.nan))


def _sizes(picks: Picks, sample: Sample) -> np.ndarray:
    """Mean sides of what is rather a particle than not, in parts of the usual true one."""
    if not len(sample.truth):
        return np.empty(0)
    return picks.sides[picks.score >= 0.5].mean(axis=1) / np.median(sample.truth.sides.mean(axis=1))
