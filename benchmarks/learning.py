"""How good a picker is that learns from each set itself: ``python benchmarks/learning.py --data ../shared/data``.

One row for each set: the picker learns from the set's own micrographs, without their labels, and picks them. The rules
and columns are those of ``quality.py``; learn s: CPU-seconds of learning, once a set; CPU-s: of picking a micrograph.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measures import TestSet, find_sets, measure
from napari_drpnet import load_picker
from napari_drpnet.pickers.base import LearningPicker
from napari_drpnet.steps import drained

COLUMNS = ("P", "R", "F1", "best F1", "at", "AP", "off %", "learn s", "CPU-s")


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    begun = time.process_time()
    return work(), time.process_time() - begun


def row(test: TestSet, name: str, threshold: float) -> dict[str, float]:
    """Figures of merit of a picker that learns from the set it picks."""
    samples = test.samples
    picker = load_picker(name, diameter=samples[0].diameter, device="cpu")
    assert isinstance(picker, LearningPicker)
    readers = [lambda one=sample.micrograph: one for sample in samples]
    _, learning = timed(lambda: drained(picker.learn_steps(readers)))
    maps, picking = timed(lambda: [picker.score(sample.micrograph) for sample in samples])
    found = [picker.picks_from(score_map, threshold=0) for score_map in maps]
    return measure(found, samples, threshold) | {"learn s": learning, "CPU-s": picking / len(samples)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with datasets.tsv and one folder a set")
    parser.add_argument("--only", nargs="*", help="names of sets")
    parser.add_argument("--picker", default="deepcryopicker")
    parser.add_argument("--threshold", type=float, default=0.5)
    chosen = parser.parse_args()
    print("\t".join(("set", *COLUMNS)))
    for test in find_sets(chosen.data, Path("no-simulations")):
        if test.has_truth and (not chosen.only or test.name in chosen.only):
            figures = row(test, chosen.picker, chosen.threshold)
            print("\t".join((test.name, *(f"{figures[name]:.3f}" for name in COLUMNS))), flush=True)


if __name__ == "__main__":
    main()
