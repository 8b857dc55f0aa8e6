"""Counting, filters and later treatment of the image; where particles lie."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_drpnet.errors import UserError
from napari_drpnet.simulation import camera, filters, layout, treatment


def test_counts_are_poisson() -> None:
    rng = np.random.default_rng(0)
    counts = camera.count_electrons(rng, np.full((400, 400), 0.8, np.float32), dose=30, pixel_size=1.5)
    assert counts.mean() == pytest.approx(0.8 * 30 * 1.5**2, rel=0.01)
    assert counts.var() == pytest.approx(counts.mean(), rel=0.02)


def test_a_flat_response_changes_nothing() -> None:
    image = np.random.default_rng(0).standard_normal((300, 200)).astype(np.float32)
    np.testing.assert_allclose(filters.filter_radially(image, camera.detector_response(0)), image, atol=1e-5)


def test_shaped_noise_has_the_spectrum_asked_for() -> None:
    rng = np.random.default_rng(0)
    wanted = np.linspace(3, 0.5, 65)
    found = filters.radial_spectrum(camera.shaped_noise(rng, (1024, 1024), wanted))
    ratio = found[8:60] / wanted[8:60]
    np.testing.assert_allclose(ratio / ratio.mean(), 1, atol=0.08)


def test_eight_bits_are_whole_numbers() -> None:
    image = treatment.quantise(np.random.default_rng(0), np.random.default_rng(1).standard_normal((64, 64)))
    np.testing.assert_array_equal(image, np.rint(image))
    assert image.min() >= 0
    assert image.max() <= 255


@pytest.mark.parametrize("seed", range(12))
def test_treated_images_are_finite_and_keep_their_shape(seed: int) -> None:
    image = np.random.default_rng(seed).poisson(50, (96, 128)).astype(np.float32)
    rng = np.random.default_rng(seed)
    treated = treatment.treat(rng, camera.add_defects(rng, image), 20.0)
    assert treated.shape == image.shape
    assert treated.dtype == np.float32
    assert np.isfinite(treated).all()


@settings(max_examples=20, deadline=None)
@given(coverage=st.floats(0.02, 0.6), clumping=st.floats(0, 1), diameter=st.floats(15, 60), seed=st.integers(0, 99))
def test_particles_keep_their_distance(coverage: float, clumping: float, diameter: float, seed: int) -> None:
    allowed = np.ones((400, 500), bool)
    allowed[:, :100] = False
    centres = layout.scatter(np.random.default_rng(seed), allowed, diameter, coverage, clumping)
    assert all(allowed[int(y), int(x)] for y, x in centres)
    for k, centre in enumerate(centres):
        others = np.delete(centres, k, axis=0)
        assert len(others) == 0 or layout.distance_to(centre[None], others)[0] >= 0.7 * diameter - 1e-9


def test_sparse_particles_reach_the_coverage() -> None:
    centres = layout.scatter(np.random.default_rng(0), np.ones((1000, 1000), bool), 40, 0.2, 0.2)
    assert len(centres) == int(0.2 * 1e6 / (np.pi * 400))


def write_mtf(path: Path, rows: list[tuple[float, float]]) -> Path:
    lines = "".join(f"{frequency} {value}\n" for frequency, value in rows)
    path.write_text(f"data_\n\nloop_\n_rlnResolutionInversePixel #1\n_rlnMtfValue #2\n{lines}")
    return path


def test_the_mtf_of_a_star_file_shapes_the_noise(tmp_path: Path) -> None:
    path = write_mtf(tmp_path / "mtf.star", [(0.0, 0.9), (0.25, 0.63), (0.5, 0.27)])
    response = camera.read_mtf(path)
    np.testing.assert_allclose(response[[0, 32, 64]], [1.0, 0.7, 0.3])
    counts = np.random.default_rng(0).poisson(100, (512, 512)).astype(np.float32)
    power = filters.radial_spectrum(filters.filter_radially(counts, response))
    ratio = power[12:64] / response[12:64] ** 2
    np.testing.assert_allclose(ratio / ratio.mean(), 1, atol=0.25)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        ("a picture", "not a STAR file"),
        ("data_\n\nloop_\n_rlnCoordinateX #1\n1\n", "rlnResolutionInversePixel"),
        ("data_\nloop_\n_rlnResolutionInversePixel\n_rlnMtfValue\n0.5 1\n0.1 1\n", "not the transfer curve"),
        ("data_\nloop_\n_rlnResolutionInversePixel\n_rlnMtfValue\n0 0\n0.5 0\n", "not the transfer curve"),
    ],
)
def test_a_file_that_is_no_mtf_is_named(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "mtf.star"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=message) as caught:
        camera.read_mtf(path)
    assert "mtf.star" in caught.value.message


def test_a_broad_blur_is_nearly_a_gaussian() -> None:
    point = np.zeros((401, 401), np.float32)
    point[200, 200] = 1
    y, x = np.mgrid[-200:201, -200:201]
    expected = np.exp(-(x**2 + y**2) / (2 * 25**2)) / (2 * np.pi * 25**2)
    assert np.abs(filters.broad_blur(point, 25) - expected).max() < 0.15 * expected.max()
