"""What PIXER's classification network says, of the shipped files, on the micrographs of the validation sets.

*patches*: 500 patches of each kind, drawn as in training; a row is what they show, a column the class that is likeliest
by the network. *bound*: candidates of the segmentation network that pass each lower bound of being a particle; best F1
on sparse, crowded and faint micrographs, F1 at 0.5 on all, and picks on an empty one at 0.5. The sets are those of
``napari-drpnet prepare training/sets.yaml``, which show proteins that no network learnt from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
from scipy.special import expit

from napari_drpnet.candidates import crop
from napari_drpnet.io.weights import read_weights
from napari_drpnet.networks import PixerSorter
from napari_drpnet.pickers.network import classify, load_network
from napari_drpnet.settings import PreparedSet
from napari_drpnet.training.detections import CPU, Detections
from napari_drpnet.training.masks import load_masks
from napari_drpnet.training.pixer import detect_all, sorted_too
from napari_drpnet.training.run import Evidence
from napari_drpnet.training.sets import load_examples
from napari_drpnet.training.sorting import places
from tables.rows import Row, Task

_PREPARED = Path("runs/prepared")
_KINDS = ("validation", "validation-crowded", "validation-faint", "validation-empty")
_OTHERS = ("validation-clear", "validation-stain", "validation-carbon")
_BOUNDS = (0.0, 0.2, 0.4, 0.6, 0.8)
_PATCHES = 500


def rows(data: Path) -> Iterator[Task]:
    """Patches of each kind, then bounds; ``data`` is not looked at."""
    for kind in PixerSorter.classes:
        yield f"patches: {kind}", partial(_patches, kind)
    for bound in _BOUNDS:
        yield f"bound: {bound:g}", partial(_bound, bound)


@cache
def _found() -> dict[str, list[Detections]]:
    """Candidates of the segmentation network on each set, and what the other one says of them as a term more."""
    card, segmenter = load_network("pixer-segmenter", "segmenter", CPU)
    sorter = load_network("pixer-sorter", "sorter", CPU)[1]
    found = {}
    for name in (*_KINDS, *_OTHERS):
        file = PreparedSet(prepared=_PREPARED / f"{name}.safetensors")
        examples = load_examples([file], card.diameter, card.grey)
        detected = detect_all(segmenter, examples, card.diameter)
        both = zip(detected, sorted_too(sorter, detected), strict=True)
        found[name] = [replace(one, terms=[*one.terms, *said.terms]) for one, said in both]
    return found


def _patches(kind: str) -> Row:
    card, sorter = load_network("pixer-sorter", "sorter", CPU)
    rng = np.random.default_rng(0)
    shown = load_masks([one.example for each in _found().values() for one in each])
    of_kind = PixerSorter.classes.index(kind)
    each = [(one.example.image, yx) for one in shown for yx in places(one, card.diameter, rng)[of_kind]]
    chosen = [each[i] for i in rng.permutation(len(each))[:_PATCHES]]
    patches = np.concatenate([crop(image.astype(np.float32), yx[None], PixerSorter.patch) for image, yx in chosen])
    likeliest = classify(sorter, patches, CPU).argmax(1)
    counts = {name: f"{int((likeliest == i).sum())}" for i, name in enumerate(PixerSorter.classes)}
    return {"": kind, "patches": f"{len(patches)}", **counts}


def _bound(bound: float) -> Row:
    calibration = read_weights("pixer-segmenter")[0].calibration
    kept = {name: [_above(one, bound) for one in each] for name, each in _found().items()}
    best = {name: Evidence(kept[name]).best_f1(calibration) for name in _KINDS[:3]}
    curve = Evidence([one for each in kept.values() for one in each]).curve(calibration)
    assert curve is not None, "there are particles"
    empty = Evidence(kept[_KINDS[3]]).probability(calibration)
    picks = float(np.mean([(score >= 0.5).sum() for score in empty]))
    return {"": f"bound {bound:g}", **best, "F1 at 0.5": curve.f1_at(0.5), "picks, empty": f"{picks:.0f}"}


def _above(found: Detections, bound: float) -> Detections:
    """The candidates that the classification network takes for particles, with the terms of their probability."""
    *terms, margin = found.terms
    keep = expit(margin) >= bound
    return replace(
        found,
        yx=found.yx[keep],
        peak=found.peak[keep],
        hit=found.hit[keep],
        distance=found.distance[keep],
        terms=[term[keep] for term in terms],
    )
