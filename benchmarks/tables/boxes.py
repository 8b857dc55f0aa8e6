"""CenterPicker's table 3: average precision and recall of boxes by intersection over union, as COCO defines them.

On the real sets. Truth: squares of the diameter of the set. All candidates of the picker are taken; a band along the
border, where labels stop, is left out. "size": median of the found diameters of picks of even odds, in parts of the
true one. "AP by distance": a pick is right within half a diameter. Rows of each set: nothing is told; the diameter is
told; nothing is told, and every box is made a square of the diameter that was found on the micrograph, as labels are
squares; the same with the true diameter, so that only centres count. Where there are simulated validation sets with
true boxes (runs/simulated), every third micrograph of them is scored, too.
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
# By name: whether the diameter is told, and which boxes are scored.
_ROWS = {"nothing told": (False, "own"), "told": (True, "own"), "found": (False, "found"), "true": (False, "true")}
_LABELS = {"own": "", "found": ", squares of the found diameter", "true": ", squares of the true diameter"}
SIMULATED = Path("runs/simulated")


def rows(data: Path) -> Iterator[Task]:
    """CenterPicker's table 3 on the real sets, and on simulations."""
    yield "the paper", lambda: _OF_THE_PAPER | dict(zip(_BOXES, _THEIRS, strict=True))
    for test in find_sets(data, data):
        if test.has_truth:
            for name, (told, boxes) in _ROWS.items():
                yield f"{test.name}, {name}", partial(_box_row, test, told, boxes)
    for simulated in ("validation", "validation-crowded"):
        test = TestSet(simulated, SIMULATED / simulated)
        if test.folder.exists():
            yield simulated, partial(_box_row, test, False, "own", every=3)


def _box_row(test: TestSet, told: bool, boxes: str, every: int = 1) -> Row:
    samples = test.samples[::every]
    found = [_with_boxes(boxes, _everything(sample, told), sample) for sample in samples]
    label = ("diameter told" if told else "nothing told") + _LABELS[boxes]
    result = judge(found, samples)
    assert result.boxes is not None, "sizes and scores are known"
    size = np.concatenate([_sizes(*both) for both in zip(found, samples, strict=True)])
    figures = dict(zip(_BOXES, astuple(result.boxes), strict=True))
    row: Row = {"set": test.name, "picker": label, "particles": result.counts.true + result.counts.missed}
    return row | figures | {"AP by distance": result.area, "size": float(np.median(size)) if len(size) else math.nan}


@lru_cache(maxsize=64)
def _everything(sample: Sample, told: bool) -> Picks:
    picker = load_picker("centerpicker", device="cpu", **{"diameter": sample.diameter} if told else {})
    return picker.picks_from(picker.score(sample.micrograph), 0.0)


def _with_boxes(boxes: str, picks: Picks, sample: Sample) -> Picks:
    if boxes == "own":
        return picks
    true = sample.micrograph.frame.micrograph_pixels(sample.diameter)
    return replace(picks, diameter=picks.diameter if boxes == "found" else np.array(true), box=np.array(np.nan))


def _sizes(picks: Picks, sample: Sample) -> np.ndarray:
    """Mean sides of what is rather a particle than not, in parts of the usual true one."""
    if not len(sample.truth):
        return np.empty(0)
    return picks.sides[picks.score >= 0.5].mean(axis=1) / np.median(sample.truth.sides.mean(axis=1))
