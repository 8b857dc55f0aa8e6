"""Fit the probabilities of a detector, or of a classifier beside it, anew: ``python training/refit.py OUT``.

The network stays as it is. Candidates of the detector on the prepared validation sets of a recipe say how much the
height of its map counts, and the logit of the classifier beside it. A classifier that knows percentiles of the grey
levels is shown them, also where the sets were prepared with robust levels.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
import yaml
from torch import nn

from napari_drpnet.candidates import crop
from napari_drpnet.data import ImageArray
from napari_drpnet.io.weights import WeightsCard, read_weights, write_weights
from napari_drpnet.networks import Classifier
from napari_drpnet.pickers.network import classify, load_network
from napari_drpnet.preprocess import limits, stretch
from napari_drpnet.settings import TrainSettings
from napari_drpnet.tiling import FullyConvolutional
from napari_drpnet.training.detections import CPU, Detections, detections
from napari_drpnet.training.looks import linear
from napari_drpnet.training.run import Evidence, calibrate
from napari_drpnet.training.sets import load_examples


def between_percentiles(levels: ImageArray) -> ImageArray:
    """Robust grey levels as those of the first generation: the 1st and 99th percentile at -0.5 and 0.5."""
    image = linear(torch.from_numpy(levels), "robust").numpy()
    return stretch(image, *limits(image)) - np.float32(0.5)


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
        card, classifier = load_network(options.classifier, "classifier", CPU)
        detected = [_with_logits(here, card, classifier) for here in detected]
    evidence = Evidence(detected, "the validation sets")
    calibration = calibrate(evidence)
    card, tensors = read_weights(options.classifier or options.detector)
    write_weights(options.out, card.model_copy(update={"calibration": calibration}), tensors)
    curve = evidence.curve(calibration)
    assert curve is not None
    print(f"best F1 {evidence.best_f1(calibration):.3f}, at 0.5 {curve.f1_at(0.5):.3f}; {calibration}")


def _with_logits(here: Detections, card: WeightsCard, classifier: nn.Module) -> Detections:
    """Candidates of a detector with what a classifier says of them; all know robust grey levels."""
    image = here.example.image.astype(np.float32)
    image = image if card.grey == "robust" else between_percentiles(image)
    logits = classify(classifier, crop(image, here.yx, Classifier.patch), CPU) if len(here.yx) else np.empty(0)
    return replace(here, terms=[logits, *here.terms])


if __name__ == "__main__":
    main()
