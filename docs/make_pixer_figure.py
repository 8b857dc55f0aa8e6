"""Make the figure of docs/pixer.md: ``python docs/make_pixer_figure.py --data DATA``.

A micrograph of EMPIAR-10028, PIXER's map of it, and its picks against the labels.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from napari_drpnet import load_picker
from napari_drpnet.drawing.overlay import draw_rings, draw_verdict, save_png

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from make_pick_figures import captioned, few_colours, mosaic, shown
from measures import find_sets, judge

OUT = Path(__file__).parent / "images" / "pixer.png"
SET, SIDE = "10028", 480


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the real sets")
    options = parser.parse_args()
    torch.set_num_threads(1)
    test = next(test for test in find_sets(options.data, Path()) if test.name == SET)
    sample = test.samples[0]
    picker = load_picker("pixer", diameter=sample.diameter, device="cpu")
    scored = picker.score(sample.micrograph)
    verdict = judge([picker.picks_from(scored)], [sample]).verdicts[0]
    probability = Image.fromarray(np.uint8(255 * scored.values)).resize((SIDE, SIDE)).convert("RGB")
    words = f"precision {verdict.counts.precision:.2f}, recall {verdict.counts.recall:.2f}"
    panels = [
        captioned(draw_rings(shown(sample), [], sample.diameter, SIDE), f"EMPIAR-{SET}"),
        captioned(probability, "probability of belonging to a particle's core"),
        captioned(draw_verdict(shown(sample), verdict, sample.diameter, SIDE), words),
    ]
    path = save_png(few_colours(mosaic(panels)), OUT)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
