"""Fit the probabilities of a detector, or of a classifier beside it, anew: ``python training/refit.py OUT``.

The network stays as it is. Candidates of the detector on the prepared validation sets of a recipe say how much the
height of its map counts, and the logit of the classifier beside it, which has learnt the same grey levels.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import cast

import torch
import yaml

from napari_drpnet.io.weights import read_weights, write_weights
from napari_drpnet.pickers.network import load_network
from napari_drpnet.settings import TrainSettings
from napari_drpnet.tiling import FullyConvolutional
from napari_drpnet.training.classifier import classified
from napari_drpnet.training.detections import CPU, detections
from napari_drpnet.training.run import Evidence, calibrate
from napari_drpnet.training.sets import load_examples


def main() -> None:
    """Write the weights with other coefficients."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--classifier", help="Fit its probabilities; without it, those of the detector.")
    parser.add_argument("--detector", default="detector")
    parser.add_argument("--recipe", type=Path, default=Path("training/simulated.yaml"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    found, network = load_network(options.detector, "detector", CPU)
    detector = cast(FullyConvolutional, network)
    recipe = TrainSettings(**yaml.safe_load(options.recipe.read_text(encoding="utf-8")))
    examples = load_examples(recipe.validation, found.diameter, found.grey)
    detected = [detections(detector, example, found.diameter) for example in examples]
    if options.classifier:
        detected = classified(load_network(options.classifier, "classifier", CPU)[1], detected)
    evidence = Evidence(detected, "the validation sets")
    calibration = calibrate(evidence)
    card, tensors = read_weights(options.classifier or options.detector)
    write_weights(options.out, card.model_copy(update={"calibration": calibration}), tensors)
    curve = evidence.curve(calibration)
    assert curve is not None
    print(f"best F1 {evidence.best_f1(calibration):.3f}, at 0.5 {curve.f1_at(0.5):.3f}; {calibration}")


if __name__ == "__main__":
    main()
