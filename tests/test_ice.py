"""The number for ice: what the spectrum shows at the ring of ice, or at large distances."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from scipy import ndimage

from napari_drpnet.ice import ice

NOISE = np.random.default_rng(0).normal(size=(1024, 1536)).astype(np.float32)


def with_ring(strength: float, pixel_size: float) -> np.ndarray:
    """Noise, stronger at 3.75 to 3.85 Angstrom."""
    found = np.fft.rfft2(NOISE)
    rows, columns = NOISE.shape
    frequency = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns)) / pixel_size
    found[(frequency > 1 / 3.85) & (frequency < 1 / 3.75)] *= strength
    return np.fft.irfft2(found).astype(np.float32)


def test_more_ice_is_a_larger_number_and_none_is_1():
    found = [ice(with_ring(strength, 1.1), 1.1) for strength in (1.0, 2.0, 4.0)]
    assert found[0] == pytest.approx(1.0, abs=0.1)
    assert found[0] < found[1] / 1.3 < found[2] / 2


def test_where_pixels_are_too_large_for_the_ring_large_features_count():
    clouds = 60 * ndimage.gaussian_filter(np.random.default_rng(1).normal(size=NOISE.shape), 8)
    clean, cloudy = ice(NOISE, 3.0), ice((NOISE + clouds).astype(np.float32), 3.0)
    assert clean == pytest.approx(1.0, abs=0.1)
    assert cloudy > 2


@pytest.mark.parametrize("pixel_size", [None, 8.0])
def test_of_unknown_or_very_large_pixels_nothing_is_known(pixel_size: float | None):
    assert math.isnan(ice(NOISE, pixel_size))


@pytest.mark.parametrize("image", [np.zeros((300, 300)), np.full((300, 300), np.nan), NOISE[:100, :100]])
def test_of_odd_images_nothing_is_known(image: np.ndarray):
    assert math.isnan(ice(image.astype(np.float32), 1.0))


def test_it_costs_little():
    image = np.tile(NOISE, (4, 3))
    ice(image, 1.0)
    start = time.process_time()
    ice(image, 1.0)
    assert time.process_time() - start < 0.2
