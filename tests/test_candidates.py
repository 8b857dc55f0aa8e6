"""Maxima, levels, suppression and patches."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_drpnet import candidates


def hills(*peaks, shape=(60, 80), sigma=3.0):
    rows, columns = np.indices(shape)
    return sum(h * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma**2)) for y, x, h in peaks).astype(
        np.float32
    )


def test_each_hill_gives_one_candidate_at_its_top():
    yx, peak, _ = candidates.find(hills((20, 20, 1.0), (40, 60, 0.5)), 0.1)
    order = np.argsort(-peak)
    assert np.allclose(yx[order], [[20, 20], [40, 60]], atol=0.5)
    assert np.allclose(peak[order], [1.0, 0.5], atol=0.01)


def test_a_dimple_on_a_hill_is_no_second_candidate():
    image = hills((30, 40, 1.0), sigma=6)
    image[30, 40] -= 0.04
    assert len(candidates.find(image, 0.1)[0]) == 1


def test_a_hill_lower_than_the_height_is_none():
    assert len(candidates.find(hills((30, 40, 0.08)), 0.1)[0]) == 0


def test_a_flat_map_has_no_candidates():
    assert len(candidates.find(np.zeros((30, 30), np.float32), 0.1)[0]) == 0


def test_the_level_says_how_far_a_hill_stands_out():
    yx, _, level = candidates.find(hills((15, 15, 0.15), (15, 60, 0.25), (45, 40, 0.35)), 0.1)
    assert dict(zip(np.rint(yx[:, 1]).astype(int).tolist(), level.tolist(), strict=True)) == {15: 1, 60: 2, 40: 3}


def test_a_shoulder_has_a_lower_level_than_the_hill_it_leans_on():
    image = np.maximum(hills((30, 30, 1.0), sigma=5), hills((30, 44, 0.6), sigma=5))
    yx, _, level = candidates.find(image, 0.15)
    assert level[np.argmin(yx[:, 1])] == 3
    assert level[np.argmax(yx[:, 1])] < 3


def test_extended_maxima_agree_with_their_definition_by_flooding():
    """A maximum counts when every path to higher ground goes down by at least the height."""
    rng = np.random.default_rng(3)
    image = rng.random((14, 17), np.float32) * 12
    _, n = candidates.extended_maxima(image, 3)
    assert n == len(_persistent_peaks(image, 3))


def _persistent_peaks(image, height):
    """Peaks of 0-dimensional persistence at least ``height``, by union-find over falling levels."""
    order = np.argsort(-image, axis=None, kind="stable")
    parent, birth, deaths = {}, {}, []

    def root(i):
        while parent[i] != i:
            i = parent[i]
        return i

    for flat in order:
        y, x = divmod(int(flat), image.shape[1])
        parent[flat], birth[flat] = flat, float(image[y, x])
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                if 0 <= y + dy < image.shape[0] and 0 <= x + dx < image.shape[1]:
                    other = (y + dy) * image.shape[1] + x + dx
                    if other in parent and root(other) != root(flat):
                        a, b = sorted((root(other), root(flat)), key=lambda r: birth[r])
                        deaths.append(birth[a] - float(image[y, x]))
                        parent[a] = b
    return [d for d in deaths if d >= height] + [float(np.ptp(image))]


positions = arrays(np.float64, st.tuples(st.integers(0, 60), st.just(2)), elements=st.floats(0, 100))
ROUNDING = 1e-160  # distances are compared by their squares, which are 0 for smaller ones


@given(positions, st.floats(0, 30))
@example(np.array([[0, 0], [0, 5e-324]]), 5e-324)
def test_survivors_keep_their_distance_and_the_rest_is_near_a_better_one(yx, distance):
    score = np.random.default_rng(len(yx)).random(len(yx))
    keep = candidates.suppress(yx, score, distance)
    apart = np.hypot(*np.moveaxis(yx[:, None] - yx[None], -1, 0))
    kept = apart[np.ix_(keep, keep)] + np.diag(np.full(len(keep), np.inf))
    assert (kept >= distance * (1 - 1e-6) - ROUNDING).all()
    for lost in set(range(len(yx))) - set(keep.tolist()):
        assert ((apart[lost, keep] < distance + ROUNDING) & (score[keep] >= score[lost])).any()
    assert (np.diff(score[keep]) <= 0).all()
    for lost, by in enumerate(candidates.suppressors(yx, keep, distance).tolist()):
        assert by in keep
        surer = keep[apart[lost, keep] < distance - ROUNDING]
        assert by == lost or score[by] >= score[surer].max(initial=0)
    assert (candidates.suppressors(yx, keep[:0], distance) == -1).all()


def test_inside_counts_from_pixel_centres():
    yx = np.array([[0.0, 5], [4.9, 5], [5, 5], [14, 5], [14.1, 5]])
    assert candidates.inside(yx, (20, 11), 5).tolist() == [False, False, True, True, False]


@pytest.mark.parametrize("at", [(0, 0), (31, 17), (63, 47)])
def test_the_centre_of_a_patch_lands_on_half_its_side(at):
    image = np.zeros((64, 48), np.float32)
    image[at] = 1
    patch = candidates.crop(image, np.array([at], float), 16)[0]
    assert patch.shape == (16, 16)
    assert patch[8, 8] == 1


def test_peaks_keep_their_distance_and_come_best_first():
    image = hills((20, 20, 1.0), (20, 29, 0.8), (45, 60, 0.5), sigma=4)
    yx, peak = candidates.peaks(image, 12, 0.1)
    assert (np.diff(peak) <= 0).all()
    assert np.allclose(yx[0], [20, 20], atol=1)
    apart = np.hypot(*np.moveaxis(yx[:, None] - yx[None], -1, 0)) + 99 * np.eye(len(yx))
    assert apart.min() >= 12 - 2**0.5
    assert np.hypot(*(yx - [45, 60]).T).min() < 0.1


def test_where_two_hills_melt_into_one_the_shoulder_is_a_peak():
    image = hills((30, 20, 1.0), (30, 30, 0.7), sigma=6)
    assert len(candidates.find(image, 0.01)[0]) == 1
    yx, _ = candidates.peaks(image, 9, 0.3)
    assert np.hypot(*(yx - [30, 31]).T).min() < 3


@given(st.floats(-0.49, 0.49), st.floats(-0.49, 0.49))
def test_a_peak_is_found_to_a_fraction_of_a_pixel(dy, dx):
    yx, _ = candidates.peaks(hills((30 + dy, 40 + dx, 1.0)), 10, 0.5)
    assert np.allclose(yx, [[30 + dy, 40 + dx]], atol=0.05)


@given(arrays(np.float32, (23, 31), elements=st.floats(0, 1, width=32)), st.floats(1, 9))
def test_every_high_pixel_lies_within_the_distance_of_a_peak(image, distance):
    yx, _ = candidates.peaks(image, distance, 0.4)
    high = np.argwhere(image > np.float32(0.4))
    assert bool(len(yx)) == (len(high) > 0 and not candidates.flat(image))
    if len(yx):
        assert (np.hypot(*np.moveaxis(high[:, None] - yx[None], -1, 0)).min(1) < distance + 0.75).all()


def test_peaks_between_are_told_from_those_at_the_usual_distance():
    image = hills((30, 20, 1.0), (30, 27, 0.9), sigma=2)
    yx, _, level = candidates.spaced_peaks(image, 10, 5, 0.5)
    assert np.rint(yx[level == 2]).tolist() == [[30, 20]]
    assert np.rint(yx[level == 1]).tolist() == [[30, 27]]


FLAT = {
    "nought": np.zeros((40, 40), np.float32),
    "one value": np.full((40, 40), 0.7, np.float32),
    "one value but for rounding": np.float32(0.7) + np.float32(1e-7) * (np.indices((40, 40)).sum(0) % 3).astype("f"),
    "no number": np.full((40, 40), np.nan, np.float32),
    "no number in a corner": np.where(np.indices((40, 40)).sum(0) < 5, np.nan, hills((20, 20, 1.0), shape=(40, 40))),
}


@pytest.mark.parametrize("which", FLAT)
def test_a_map_that_is_the_same_everywhere_has_no_maxima(which):
    image = FLAT[which]
    assert candidates.flat(image)
    assert len(candidates.peaks(image, 5, 0.01)[0]) == 0
    assert len(candidates.grid_maxima(image, 5, 3, 0.01)[0]) == 0
    assert len(candidates.find(image, 0.1)[0]) == 0


def test_a_plateau_is_a_maximum_and_a_faint_map_is_not_flat():
    image = np.minimum(hills((20, 20, 1.0), (40, 60, 1.0)), np.float32(0.9))
    assert len(candidates.peaks(image, 12, 0.01)[0]) == 2
    climbed, _ = candidates.grid_maxima(image, 30, 12, 0.01)
    off = np.hypot(*(climbed[:, None] - [[20, 20], [40, 60]]).transpose(2, 0, 1))
    assert (off.min(axis=0) < 2).all()
    assert (off.min(axis=1) < 2).all()
    assert len(candidates.find(image, 0.1)[0]) == 2
    assert not candidates.flat(image * np.float32(1e-9))
