"""Random looks: every change does something, and leaves particles where they are."""

import numpy as np
import pytest
import torch

from napari_drpnet.training import looks
from napari_drpnet.training.looks import Chance, change_looks, linear, shown

CPU = torch.device("cpu")
CHANGES = [change for _, change in looks._CHANGES]
SIDE = 96

each_change = pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)


def _chance(seed=1):
    return Chance(np.random.default_rng(seed), CPU)


def _noise(n=6, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((n, SIDE, SIDE), np.float32))


def _disc(y, x, radius=6):
    rows, columns = np.indices((SIDE, SIDE))
    return torch.from_numpy(np.clip(radius - np.hypot(rows - y, columns - x) + 0.5, 0, 1).astype(np.float32))


@each_change
def test_a_change_does_something_to_all_it_is_given_and_the_same_with_the_same_seed(change):
    x = _noise() - 4 * _disc(48, 48)
    changed = change(x.clone(), _chance())
    assert changed.shape == x.shape
    assert changed.dtype == torch.float32
    assert torch.isfinite(changed).all()
    assert ((changed - x).abs().amax((1, 2)) > 0.01).all()
    assert torch.equal(changed, change(x.clone(), _chance()))


@each_change
def test_a_change_moves_nothing(change):
    """Of what it makes of a noisy picture with and without a disc, the difference lies where the disc is."""
    y, x = 37.0, 60.0
    noise, disc = _noise(), 5 * _disc(y, x)
    changes = [change((noise - d).clone(), _chance()) for d in (disc, 0 * disc)]
    rows, columns = np.indices((SIDE, SIDE))
    near = np.hypot(rows - y, columns - x) < 14
    for seen in (changes[1] - changes[0]).numpy():
        weight = np.where(near, np.clip(seen, 0, None), 0)
        middle = np.array([(weight * axis).sum() for axis in (rows, columns)]) / weight.sum()
        assert np.abs(middle - (y, x)).max() < 0.5
        assert seen[near & (np.hypot(rows - y, columns - x) < 4)].mean() > 0.1


@each_change
def test_a_flat_crop_survives_every_change(change):
    assert torch.isfinite(change(torch.zeros(2, SIDE, SIDE), _chance())).all()


@pytest.mark.parametrize("grey", ["robust", "percentiles"])
def test_a_flat_crop_survives_all_of_them(grey):
    for seed in range(10):
        assert torch.isfinite(change_looks(torch.zeros(4, SIDE, SIDE), grey, np.random.default_rng(seed))).all()


@pytest.mark.parametrize(("grey", "most"), [("robust", 2.2), ("percentiles", 0.5)])
def test_looks_stay_within_range_and_follow_the_seed(grey, most):
    levels = shown(_noise(16) * 0.3 if grey == "percentiles" else _noise(16), grey)
    one, again, other = (change_looks(levels, grey, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert one.abs().max() <= most
    assert ((one - levels).abs().amax((1, 2)) > 0.01).all()


def test_looks_depend_on_the_contrast_within_a_crop_not_on_its_grey_levels():
    z = _noise(32) - 4 * _disc(48, 48)
    gain, offset = 3.0, 2.0
    one, other = (
        linear(change_looks(shown(values, "robust"), "robust", np.random.default_rng(2)), "robust")
        for values in (z, gain * z + offset)
    )
    away = ((other - offset) / gain - one).abs().flatten(1).median(1).values
    assert away.max() < 0.01


def test_the_quick_median_is_the_median():
    image = _noise(2).numpy()
    padded = np.pad(image, ((0, 0), (1, 1), (1, 1)), mode="edge")
    near = [padded[:, 1:-1, :-2], padded[:, 1:-1, 2:], padded[:, :-2, 1:-1], padded[:, 2:, 1:-1], image]
    assert np.array_equal(looks.median(torch.from_numpy(image), _chance()).numpy(), np.median(near, axis=0))


def _roughness(x):
    """Of what is left, how much changes from pixel to pixel."""
    return (x.diff(dim=1).std((1, 2)) / x.std((1, 2))).numpy()


@pytest.mark.parametrize("change", [looks.blur, looks.resample, looks.denoise, looks.median])
def test_denoising_takes_out_fine_noise(change):
    noise = _noise()
    assert (_roughness(change(noise, _chance())) < 0.97 * _roughness(noise)).all()


@pytest.mark.parametrize("change", [looks.high_pass, looks.even_contrast])
def test_flattening_takes_out_what_is_broad(change):
    rows = torch.linspace(0, 2 * np.pi, SIDE)
    slow = _noise(40) + 2 * torch.cos(rows)[None, :, None]
    before, after = (x.mean(2).std(1) / x.std((1, 2)) for x in (slow, change(slow, _chance())))
    assert (after < before + 1e-3).all()
    assert (after < 0.9 * before).sum() > 8, "others are as broad as the crop"


def test_few_grey_levels_are_few():
    assert all(len(torch.unique(x)) < 120 for x in looks.quantise(_noise(), _chance()))


def test_a_jpeg_is_rounded_in_blocks_of_its_own():
    x = _noise(1)
    spoilt = x.clone()
    spoilt[0, 8:16, 16:24] += 5
    one, other = (looks.jpeg(picture, _chance())[0] for picture in (x, spoilt))
    changed = (one - other).abs().reshape(12, 8, 12, 8).amax((1, 3)) > 0.01
    assert changed.nonzero().tolist() == [[1, 2]]
    assert 0.05 < (one - x[0]).std() < 1
