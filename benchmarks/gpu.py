"""Whether every picker finds on a graphics card what it finds on the processor, and how fast: ``benchmarks/gpu.py``.

Each picker of the registry runs on one simulated micrograph and on the first micrograph of every real set in
``--data``: on the CPU, on the device in full precision, and there in half precision, as it does by default. Each pick
must have a candidate of the other run within a pixel of the micrograph, and their probabilities must agree within
0.02. Two places that are as good as each other may change ranks by rounding: up to 2 % of the picks may be lost. A
picker that learns before it picks learns on the device, and uses that everywhere. One that takes a CPU hours runs only
where it is named: ``--pickers deepcryopicker-paper --runs 1``.

Times are medians of whole micrographs, without reading them, after one run that does not count, and with the card's
work awaited. Memory is the most that torch held on the card. The exit status is 0 where all agrees, 1 where picks
differ, 2 where the device is not there. ``--device cpu`` tries the script without a card: full precision must then be
the same to the bit, and half precision shows what rounding alone does.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from scipy.spatial import KDTree

from measures import find_sets
from napari_drpnet import Micrograph, Picks, ScoreMap, devices, load_picker
from napari_drpnet.errors import UserError
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.pickers.protocol.registry import known_pickers, needs_diameter
from napari_drpnet.simulation.sample import sample_micrograph
from napari_drpnet.steps import drained

NEAR, ALIKE = 1.0, 0.02  # pixels of the micrograph, and difference of probabilities
LOST = 0.02  # part of the picks that may be lost
THRESHOLD = 0.5
SIDE = 2048
# What would keep a processor busy for hours.
SLOW = {"deepcryopicker-paper"}
# What a picker does on demand, beside its default.
ON_DEMAND: dict[str, tuple[dict[str, str], ...]] = {
    "drpnet": ({"classifier": "classifier"}, {"detector": "fcrn"}),
}

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Subject:
    """A micrograph that is picked, and the diameter of its particles in Angstrom."""

    name: str
    micrograph: Micrograph
    diameter: float


@dataclass(frozen=True)
class Difference:
    """How far the picks of two runs are from each other's candidates, which no threshold chose.

    Attributes
    ----------
    picks
        Of both runs together.
    lost
        Picks without a candidate of the other run within `NEAR`, or whose probability differs by more than `ALIKE`.
    furthest
        Largest distance of those that have one, in pixels of the micrograph.
    largest
        Largest difference of their probabilities.
    """

    picks: int
    lost: int
    furthest: float
    largest: float

    def __str__(self) -> str:
        return f"{self.lost} of {self.picks}; {self.furthest:.2f} px; {self.largest:.4f}"

    @property
    def small(self) -> bool:
        """Whether the two runs found the same."""
        return self.lost <= LOST * self.picks


@dataclass(frozen=True, eq=False)
class Run:
    """What a picker found in one way, the seconds it took, and the most memory on the card in MB."""

    score_map: ScoreMap
    picks: Picks
    seconds: float
    memory: float


def subjects(data: Path, only: list[str]) -> Iterator[Subject]:
    """One simulated micrograph, and one of each real set that is there."""
    if not only or "simulated" in only:
        micrograph, truth = sample_micrograph(0, SIDE)
        diameter = float(np.median(truth.diameter)) * micrograph.frame.known_pixel_size()
        yield Subject("simulated", micrograph, diameter)
    for test in find_sets(data, data) if (data / "datasets.tsv").exists() else ():
        if test.has_truth and (not only or any(part in test.name for part in only)):
            yield Subject(test.name, test.samples[0].micrograph, test.samples[0].diameter)


def one_way(found: Run, other: ScoreMap) -> tuple[int, float, float]:
    """Of the picks of one run: those without their like in the other, the largest distance, and of probabilities."""
    if not len(found.picks):
        return 0, 0.0, 0.0
    every = other.candidates
    if not len(every):
        return len(found.picks), np.nan, np.nan
    distance, at = KDTree(every.yx).query(found.picks.yx)
    apart = np.abs(every.probability[at] - found.picks.score)
    near = distance <= NEAR
    lost = int((~near | (apart > ALIKE)).sum())
    return lost, float(distance[near].max(initial=0)), float(apart[near].max(initial=0))


def difference(one: Run, other: Run) -> Difference:
    """What each run picked, looked for among the candidates of the other."""
    (lost, far, apart), (more, further, wider) = one_way(one, other.score_map), one_way(other, one.score_map)
    return Difference(len(one.picks) + len(other.picks), lost + more, max(far, further), max(apart, wider))


def timed(work: Callable[[], T], device: torch.device, runs: int) -> tuple[T, float, float]:
    """The result of the last run, the median of their seconds, and the most memory on the card in MB."""
    on_card, times = device.type == "cuda", []
    if on_card:
        torch.cuda.reset_peak_memory_stats(device)
    for _ in range(runs):
        if on_card:
            torch.cuda.synchronize(device)
        start = time.perf_counter()
        result = work()
        if on_card:
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
    memory = torch.cuda.max_memory_allocated(device) / 1e6 if on_card else np.nan
    return result, statistics.median(times), memory


def run(picker: LoadedPicker, subject: Subject, half: bool, runs: int) -> Run:
    """Pick a micrograph ``runs`` times after one that does not count."""
    device = getattr(picker.picker, "device", torch.device("cpu"))
    with devices.forced(half):
        picker.score(subject.micrograph)
        score_map, seconds, memory = timed(lambda: picker.score(subject.micrograph), device, runs)
    return Run(score_map, picker.picks_from(score_map, THRESHOLD), seconds, memory)


def learnt(name: str, subject: Subject, fields: dict[str, Any], device: str, folder: Path) -> tuple[Path, float]:
    """The file of what a picker learns from a micrograph on a device, and the seconds it took."""
    picker = load_picker(name, device=device, **fields)
    start = time.perf_counter()
    drained(picker.learn_steps([lambda: subject.micrograph]))
    seconds = time.perf_counter() - start
    return picker.save(folder / f"{name}.safetensors"), seconds


def compare(name: str, options: dict[str, str], subject: Subject, where: argparse.Namespace) -> bool:
    """Print one row; whether the picks agree."""
    fields: dict[str, Any] = options | ({"diameter": subject.diameter} if needs_diameter(name) else {})
    learning = ""
    with tempfile.TemporaryDirectory() as folder:
        if load_picker(name, device="cpu", **fields).learns:
            weights, seconds = learnt(name, subject, fields, where.device, Path(folder))
            fields["weights"], learning = str(weights), f"{seconds:.1f}"
        reference = run(load_picker(name, device="cpu", **fields), subject, half=False, runs=where.runs)
        picker = load_picker(name, device=where.device, **fields)
        single, half = (run(picker, subject, half, where.runs) for half in (False, True))
    found = [difference(reference, one) for one in (single, half)]
    label = " ".join([name, *(f"{key}={value}" for key, value in options.items())])
    cells = [subject.name, label, str(len(reference.picks))]
    cells += map(str, found)
    cells += [f"{one.seconds:.3f}" for one in (reference, single, half)]
    cells += [f"{one.memory:.0f}" if one.memory == one.memory else "" for one in (single, half)]
    print("| " + " | ".join([*cells, learning]) + " |", flush=True)
    return all(one.small for one in found)


def pickers(only: list[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Every picker that works here, as it is and with what it does on demand."""
    for info in known_pickers():
        if info.problem:
            print(f"{info.name} of {info.origin} is left out: {info.problem}", file=sys.stderr)
        elif info.name in (only or {info.name} - SLOW):
            yield from ((info.name, options) for options in ({}, *ON_DEMAND.get(info.name, ())))


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1, mps, or cpu to try the script without a card")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the real sets, if any")
    parser.add_argument("--only", nargs="+", default=[], metavar="SET", help="sets whose name has this in it")
    parser.add_argument("--pickers", nargs="+", default=[], metavar="NAME", help="these pickers only")
    parser.add_argument("--runs", type=int, default=5)
    where = parser.parse_args()
    try:
        device = devices.choose(where.device)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    print(f"{name}, torch {torch.__version__}, {torch.get_num_threads()} threads on the CPU, medians of {where.runs}\n")
    print("Lost picks, the furthest and the largest difference of probabilities of the others, against the CPU:\n")
    heads = ["micrograph", "picker", "picks", "single", "half", "s CPU", "s single", "s half", "MB single", "MB half"]
    print("| " + " | ".join([*heads, "s to learn"]) + " |")
    print("|" + " --- |" * (len(heads) + 1), flush=True)
    todo = list(pickers(where.pickers))
    agree = [compare(*picker, subject, where) for subject in subjects(where.data, where.only) for picker in todo]
    print(f"\n{agree.count(False)} of {len(agree)} rows differ.")
    return int(not all(agree))


if __name__ == "__main__":
    sys.exit(main())
