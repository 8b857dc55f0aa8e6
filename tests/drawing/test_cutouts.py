"""Thumbnails: in their place, smoothed, and comparable between micrographs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_drpnet.drawing.cutouts import DIAMETERS, SIDE, contrast, cut, deviations, grey
from napari_drpnet.errors import UserError

DIAMETER = 60.0


def disc(shape: tuple[int, int], centre: tuple[float, float], radius: float) -> np.ndarray:
    yy, xx = np.ogrid[: shape[0], : shape[1]]
    return (np.hypot(yy - centre[0], xx - centre[1]) < radius).astype(np.float32)


@pytest.fixture
def noisy() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 1, (400, 500)).astype(np.float32)


@pytest.mark.parametrize("centre", [(200, 300), (12, 10), (389, 488)])
def test_the_centre_of_a_cutout_is_the_particle(centre: tuple[int, int]) -> None:
    (cutout,) = cut(disc((400, 500), centre, 4), [centre], DIAMETER)
    yy, xx = np.mgrid[:SIDE, :SIDE]
    inside = np.hypot(yy - (SIDE - 1) / 2, xx - (SIDE - 1) / 2) < SIDE / 8
    weights = cutout * inside
    where = [float((axis * weights).sum() / weights.sum()) for axis in (yy, xx)]
    np.testing.assert_allclose(where, (SIDE - 1) / 2, atol=0.5)


@pytest.mark.parametrize("diameter", [8.0, 60.0, 400.0])
def test_a_cutout_shows_the_same_part_at_every_size(diameter: float) -> None:
    shape = (int(4 * diameter) + 1,) * 2
    (cutout,) = cut(disc(shape, (shape[0] // 2,) * 2, diameter / 2), [(shape[0] // 2,) * 2], diameter)
    wide = (cutout[SIDE // 2] > 0.5).sum()
    assert wide == pytest.approx(SIDE / DIAMETERS, abs=6 if diameter < 10 else 1.5)


def test_noise_is_smoothed_and_the_particle_is_not(noisy: np.ndarray) -> None:
    image = noisy - 2 * disc(noisy.shape, (200, 250), DIAMETER / 2)
    (cutout,) = cut(image, [(200, 250)], DIAMETER)
    middle, corner = cutout[24:40, 24:40], cutout[:8, :8]
    assert middle.mean() == pytest.approx(-2, abs=0.2)
    assert max(middle.std(), corner.std()) < 0.35


def test_cutouts_of_micrographs_in_other_units_look_the_same(noisy: np.ndarray) -> None:
    image = noisy - disc(noisy.shape, (200, 250), DIAMETER / 2)
    here, levels = cut(image, [(200, 250)], DIAMETER), contrast(image, DIAMETER)
    there, others = cut(50 * image + 1000, [(200, 250)], DIAMETER), contrast(50 * image + 1000, DIAMETER)
    assert abs(grey(here, levels).astype(int) - grey(there, others)).max() <= 1
    np.testing.assert_allclose(deviations(here, levels), deviations(there, others), rtol=1e-3)


def test_a_contamination_takes_no_contrast_from_the_rest(noisy: np.ndarray) -> None:
    dirty = noisy - 100 * disc(noisy.shape, (60, 60), 60)
    assert contrast(dirty, DIAMETER).spread == pytest.approx(contrast(noisy, DIAMETER).spread, rel=0.3)


def test_rough_patches_deviate_more(noisy: np.ndarray) -> None:
    noisy[:, 250:] *= 3
    smooth, rough = deviations(cut(noisy, [(200, 100), (200, 400)], DIAMETER), contrast(noisy, DIAMETER))
    assert rough > 2 * smooth


def test_bad_pixels_a_file_of_half_floats_and_a_constant_image(noisy: np.ndarray, tmp_path: Path) -> None:
    whole = cut(noisy, [(100, 100)], DIAMETER)
    noisy[100, 100] = np.nan
    np.testing.assert_allclose(cut(noisy, [(100, 100)], DIAMETER), whole, atol=0.1)
    mapped = np.memmap(tmp_path / "half", np.float16, "w+", shape=noisy.shape)
    mapped[:] = np.nan_to_num(noisy)
    assert np.isfinite(cut(mapped, [(100, 100)], DIAMETER)).all()
    with pytest.raises(UserError, match="constant"):
        contrast(np.full((300, 300), 7.0, np.float32), DIAMETER)
