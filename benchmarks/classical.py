"""How good the pickers without a network are: ``python benchmarks/classical.py --only 10059 10028``.

The sets, rules and columns of ``quality.py``, for LoG, for the template picker with its ball, and for that picker
with averages of what the ball found on the same micrographs (its picks at 0.7 or above, sorted into eight classes), as
a user without any labels would make them.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from measures import Sample, TestSet, calibration, find_sets, measure
from napari_drpnet import Picks, jobs, load_picker
from napari_drpnet.jobs.retrain.labelled import LabelledMicrograph
from napari_drpnet.settings import TemplateSetSettings
from quality import markdown

SURE = 0.7


def found(picker: str, samples: Sequence[Sample], **options: Any) -> tuple[list[Picks], float]:
    """All candidates on each sample, and the median CPU-seconds."""
    picks, seconds = [], []
    for sample in samples:
        start = time.process_time()
        chosen = load_picker(picker, diameter=sample.diameter, threshold=0, device="cpu", **options)
        picks.append(chosen.pick(sample.micrograph))
        seconds.append(time.process_time() - start)
    return picks, statistics.median(seconds)


def averages(samples: Sequence[Sample], picks: Sequence[Picks], out: Path) -> Path:
    """Templates of the picks that are sure."""
    fields = [
        LabelledMicrograph(
            s.micrograph.frame.micrograph,
            s.micrograph.path,
            s.micrograph.frame.pixel_size,
            (p.select(p.score >= SURE),),
        )
        for s, p in zip(samples, picks, strict=True)
        if s.micrograph.path is not None
    ]
    settings = TemplateSetSettings(diameter=float(np.median([s.diameter for s in samples])))
    return jobs.finish(jobs.templates_of_picks(fields, settings, out)).path


def rows(test: TestSet, folder: Path) -> list[dict[str, Any]]:
    """One for each picker."""
    samples = test.samples
    results = {"log": found("log", samples), "template, ball": found("template", samples)}
    if test.has_truth and not test.name.startswith("simulated"):  # those are of several proteins
        stack = averages(samples, results["template, ball"][0], folder / f"{test.name}.mrc")
        results["template, averages"] = found("template", samples, templates=stack)
    table = []
    for label, (picks, seconds) in results.items():
        row: dict[str, Any] = {"set": test.name, "picker": label, "n": len(samples)}
        if test.has_truth:
            row |= measure(picks, samples, 0.5) | {"ECE": calibration(picks, samples)}
        else:
            row["picks"] = sum(int((p.score >= 0.5).sum()) for p in picks) / len(samples)
        table.append(row | {"CPU-s": seconds})
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the real sets")
    parser.add_argument(
        "--simulated", type=Path, default=Path("runs/simulated"), help="folder of test-15, test-30, ..."
    )
    parser.add_argument("--only", nargs="+", metavar="SET", help="sets whose name has this in it")
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = []
    with TemporaryDirectory() as folder:
        for test in find_sets(options.data, options.simulated):
            if not options.only or any(part in test.name for part in options.only):
                table += rows(test, Path(folder))
    print(markdown(table))


if __name__ == "__main__":
    main()
