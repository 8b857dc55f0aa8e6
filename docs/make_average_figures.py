"""Make the pictures of class averages: ``python docs/make_average_figures.py --data DATA [SET...]``.

One picture for every real set: 20 classes of the picks at the default settings. The picture beside RELION's averages
is made by ``python benchmarks/averages.py relion --picture docs/images/averages-relion.png``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from napari_drpnet.drawing.class_sheet import class_sheet
from napari_drpnet.drawing.overlay import save_png
from napari_drpnet.jobs.averaging.result import Averages
from napari_drpnet.jobs.averaging.write import caption

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from classifying import few_greys, picked
from contenders import DRPNET
from measures import find_sets

IMAGES = Path(__file__).parent / "images"
CLASSES, THRESHOLD = 20, 0.5


def draw(averages: Averages, path: Path) -> Path:
    captions = [caption(number, one, averages.diameter) for number, one in enumerate(averages.classes, 1)]
    sheet = class_sheet(averages.images, averages.diameter / averages.pixel_size, captions)
    return save_png(few_greys(sheet), path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="SET", help="sets whose name has this in it; default: all")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the real sets")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for test in find_sets(options.data, options.data / "none"):
        wanted = not options.sets or any(part in test.name for part in options.sets)
        if not test.has_truth or not wanted:
            continue
        averages = picked(test, DRPNET, THRESHOLD).averages(CLASSES)
        path = draw(averages, IMAGES / f"averages-{test.name}.png")
        print(f"{path}: {averages.picks} picks of {DRPNET.label}, {path.stat().st_size / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
