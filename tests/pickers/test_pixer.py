"""PIXER: its networks, the climb over a grid, and the whole way to picks with the package's weights."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn

from napari_drpnet import Micrograph, UserError, load_picker, tiling
from napari_drpnet.candidates import grid_maxima
from napari_drpnet.evaluation import evaluate
from napari_drpnet.io.weights import PACKAGED, read_weights, write_weights
from napari_drpnet.networks import PixerSegmenter, PixerSorter
from napari_drpnet.networks.pixer import _ResponseNorm
from napari_drpnet.pickers.network import fold
from napari_drpnet.pickers.pixer import grid_candidates, margins
from napari_drpnet.pickers.protocol.picker import ScoringPicker
from napari_drpnet.steps import drained

CPU = torch.device("cpu")


def weights_of(network):
    return sum(p.numel() for p in network.parameters())


# Networks


def test_four_parallel_branches_have_the_rates_of_the_paper():
    branches = PixerSegmenter().branches
    dilated = [
        [m.dilation for m in branch.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
        for branch in branches
    ]
    assert dilated == [[(2, 2)], [(4, 4)], [(6, 6)], [(8, 8)]]


def test_the_number_of_weights_follows_from_the_architecture():
    norm = 2  # scale and shift of a batch norm
    trunk = 24 * (36 + norm) + 48 * (24 * 9 + norm) + 64 * (48 * 9 + norm) + 2 * 64 * (64 * 9 + norm)
    branch = 64 * (64 * 9 + norm) + (64 + 1)
    assert weights_of(PixerSegmenter()) == trunk + 4 * branch
    assert weights_of(PixerSorter()) == trunk + (64 * 8 * 8 + 1) * 128 + (128 + 1) * 3


def test_the_map_is_a_quarter_of_the_image_and_a_probability():
    with torch.inference_mode():
        values = PixerSegmenter().eval()(torch.randn(2, 1, 48, 80))
    assert values.shape == (2, 1, 12, 20)
    assert 0 <= values.min() < values.max() <= 1


def test_a_patch_gets_a_logit_of_each_class():
    with torch.inference_mode():
        logits = PixerSorter().eval()(torch.randn(5, 1, PixerSorter.patch, PixerSorter.patch))
    assert logits.shape == (5, len(PixerSorter.classes))


def test_the_segmenter_begins_with_the_trunk_of_the_sorter():
    segmenter = PixerSegmenter()
    assert segmenter.trunk.load_state_dict(PixerSorter().trunk.state_dict()).missing_keys == []


def trained_looking():
    torch.manual_seed(1)
    network = PixerSegmenter()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
    return network.eval()


def test_tiles_leave_no_seam_and_batch_norms_fold_away():
    image = np.random.default_rng(0).normal(0, 5, (430, 307)).astype(np.float32)
    network = trained_looking()
    whole = drained(tiling.score_steps(network, image, CPU, 4000))
    network = fold(network)
    steps = tiling.score_steps(network, image, CPU, 11)
    tiled = drained(steps)
    assert tiling.tile_side(image.shape, network, 11) < 200
    assert not any(isinstance(m, nn.BatchNorm2d) for m in network.modules())
    assert whole.shape == (107, 76)
    assert np.ptp(whole) > 0.005
    assert np.abs(whole - tiled).max() < 1e-5


def test_the_reach_is_what_the_network_says():
    network = trained_looking().double()
    image = torch.zeros(1, 1, 240, 240, dtype=torch.double, requires_grad=True)
    network(torch.rand_like(image) + image)[0, 0, 30, 30].backward()
    seen = np.flatnonzero(image.grad[0, 0].abs().sum(0).numpy())
    assert 40 < max(120 - seen.min(), seen.max() - 120) <= network.reach


def test_response_norm_is_the_one_of_the_paper():
    x = 100 * torch.randn(2, 9, 5, 6)
    assert torch.allclose(_ResponseNorm(9)(x), nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75)(x), rtol=1e-5)


# From the map to candidates


def hills(*peaks, shape=(60, 70), sigma=3.0):
    image = np.zeros(shape, np.float32)
    for y, x, height in peaks:
        image[y, x] = height
    return np.float32(ndimage.gaussian_filter(image, sigma) * 2 * np.pi * sigma**2)


def test_climbers_of_all_cells_meet_on_the_hills():
    yx, peak = grid_maxima(hills((15, 20, 1.0), (40, 50, 0.5)), 8, 4, 0.001)
    assert np.allclose(yx, [(15, 20), (40, 50)], atol=0.1)
    assert np.allclose(peak, [1.0, 0.5], atol=0.05)


def test_a_hill_is_found_though_its_top_is_no_cell_maximum():
    image = hills((16, 20, 1.0), (16, 12, 0.9))
    yx, _ = grid_maxima(image, 32, 3, 0.01)  # both tops in one cell, which sends off one climber
    assert len(yx) == 1
    yx, _ = grid_maxima(image, 8, 3, 0.01)
    assert len(yx) == 2


def test_every_maximum_is_the_highest_pixel_within_reach():
    image = ndimage.gaussian_filter(np.random.default_rng(0).random((83, 61)), 1.5).astype(np.float32)
    reach = 3
    yx, peak = grid_maxima(image, 6, reach, 0)
    highest = ndimage.maximum_filter(image, 2 * reach + 1)
    at = np.rint(yx).astype(int)
    assert len(yx) > 20
    assert np.array_equal(np.sort(highest[tuple(at.T)]), np.sort(peak.astype(np.float32)))
    assert (np.diff(peak) <= 0).all()


def test_a_flat_or_low_map_has_no_maxima():
    assert len(grid_maxima(np.zeros((30, 30), np.float32), 5, 2, 0.01)[0]) == 0
    yx, peak = grid_maxima(hills((15, 20, 0.5)), 8, 4, 0.9)
    assert yx.shape == (0, 2)
    assert peak.shape == (0,)


@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (41, 7)])
def test_maps_of_any_shape_have_their_maxima(shape):
    image = np.zeros(shape, np.float32)
    image[shape[0] // 2, shape[1] // 2] = 1
    yx, _ = grid_maxima(image, 6, 3, 0.1)
    assert np.allclose(yx, [(shape[0] // 2, shape[1] // 2)])


def test_the_window_finds_discs_that_touch():
    y, x = np.indices((40, 60))
    disc = [np.hypot(y - 20, x - centre) < 4 for centre in (20, 28)]
    yx, score = grid_candidates(np.float32(disc[0] | disc[1]), 8.0)
    assert np.allclose(yx[np.argsort(yx[:, 1])], [(20, 20), (20, 28)], atol=0.6)
    assert (score > 0.5).all()


def test_the_margin_is_the_logit_of_the_softmax():
    logits = np.array([[2.0, 0.5, -1.0], [-1.0, 3.0, 0.0]])
    p = np.exp(logits)[:, 0] / np.exp(logits).sum(1)
    assert np.allclose(margins(logits), np.log(p / (1 - p)))


# Picking with the package's weights


@pytest.fixture(scope="module")
def micrograph(simulated):
    return simulated


@pytest.fixture(scope="module")
def picker(micrograph):
    return load_picker("pixer", diameter=micrograph[2], device="cpu", threshold=0.5)


@pytest.fixture(scope="module")
def score_map(micrograph, picker):
    return picker.score(micrograph[0])


def test_it_finds_a_protein_it_never_saw(micrograph, picker, score_map):
    image, truth, diameter = micrograph
    picks = picker.picks_from(score_map)
    assert isinstance(picker, ScoringPicker)
    assert evaluate([picks], [truth], diameter, image.frame.known_pixel_size(), edge=40).counts.f1 > 0.8
    assert ((picks.score >= 0.5) & (picks.score <= 1)).all()
    assert set(picks.source.tolist()) == {"pixer"}


def test_the_map_is_high_on_particles_and_low_elsewhere(micrograph, score_map):
    truth = micrograph[1]
    at = np.rint(score_map.frame.from_micrograph(truth.yx)).astype(int)
    at = np.clip(at, 0, np.array(score_map.values.shape) - 1)
    assert np.median(score_map.values[tuple(at.T)]) > 4 * np.median(score_map.values)


def test_the_threshold_needs_no_second_run_and_the_best_are_kept(micrograph, picker, score_map):
    few, many = picker.picks_from(score_map, threshold=0.9), picker.picks_from(score_map, threshold=0.1)
    assert len(few) < len(many)
    assert (few.score >= 0.9).all()
    limited = load_picker("pixer", diameter=micrograph[2], device="cpu", most=7, threshold=0.1)
    best = limited.picks_from(score_map)
    assert len(best) == 7
    assert best.score.min() >= np.sort(many.score)[-7]


def test_the_bound_rejects_what_the_second_network_doubts(micrograph, score_map):
    strict = load_picker("pixer", diameter=micrograph[2], device="cpu", bound=0.8).score(micrograph[0]).candidates
    kept = {tuple(yx) for yx in strict.yx}
    assert 0 < len(kept) < len(score_map.candidates)
    assert kept < {tuple(yx) for yx in score_map.candidates.yx}


def test_masked_pixels_are_not_picked(micrograph, picker):
    image = micrograph[0].image.copy()
    image[:, 450:] = np.nan
    picks = picker.picks_from(picker.score(Micrograph.from_array(image, micrograph[0].frame.pixel_size)), threshold=0)
    assert len(picks) > 5
    assert picks.yx[:, 1].max() < 454


def test_scoring_tells_how_far_it_is(micrograph, picker):
    fractions = list(picker.score_steps(micrograph[0]))
    assert len(fractions) >= 3
    assert fractions == sorted(fractions)
    assert 0 < fractions[0] <= fractions[-1] <= 1


def test_an_image_of_noise_is_scored_too(picker, micrograph):
    noise = np.random.default_rng(0).normal(0, 1, (400, 400)).astype(np.float32)
    blank = picker.score(Micrograph.from_array(noise, micrograph[0].frame.pixel_size))
    assert len(picker.picks_from(blank, threshold=0.9)) < 5


def test_weights_of_another_kind_are_refused(micrograph):
    with pytest.raises(UserError, match="not a segmenter"):
        load_picker("pixer", diameter=100, segmenter="detector")
    with pytest.raises(UserError, match="not a sorter"):
        load_picker("pixer", diameter=100, sorter="pixer-segmenter")


def test_weights_of_two_trainings_are_refused(tmp_path):
    card, tensors = read_weights("pixer-segmenter")
    other = write_weights(tmp_path / "other.safetensors", card, tensors)
    with pytest.raises(UserError, match="pixer-segmenter, not other"):
        load_picker("pixer", diameter=100, segmenter=str(other))


def test_a_particle_larger_than_the_image_is_said(micrograph):
    with pytest.raises(UserError, match="more than the image"):
        load_picker("pixer", diameter=1e5, device="cpu").score(micrograph[0])


def test_the_weights_are_small():
    sizes = [(PACKAGED / f"pixer-{kind}.safetensors").stat().st_size for kind in ("segmenter", "sorter")]
    assert sum(sizes) < 8e6
