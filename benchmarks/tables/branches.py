"""PIXER's figure 5: one to five parallel atrous branches, of the rates 2, 4, 6, 8, 10 in that order.

Five segmentation networks, trained alike: each begins from the trunk of the shipped classification network and learns
whole masks for 100 steps, from the simulated sets plain, crowded and faint. Judged on every fifth micrograph of
validation, validation-crowded and validation-faint, which show other proteins. "pixel IoU": of the map at 0.5 with the
masks, mean over micrographs, and quartiles. The networks are kept in ``runs/branches``. First:

    python benchmarks/simulated.py plain crowded faint --count 150
    python benchmarks/simulated.py validation validation-crowded validation-faint
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch

from napari_drpnet.io.weights import read_weights
from napari_drpnet.networks import with_tensors
from napari_drpnet.settings import Grey, PixerTrainSettings, TrainingSet
from napari_drpnet.steps import drained
from napari_drpnet.training.masks import Masked, load_masks
from napari_drpnet.training.pixer import detect_all, ious, train_pixer
from napari_drpnet.training.run import Evidence, calibrate
from napari_drpnet.training.sets import load_examples
from tables.rows import Row, Task

_SIMULATED = Path("runs/simulated")
_KEPT = Path("runs/branches")
_MOST = 5


def rows(data: Path) -> Iterator[Task]:
    """PIXER's figure 5 on simulations; ``data`` is not looked at."""
    for branches in range(1, _MOST + 1):
        yield f"{branches}", partial(_row, branches)


def _row(branches: int) -> Row:
    recipe = PixerTrainSettings(
        training=_sets("", "plain", "crowded", "faint"),
        sorter="pixer-sorter",
        branches=branches,
        core=1.0,
        steps=100,
        crop=208,
        average=0.98,
        check_every=100,
        patience=0,
        device="cpu",
    )
    file = _KEPT / f"{branches}" / "pixer-segmenter.safetensors"
    if not file.exists():
        drained(train_pixer(recipe, file.parent))
    card, tensors = read_weights(str(file))
    network = with_tensors(card.network, card.options, tensors).eval()
    shown = _validation(recipe.diameter, card.grey)
    with torch.inference_mode():
        each = ious(network, shown, recipe.core * recipe.diameter)
        evidence = Evidence(detect_all(network, [one.example for one in shown], recipe.diameter))
    low, high = np.quantile(each, (0.25, 0.75))
    return {
        "branches": str(branches),
        "weights, million": sum(p.numel() for p in network.parameters()) / 1e6,
        "pixel IoU": float(np.mean(each)),
        "lower quartile": float(low),
        "upper quartile": float(high),
        "best F1": evidence.best_f1(calibrate(evidence)),
    }


def _sets(files: str, *names: str) -> tuple[TrainingSet, ...]:
    return tuple(TrainingSet(micrographs=str(_SIMULATED / name / files)) for name in names)


@cache
def _validation(diameter: float, grey: Grey) -> list[Masked]:
    sets = _sets("*[05].mrc", "validation", "validation-crowded", "validation-faint")
    return load_masks(load_examples(sets, diameter, grey))
