"""The shipped networks on real proteins they never saw; skipped where the images are not at hand."""

import csv

import numpy as np
import pytest

from napari_drpnet import Picks, load_picker, read_micrograph, read_picks
from napari_drpnet.evaluation import evaluate


@pytest.mark.slow
@pytest.mark.parametrize(("name", "least"), [("10146", 0.85), ("10017", 0.70)])
def test_f1_at_the_default_threshold(shared, name, least):
    with (shared / "data" / "datasets.tsv").open() as file:
        row = next(row for row in csv.DictReader(file, delimiter="\t") if row["set"] == name)
    pixel_size, diameter = float(row["pixel_size_A"]), float(row["diameter_A"])
    picker = load_picker("drpnet", diameter=diameter, device="cpu")
    found, truth = [], []
    for image in sorted((shared / "data" / name).glob("*.*g"))[:3]:
        micrograph = read_micrograph(image, pixel_size=pixel_size)
        found.append(picker.pick(micrograph))
        truth.append(Picks(micrograph.frame, read_picks(image.with_suffix(".csv"))[0].yx))
    result = evaluate(found, truth, diameter, pixel_size, edge=float(row["edge_px"]))
    assert result.counts.f1 >= least
    assert not result.fits_better_flipped
    assert np.isfinite(result.area)
