"""The test that must never fail: micrographs with random phases have no particles, whatever a picker finds there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from napari_drpnet import load_picker, read_micrograph
from napari_drpnet.averaging.cutting import Cutter
from napari_drpnet.averaging.evidence import Sample, measure_steps
from napari_drpnet.averaging.shares import measured_shares
from napari_drpnet.data import Micrograph
from napari_drpnet.steps import drained

DIAMETER, PIXEL_SIZE = 300.0, 5.36


def randomised(path: Path, seed: int) -> Micrograph:
    """The micrograph with the same spectrum, and the phases of noise."""
    image = read_micrograph(path, pixel_size=PIXEL_SIZE).image
    phases = np.fft.rfft2(np.random.default_rng(seed).standard_normal(image.shape))
    noise = np.fft.irfft2(np.abs(np.fft.rfft2(image)) * phases / np.abs(phases), image.shape)
    return Micrograph.from_array(noise, PIXEL_SIZE, f"{path.stem} {seed}")


def candidates(picker_name: str, micrographs: Sequence[Micrograph]) -> Sample:
    picker, cutter = load_picker(picker_name, diameter=DIAMETER, device="cpu"), Cutter(DIAMETER)
    found = [picker.picks_from(picker.score(micrograph), threshold=0.0) for micrograph in micrographs]
    images = [cutter.cut(m, picks.yx).images for m, picks in zip(micrographs, found, strict=True)]
    number = np.repeat(np.arange(len(found)), [len(picks) for picks in found])
    yx = np.concatenate([picks.yx for picks in found]) * PIXEL_SIZE / DIAMETER
    score = np.concatenate([picks.score for picks in found])
    return Sample(np.concatenate(images), score, number, yx, cutter.across)


@pytest.mark.slow
@pytest.mark.parametrize("picker", ["drpnet", "log"])
def test_random_phases_have_no_evidence_however_sure_the_picker_is(shared: Path, picker: str) -> None:
    files = sorted((shared / "data" / "10028").glob("*.*g"))[:5]
    sample = candidates(picker, [randomised(path, seed) for seed, path in enumerate(files)])
    assert (sample.probability > 0.5).sum() > 100  # the picker is fooled
    evidence = drained(measure_steps(sample)).values
    for part in np.array_split(np.argsort(sample.probability), 4):
        assert abs(evidence[part].mean()) < 4 * evidence[part].std() / np.sqrt(len(part))
    assert not measured_shares(sample.probability, evidence, sample.micrograph).significant
