"""What a micrograph says about its own candidates."""

import numpy as np
import pytest

from napari_drpnet.pickers.context import LOGIT_LIMIT, bounded_logit, context, noise_like, separate


@pytest.fixture
def image():
    rows, columns = np.indices((200, 240))
    discs = sum(np.hypot(rows - y, columns - x) < 10 for y, x in ((50, 60), (120, 150), (90, 200)))
    noise = np.random.default_rng(0).normal(0, 0.1, discs.shape)
    return np.clip(noise - 0.3 * discs, -0.5, 0.5).astype(np.float32)


def test_noise_keeps_spectrum_and_contrast_and_loses_what_is_seen(image):
    noise = noise_like(image)
    assert noise.dtype == np.float32
    assert noise.shape == image.shape
    assert noise.mean() == pytest.approx(image.mean(), abs=0.01)
    assert noise.std() == pytest.approx(image.std(), rel=0.05)
    power = [np.abs(np.fft.rfft2(x - x.mean()))[1:12, 1:12].mean() for x in (image, noise)]
    assert power[1] == pytest.approx(power[0], rel=0.15)
    assert abs(np.corrcoef(image.ravel(), noise.ravel())[0, 1]) < 0.1


def test_the_same_image_gives_the_same_noise(image):
    assert np.array_equal(noise_like(image), noise_like(image))


def test_separate_candidates_keep_their_distance_and_leave_the_border():
    yx = np.array([[50.0, 50], [55, 50], [85, 90], [3, 50]])
    kept = separate(yx, np.array([0.3, 0.9, 0.5, 1.0]), (100, 104), diameter=20, border=0)
    assert sorted(kept.tolist()) == [1, 2]


def test_a_micrograph_that_rises_above_its_noise_says_so():
    clear = context(np.full(300, 0.9), np.full(300, 0.1), (400, 400), 20)
    faint = context(np.full(300, 0.2), np.full(300, 0.1), (400, 400), 20)
    assert clear[0] > faint[0] > 0
    assert clear[2] == faint[2] == pytest.approx(bounded_logit(np.array(0.1)))


def test_few_candidates_count_as_the_lowest():
    first, second, noise = context(np.array([0.5]), np.empty(0), (400, 400), 20)
    assert (first, second, noise) == (0, 0, -LOGIT_LIMIT)
