import numpy as np
import pytest

from napari_drpnet.assessment.directional import directional_correlation
from napari_drpnet.errors import UserError

PIXEL, BOX = 1.0, 64


def halves(damping: tuple[float, float, float], seed: int = 0) -> list[np.ndarray]:
    """Half maps whose signal falls with ``exp(-B k**2 / 4)``, with a B-factor along each of z, y, x; white noise."""
    rng = np.random.default_rng(seed)
    k = np.fft.fftfreq(BOX, PIXEL)
    squares = damping[0] * k[:, None, None] ** 2 + damping[1] * k[:, None] ** 2 + damping[2] * k**2
    signal = np.fft.ifftn(np.fft.fftn(rng.normal(size=(BOX,) * 3)) * np.exp(-squares / 4)).real
    return [(signal + 0.05 * rng.normal(size=signal.shape)).astype(np.float32) for _ in range(2)]


def expected(damping: float) -> float:
    """Where the signal's power is 0.143 / (1 - 0.143) of that of the noise in a half map."""
    return float(np.sqrt(damping / 2 / np.log(1 / (0.05**2 * 0.143 / 0.857))))


def test_equal_directions_are_resolved_alike():
    found = directional_correlation(*halves((120, 120, 120)), PIXEL)
    assert len(found.directions) == 96
    assert np.median(found.resolution) == pytest.approx(expected(120), rel=0.03)
    np.testing.assert_allclose(found.resolution, expected(120), rtol=0.12)
    assert found.sphericity > 0.98


def test_a_blurred_direction_is_resolved_worse():
    found = directional_correlation(*halves((480, 120, 120)), PIXEL, cone=12)
    along = np.abs(found.directions[:, 2])
    assert found.resolution[along.argmax()] == pytest.approx(expected(480), rel=0.1)
    assert np.median(found.resolution[along < 0.2]) == pytest.approx(expected(120), rel=0.06)
    assert found.resolution.argmax() in np.argsort(along)[-8:]
    # An oblate spheroid twice as wide as it is high.
    e = np.sqrt(1 - 0.25)
    surface = 2 * np.pi * (1 + (1 - e**2) / e * np.arctanh(e))
    assert found.sphericity == pytest.approx(4 * np.pi * 0.5 ** (2 / 3) / surface, abs=0.04)
    # The cone takes in what lies beside its axis.
    assert directional_correlation(*halves((480, 120, 120)), PIXEL, cone=40).resolution.max() < found.resolution.max()


def test_maps_that_agree_to_the_end_are_at_the_limit():
    one, _ = halves((10, 10, 10))
    other = one * np.float32(1.5)
    assert directional_correlation(one, other, PIXEL).resolution == pytest.approx(2 * PIXEL)


def test_what_are_no_half_maps_is_refused():
    one, other = halves((120, 120, 120))
    with pytest.raises(UserError, match="same"):
        directional_correlation(one, one, PIXEL)
    with pytest.raises(UserError, match="px"):
        directional_correlation(one, other[1:], PIXEL)
