"""How fast a data set is picked, against what cannot be done without, and against Topaz: ``benchmarks/throughput.py``.

Micrographs of ``--size`` pixels are made with particles of 108 px, all different, as float32 MRC files, which the
system keeps in memory. In one run, several times, in turns:

* the files read, nothing more;
* the convolutions alone: the detector on images of the size that it works on, one thread; times the number of
  micrographs, divided by the cores, it is the least that picking could take;
* the same in as many threads as there are cores, since cores that work at once are slower each;
* ``napari-drpnet pick`` with a number as threshold, whole process, imports included, and without start-up (the least
  time of a pick of one micrograph less one micrograph's share);
* the same with a threshold that is chosen by evidence;
* Topaz's pretrained network (``topaz preprocess``, ``topaz extract``), where ``--topaz`` names its program, on all
  cores, at the scale where a particle spans 27 px, where it finds best, and at half of it.

Seconds are wall clock, medians. Memory is the most that one process held.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.jobs.crew import cores
from napari_drpnet.rescaling import rescale
from napari_drpnet.simulation.sample import sample_micrograph

DIAMETER_PX = 108
PIXEL_SIZE = 1.5
# Of the simulated micrograph; larger ones are that with its mirror images.
_SIDE = 4096
TOPAZ_PX = (27, 13.5)


@dataclass
class Row:
    """What was measured of one thing: seconds and CPU-seconds each time, and the most memory in MB."""

    name: str
    work: Callable[[], float]
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: float = 0.0

    def run(self) -> None:
        before = sum(os.times()[:4])
        self.seconds.append(self.work())
        self.cpu.append(sum(os.times()[:4]) - before)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def make_files(folder: Path, count: int, shape: tuple[int, int]) -> list[Path]:
    """Micrographs of a shape with particles of `DIAMETER_PX`, each turned and with noise in its own way."""
    micrograph, truth = sample_micrograph(0, int(_SIDE * 1.01))
    image = rescale(micrograph.image, DIAMETER_PX / float(np.median(truth.diameter)))[:_SIDE, :_SIDE]
    rng = np.random.default_rng(0)
    files = []
    for number in range(count):
        one = np.rot90(image, number % 4)[:: -1 if number & 4 else 1]
        one = one + 0.2 * one.std() * rng.standard_normal(one.shape, np.float32)
        one = np.pad(one, [(0, max(0, side - _SIDE)) for side in shape], mode="symmetric")[: shape[0], : shape[1]]
        files.append(write_mrc(np.asarray(one, np.float32), folder / f"m{number:03d}.mrc", PIXEL_SIZE))
    return files


def process(command: list[str], row: Row | None = None, cwd: Path | None = None) -> float:
    """Wall seconds of a program; the most memory that it held goes to the row."""
    start = time.perf_counter()
    program = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert program.stdout is not None
    said = program.stdout.read()
    _, status, usage = os.wait4(program.pid, 0)
    program.returncode = os.waitstatus_to_exitcode(status)
    if program.returncode:
        raise SystemExit(f"{' '.join(command)}\n{said.decode()}")
    if row is not None:
        row.memory = max(row.memory, usage.ru_maxrss / 1024)
    return time.perf_counter() - start


def read_files(files: list[Path]) -> float:
    start = time.perf_counter()
    for file in files:
        file.read_bytes()
    return time.perf_counter() - start


def convolutions(shape: tuple[int, int], name: str) -> Callable[[int], float]:
    """What tells the seconds of the detector on as many images as threads."""
    import torch

    from napari_drpnet import devices, load_picker, tiling
    from napari_drpnet.steps import drained

    torch.set_num_threads(1)
    picker: Any = load_picker("drpnet", diameter=DIAMETER_PX * PIXEL_SIZE, device=name).picker
    seen = [int(side * picker.detector_card.diameter / DIAMETER_PX) for side in shape]
    image = np.random.default_rng(0).normal(0, 0.2, seen).astype(np.float32)
    device = devices.choose(name)

    def detect(_: int) -> None:
        torch.set_num_threads(1)
        drained(tiling.score_steps(picker.detector, image, device, 600))

    def timed(threads: int) -> float:
        start = time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(detect, range(threads)))
        return time.perf_counter() - start

    timed(1)
    return timed


def topaz_row(program: Path, folder: Path, across: float, workers: int) -> Row:
    """Topaz on all micrographs at a scale where a particle spans so many pixels."""
    scale, made = round(DIAMETER_PX / across), folder / f"topaz-{across:g}"
    row = Row(f"Topaz, particles of {across:g} px", lambda: 0.0)

    def run() -> float:
        first = [str(program), "preprocess", "-s", str(scale), "-d", "-1", "-j", str(workers), "-o", f"{made}/"]
        seconds = process([*first, *map(str, sorted(folder.glob("*.mrc")))], row)
        second = [str(program), "extract", "-d", "-1", "-j", str(workers), "-r", str(int(across / 2))]
        return seconds + process([*second, "-o", f"{made}.txt", *map(str, sorted(made.glob("*.mrc")))], row)

    row.work = run
    return row


def rows(folder: Path, files: list[Path], options: argparse.Namespace) -> list[Row]:
    count, workers = len(files), options.workers
    timed = convolutions(tuple(options.size), options.device)
    found = [
        Row("files read", lambda: read_files(files)),
        Row("convolutions, one thread, divided by the cores", lambda: timed(1) * count / workers),
        Row("convolutions on all cores at once", lambda: timed(workers) * count / workers),
    ]

    def picking(name: str, what: list[Path], *more: str) -> Row:
        row = Row(name, lambda: 0.0)
        command = [
            sys.executable,
            "-m",
            "napari_drpnet",
            "pick",
            *map(str, what),
            "--diameter",
            str(DIAMETER_PX * PIXEL_SIZE),
        ]
        command += [
            "--device",
            options.device,
            "--workers",
            str(workers),
            "--again",
            "--out",
            str(folder / "out"),
            *more,
        ]
        row.work = lambda: process([*command, *options.more], row)
        return row

    found.append(picking("pick one micrograph (start-up)", files[:1], "--threshold", "0.5"))
    found.append(picking("pick, threshold a number", files, "--threshold", "0.5"))
    if options.evidence:
        found.append(picking("pick, threshold by evidence", files))
    if options.topaz:
        found += [topaz_row(options.topaz, folder, across, workers) for across in TOPAZ_PX]
    return found


def _told(number: float, digits: int) -> str:
    return f"{number:.{digits}f}" if number else ""


def report(found: list[Row], count: int, workers: int) -> None:
    by = {row.name: row for row in found}
    limit = by["convolutions, one thread, divided by the cores"].median
    together = by["convolutions on all cores at once"].median
    number = by["pick, threshold a number"].median
    one = by["pick one micrograph (start-up)"].median
    running = (number - one) * count / (count - 1) if count > 1 else number
    head = f"{count} micrographs, {workers} cores"
    print(f"| {head} | seconds | one each | / convolutions | / all at once | CPU-s each | memory, MB |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    lines = [(row.name, row.median, statistics.median(row.cpu) / count, row.memory) for row in found]
    lines.append(("pick, threshold a number, without start-up", running, 0.0, 0.0))
    for name, seconds, cpu, memory in lines:
        share = f"{seconds / limit:.2f} | {seconds / together:.2f}"
        print(f"| {name} | {seconds:.2f} | {seconds / count:.3f} | {share} | {_told(cpu, 3)} | {_told(memory, 0)} |")
    for row in found:
        if row.name.startswith("Topaz"):
            print(f"{row.name}: {row.median / number:.1f} times as long as pick with a number")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--size", type=int, nargs=2, default=(_SIDE, _SIDE), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=cores())
    parser.add_argument("--device", default="cpu", help="where pick computes; several cards: cuda:0,1")
    parser.add_argument("--evidence", action="store_true", help="pick with a threshold by evidence, too")
    parser.add_argument("--topaz", type=Path, help="the program topaz, in an environment of its own")
    parser.add_argument("--more", nargs=argparse.REMAINDER, default=[], help="further options of pick")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = make_files(folder, options.count, tuple(options.size))
        found = rows(folder, files, options)
        for _ in range(options.runs):
            for row in found:
                row.run()
        report(found, len(files), options.workers)


if __name__ == "__main__":
    main()
