"""Probabilities of the pickers without a network: ``python training/calibrate.py log`` or ``template``.

Prints the coefficients that belong into ``pickers/log.py`` or ``pickers/template.py``: a logistic model of
`classical.terms`, fitted on the validation sets of ``training/simulate.sh`` with the weights they have in
``shipped.yaml``, and how well it does on each of them. Templates are the ball that the picker has without any, and
projections of the true structure, at equal weights.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from napari_drpnet import jobs, load_picker, read_micrograph, read_picks
from napari_drpnet.evaluation.reliability import calibration_error
from napari_drpnet.pickers.classical.maps import terms
from napari_drpnet.settings import TemplateSetSettings
from napari_drpnet.training.detections import Detections, assessed
from napari_drpnet.training.example import Example
from napari_drpnet.training.run import Evidence, calibrate

WEIGHTS = {"validation": 1.0, "validation-crowded": 1.0, "validation-faint": 0.5, "validation-empty": 0.33}
VIEWS, ANGLE_STEP = 8, 15.0


def look(picker: str, image: Path, options: dict[str, Any], name: str, weight: float) -> Detections:
    """The candidates of a picker on one simulated micrograph of the set ``name``."""
    micrograph, truth = read_micrograph(image), read_picks(image.with_suffix(".star"))[0]
    frame = micrograph.frame
    # A micrograph without particles is looked at as the others are.
    diameter = float(np.median(truth.diameter)) if len(truth) else 45.0
    scores = load_picker(
        picker, diameter=diameter * frame.known_pixel_size(), invert=False, device="cpu", **options
    ).score(micrograph)
    found, shape = scores.candidates, micrograph.image.shape
    columns = terms(found.detection, found.level, scores.values)
    usual = found.level > 1
    example = Example(np.broadcast_to(np.float16(0), shape), truth.yx, diameter / 2, weight, name)
    columns = [column[usual] for column in columns]
    return assessed(example, found.yx[usual], found.detection[usual], columns, diameter)


def sightings(picker: str, simulated: Path, structures: Path, every: int, folder: Path) -> Iterator[Detections]:
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


def report(seen: list[Detections], coefficients: tuple[float, ...]) -> None:
    """How good the probabilities are on each set."""
    print(f"{'':33s}F1 at 0.5   best F1      AP     ECE  picks")
    for name in sorted({one.example.name for one in seen}):
        evidence = Evidence([one for one in seen if one.example.name == name])
        p, curve = np.concatenate(evidence.probability(coefficients)), evidence.curve(coefficients)
        ratios = (curve.f1_at(0.5), curve.best[0], curve.area) if curve else (0.0, 0.0, 0.0)
        print(
            f"{name:33s}{ratios[0]:9.3f} {ratios[1]:9.3f} {ratios[2]:7.3f} "
            f"{calibration_error(p, evidence.hit):7.3f} {(p >= 0.5).sum() / len(evidence.detected):6.0f}"
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
    coefficients = calibrate(Evidence(seen))
    print(f"CALIBRATION = {coefficients}")
    report(seen, coefficients)


if __name__ == "__main__":
    main()
