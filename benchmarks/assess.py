"""Time and memory of `assess` and `reconstruct` beside RELION's programs for the same, in one table.

Every row is a program of its own, from its start to its end, on one core: CPU-seconds (the median of the runs) and the
most memory that it had. Half maps are those of a made-up protein with noise; the mask is the same for both. RELION's
local resolution of 256 pixels takes about 50 minutes of a core, and is left out unless `--local-up-to` says otherwise.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from napari_drpnet.assessment.masking import soft_mask
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.io.reconstruction_files import DATA
from napari_drpnet.jobs.simulation import MICROGRAPHS_STAR
from napari_drpnet.simulation.structures import density, procedural_structure
from reconstruct import simulated

# Sides of the maps, and Angstrom per pixel.
MAPS = {64: 3.0, 128: 2.0, 256: 1.2}
_PART = 0.6  # of the box that the particle takes
_NOISE = 0.4  # standard deviations of the map
_NAME = "run_half{}_class001_unfil.mrc"
# By a small program between: what is forked begins with the memory of what forks it.
_MEASURED = """import resource, subprocess, sys
with open(sys.argv[1], "wb") as told:
    status = subprocess.run(sys.argv[2:], stdout=told, stderr=subprocess.STDOUT).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(status, used.ru_utime + used.ru_stime, used.ru_maxrss)"""
_START = [sys.executable, "-c", "from napari_drpnet.jobs.assess_page import write_assessments"]
_OURS = [sys.executable, "-m", "napari_drpnet.cli"]


@dataclass(frozen=True)
class Cost:
    """Of one program: CPU-seconds, and the most memory in GB."""

    seconds: float
    memory: float


def cost(command: Sequence[object], runs: int, folder: Path) -> Cost:
    """The median time of some runs, and the most memory of any."""
    told, times, most = folder / "told.txt", [], 0.0
    for _ in range(runs):
        call = [sys.executable, "-S", "-c", _MEASURED, told, *command]
        found = subprocess.run(list(map(str, call)), cwd=folder, capture_output=True, text=True, check=True)
        status, seconds, memory = map(float, found.stdout.split())
        if status:
            sys.exit(f"{command[0]} failed: {told.read_text()[-500:]}")
        times.append(seconds)
        most = max(most, memory / 2**20)
    return Cost(median(times), most)


def half_maps(side: int, folder: Path) -> list[object]:
    """Two half maps and a mask, as options of `assess`; gives the folder and the mask."""
    folder.mkdir(parents=True, exist_ok=True)
    pixel, clean = MAPS[side], np.zeros((side,) * 3, np.float32)
    made = density(procedural_structure(3, _PART * side * MAPS[side]), pixel).density
    start = [(side - length) // 2 for length in made.shape]
    clean[tuple(slice(at, at + length) for at, length in zip(start, made.shape, strict=True))] = made
    chance = np.random.default_rng(0)
    noise = _NOISE * clean[clean > 0].std()
    halves = [clean + noise * chance.standard_normal(clean.shape, np.float32) for _ in range(2)]
    for number, half in enumerate(halves, 1):
        write_mrc(half, folder / _NAME.format(number), pixel, volume=True)
    return [folder, "--mask", write_mrc(soft_mask(*halves, pixel).values, folder / "mask.mrc", pixel, volume=True)]


def row(what: str, ours: Cost, theirs: Cost | None) -> None:
    """One line of the table."""
    text = f"| {what} | {ours.seconds:.1f} | {ours.memory:.2f} | "
    if theirs is None:
        print(f"{text}| | |", flush=True)
        return
    print(f"{text}{theirs.seconds:.1f} | {theirs.memory:.2f} | {theirs.seconds / ours.seconds:.2f} |", flush=True)


def assess(side: int, told: argparse.Namespace, relion: str | None) -> None:
    """The rows of half maps of one size."""
    folder = (told.work / str(side)).absolute()
    given = [*_OURS, "assess", *half_maps(side, folder), "--no-directions", "--out", folder / "out"]
    program = [relion, "--i", folder / _NAME.format(1), "--mask", folder / "mask.mrc", "--force_mask"]
    (folder / "relion").mkdir(exist_ok=True)
    program += ["--angpix", MAPS[side], "--o", folder / "relion" / "post"]
    usual = cost([*given, "--no-local"], told.runs, folder)
    row(f"FSC, {side} px", usual, cost(program, told.runs, folder) if relion else None)
    local = cost(given, told.runs, folder)
    theirs = cost([*program, "--locres"], 1, folder) if relion and side <= told.local_up_to else None
    row(f"FSC and local resolution, {side} px", local, theirs)


def reconstruct(told: argparse.Namespace, relion: str | None) -> None:
    """The row of picks that become a map; RELION has the angles that were found, and puts them together alone."""
    folder = (told.work / "picks").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    truth, reference, diameter = simulated(told.structure, told.micrographs, 5.0, folder)
    picks = sum(len(one.picks) for one in truth.values())
    command = [
        *_OURS,
        "reconstruct",
        folder,
        folder / MICROGRAPHS_STAR,
        "--reference",
        reference,
        "--out",
        folder / "map",
    ]
    ours = cost([*command, "--diameter", f"{diameter:.0f}"], 1, folder)
    theirs = None
    if relion:
        program = [relion, "--i", folder / "map" / DATA, "--ctf", "--ctf_phase_flipped"]
        halves = [cost([*program, "--subset", half, "--o", folder / f"h{half}.mrc"], 1, folder) for half in (1, 2)]
        theirs = Cost(sum(one.seconds for one in halves), max(one.memory for one in halves))
    row(f"{picks:,} picks of {len(truth)} micrographs to a map of 64 px; RELION: of known angles", ours, theirs)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--structure", type=Path, help="PDB, mmCIF or MRC, to make picks of for `reconstruct`")
    parser.add_argument("--micrographs", type=int, default=3)
    parser.add_argument("--sides", type=int, nargs="*", default=list(MAPS), choices=list(MAPS))
    parser.add_argument(
        "--local-up-to", type=int, default=128, help="side up to which RELION measures local resolution"
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--work", type=Path, default=Path("assess-benchmark"))
    told = parser.parse_args(arguments)
    os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    print("| | CPU-s | GB | RELION: CPU-s | GB | RELION / ours |\n| --- | --- | --- | --- | --- | --- |")
    told.work.mkdir(parents=True, exist_ok=True)
    row("start of Python and its libraries, in each row below", cost(_START, told.runs, told.work), None)
    for side in told.sides:
        assess(side, told, shutil.which("relion_postprocess"))
    if told.structure is not None:
        reconstruct(told, shutil.which("relion_reconstruct"))


if __name__ == "__main__":
    main()
