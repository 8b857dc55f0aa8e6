"""DRPnet by the paper: its rules with the numbers that it gives."""

import numpy as np
import pytest
from scipy import ndimage

from napari_drpnet import Micrograph, UserError, load_picker
from napari_drpnet.data import Frame
from napari_drpnet.evaluation import evaluate
from napari_drpnet.pickers.drpnet_paper import reduction

# (sigma, T) at level 2: for TRPV1 and for EMPIAR-10017.
PUBLISHED = ((9.0, 5.0), (7.0, 7.0))


@pytest.mark.parametrize(
    ("box", "shape", "expected"),
    [
        (60, (1000, 1000), (1, 1)),  # radius 30: as it is
        (64, (1000, 1000), (1, 2)),  # radius 32 is not above the reference, but large for the network
        (100, (1600, 1600), (2, 1)),  # 50 / 32 is above 1
        (192, (4096, 4096), (3, 2)),  # EMPIAR-10017: 96 / 32 = 3, as in the authors' own picks
        (330, (7676, 7420), (8, 1)),  # EMPIAR-10061: above 144 the reference is 48, and 7676 / 4 is still above 1800
    ],
)
def test_the_scale_rule_of_the_authors(box, shape, expected):
    assert reduction(box, shape) == expected


def test_the_scale_rule_looks_at_the_micrograph_not_at_its_small_copy():
    """A box of 64 px on 4000 px: reduced three times for its size, so that the radius of 11 px is not halved again."""
    picker = load_picker("drpnet-paper", diameter=54, device="cpu", box=64, sigma=6)
    micrograph = Micrograph.from_array(np.random.default_rng(0).normal(0, 1, (4000, 600)), 1.0)
    target, sigma = picker.picker._scale(micrograph)
    assert (target, sigma) == (pytest.approx(18), 6)


@pytest.mark.slow
@pytest.mark.parametrize(("sigma", "height"), PUBLISHED)
def test_the_published_numbers_find_particles(simulated, sigma, height):
    """On the smaller scale of this micrograph the published smoothing is as many particle radii wide as there."""
    micrograph, truth, diameter = simulated
    numbers = {"sigma": sigma / 3, "height": height, "box": 96}
    picker = load_picker("drpnet-paper", diameter=diameter, device="cpu", **numbers)
    picks = picker.pick(micrograph)
    counts = evaluate([picks], [truth], diameter, picks.frame.known_pixel_size(), edge=96).counts
    assert counts.f1 > 0.6
    assert picks.yx.min() >= 96  # the border is the box
    assert picks.yx.max() <= min(micrograph.image.shape) - 1 - 96


def test_levels_are_heights_in_255ths_of_the_maximum():
    """Peaks of 1, 0.13, 0.075 and 0.03 of the maximum at T = 10: at 3 T, 3 T, 1 T and none."""
    picker = load_picker("drpnet-paper", diameter=60, device="cpu", height=10).picker
    heights = (1.0, 0.13, 0.075, 0.03)
    values = np.zeros((40, 160), np.float32)
    values[20, 20::40] = heights
    hills = ndimage.gaussian_filter(values, 3)
    hills *= np.float32(7.5) / hills.max()  # the scale of the map does not matter
    yx, peak, level = picker._candidates(hills)
    assert np.allclose(yx, [(20, 100), (20, 60), (20, 20)], atol=0.5)
    assert level.tolist() == [1, 3, 3]
    assert np.allclose(picker._probability(hills, peak, None), heights[2::-1], atol=1e-5)


@pytest.mark.slow
def test_level_and_class_cutoff_choose(simulated):
    micrograph, _, diameter = simulated
    counts = {}
    for options in ({"level": 1}, {"level": 2}, {"level": 3}, {"level": 2, "class_cutoff": 0.0}):
        picker = load_picker("drpnet-paper", diameter=diameter, device="cpu", box=96, sigma=3, **options)
        counts[tuple(options.values())] = len(picker.pick(micrograph))
    assert counts[1,] >= counts[2,] >= counts[3,] > 0
    assert counts[1,] > counts[3,]
    assert counts[2, 0.0] < counts[2,]


def test_without_a_classifier_the_level_alone_chooses(simulated):
    micrograph, _, diameter = simulated
    picker = load_picker("drpnet-paper", diameter=diameter, device="cpu", box=96, sigma=3, classifier="none")
    assert picker.settings.classifier is None
    score_map = picker.score(micrograph)
    usual = picker.picks_from(score_map)
    assert len(usual) > 5
    assert np.array_equal(picker.picks_from(score_map, 0.9).yx, usual.yx)  # no threshold takes part
    inside = [min(*at, *(np.array(micrograph.image.shape) - 1 - at)) >= 96 for at in score_map.candidates.yx]
    assert len(usual) == int((np.array(inside) & (score_map.candidates.level >= 2)).sum())


def test_an_empty_map_has_no_candidates():
    picker = load_picker("drpnet-paper", diameter=60, device="cpu").picker
    yx, peak, level = picker._candidates(np.zeros((30, 30), np.float32))
    assert (len(yx), len(peak), len(level)) == (0, 0, 0)


def test_a_box_that_is_not_told_is_one_and_a_half_diameters():
    picker = load_picker("drpnet-paper", diameter=60, device="cpu").picker
    assert picker._box(Frame("a.mrc", (100, 100), 2.0)) == pytest.approx(45)


def test_a_calibration_is_refused():
    with pytest.raises(UserError, match="no probability that a calibration could correct"):
        load_picker("drpnet-paper", diameter=60, device="cpu", calibration="mine")
