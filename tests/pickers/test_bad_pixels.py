"""What bad pixels cost every picker that sees a whole micrograph: next to nothing."""

import numpy as np
import pytest

from napari_drpnet import Micrograph, load_picker
from napari_drpnet.evaluation import evaluate

# A picker, and what chance costs it more: of the 50 particles here, these have one or several just at their threshold.
CHANCE = {"centerpicker": 0.04, "log": 0.02}
QUICK, SLOW = ("drpnet", "log", "template"), ("pixer", "centerpicker")
PICKERS = [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]


def scattered(part, value):
    def damage(image):
        image[np.random.default_rng(0).random(image.shape) < part] = value

    return damage


def column(image):
    image[:, 333] = image.mean() + 300 * image.std()


def dead_columns(image):
    image[:, 40::60] = image.mean() - 6 * image.std()


def one_pixel(image):
    image[400, 333] = 1e30


def hot(image):
    image[np.random.default_rng(0).random(image.shape) < 1e-4] = image.mean() + 1000 * image.std()


def dim(image):
    image *= 1e-40 / np.abs(image).max()


def band(image):
    image[:, 300:340] += 10 * image.std()


def half_gain(image):
    image -= image.mean() - 33 * image.std()
    image[:, image.shape[1] // 2 :] *= 2


def slope(image):
    image += np.linspace(0, 50 * image.std(), image.shape[1], dtype=np.float32)


DAMAGES = {
    "a band of 40 columns": (band, 0.03),
    "half a detector of twice the gain": (half_gain, 0.03),
    "a slope of 50 standard deviations": (slope, 0.03),
    "6 % hot pixels": (scattered(0.06, 1e9), 0.05),
    "a column at 300 standard deviations": (column, 0.02),
    "dead columns": (dead_columns, 0.02),
    "one pixel of 1e30": (one_pixel, 0.02),
    "hot pixels": (hot, 0.02),
    "denormal numbers": (dim, 0.02),
    "0.1 % NaN": (scattered(0.001, np.nan), 0.02),
    "1 % NaN": (scattered(0.01, np.nan), 0.02),
    "5 % NaN": (scattered(0.05, np.nan), 0.05),
}

# All pickers see the same mended image; of slow ones those are tried that cost the most.
WORST = [name for name, (_, cost) in DAMAGES.items() if cost > 0.02]
TRIED = [
    *((picker, name) for picker in QUICK for name in DAMAGES),
    *(pytest.param(picker, name, marks=pytest.mark.slow) for picker in SLOW for name in WORST),
]


def f1(picker, micrograph, truth, diameter):
    pixel_size = micrograph.frame.known_pixel_size()
    return evaluate([picker.pick(micrograph)], [truth], diameter, pixel_size, edge=40).counts.f1


@pytest.fixture(scope="module", params=PICKERS)
def picked(request, simulated):
    """A picker, and its F1 on the micrograph without damage."""
    micrograph, truth, diameter = simulated
    picker = load_picker(request.param, diameter=diameter, device="cpu", threshold=0.5)
    return picker, f1(picker, micrograph, truth, diameter)


@pytest.mark.parametrize(("picked", "name"), TRIED, indirect=["picked"])
def test_damage_costs_next_to_nothing(picked, simulated, name):
    picker, whole = picked
    micrograph, truth, diameter = simulated
    damage, cost = DAMAGES[name]
    image = micrograph.image.copy()
    damage(image)
    spoilt = Micrograph.from_array(image, micrograph.frame.pixel_size, micrograph.frame.micrograph)
    assert f1(picker, spoilt, truth, diameter) >= whole - cost - CHANCE.get(picker.name, 0)


@pytest.mark.parametrize("value", [np.nan, 0.0])
def test_no_pick_lies_in_a_large_bad_area(picked, simulated, value):
    micrograph, _, _ = simulated
    image = micrograph.image - micrograph.image.mean() + 40 * micrograph.image.std()
    image[200:700, 150:650] = value
    spoilt = Micrograph.from_array(image, micrograph.frame.pixel_size)
    picks = picked[0].picks_from(picked[0].score(spoilt), threshold=0)
    inside = ((picks.yx > (199.5, 149.5)) & (picks.yx < (699.5, 649.5))).all(axis=1)
    assert len(picks) > 20
    assert not inside.any()
