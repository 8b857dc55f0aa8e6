"""How good the networks are on real micrographs: ``python benchmarks/quality.py --data ../shared/data``.

One row for each set and network, with the rules of `napari_drpnet.evaluation` (one-to-one, half a diameter, the edge
band of ``datasets.tsv`` left out, counts pooled over the micrographs): precision, recall and F1 at the default
threshold, the best F1 over all thresholds (chosen on the set itself, so only an upper bound), area under the
precision-recall curve, expected calibration error, median distance of right picks from the true centre, and
CPU-seconds a micrograph. The sets a network was trained on are not scored.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_drpnet import Micrograph, Picks, load_picker, read_micrograph, read_picks
from napari_drpnet.evaluation import Evaluation, evaluate
from napari_drpnet.io.weights import PACKAGED
from napari_drpnet.training.calibration import calibration_error

HEAD = ("set", "network", "n", "particles", "P", "R", "F1", "best F1", "at", "area", "ECE", "off A", "CPU-s")
LOWEST = 0.02


@dataclass(frozen=True)
class RealSet:
    """One real data set with its truth: see ``datasets.tsv``."""

    name: str
    pixel_size: float
    diameter: float
    edge: float
    folder: Path

    def micrographs(self) -> Iterator[tuple[Micrograph, Picks]]:
        for image in sorted(self.folder.glob("*.*g")):
            micrograph = read_micrograph(image, pixel_size=self.pixel_size)
            yield micrograph, Picks(micrograph.frame, read_picks(image.with_suffix(".csv"))[0].yx)


def real_sets(data: Path) -> list[RealSet]:
    with (data / "datasets.tsv").open() as file:
        return [
            RealSet(
                row["set"],
                float(row["pixel_size_A"]),
                float(row["diameter_A"]),
                float(row["edge_px"]),
                data / row["set"],
            )
            for row in csv.DictReader(file, delimiter="\t")
        ]


def judge(found: list[Picks], truth: list[Picks], data: RealSet, threshold: float) -> Evaluation:
    kept = [picks.select(picks.score >= threshold) for picks in found]
    return evaluate(kept, truth, data.diameter, data.pixel_size, edge=data.edge)


def score_set(data: RealSet, label: str, options: dict[str, Any]) -> tuple[str, ...]:
    picker: Any = load_picker("drpnet", diameter=data.diameter, device="cpu", **options)
    found, truth, seconds = [], [], []
    for micrograph, true in data.micrographs():
        start = time.process_time()
        found.append(picker.picks_from(picker.score(micrograph), threshold=LOWEST))
        seconds.append(time.process_time() - start)
        truth.append(true)
    default = judge(found, truth, data, 0.5)
    steps = np.arange(LOWEST, 0.99, 0.02)
    best = max((judge(found, truth, data, t).counts.f1, t) for t in steps)
    everything = judge(found, truth, data, LOWEST)
    counts = default.counts
    numbers = (counts.precision, counts.recall, counts.f1, *best, everything.area, calibration(everything, found))
    return (
        data.name,
        label,
        str(len(found)),
        str(counts.true + counts.missed),
        *(f"{x:.3f}" for x in numbers),
        f"{offset(default, truth) * data.pixel_size:.1f}",
        f"{np.median(seconds):.2f}",
    )


def calibration(evaluation: Evaluation, found: list[Picks]) -> float:
    """Expected calibration error of all scored picks."""
    scores, hits = [], []
    for verdict, picks in zip(evaluation.verdicts, found, strict=True):
        at = {tuple(yx): score for yx, score in zip(picks.yx.tolist(), picks.score.tolist(), strict=True)}
        for points, hit in ((verdict.true, True), (verdict.false, False)):
            scores += [at[tuple(yx)] for yx in points.tolist()]
            hits += [hit] * len(points)
    return calibration_error(np.array(scores), np.array(hits))


def offset(evaluation: Evaluation, truth: list[Picks]) -> float:
    """Median distance of right picks from the nearest true centre, in pixels."""
    nearest = [
        np.hypot(*np.moveaxis(verdict.true[:, None] - true.yx[None], -1, 0)).min(1)
        for verdict, true in zip(evaluation.verdicts, truth, strict=True)
        if len(verdict.true)
    ]
    return float(np.median(np.concatenate(nearest))) if nearest else float("nan")


def empty_images(data: Path, options: dict[str, Any]) -> None:
    """Picks where there is nothing to pick; these images have no scale, so a particle is taken as 1/20 of a side."""
    for folder in ("no_particles", "contaminated"):
        counts = []
        for image in sorted((data / folder).glob("*.*")):
            if image.suffix == ".star":
                continue
            micrograph = read_micrograph(image, pixel_size=1.0)
            diameter = max(micrograph.image.shape) / 20
            counts.append(len(load_picker("drpnet", diameter=diameter, device="cpu", **options).pick(micrograph)))
        print(f"{folder}: {sum(counts)} picks on {len(counts)} images ({', '.join(map(str, counts))})")


def networks(folder: Path | None) -> Iterator[tuple[str, dict[str, Any], set[str]]]:
    """Label, settings, and the sets the networks have not seen."""
    yield "shipped", {}, {"10017", "10146"}
    yield "shipped, stage 1 alone", {"classifier": None}, {"10017", "10146"}
    if (PACKAGED / "fcrn.safetensors").exists():
        yield "fcrn, stage 1 alone", {"classifier": None, "detector": "fcrn"}, {"10017", "10146"}
    if folder is None:
        return
    for name, unseen in (
        ("without-10059", {"10059"}),
        ("without-10028", {"10028"}),
        ("simulated", {"10017", "10146", "10059", "10028"}),
    ):
        detector, classifier = (str(folder / f"{name}-{stage}.safetensors") for stage in ("detector", "classifier"))
        if Path(classifier).exists():
            yield name, {"detector": detector, "classifier": classifier}, unseen
        if Path(detector).exists():
            yield f"{name}, stage 1 alone", {"detector": detector, "classifier": None}, unseen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--networks", type=Path, help="folder of the networks trained with a set left out")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = [HEAD]
    for label, settings, unseen in networks(options.networks):
        rows += [score_set(data, label, settings) for data in real_sets(options.data) if data.name in unseen]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in (rows[0], *sorted(rows[1:])):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")
        if row is HEAD:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    empty_images(options.data, {})


if __name__ == "__main__":
    main()
