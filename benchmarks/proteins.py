"""Simulated sets of test proteins, a third of whose micrographs have no particles, and how they are picked.

No network was trained on these proteins or chosen by them (``training/proteins-testing.txt``).
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_drpnet import Picks, read_picks
from napari_drpnet.evaluation import Evaluation, evaluate
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.jobs import finish, pick
from napari_drpnet.jobs.pick_report import PickResult
from napari_drpnet.jobs.simulation import read_simulated, write_truth
from napari_drpnet.settings import AUTO, EVEN, Decision, PickRun, SimulationSettings
from napari_drpnet.simulation import simulate_one

TESTING = ("1g3i", "5csa", "6bq1", "6u8q", "1u6g", "7kfe")
PICKERS = ("drpnet", "pixer", "log")
GOOD = "particles"
# What is on micrographs of each kind, beside what `simulate` puts there anyway; and how many there are of a protein.
KINDS: dict[str, tuple[int, dict[str, Any]]] = {
    GOOD: (6, {"empty": 0}),
    "ice": (1, {"empty": 1, "carbon": 0, "contamination": 0}),
    "carbon": (1, {"empty": 1, "carbon": 1, "contamination": 0}),
    "crystals": (1, {"empty": 1, "carbon": 0, "contamination": 1}),
}
EMPTY = tuple(kind for kind in KINDS if kind != GOOD)
_PIXEL_SIZE, _SIZE, _SEED = 2.0, 2048, 11
# One grid and one microscope. The truth knows no pieces of particles and no heaps, so that there are none.
_GRID: dict[str, Any] = {
    "views": 400,
    "coverage": (0.2, 0.5),
    "broken": (0, 0),
    "aggregates": 0,
    "voltage": (300,),
    "defocus": (1.0, 2.5),
    "dose": (50, 50),
    "contrast": (0.6, 0.9),
    "ice": (300, 600),
    "structural_noise": (2, 5),
    "processed": 0,
    "defects": 0,
}


def make(structure: Path, folder: Path) -> None:
    """Micrographs with their truth, 50 e/A^2; those that are there already stay."""
    for kind, (count, told) in KINDS.items():
        settings = SimulationSettings(
            structures=(structure,),
            count=count,
            seed=_SEED,
            size=_SIZE,
            pixel_size=_PIXEL_SIZE,
            **_GRID,
            **told,
        )
        for index in range(count):
            file = folder / f"{kind}_{index}.mrc"
            if not file.exists():
                simulated = simulate_one(settings, index)
                write_truth(simulated, file.with_suffix(".star"))
                write_mrc(simulated.micrograph.image, file, _PIXEL_SIZE)


@dataclass(frozen=True)
class Protein:
    """The micrographs of one protein, in the order of their names; their truth, and the diameter in Angstrom."""

    name: str
    files: list[Path]
    truth: list[Picks]
    diameter: float

    @classmethod
    def read(cls, name: str, folder: Path) -> Protein:
        files = sorted(folder.glob("*.mrc"))
        truth = [read_simulated(file)[1] for file in files]
        pixels = np.concatenate([one.diameter for one in truth])
        return cls(name, files, truth, float(np.median(pixels)) * _PIXEL_SIZE)

    def judged(self, picks: Sequence[Picks]) -> Evaluation:
        """By the rules of `evaluate`; nearer to the edge than half a diameter nothing is picked."""
        return evaluate(picks, self.truth, self.diameter, _PIXEL_SIZE, edge=self.diameter / 2 / _PIXEL_SIZE)


@dataclass(frozen=True)
class Picked:
    """What a picker made of a protein.

    ``every``: its picks at the default threshold, with those that nothing proves, of which ``results`` tells.
    ``even``: at 0.5.
    """

    protein: Protein
    every: list[Picks]
    results: list[PickResult]
    decision: Decision
    even: list[Picks]

    @property
    def written(self) -> list[Picks]:
        """What the job writes if nothing else is asked for."""
        pairs = zip(self.every, self.results, strict=True)
        return [picks.select(np.full(len(picks), not result.doubt)) for picks, result in pairs]


def picked(protein: Protein, picker: str) -> Picked:
    """Through the job that the window and the command line call."""
    with tempfile.TemporaryDirectory() as out:
        runs = {}
        for threshold in (AUTO, EVEN):
            run = PickRun(
                inputs=tuple(map(str, protein.files)),
                out=Path(out, str(threshold)),
                picker=picker,
                options={"diameter": protein.diameter, "threshold": threshold, "device": "cpu"},
                keep_unproved=True,
            )
            report = finish(pick(run))
            results = sorted(report.results, key=lambda result: Path(result.micrograph).name)
            runs[threshold] = [_read(result, truth) for result, truth in zip(results, protein.truth, strict=True)]
            if threshold == AUTO:
                assert report.decision is not None, "it was asked for"
                every, decision = results, report.decision
    return Picked(protein, runs[AUTO], every, decision, runs[EVEN])


def _read(result: PickResult, truth: Picks) -> Picks:
    assert result.coordinates is not None, result.error
    found = read_picks(result.coordinates)
    return replace(found[0], frame=truth.frame) if found else truth.select(np.zeros(len(truth), bool))


def simulated_table(structures: Path, folder: Path, names: Sequence[str], workers: int) -> None:
    print("| protein | picker | particles, estimated | precision, estimated | F1 auto | F1 at 0.5 |", end="")
    print("".join(f" picks: {kind} |" for kind in EMPTY), "good ones in doubt |")
    print("| --- " * (7 + len(EMPTY)) + "|")
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as processes:
        for rows in processes.map(partial(rows_of, structures, folder), names):
            print("\n".join(rows), flush=True)


def rows_of(structures: Path, folder: Path, name: str) -> list[str]:
    torch.set_num_threads(1)
    make(next((structures / "models").glob(f"{name}.*")), folder / name)
    protein = Protein.read(name, folder / name)
    return [row(picked(protein, picker), picker) for picker in PICKERS]


def row(found: Picked, picker: str) -> str:
    """One line of the table; an estimate that is off by more than two standard errors is marked."""
    protein, decision = found.protein, found.decision
    auto, even = protein.judged(found.written).counts, protein.judged(found.even).counts
    kinds = [file.stem.split("_")[0] for file in protein.files]
    on_empty = [sum(len(picks) for picks, k in zip(found.written, kinds, strict=True) if k == kind) for kind in EMPTY]
    doubted = sum(bool(result.doubt) and kind == GOOD for result, kind in zip(found.results, kinds, strict=True))
    cells = [
        protein.name,
        picker,
        _against(auto.true + auto.missed, decision.number, 0),
        _against(auto.precision, decision.precision, 2),
        f"{auto.f1:.3f}",
        f"{even.f1:.3f}",
        *(f"{count}" for count in on_empty),
        f"{doubted}",
    ]
    return "| " + " | ".join(cells) + " |"


def _against(true: float, estimate: tuple[float | None, float | None], digits: int) -> str:
    value, error = estimate
    text = f"{true:.{digits}f}, "
    if value is None or error is None:
        return text + "not known"
    words = f"{value:.{digits}f} ± {error:.{digits}f}"
    return text + (words if abs(value - true) <= 2 * error else f"**{words}**")
