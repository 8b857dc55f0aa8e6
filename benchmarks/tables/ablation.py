"""CenterPicker's table 2: its network without one of its three parts, after a short training of each.

Each network begins untrained and learns 1,000 steps of 8 crops of 128 px from the simulated sets plain and crowded: a
seventh of the steps of the shipped one, on a quarter of the area. So the rows say which network learns faster, not
which is better in the end. Scored on every second micrograph of validation and validation-crowded, of other proteins,
with true boxes and the scale told. Weights are kept in runs/ablation; a network that is there is not trained again.
First:

    python benchmarks/simulated.py plain crowded --count 150
    python benchmarks/simulated.py validation validation-crowded
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import astuple
from functools import partial
from pathlib import Path

from measures import Sample, TestSet, judge
from napari_drpnet import Picks, load_picker
from napari_drpnet.io.weights import read_weights
from napari_drpnet.settings import CenterPickerTrainSettings, TrainingSet
from napari_drpnet.training.centerpicker import train_centerpicker
from tables.rows import Row, Task

SIMULATED, KEPT = Path("runs/simulated"), Path("runs/ablation")
PARTS = ("dilation", "attention", "triangle")
STEPS, CROP, EVERY = 1000, 128, 2
CHECKED = "*[05].mrc"
_BOXES = ("box AP", "AP50", "AP75", "AR")


def rows(data: Path) -> Iterator[Task]:
    """The whole network, and three that lack a part each."""
    for missing in (None, *PARTS):
        name = f"without {missing}" if missing else "whole"
        yield name, partial(_row, name, missing)


def _row(name: str, missing: str | None) -> Row:
    weights, seconds = _trained(name, missing)
    samples = [s for sets in ("validation", "validation-crowded") for s in _samples(SIMULATED / sets)]
    result = judge([_picks(sample, weights) for sample in samples], samples)
    assert result.boxes is not None, "sizes and scores are known"
    size = sum(tensor.numel() for tensor in read_weights(str(weights))[1].values())
    row: Row = {"network": name, "weights": f"{size / 1e6:.2f} million", "CPU-s to learn": f"{seconds:.0f}"}
    return row | dict(zip(_BOXES, astuple(result.boxes), strict=True)) | {"AP by distance": result.area}


def _trained(name: str, missing: str | None) -> tuple[Path, float]:
    """The weights and the CPU-seconds that they took; both are kept."""
    out = KEPT / f"{name.replace(' ', '-')}.safetensors"
    spent = out.with_suffix(".seconds")
    if not out.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        before, start = float(spent.read_text()) if spent.exists() else 0.0, time.process_time()
        for _ in train_centerpicker(_recipe(missing), out):
            spent.write_text(str(before + time.process_time() - start))
    return out, float(spent.read_text())


def _recipe(missing: str | None) -> CenterPickerTrainSettings:
    learnt = (TrainingSet(micrographs=str(SIMULATED / kind)) for kind in ("plain", "crowded"))
    return CenterPickerTrainSettings(
        training=tuple(learnt),
        validation=(TrainingSet(micrographs=str(SIMULATED / "validation-crowded" / CHECKED)),),
        diameter=40,
        scale_jitter=0.3,
        crop=CROP,
        steps=STEPS,
        average=0.99,
        check_every=STEPS,
        checked=1,
        device="cpu",
        **({missing: False} if missing else {}),
    )


def _samples(folder: Path) -> list[Sample]:
    return TestSet(folder.name, folder).samples[::EVERY]


def _picks(sample: Sample, weights: Path) -> Picks:
    picker = load_picker("centerpicker", device="cpu", weights=str(weights), diameter=sample.diameter, outlines=True)
    return picker.picks_from(picker.score(sample.micrograph), 0.0)
