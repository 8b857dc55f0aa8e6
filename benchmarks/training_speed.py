"""How quickly detectors learn: ``python benchmarks/training_speed.py --sizes 0 1 2 3 --batch 8``.

One row for each size of the U-Net: weights, seconds a step (the median of those after the first ten), seconds that
drawing the crops takes alone, crops a second, and on a graphics card the memory at most. Crops are of the prepared set
that is named, or of eight micrographs that are made for the occasion.

``--minutes`` says how many steps fit into so many minutes, for those who have a card for a while: with several networks
beside each other, run this as often beside itself.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_drpnet.networks import build, channels_last
from napari_drpnet.settings import TrainSettings
from napari_drpnet.training.detector import crops_of, regression_loss
from napari_drpnet.training.example import Example
from napari_drpnet.training.sets import load_examples
from napari_drpnet.training_loop.fit import fit
from napari_drpnet.training_loop.parallel import crew

_WARM = 10  # steps
_OCCASION = {"simulate": {"count": 8, "size": 512, "diameter_px": (30, 40), "seed": 1}}


def settings_of(options: argparse.Namespace, size: int) -> TrainSettings:
    data: dict[str, Any] = {"prepared": options.prepared} if options.prepared else _OCCASION
    return TrainSettings(
        training=[data],
        size=size,
        batch=options.batch,
        crop=options.crop,
        steps=options.steps + _WARM,
        check_every=options.steps + _WARM,
        device=options.device,
    )


def row(settings: TrainSettings, examples: list[Example], minutes: float) -> Iterator[str]:
    """The cells of one size."""
    with crew(settings.device) as team:
        network = channels_last(build("unet", size=settings.size))
        yield str(settings.size)
        yield f"{sum(weights.numel() for weights in network.parameters()) / 1e6:.2f} M"
        crops = crops_of(examples, settings, 2, team)
        drawn = [_seconds(lambda i=i: crops.batch(settings.batch, i, np.random.default_rng(i))) for i in range(5)]
        ends = [time.perf_counter() for _ in fit(network, crops.batch, regression_loss, settings, report_every=1)]
        step = statistics.median(np.diff(ends)[_WARM:])
        yield f"{step:.3f}"
        yield f"{statistics.median(drawn):.3f}"
        yield f"{settings.batch / step:.0f}"
        yield f"{torch.cuda.max_memory_allocated() / 1e6:.0f}" if team.device.type == "cuda" else ""
        yield f"{60 * minutes / step:.0f}"


def _seconds(work: Any) -> float:
    start = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prepared", type=Path, help="a file of napari-drpnet prepare")
    parser.add_argument("--sizes", type=int, nargs="+", default=[0, 1, 2, 3])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--crop", type=int, default=256)
    parser.add_argument("--steps", type=int, default=30, help="after the first ten")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    torch.set_num_threads(1)
    first = settings_of(options, options.sizes[0])
    examples = load_examples(first.training, first.diameter, first.grey)
    heads = ["size", "weights", "s a step", "s to draw", "crops/s", "MB", f"steps in {options.minutes:g} min"]
    print(f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}", flush=True)
    for size in options.sizes:
        print(f"| {' | '.join(row(settings_of(options, size), examples, options.minutes))} |", flush=True)


if __name__ == "__main__":
    main()
