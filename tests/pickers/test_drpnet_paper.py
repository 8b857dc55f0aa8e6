"""DRPnet by the paper: its rules with the numbers that it gives."""

import numpy as np
import pytest
from scipy import ndimage

from napari_drpnet import Micrograph, UserError, load_picker
from napari_drpnet.data import Candidates, Frame, ScoreMap
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


def made_up(picker, yx, heights, side=160):
    """A score map of a picker with narrow hills; its box is 20 px."""
    values = np.zeros((side, side), np.float32)
    values[tuple(np.array(yx).T)] = heights
    values = ndimage.gaussian_filter(values, 2)
    values /= values.max()
    at, peak, level = picker.picker._candidates(values)
    return ScoreMap(values, Frame("a", (side, side), 1.0), Candidates(at, peak, level, peak))


def test_maxima_by_another_smoothing_and_height():
    picker = load_picker("drpnet-paper", diameter=20, device="cpu", box=20, height=10, sigma=2)
    found = made_up(picker, [(40, 40), (40, 110), (110, 40), (110, 110), (119, 110)], [1, 0.13, 0.075, 0.5, 0.5])
    assert picker.levels(found) == (5, 4, 4)
    assert len(picker.maxima(found, 1)) == 5
    assert len(picker.maxima(found, 3)) == 4
    assert len(picker.maxima(found, 3, height=10)) == 5
    assert np.allclose(picker.maxima(found, 3, height=120), [(40, 40), (114.5, 110)], atol=0.5)
    merged = picker.maxima(found, 3, sigma=9, height=10)  # the two that are 9 px apart
    assert np.hypot(*(merged - (114.5, 110)).T).min() < 1
    assert len(merged) == 4
    with pytest.raises(UserError, match="smoothed by 2 already"):
        picker.maxima(found, 1, sigma=1)


def test_another_smoothing_counts_in_pixels_of_the_reduced_micrograph():
    """A box of 64 px is halved again for the network, so that a sigma of 12 is one of 6 in its map."""
    picker = load_picker("drpnet-paper", diameter=40, device="cpu", box=64, height=3, sigma=4)
    values = np.zeros((200, 200), np.float32)
    values[100, [93, 107]] = 1
    values = ndimage.gaussian_filter(values, 2)
    frame = Frame("a", (400, 400), 1.0, 0.5)
    found = ScoreMap(values, frame, Candidates(np.empty((0, 2)), np.empty(0), np.empty(0, int), np.empty(0)))
    # Two points are two maxima where they are more than two sigmas apart.
    assert len(picker.maxima(found, 1, sigma=12, height=5)) == 2
    assert len(picker.maxima(found, 1, sigma=15, height=5)) == 1


def test_levels_leave_out_what_is_near_the_border():
    picker = load_picker("drpnet-paper", diameter=20, device="cpu", box=20, height=10, sigma=2)
    found = made_up(picker, [(40, 40), (10, 80)], [1, 0.8])
    assert picker.levels(found) == (1, 1, 1)


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
