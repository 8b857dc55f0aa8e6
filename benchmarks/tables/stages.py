"""Seconds of the stages of picking: CenterPicker's table 5 and PIXER's table 3, with every picker here.

One micrograph of EMPIAR-10017, 4096 x 4096 px, written as MRC (32 bits) first. CPU-seconds on one core, the median of
three runs after a first one. load: the file is read; preprocess: bad pixels, scale, illumination, grey levels; network:
the one that sees the whole micrograph; detect: candidates, the second network where there is one, and picks.
deepcryopicker has learnt before. First the papers: seconds as published, on other machines, most on graphics cards.
"""

from __future__ import annotations

import cProfile
import pstats
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from measures import Sample, find_sets
from napari_drpnet import Micrograph, load_picker, read_micrograph
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.steps import drained
from tables.rows import Row, Task

_SET, _RUNS = "10017", 3
_STAGES = ("load", "preprocess", "network", "detect")
_PUBLISHED: list[Row] = [
    dict(zip(("picker", *_STAGES, "all"), figures, strict=True))
    for figures in (
        ("CenterPicker (10075, 4096 x 4096, device not said)", 0.142, 0.090, 1.394, 0.262, 1.888),
        ("PIXER (10075, 4096 x 4096, K20c)", "", 3.75, 11.23, 33.13, 48.07),
        ("DRPnet (GTX 1080)", "", "", "", "", 6.0),
        ("DeepCryoPicker (mean of its sets, processor)", "", "", "", "", 942.0),
        ("DeepCryoPicker (mean of its sets, GTX 1070)", "", "", "", "", 117.0),
    )
]
# What runs only in these functions, by module and name, is that stage.
_WHERE = {
    "preprocess": {("preprocess", "evened"), ("preprocess", "finished"), ("contrast", "within_noise")},
    "network": {("tiling", "_forward")},
}
_PICKERS: dict[str, dict[str, Any]] = {
    "drpnet": {},
    "drpnet, with its classifier": {"classifier": "classifier"},
    "drpnet-paper": {},
    "pixer": {},
    "centerpicker": {},
    "deepcryopicker": {},
    "log": {},
    "template": {},
}


def rows(data: Path) -> Iterator[Task]:
    """Seconds of the stages of picking, published and here."""
    for row in _PUBLISHED:
        yield str(row["picker"]), partial(dict, row)
    for name in _PICKERS:
        yield name, partial(_measured, name, data)


def _measured(name: str, data: Path) -> Row:
    samples = next(test.samples for test in find_sets(data, data) if test.name == _SET)
    picker = _picker(name, samples)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "micrograph.mrc"
        first = samples[0].micrograph
        write_mrc(first.image, file, first.frame.known_pixel_size())
        _times(picker, file)
        runs = [_times(picker, file) for _ in range(_RUNS)]
    row: Row = {"picker": name}
    return row | {stage: statistics.median(run[stage] for run in runs) for stage in (*_STAGES, "all")}


def _picker(name: str, samples: list[Sample]) -> LoadedPicker:
    """A picker; one that has to learn does so once, and what it learnt is kept."""
    settings = _PICKERS[name] | {"diameter": samples[0].diameter, "device": "cpu", "threshold": 0.5}
    kept = Path("runs") / f"stages-{name}.safetensors"
    picker = load_picker(name.split(",")[0], **settings, **{"weights": str(kept)} if kept.exists() else {})
    if picker.learns and not picker.ready:
        drained(picker.learn_steps([partial(_same, sample.micrograph) for sample in samples]))
        kept.parent.mkdir(exist_ok=True)
        picker.save(kept)
    return picker


def _same(micrograph: Micrograph) -> Micrograph:
    return micrograph


def _times(picker: LoadedPicker, file: Path) -> dict[str, float]:
    """CPU-seconds of each stage of one run."""
    begun = time.process_time()
    micrograph = read_micrograph(file)
    load = time.process_time() - begun
    whole, within = _profiled(lambda: picker.pick(micrograph))
    parts = {stage: sum(within.get(one, 0.0) for one in where) for stage, where in _WHERE.items()}
    return {"load": load, **parts, "detect": whole - sum(parts.values()), "all": load + whole}


def _profiled(work: Callable[[], Any]) -> tuple[float, dict[tuple[str, str], float]]:
    """CPU-seconds of some work, and of every function in it, by its module and name."""
    profile = cProfile.Profile(time.process_time)
    begun = time.process_time()
    profile.runcall(work)
    whole = time.process_time() - begun
    stats: dict[tuple[str, int, str], Any] = pstats.Stats(profile).stats  # type: ignore[attr-defined]  # typeshed has none
    return whole, {(Path(file).stem, name): cumulative for (file, _, name), (_, _, _, cumulative, _) in stats.items()}
