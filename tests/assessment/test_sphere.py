import numpy as np
import pytest

from napari_drpnet.assessment.sphere import centres, pixel_count, pixels


def views(n: int, seed: int = 0) -> np.ndarray:
    found = np.random.default_rng(seed).normal(size=(n, 3))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.mark.parametrize("side", [1, 2, 3, 8, 32])
def test_each_pixel_holds_its_middle(side: int):
    np.testing.assert_array_equal(pixels(centres(side), side), np.arange(pixel_count(side)))
    assert len(centres(32)) == 12288


def test_pixels_are_those_of_healpix():
    # From the documentation of healpy: ang2pix(16, [pi/2, pi/4, pi/2, 0, pi], [0, pi/4, pi/2, 0, 0]), and pix2ang.
    tilt, rot = np.pi * np.array([0.5, 0.25, 0.5, 1e-12, 1]), np.pi * np.array([0, 0.25, 0.5, 0, 0])
    asked = np.stack([np.sin(tilt) * np.cos(rot), np.sin(tilt) * np.sin(rot), np.cos(tilt)], axis=1)
    known = [1440, 427, 1520, 0, 3068]
    assert pixels(asked, 16).tolist() == known
    x, y, z = centres(16)[known].T
    np.testing.assert_allclose(np.arccos(z), [1.52911759, 0.78550497, 1.57079633, 0.05103658, 3.09055608], atol=1e-8)
    np.testing.assert_allclose(np.arctan2(y, x), [0.0, 0.78539816, 1.61988371, 0.78539816, 0.78539816], atol=1e-8)


def test_pixels_have_one_area():
    counts = np.bincount(pixels(views(200_000), 8), minlength=pixel_count(8))
    misfit = ((counts - counts.mean()) ** 2 / counts.mean()).sum() / (len(counts) - 1)
    assert misfit == pytest.approx(1, abs=0.2)
    # No view is further from the middle of its pixel than a corner is.
    near = (centres(32)[pixels(views(200_000), 32)] * views(200_000)).sum(axis=1)
    assert np.rad2deg(np.arccos(near.min())) < 2
