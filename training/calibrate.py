"""Probabilities of the pickers without a network: ``python training/calibrate.py log`` or ``template``.

Prints the coefficients that belong into ``pickers/log.py`` or ``pickers/template.py``: a logistic model of
`classical.terms`, fitted on the validation sets of ``training/simulate.sh`` with the weights they have in
``shipped.yaml``, and how well it does on each of them. Templates are the ball that the picker has without any, and
projections of the true structure, at equal weights.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from napari_drpnet import jobs, load_picker, read_micrograph, read_picks
from napari_drpnet.candidates import inside
from napari_drpnet.data import FloatArray, MaskArray
from napari_drpnet.evaluation.reliability import calibration_error
from napari_drpnet.pickers.classical.maps import terms
from napari_drpnet.pickers.network import calibrated
from napari_drpnet.settings import TemplateSetSettings
from napari_drpnet.training.calibration import fit_logistic, hits

WEIGHTS = {"validation": 1.0, "validation-crowded": 1.0, "validation-faint": 0.5, "validation-empty": 0.33}
VIEWS, ANGLE_STEP = 8, 15.0


@dataclass(frozen=True, eq=False)
class Seen:
    """Candidates of one micrograph: what their probability is made of, which are particles, how many it has."""

    name: str
    weight: float
    terms: list[FloatArray]
    hit: MaskArray
    particles: int


def look(picker: str, image: Path, options: dict[str, Any], name: str, weight: float) -> Seen:
    """The candidates of a picker on one simulated micrograph."""
    micrograph, truth = read_micrograph(image), read_picks(image.with_suffix(".star"))[0]
    frame = micrograph.frame
    # A micrograph without particles is looked at as the others are.
    diameter = float(np.median(truth.diameter)) if len(truth) else 45.0
    scores = load_picker(
        picker, diameter=diameter * frame.known_pixel_size(), invert=False, device="cpu", **options
    ).score(micrograph)
    found, shape = scores.candidates, micrograph.image.shape
    columns = terms(found.detection, found.level, scores.values)
    kept = (found.level > 1) & inside(found.yx, shape, diameter / 2)
    hit = hits(found.yx[kept], found.detection[kept], truth.yx, diameter / 2)
    particles = int(inside(truth.yx, shape, diameter / 2).sum())
    return Seen(name, weight, [column[kept] for column in columns], hit, particles)


def sightings(picker: str, simulated: Path, structures: Path, every: int, folder: Path) -> Iterator[Seen]:
    """What the picker sees on all validation sets; templates of true structures go to ``folder``."""

    @cache
    def projected(structure: str) -> Path:
        file = next(p for p in sorted(structures.rglob("*.gz")) if p.name.split(".")[0] == structure)
        settings = TemplateSetSettings(count=VIEWS)
        return jobs.templates_of_structure(file, settings, folder / f"{structure}.mrc").path

    for name, weight in WEIGHTS.items():
        images = sorted((simulated / name).glob("*.mrc"))[::every]
        for image in images:
            share = weight / len(images)
            yield look(picker, image, {}, name, share)
            if picker == "template":
                stack = projected(image.stem.rsplit("_", 1)[0])
                options = {"templates": stack, "angle_step": ANGLE_STEP}
                yield look(picker, image, options, f"{name}, projections", share)


def report(seen: list[Seen], coefficients: tuple[float, ...]) -> None:
    """How good the probabilities are on each set."""
    print(f"{'':33s}F1 at 0.5   best F1      AP     ECE  picks")
    for name in sorted({one.name for one in seen}):
        some = [one for one in seen if one.name == name]
        p = np.concatenate([calibrated(coefficients, *one.terms) for one in some])
        hit = np.concatenate([one.hit for one in some])
        particles = sum(one.particles for one in some)
        order = np.argsort(-p, kind="stable")
        right, rank = np.cumsum(hit[order]), np.arange(1, len(p) + 1)
        f1 = 2 * right / (rank + particles)
        at_half = int((p >= 0.5).sum())
        area = (right / rank * hit[order]).sum() / max(particles, 1)
        print(
            f"{name:33s}{f1[at_half - 1] if at_half else 0:9.3f} {f1.max():9.3f} {area:7.3f} "
            f"{calibration_error(p, hit):7.3f} {at_half / len(some):6.0f}"
        )


def main() -> None:
    """Fit, print and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picker", choices=["log", "template"])
    parser.add_argument("--simulated", type=Path, default=Path("runs/simulated"), help="folder of the validation sets")
    parser.add_argument("--structures", type=Path, default=Path("../shared/structures"), help="what they were made of")
    parser.add_argument("--every", type=int, default=2, help="use every so many-th micrograph")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        seen = list(sightings(options.picker, options.simulated, options.structures, options.every, Path(folder)))
    columns = [np.concatenate(column) for column in zip(*(one.terms for one in seen), strict=True)]
    weight = np.concatenate([np.full(len(one.hit), one.weight / max(len(one.hit), 1)) for one in seen])
    coefficients = fit_logistic(columns, np.concatenate([one.hit for one in seen]), weight)
    print(f"CALIBRATION = {coefficients}")
    report(seen, coefficients)


if __name__ == "__main__":
    main()
