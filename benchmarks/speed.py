"""Time and memory of picking one micrograph, stage by stage: ``python benchmarks/speed.py``.

One 4096 x 4096 float32 MRC micrograph, particles of 108 px, on the CPU. Every figure is the median over the runs.
Beside each stage stands what bounds it (bytes to move, or multiplications to do), the time this machine needs for
just that, and the ratio. Peers on the same machine, in the same run: RELION's LoG picker, where it is installed.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

PIXEL_SIZE, DIAMETER_PX, SIDE = 1.5, 108, 4096
DIAMETER = PIXEL_SIZE * DIAMETER_PX


def make_micrograph(path: Path) -> None:
    """Noise with 700 dark discs: what it shows does not matter for time, how many candidates it gives does."""
    from scipy import ndimage

    from napari_drpnet.io.mrc import write_mrc

    rng = np.random.default_rng(0)
    image = rng.normal(0, 1, (SIDE, SIDE)).astype(np.float32)
    seeds = np.zeros((SIDE // 4, SIDE // 4), np.float32)
    seeds[tuple(rng.integers(20, SIDE // 4 - 20, (2, 700)))] = 1
    discs = ndimage.gaussian_filter(seeds, 7)
    image -= np.repeat(np.repeat(discs / discs.max(), 4, 0), 4, 1)
    write_mrc(image, path, PIXEL_SIZE)


class Stopwatch:
    """CPU-seconds of named stages, one list of runs each."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}

    def __call__(self, name: str, work: Callable[[], Any]) -> Any:
        start = time.process_time()
        result = work()
        self.times.setdefault(name, []).append(time.process_time() - start)
        return result

    def median(self, name: str) -> float:
        return statistics.median(self.times[name])


def run_stages(path: Path, watch: Stopwatch) -> int:
    """One micrograph through the picker's own steps, each timed; gives the number of candidates."""
    from napari_drpnet import load_picker, preprocess, read_micrograph
    from napari_drpnet.pickers import drpnet, seen
    from napari_drpnet.rescaling import rescale
    from napari_drpnet.steps import drained

    loaded = watch("load weights", lambda: load_picker("drpnet", diameter=DIAMETER, device="cpu"))
    picker: Any = loaded.picker
    micrograph = watch("read", lambda: read_micrograph(path))
    size = picker.detector_card.diameter
    small = watch("rescale", lambda: rescale(micrograph.image, size / DIAMETER_PX))
    flat = watch("flatten", lambda: preprocess.flatten(small, seen.ILLUMINATION * size))
    smooth = watch("smooth", lambda: preprocess.smooth(flat, seen.BLUR * size))
    watch("stretch", lambda: preprocess.stretch(smooth, *preprocess.limits(smooth)))
    prepared = seen.network_image(micrograph, DIAMETER, size, invert=False)
    values = watch("detect", lambda: drained(picker._detect(prepared.image, drpnet.SMOOTHING * size)))
    yx, _, _ = watch("candidates", lambda: drpnet.spaced_candidates(values, size / picker.detector.stride))
    at = prepared.frame.rescaled(1 / picker.detector.stride).to_micrograph(yx)
    both: Any = load_picker("drpnet", diameter=DIAMETER, device="cpu", classifier="classifier").picker
    watch("(classify)", lambda: drained(both._classify(micrograph, prepared, at)))
    score_map = loaded.score(micrograph)
    watch("choose picks", lambda: loaded.picks_from(score_map))
    watch("all together", lambda: load_picker("drpnet", diameter=DIAMETER, device="cpu").pick(read_micrograph(path)))
    return len(score_map.candidates)


def multiplications(network: Any, shape: tuple[int, ...]) -> int:
    """Multiply-adds of all convolutions and dense layers for one input of ``shape``."""
    import torch
    from torch import nn

    total = 0

    def count(layer: Any, _: Any, output: torch.Tensor) -> None:
        nonlocal total
        per_output = layer.weight[0].numel()
        total += per_output * output.numel()

    hooks = [m.register_forward_hook(count) for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    with torch.inference_mode():
        network(torch.zeros(shape))
    for hook in hooks:
        hook.remove()
    return total


def machine_limits() -> tuple[float, float]:
    """Bytes a second of a copy in memory, and multiply-adds a second of a matrix product, per core."""
    import torch

    block = np.ones(SIDE * SIDE, np.float32)
    target = np.empty_like(block)
    a = torch.rand(1536, 1536)
    watch = Stopwatch()
    for _ in range(5):
        watch("copy", lambda: np.copyto(target, block))
        watch("product", lambda: a @ a)
    return 2 * block.nbytes / watch.median("copy"), 1536**3 / watch.median("product")


def child(path: Path, runs: int) -> None:
    """Measure in a process of its own, whose peak memory is that of picking."""
    import torch

    torch.set_num_threads(1)
    from napari_drpnet import load_picker, read_micrograph

    load_picker("drpnet", diameter=DIAMETER, device="cpu").pick(read_micrograph(path))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    watch = Stopwatch()
    for _ in range(runs):
        found = run_stages(path, watch)
    report(watch, found, peak)


def report(watch: Stopwatch, found: int, peak: float) -> None:
    from napari_drpnet import load_picker

    bytes_per_second, products_per_second = machine_limits()
    picker: Any = load_picker("drpnet", diameter=DIAMETER, device="cpu").picker
    small = int(SIDE * picker.detector_card.diameter / DIAMETER_PX) // 16 * 16
    detector = multiplications(picker.detector, (1, 1, small, small))
    both: Any = load_picker("drpnet", diameter=DIAMETER, device="cpu", classifier="classifier").picker
    classifier = found * multiplications(both.classifier, (1, 1, 64, 64))
    full, reduced = 4 * SIDE * SIDE, 4 * small * small
    bounds = {
        "read": ("bytes", full),
        "rescale": ("bytes", full + reduced),
        "flatten": ("bytes", 2 * reduced),
        "smooth": ("bytes", 2 * reduced),
        "stretch": ("bytes", 2 * reduced),
        "detect": ("multiply-adds", detector),
        "(classify)": ("multiply-adds", classifier),
    }
    runs = len(watch.times["read"])
    print(f"{SIDE} x {SIDE} float32, {DIAMETER_PX} px particles, {found} candidates, 1 thread, {runs} runs")
    print(f"{'stage':14}{'CPU-s':>8}  {'bound':>24}{'bound s':>9}{'ratio':>8}")
    for stage in watch.times:
        line = f"{stage:14}{watch.median(stage):8.3f}"
        if stage in bounds:
            unit, amount = bounds[stage]
            least = amount / (bytes_per_second if unit == "bytes" else products_per_second)
            line += f"  {amount / 1e6:10.1f} M {unit:13}{least:8.3f}{watch.median(stage) / least:8.1f}"
        print(line)
    print(f"peak memory of the process, imports included: {peak:.0f} MB")


def time_process(command: list[str], cwd: Path, runs: int = 3) -> float:
    """Median CPU-seconds of whole runs of another program."""
    times = []
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=cwd, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(times)


def whole_processes(folder: Path) -> None:
    """The command line against RELION's LoG picker, imports and start-up included."""
    ours = time_process(
        [sys.executable, "-m", "napari_drpnet.cli", "pick", "m.mrc", "--diameter", str(DIAMETER), "--device", "cpu"],
        folder,
    )
    print(f"napari-drpnet pick, whole process: {ours:.2f} CPU-s")
    relion = shutil.which("relion_autopick")
    if relion is None:
        print("RELION is not installed: no peer to compare with")
        return
    log = [relion, "--i", "m.mrc", "--odir", "log/", "--pickname", "log", "--LoG", "--angpix", str(PIXEL_SIZE)]
    log += [
        "--LoG_diam_min",
        str(0.9 * DIAMETER),
        "--LoG_diam_max",
        str(1.1 * DIAMETER),
        "--shrink",
        "0",
        "--lowpass",
        "20",
    ]
    peer = time_process(log, folder)
    print(f"RELION LoG, whole process: {peer:.2f} CPU-s; ratio ours / RELION {ours / peer:.2f}")


def import_times() -> None:
    for statement in ("pass", "import numpy", "import napari_drpnet", "import torch"):
        print(f"python -c '{statement}': {time_process([sys.executable, '-c', statement], Path.cwd(), 5):.3f} CPU-s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.runs)
        return
    with tempfile.TemporaryDirectory() as folder:
        micrograph = Path(folder) / "m.mrc"
        make_micrograph(micrograph)
        subprocess.run([sys.executable, __file__, "--child", str(micrograph), "--runs", str(options.runs)], check=True)
        whole_processes(Path(folder))
    import_times()


if __name__ == "__main__":
    main()
