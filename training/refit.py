"""Fit the probabilities of a classifier anew, beside another detector: ``python training/refit.py OUT``.

The network stays as it is. Candidates of the detector on the prepared validation sets of a recipe say how much its
logit counts beside the height of the detector's map. A classifier that knows percentiles of the grey levels is shown
them, also where the sets were prepared with robust levels.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
import yaml

from napari_drpnet.candidates import crop
from napari_drpnet.data import ImageArray
from napari_drpnet.io.weights import read_weights, write_weights
from napari_drpnet.networks import Classifier
from napari_drpnet.pickers.network import classify, load_network
from napari_drpnet.preprocess import limits, stretch
from napari_drpnet.settings import TrainSettings
from napari_drpnet.tiling import FullyConvolutional
from napari_drpnet.training.detections import CPU, detections
from napari_drpnet.training.looks import linear
from napari_drpnet.training.run import Evidence, calibrate
from napari_drpnet.training.sets import load_examples


def between_percentiles(levels: ImageArray) -> ImageArray:
    """Robust grey levels as those of the first generation: the 1st and 99th percentile at -0.5 and 0.5."""
    image = linear(torch.from_numpy(levels), "robust").numpy()
    return stretch(image, *limits(image)) - np.float32(0.5)


def main() -> None:
    """Write the classifier with other coefficients."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--classifier", default="classifier")
    parser.add_argument("--detector", default="detector")
    parser.add_argument("--recipe", type=Path, default=Path("training/simulated.yaml"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    card, tensors = read_weights(options.classifier)
    _, classifier = load_network(options.classifier, "classifier", CPU)
    found, network = load_network(options.detector, "detector", CPU)
    detector = cast(FullyConvolutional, network)
    recipe = TrainSettings(**yaml.safe_load(options.recipe.read_text(encoding="utf-8")))
    detected = []
    for example in load_examples(recipe.validation, found.diameter, found.grey):
        here = detections(detector, example, found.diameter)
        image = example.image.astype(np.float32)
        image = image if card.grey == found.grey else between_percentiles(image)
        logits = classify(classifier, crop(image, here.yx, Classifier.patch), CPU) if len(here.yx) else np.empty(0)
        detected.append(replace(here, terms=[logits, *here.terms]))
    evidence = Evidence(detected, "the validation sets")
    calibration = calibrate(evidence)
    write_weights(options.out, card.model_copy(update={"calibration": calibration}), tensors)
    curve = evidence.curve(calibration)
    assert curve is not None
    print(f"best F1 {evidence.best_f1(calibration):.3f}, at 0.5 {curve.f1_at(0.5):.3f}; {calibration}")


if __name__ == "__main__":
    main()
