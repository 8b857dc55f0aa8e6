"""The size of particles is measured where it is clearly not the one that was told."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from averaged import DIAMETER, PIXEL_SIZE, VIEWS
from napari_drpnet.data import Micrograph, Picks
from napari_drpnet.jobs.averaging.size import SizeSample
from views import SIDE

_EVERY = 100  # pixels from one particle to the next
_LENGTH = 0.9 * DIAMETER  # that the made-up particles fill


def field(seed: int, particles: bool = True) -> tuple[Micrograph, Picks]:
    """Particles of few views that stand apart, some turned; or noise."""
    rng = np.random.default_rng(seed)
    side = 7 * _EVERY
    image = rng.normal(0, 1.0, (side, side)).astype(np.float32)
    lines = np.arange(_EVERY // 2, side, _EVERY)
    centres = np.stack(np.meshgrid(lines, lines, indexing="ij"), -1).reshape(-1, 2) + rng.integers(-4, 5, (49, 2))
    if particles:
        for y, x in centres:
            seen = ndimage.rotate(VIEWS[rng.integers(len(VIEWS))].numpy(), rng.uniform(0, 360), reshape=False, order=1)
            image[y - SIDE // 2 : y + SIDE // 2, x - SIDE // 2 : x + SIDE // 2] -= seen
    micrograph = Micrograph.from_array(image, PIXEL_SIZE, f"m{seed}")
    return micrograph, Picks(micrograph.frame, centres.astype(float))


def said(told: float, particles: bool = True) -> str:
    with SizeSample(told) as sizes:
        for seed in range(4):
            sizes.add(*field(seed, particles), None)
        return sizes.in_words()


@pytest.mark.parametrize("part", [0.5, 2.0])
def test_a_wrong_diameter_is_said_with_the_right_one(part: float) -> None:
    words = said(part * DIAMETER)
    assert f"not {part * DIAMETER:.0f} A." in words
    size = float(words.split("about ")[1].split(" ")[0])
    assert size == pytest.approx(_LENGTH, rel=0.2)


def test_nothing_is_said_of_the_right_one_of_noise_or_of_few_picks() -> None:
    assert said(DIAMETER) == ""
    assert said(DIAMETER, particles=False) == ""
    with SizeSample(0.5 * DIAMETER) as sizes:
        assert sizes.in_words() == ""
        micrograph, picks = field(0)
        sizes.add(micrograph, picks.select([0]), None)
        assert sizes.in_words() == ""
