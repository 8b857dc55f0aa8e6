"""CenterPicker's table 3: average precision and recall of boxes by intersection over union, as COCO defines them.

On the real sets. Truth: squares of the diameter of the set. All candidates of the picker are taken; a band along the
border, where labels stop, is left out. "size": median of the found diameters of picks of even odds, in parts of the
true one. "AP by distance": a pick is right within half a diameter. Rows of each set: nothing is told; the diameter is
told; nothing is told, and every box is made a square of the true size, so that only centres count.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import astuple, replace
from functools import partial
from pathlib import Path

import numpy as np

from measures import Sample, TestSet, find_sets, judge
from napari_drpnet import Picks, load_picker
from tables.rows import Row, Task

_OF_THE_PAPER: Row = {"set": "the paper's own", "picker": "CenterPicker"}
_BOXES = ("box AP", "AP50", "AP75", "AR")
_THEIRS = (0.520, 0.734, 0.619, 0.628)


def rows(data: Path) -> Iterator[Task]:
    """CenterPicker's table 3 on the real sets."""
    yield "the paper", lambda: _OF_THE_PAPER | dict(zip(_BOXES, _THEIRS, strict=True))
    for test in find_sets(data, data):
        if test.has_truth:
            for told in (False, True):
                yield f"{test.name}, told={told}", partial(_box_row, test, told, False)
            yield f"{test.name}, centres", partial(_box_row, test, False, True)


def _box_row(test: TestSet, told: bool, centres_only: bool) -> Row:
    found = [_everything(sample, told) for sample in test.samples]
    label = "diameter told" if told else "nothing told"
    if centres_only:
        label += ", boxes of the true size"
        found = [_of_true_size(picks, sample) for picks, sample in zip(found, test.samples, strict=True)]
    result = judge(found, test.samples)
    assert result.boxes is not None, "sizes and scores are known"
    size = np.concatenate([_sizes(*both) for both in zip(found, test.samples, strict=True)])
    figures = dict(zip(_BOXES, astuple(result.boxes), strict=True))
    row: Row = {"set": test.name, "picker": label, "particles": result.counts.true + result.counts.missed}
    return row | figures | {"AP by distance": result.area, "size": float(np.median(size)) if len(size) else math.nan}


def _everything(sample: Sample, told: bool) -> Picks:
    picker = load_picker("centerpicker", device="cpu", **{"diameter": sample.diameter} if told else {})
    return picker.picks_from(picker.score(sample.micrograph), 0.0)


def _of_true_size(picks: Picks, sample: Sample) -> Picks:
    return replace(picks, diameter=np.array(_true_size(sample)), box=np.array(np.nan))


def _true_size(sample: Sample) -> float:
    return sample.micrograph.frame.micrograph_pixels(sample.diameter)


def _sizes(picks: Picks, sample: Sample) -> np.ndarray:
    """Diameters of what is rather a particle than not, in parts of the true one."""
    return picks.diameter[picks.score >= 0.5] / _true_size(sample)
