"""How many labels of the paper's unsupervised harvest are right, by the truth.

Maxima of the map of stage 1, trained as in the table cascade, on each real set (10059 is the one that it learnt from).
"particles": how many maxima the smoothing and height for particles find, and the part of them within half a diameter of
a true centre. "r/3", "r", "2 r": how many maxima by the smoothing and height for background are at least so far from
all of the former, and the part of them that are no particles. "chance": the part of random places that are none. Maxima
nearer to the border than the labels go are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np

from measures import Sample, TestSet, find_sets
from napari_drpnet import load_picker
from napari_drpnet.candidates import inside
from napari_drpnet.data import FloatArray, ScoreMap
from napari_drpnet.labels import near
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from tables.cascade import detector
from tables.rows import Row, Task

_SETS = ("10028", "10059", "10146", "10017")
# Sigma and height for particles, and for background: those of TRPV1, of 10017, and others.
_RULES = (
    ("the paper's for TRPV1", (9.0, 15.0), (9.0, 5.0)),
    ("the paper's for 10017", (16.0, 22.5), (12.5, 10.0)),
    ("surer particles", (9.0, 40.0), (9.0, 5.0)),
    ("lower background", (9.0, 15.0), (9.0, 2.0)),
    ("less smooth", (7.0, 21.0), (7.0, 7.0)),
    ("spared, as in the table cascade", (7.0, 21.0), (3.0, 3.0)),
)
_APART = {"r/3": 1 / 3, "r": 1.0, "2 r": 2.0}


def rows(data: Path) -> Iterator[Task]:
    """The labels of the paper's unsupervised harvest."""
    found = {test.name: test for test in find_sets(data, data)}
    for name in _SETS:
        for rule in _RULES:
            yield f"{name}, {rule[0]}", partial(_row, found[name], *rule)


def _row(test: TestSet, words: str, positive: tuple[float, float], negative: tuple[float, float]) -> Row:
    picker, maps = _maps(test)
    sure = [_inside(s, picker.maxima(m, 3, *positive)) for s, m in zip(test.samples, maps, strict=True)]
    unsure = [_inside(s, picker.maxima(m, 1, *negative)) for s, m in zip(test.samples, maps, strict=True)]
    row: Row = {"set": test.name, "rule": words, "particles": _told(test, sure, True)}
    for column, apart in _APART.items():
        far = [n[~near(n, p, apart * _pixels(s) / 2)] for s, n, p in zip(test.samples, unsure, sure, strict=True)]
        row[column] = _told(test, far, False)
    rng = np.random.default_rng(0)
    anywhere = [_inside(s, rng.uniform(0, s.micrograph.image.shape, (2000, 2))) for s in test.samples]
    return row | {"chance": _told(test, anywhere, False).split()[-1]}


@cache
def _maps(test: TestSet) -> tuple[LoadedPicker, list[ScoreMap]]:
    """Smoothed by less than any of the rules asks for."""
    told = {"sigma": 2.0, "height": 5.0, "detector": str(detector().resolve()), "classifier": "none"}
    picker = load_picker("drpnet-paper", diameter=test.samples[0].diameter, device="cpu", **told)
    return picker, [picker.score(sample.micrograph) for sample in test.samples]


def _pixels(sample: Sample) -> float:
    return sample.micrograph.frame.micrograph_pixels(sample.diameter)


def _inside(sample: Sample, yx: FloatArray | None) -> FloatArray:
    assert yx is not None, "the picker has levels"
    return yx[inside(yx, sample.micrograph.image.shape, max(sample.edge, _pixels(sample) / 2))]


def _told(test: TestSet, places: Sequence[FloatArray], particles: bool) -> str:
    """How many places, and the part of them that are, or are not, particles."""
    hit = [near(yx, s.truth.yx, _pixels(s) / 2) == particles for s, yx in zip(test.samples, places, strict=True)]
    every = np.concatenate(hit)
    return f"{len(every)}, {every.mean():.2f}" if len(every) else "0"
