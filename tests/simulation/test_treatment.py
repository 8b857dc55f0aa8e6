"""What people do to micrographs, and how it changes them."""

import numpy as np
import pytest

from napari_drpnet.data import ImageArray
from napari_drpnet.lens import Lens
from napari_drpnet.simulation import treatment
from napari_drpnet.simulation.exposure import Exposure, slow_power, slow_texture
from napari_drpnet.simulation.filters import radial_spectrum


@pytest.fixture
def image() -> ImageArray:
    return np.random.default_rng(0).normal(100, 10, (256, 256)).astype(np.float32)


def test_some_are_denoised_until_the_power_falls_by_six_orders(image: ImageArray) -> None:
    diameter = 32.0
    fall = []
    for seed in range(40):
        spectrum = radial_spectrum(treatment.treat(np.random.default_rng(seed), image, diameter))
        fall.append(np.log10(spectrum[4:9].mean() / spectrum[40:56].mean()))
    assert max(fall) > 5.5
    assert np.median(fall) < 2


def test_a_jpeg_has_the_picture_but_not_its_finest_noise(image: ImageArray) -> None:
    levels = treatment.quantise(np.random.default_rng(1), image)
    rough, fine = treatment.jpeg(levels, 30), treatment.jpeg(levels, 95)
    assert np.corrcoef(levels.ravel(), rough.ravel())[0, 1] > 0.7
    assert abs(levels - fine).mean() < 0.5 * abs(levels - rough).mean()


def test_few_grey_levels_are_few(image: ImageArray) -> None:
    levels = treatment.quantise(np.random.default_rng(0), image, 6)
    assert set(np.unique(levels)) <= set(range(6))
    assert len(np.unique(levels)) > 3


def test_slow_texture_has_the_power_it_says() -> None:
    exposure = Exposure(Lens(), dose=30.0, thickness=500.0, texture=2.0, slow=1.0, slope=1.5)
    fields = [slow_texture(np.random.default_rng(seed), 512, 5.0, exposure) for seed in range(8)]
    power = np.mean([np.abs(np.fft.fft2(field)) ** 2 for field in fields], axis=0) * 5.0**2 / 512**2
    f = np.hypot(np.fft.fftfreq(512, 5.0)[:, None], np.fft.fftfreq(512, 5.0))
    for low, high in ((1 / 600, 1 / 400), (1 / 250, 1 / 160)):
        ring = (f > low) & (f < high)
        assert power[ring].mean() == pytest.approx(slow_power(exposure, f[ring]).mean(), rel=0.2)
