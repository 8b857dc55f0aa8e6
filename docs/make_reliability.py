"""Make the reliability diagrams of the default networks: ``python docs/make_reliability.py --data DATA``.

How often picks of a probability are particles, for every set of ``benchmarks/quality.py`` with a truth: the simulated
test proteins of all doses together, and each real set.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from napari_drpnet.drawing.charts import draw_reliability

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from contenders import DRPNET
from measures import Sample, TestSet, calibration_pairs, find_sets

IMAGES = Path(__file__).parent / "images"
SIMULATED = "simulated test proteins"


def diagram(name: str, samples: Sequence[Sample]) -> Image.Image:
    probability, hit = calibration_pairs(DRPNET.find(samples).picks, samples)
    return draw_reliability(probability, hit, name)


def family(test: TestSet) -> str:
    return SIMULATED if test.name.startswith("simulated") else test.name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--simulated", type=Path, default=Path("runs/simulated"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    diagrams = []
    tests = [test for test in find_sets(options.data, options.simulated) if test.has_truth]
    for name, group in groupby(tests, family):
        samples = [sample for test in group for sample in test.samples]
        diagrams.append(diagram(name, samples))
    columns = int(np.ceil(len(diagrams) / 2))
    width, height = diagrams[0].size
    sheet = Image.new("RGB", (columns * width, 2 * height), "white")
    for i, picture in enumerate(diagrams):
        sheet.paste(picture, (i % columns * width, i // columns * height))
    sheet.quantize(64).save(IMAGES / "reliability.png", optimize=True)


if __name__ == "__main__":
    main()
