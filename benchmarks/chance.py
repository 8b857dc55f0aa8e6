"""What labels give to chance: ``python benchmarks/chance.py --data ../shared/data``.

Where particles are crowded, a pick within half a diameter of one is easily right. One table, one row for each set:

- near: part of the scored area within half a diameter of a particle.
- P, R, F1: of places drawn at random, as many as fit at a picker's usual distance, by the rules of
  `napari_drpnet.evaluation`. Means of several draws; F1 with its standard deviation among them.
- apart: median distance of a particle from its nearest neighbour, in diameters.

Below what chance gives a figure says nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from measures import Sample, find_sets, judge
from napari_drpnet import Picks
from napari_drpnet.candidates import peaks
from napari_drpnet.data import FloatArray
from napari_drpnet.evaluation import Counts
from napari_drpnet.settings import USUAL_DISTANCE

# Places are drawn on a grid of so many pixels a diameter, and areas are measured on it.
_ACROSS = 16


def thrown(sample: Sample, chance: np.random.Generator) -> Picks:
    """Places drawn at random, one after the other where there is room, at the usual distance."""
    pixel = _diameter(sample) / _ACROSS
    grid = [round(side / pixel) for side in sample.micrograph.image.shape]
    yx, _ = peaks(chance.random(grid, np.float32), USUAL_DISTANCE * _ACROSS, 0.0)
    return Picks(sample.micrograph.frame, (yx + 0.5) * pixel - 0.5)


def near(sample: Sample) -> float:
    """Part of the scored area within half a diameter of a particle."""
    diameter, edge = _diameter(sample), sample.edge
    step = diameter / _ACROSS
    sides = [np.arange(edge, side - edge, step) for side in sample.micrograph.image.shape]
    places = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 2)
    return float((cKDTree(sample.truth.yx).query(places)[0] <= diameter / 2).mean()) if len(sample.truth) else 0.0


def apart(samples: Sequence[Sample]) -> float:
    """Median distance of a particle from its nearest neighbour, in diameters."""
    found: list[FloatArray] = [
        cKDTree(s.truth.yx).query(s.truth.yx, k=2)[0][:, 1] / _diameter(s) for s in samples if len(s.truth) > 1
    ]
    return float(np.median(np.concatenate(found)))


def by_chance(samples: Sequence[Sample], draws: int, seed: int) -> list[Counts]:
    """What places drawn at random are worth, once for each draw."""
    chance = np.random.default_rng(seed)
    return [judge([thrown(sample, chance) for sample in samples], samples).counts for _ in range(draws)]


def _diameter(sample: Sample) -> float:
    """In pixels of the micrograph."""
    return sample.micrograph.frame.micrograph_pixels(sample.diameter)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with datasets.tsv and the real sets")
    parser.add_argument("--simulated", type=Path, default=Path("runs/simulated"), help="made by simulated.py")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print("| set | near | P | R | F1 | apart |\n| --- | --- | --- | --- | --- | --- |")
    for test in find_sets(given.data, given.simulated):
        if test.has_truth:
            counts = by_chance(test.samples, given.draws, given.seed)
            p, r, f1 = (np.array([getattr(one, name) for one in counts]) for name in ("precision", "recall", "f1"))
            area = np.mean([near(sample) for sample in test.samples])
            print(
                f"| {test.name} | {area:.2f} | {p.mean():.2f} | {r.mean():.2f} | {f1.mean():.3f} ± {f1.std():.3f} "
                f"| {apart(test.samples):.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
