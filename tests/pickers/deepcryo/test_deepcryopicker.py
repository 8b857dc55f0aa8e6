"""DeepCryoPicker: the paper's rules on drawn shapes, its network, and learning on made-up micrographs."""

import re

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_drpnet import Micrograph, UserError, layers, load_picker, read_picks, write_picks
from napari_drpnet.data import Picks
from napari_drpnet.evaluation import evaluate
from napari_drpnet.io.weights import read_card
from napari_drpnet.networks import AlexNet, build
from napari_drpnet.networks.alexnet import SlidingWindow
from napari_drpnet.pickers.deepcryo import learning
from napari_drpnet.pickers.deepcryo.boxes import best_boxes, overlap
from napari_drpnet.pickers.deepcryo.circles import circles
from napari_drpnet.pickers.deepcryo.clusters import by_intensity, by_superpixels
from napari_drpnet.pickers.deepcryo.enhance import guided_filter
from napari_drpnet.pickers.deepcryo.examples import balanced, choose, good_particles, scene
from napari_drpnet.pickers.deepcryo.learning import LearntNetwork, spread
from napari_drpnet.pickers.deepcryo.shapes import blobs, good_irregular, good_round, good_square, shapes_of
from napari_drpnet.settings import DeepCryoPickerSettings
from napari_drpnet.steps import drained
from napari_drpnet.tiling import score_steps

DIAMETER = 24
# Small enough to learn in seconds.
QUICK = {
    "diameter": 28.0,
    "device": "cpu",
    "window": 67,
    "width": 0.1,
    "steps": 60,
    "batch": 16,
    "step": 16,
} | {"threshold": 0.5}


# --- the rules


def drawn(objects, side=300):
    """A mask of objects, each a function of the offsets from its centre, which lie 60 px apart, five in a row."""
    mask = np.zeros((side, side), bool)
    for i, one in enumerate(objects):
        y, x = np.indices(mask.shape) - np.array([30 + i // 5 * 60, 30 + i % 5 * 60])[:, None, None]
        mask |= one(y, x)
    return mask


def disc(radius):
    return lambda y, x: np.hypot(y, x) <= radius


def square(half, angle=0.0):
    c, s = np.cos(angle), np.sin(angle)
    return lambda y, x: (np.abs(c * y - s * x) <= half) & (np.abs(s * y + c * x) <= half)


def bar(y, x):
    return (np.abs(y) <= 4) & (np.abs(x) <= 14)


def clump(y, x):
    return (np.hypot(y, x - 11) <= 11) | (np.hypot(y, x + 11) <= 11)


def found(objects):
    mask = drawn(objects)
    return blobs(mask, -mask.astype(np.float32), DIAMETER)


def test_discs_are_round_and_squares_square_however_they_lie():
    assert [b.shape for b in found([disc(11), disc(9)])] == ["round", "round"]
    turned = [square(9, angle) for angle in (0, 0.3, np.pi / 4)]
    assert [b.shape for b in found(turned)] == ["square"] * 3
    assert [b.shape for b in found([bar, clump])] == ["irregular", "irregular"]


def test_centres_are_those_of_what_was_drawn():
    for one in found([disc(11), square(9, 0.3), bar]):
        assert np.abs(one.yx - 30 - 60 * np.round((one.yx - 30) / 60)).max() < 1


def test_the_shape_is_that_of_the_data_set_itself():
    assert shapes_of(found([disc(11)] * 6)) == ("round",)
    assert shapes_of(found([square(9, i / 10) for i in range(6)])) == ("square",)
    assert set(shapes_of(found([disc(11)] * 6 + [square(9, 0.2)] * 6))) == {"round", "square"}


def test_a_dented_disc_is_no_good_round_particle():
    def dented(y, x):
        return disc(11)(y, x) & ~disc(4)(y - 10, x)

    good = good_round(found([disc(11)] * 8 + [dented]))
    assert len(good) == 8
    assert max(b.circularity for b in good) < 1.1


def test_squares_that_overlap_are_left_out():
    def two(y, x):
        return square(7)(y - 5, x - 5) | square(7)(y + 5, x + 5)

    good = good_square(found([square(9)] * 8 + [two]))
    assert len(good) == 8


def test_irregular_particles_in_clumps_are_left_out():
    objects = found([bar] * 8 + [clump] * 3)
    good = good_irregular(objects)
    assert len(good) == 8
    assert max(b.area for b in good) < np.mean([b.area for b in objects])


def test_classes_are_balanced_by_quarter_turns():
    places = np.array([[0, 5, 6], [1, 7, 8]], float)
    rng = np.random.default_rng(0)
    assert len(np.unique(balanced(places, 8, rng), axis=0)) == 8
    assert balanced(places, 20, rng).shape == (20, 4)
    assert len(np.unique(balanced(places, 5, rng), axis=0)) == 5


# --- clustering


def test_both_ways_of_clustering_find_what_is_dark():
    mask = drawn([disc(11)] * 20)
    noise = np.random.default_rng(0).normal(0, 0.08, mask.shape)
    image = np.asarray(ndimage.gaussian_filter(np.where(mask, 0.2, 0.8) + noise, 1), np.float32)
    for dark in (by_intensity(image, 3), by_superpixels(image, DIAMETER, 3, 0)):
        assert (dark & mask).sum() / (dark | mask).sum() > 0.8


def test_the_guided_filter_smooths_noise_and_keeps_edges():
    step = np.repeat([0.0, 1.0], 50).astype(np.float32)[None].repeat(100, 0)
    noisy = step + np.random.default_rng(0).normal(0, 0.05, step.shape).astype(np.float32)
    smooth = guided_filter(noisy, noisy, 9, 0.02)
    assert smooth[:, 5:40].std() < 0.4 * noisy[:, 5:40].std()
    assert (smooth[:, 51] - smooth[:, 48]).mean() > 0.85


# --- the network


def test_at_the_papers_size_it_has_alexnets_parameters():
    network = AlexNet(side=227, percent=100, classes=4)
    alexnet, fewer_classes, one_channel = 62_378_344, (1000 - 4) * (4096 + 1), 2 * 96 * 11 * 11
    assert sum(p.numel() for p in network.parameters()) == alexnet - fewer_classes - one_channel
    assert [layer.kernel_size[0] for layer in network.convolutions] == [11, 5, 3, 3, 3]
    assert network.dense[0].kernel_size == (6, 6)


@pytest.mark.parametrize("side", [67, 99])
def test_a_window_has_one_score_at_every_step(side):
    network = AlexNet(side, 5, 3, 40).eval()
    window = torch.randn(1, 1, network.view, network.view)
    scores = [network(window, step) for step in (32, 16, 8, 4)]
    assert all(score.shape == (1, 3, 1, 1) for score in scores)
    assert all(torch.allclose(score, scores[0], atol=1e-5) for score in scores)


@pytest.mark.parametrize("step", [32, 8])
@torch.inference_mode()
def test_one_pass_scores_as_the_sliding_window_does(step):
    torch.manual_seed(0)
    network = AlexNet(67, 5, 3, 40).eval()
    image = np.random.default_rng(0).normal(0, 0.3, (300, 340)).astype(np.float32)
    sliding = SlidingWindow(network, step, 2).eval()
    values = drained(score_steps(sliding, image, torch.device("cpu"), memory=5))
    padded = np.pad(image, 128, mode="symmetric")
    half = network.view // 2
    for i, j in ((0, 0), (3, 5), (values.shape[0] - 1, values.shape[1] - 1)):
        y, x = (128 + step * k + step // 2 for k in (i, j))
        window = torch.from_numpy(padded[y - half : y + half + 1, x - half : x + half + 1])[None, None]
        background, *shapes = network(window)[0, :, 0, 0]
        particle = torch.logsumexp(torch.stack(shapes), 0) - background
        assert values[i, j] == pytest.approx(float(particle), abs=1e-4)


def test_boxes_that_overlap_too_much_are_suppressed():
    assert overlap(np.array([0.0, 5.0]), 10) == pytest.approx(1 / 3)
    image = np.zeros((40, 60), np.float32)
    image[20, 20], image[20, 25], image[20, 45] = 3, 2, 1
    yx, peak, level = best_boxes(image, side=10, most=0.3, closer=3, floor=0.5)
    assert peak.tolist() == [3, 1, 2]
    assert level.tolist() == [2, 2, 1]
    assert np.rint(yx).astype(int).tolist() == [[20, 20], [20, 45], [20, 25]]


# --- learning and picking


def discs_micrograph(seed, sign=-1.0, side=300):
    """A micrograph of dark discs, 28 px across, some touching, in noise; and where they are."""
    rng = np.random.default_rng(seed)
    centres = np.argwhere(np.ones((6, 6))) * 46 + 33 + rng.integers(-9, 10, (36, 2))
    centres = centres[rng.permutation(36)[:22]]
    image = np.ones((side, side), np.float32)
    image[tuple(centres.T)] = 0
    image = sign * ndimage.gaussian_filter(np.float32(ndimage.distance_transform_edt(image) <= 13), 2)
    image += rng.normal(0, 0.5, image.shape).astype(np.float32)
    micrograph = Micrograph.from_array(image, 1.0, f"m{seed}")
    return micrograph, Picks(micrograph.frame, centres)


@pytest.fixture(scope="module")
def data_set():
    return [discs_micrograph(seed) for seed in range(3)]


def readers(data_set):
    return [lambda one=micrograph: one for micrograph, _ in data_set]


@pytest.fixture(scope="module")
def learnt(data_set):
    picker = load_picker("deepcryopicker", **QUICK)
    assert not picker.ready
    told = list(picker.learn_steps(readers(data_set)[:2]))
    return picker, told


def f1(picks, truth):
    return evaluate([picks], [truth], QUICK["diameter"], 1.0, edge=14).counts.f1


def test_it_learns_from_the_micrographs_alone(data_set, learnt):
    picker, _ = learnt
    micrograph, truth = data_set[2]
    picks = picker.pick(micrograph)
    assert picker.ready
    assert f1(picks, truth) > 0.9
    assert ((picks.score >= 0.5) & (picks.score <= 1)).all()
    assert set(picks.source.tolist()) == {"deepcryopicker"}
    assert set(picks.class_number.tolist()) == {1}


def test_it_says_how_far_it_is(learnt):
    fractions = [fraction for fraction, _ in learnt[1]]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] < 0.1
    assert fractions[-1] == pytest.approx(1)
    assert any("1 of at most 2" in what for _, what in learnt[1])
    assert any("step 60 of 60" in what for _, what in learnt[1])


def test_it_tells_how_many_held_out_examples_it_gets_right(learnt):
    last = learnt[1][-1][1]
    number, right = re.fullmatch(r"learnt; of (\d+) examples held out, ([\d.]+) % are put .*", last).groups()
    assert int(number) > 20
    assert float(right) > 90


def test_examples_held_out_are_not_learnt_from(data_set):
    settings = DeepCryoPickerSettings(**QUICK)
    scenes = [scene(micrograph, i, settings, 57) for i, (micrograph, _) in enumerate(data_set[:2])]
    examples = choose(scenes, settings, 57)
    for learnt, held in zip(examples.places, examples.held_out, strict=True):
        assert len(held)
        assert not {tuple(place) for place in learnt[:, :3]} & {tuple(place) for place in held[:, :3]}


def test_objects_that_are_no_good_particles_are_a_class_where_that_is_asked(data_set):
    settings = DeepCryoPickerSettings(**QUICK, negative=True)
    scenes = [scene(micrograph, i, settings, 57) for i, (micrograph, _) in enumerate(data_set[:2])]
    examples = choose(scenes, settings, 57)
    _, bad, *good = (np.concatenate(both) for both in zip(examples.places, examples.held_out, strict=True))
    assert len(good) == len(examples.shapes)
    for number in (0, 1):
        here, there = (some[some[:, 0] == number, 1:3] for some in (bad, np.concatenate(good)))
        assert np.linalg.norm(here[:, None] - there[None], axis=-1).min() > 57 / 2
    picker = load_picker("deepcryopicker", **{**QUICK, "negative": True, "steps": 1})
    drained(picker.learn_steps(readers(data_set)[:2]))
    assert picker.picker._learnt.card.options["classes"] == 2 + len(examples.shapes)
    assert set(picker.picks_from(picker.score(data_set[2][0]), 0.0).class_number.tolist()) <= {1, 2, 3}


def test_the_first_of_the_micrographs_to_learn_from_are_spread_over_all_of_them():
    some = spread(range(800), 8)
    assert sorted(some) == list(range(0, 800, 100))
    for n in (3, 4):
        assert np.diff([0, *sorted(some[:n]), 700]).max() <= 400
    assert spread(range(3), 8) == [0, 2, 1]


def test_it_looks_at_no_more_micrographs_than_it_needs(data_set, monkeypatch):
    monkeypatch.setattr(learning, "_ENOUGH", 6)
    read = []

    def reader(number):
        def now():
            read.append(number)
            return data_set[number % 3][0]

        return now

    drained(load_picker("deepcryopicker", **{**QUICK, "steps": 1}).learn_steps([reader(n) for n in range(8)]))
    assert len(read) == 2


def test_the_same_seed_learns_the_same(data_set):
    few = {**QUICK, "steps": 3}
    pickers = [load_picker("deepcryopicker", **few) for _ in range(2)]
    maps = []
    for picker in pickers:
        drained(picker.learn_steps(readers(data_set)[1:2]))
        maps.append(picker.score(data_set[2][0]).values)
    np.testing.assert_array_equal(*maps)


def test_what_was_learnt_is_saved_and_picks_the_same(data_set, learnt, tmp_path):
    picker, _ = learnt
    path = picker.save(tmp_path / "own.safetensors")
    card = read_card(path)
    assert (card.role, card.network) == ("window classifier", "alexnet")
    assert card.options["side"] == 67
    assert card.classes == ("round",)
    assert sum(p.numel() for p in build(card.network, **card.options).parameters()) > 0
    again = load_picker("deepcryopicker", **QUICK, weights=str(path))
    assert again.ready
    np.testing.assert_array_equal(again.pick(data_set[2][0]).yx, picker.pick(data_set[2][0]).yx)


def test_each_pick_has_the_class_of_the_likeliest_shape_in_its_star_file_and_layer(learnt, data_set, tmp_path):
    micrograph, _ = data_set[2]
    picker = load_picker("deepcryopicker", **QUICK)
    was = learnt[0].picker._learnt
    card, network = was.card.model_copy(update={"classes": ("square", "irregular")}), AlexNet(67, 10, 3, 256).eval()
    own = dict(was.network.state_dict())
    weight, bias = own["output.weight"], own["output.bias"]
    sure = torch.tensor([0.7, 0.0, 0.01])  # the odds stay, and the last class is always the likelier of the two
    own |= {"output.weight": weight[[0, 1, 1]], "output.bias": bias[[0, 1, 1]] + sure}
    network.load_state_dict(own)
    picker.picker._learnt = LearntNetwork(card, network)
    picks = picker.pick(micrograph)
    assert len(picks) > 10
    assert set(picks.class_number.tolist()) == {3}
    back = read_picks(write_picks(picks, tmp_path / "m2.star"))[0]
    assert back.class_number.tolist() == [3] * len(picks)
    assert layers.points_layer(back)[1]["features"]["class"].tolist() == [3] * len(picks)


def test_nothing_learnt_cannot_be_saved(tmp_path):
    with pytest.raises(UserError, match="learnt nothing"):
        load_picker("deepcryopicker", **QUICK).save(tmp_path / "own.safetensors")


def test_weights_of_another_picker_are_refused():
    with pytest.raises(UserError, match="detector"):
        load_picker("deepcryopicker", **QUICK, weights="detector")


def test_one_micrograph_is_enough_where_it_has_not_learnt(data_set):
    micrograph, truth = data_set[1]
    assert f1(load_picker("deepcryopicker", **QUICK).pick(micrograph), truth) > 0.85


def test_bright_particles_are_found_when_told_so(learnt):
    micrograph, truth = discs_micrograph(7, sign=1.0)
    picker = load_picker("deepcryopicker", **QUICK, invert=True)
    picker.picker._learnt = learnt[0].picker._learnt
    assert f1(picker.pick(micrograph), truth) > 0.9


def test_learning_stops_when_its_caller_does(data_set):
    picker = load_picker("deepcryopicker", **{**QUICK, "steps": 100_000})
    steps = picker.learn_steps(readers(data_set)[1:2])
    while "learning, step 2 " not in next(steps)[1]:
        pass
    steps.close()
    assert not picker.ready


def test_a_connected_area_too_large_is_no_group_of_particles(data_set, learnt):
    micrograph, _ = data_set[2]
    strict = load_picker("deepcryopicker", **QUICK, largest=0.01)
    strict.picker._learnt = learnt[0].picker._learnt
    assert len(strict.pick(micrograph)) == 0


def test_noise_alone_gives_nothing_to_learn_from():
    noise = np.random.default_rng(0).normal(0, 1, (120, 120))
    with pytest.raises(UserError, match="nothing to learn from"):
        load_picker("deepcryopicker", **{**QUICK, "diameter": 60.0}).pick(Micrograph.from_array(noise, 1.0))


def test_no_micrograph_and_unusable_ones_are_said():
    picker = load_picker("deepcryopicker", **QUICK)
    with pytest.raises(UserError, match="no micrograph"):
        drained(picker.learn_steps([]))
    small = Micrograph.from_array(np.random.default_rng(0).normal(0, 1, (20, 20)), 1.0)
    with pytest.raises(UserError, match="more than the image"):
        drained(picker.learn_steps([lambda: small]))


def test_as_published_it_is_trained_by_plain_descent(data_set):
    picker = load_picker("deepcryopicker-paper", diameter=28.0)
    told = picker.settings
    assert (told.window, told.width, told.dense, told.batch, told.rate) == (227, 1.0, 4096, 32, 1e-4)
    few = {**QUICK, "steps": 3, "rate": 0.01}
    picker = load_picker("deepcryopicker-paper", **few)
    drained(picker.learn_steps(readers(data_set)[1:2]))
    picks = picker.pick(data_set[2][0])
    assert set(picks.source.tolist()) <= {"deepcryopicker-paper"}
    ours = load_picker("deepcryopicker", **few)
    drained(ours.learn_steps(readers(data_set)[1:2]))
    assert not np.array_equal(ours.score(data_set[2][0]).values, picker.score(data_set[2][0]).values)


# --- several shapes


def discs_and_squares(seed, side=440):
    """A micrograph of dark discs and squares that lie apart, in noise; centres of the discs, and of the squares."""
    rng = np.random.default_rng(seed)
    centres = np.argwhere(np.ones((7, 7))) * 58 + 44 + rng.integers(-5, 6, (49, 2))
    centres = centres[rng.permutation(49)[:34]]
    mask = np.zeros((side, side), bool)
    for i, centre in enumerate(centres):
        y, x = np.indices(mask.shape) - centre[:, None, None]
        mask |= (square(12, rng.uniform(0, np.pi / 2)) if i % 2 else disc(13))(y, x)
    image = rng.normal(0, 0.3, mask.shape) - ndimage.gaussian_filter(mask.astype(float), 1)
    return Micrograph.from_array(np.asarray(image, np.float32), 1.0, f"m{seed}"), centres[::2], centres[1::2]


def test_square_side_views_are_found_beside_round_top_views():
    settings = DeepCryoPickerSettings(**QUICK)
    made = [discs_and_squares(seed) for seed in range(2)]
    scenes = [scene(one[0], number, settings, 57) for number, one in enumerate(made)]
    good = good_particles(scenes, "auto")
    assert list(good) == ["round", "square"]
    for kind, shape in enumerate(good, start=1):
        apart = [np.linalg.norm(made[int(i)][kind] - np.array(yx) * 28 / 57, axis=1).min() for i, *yx in good[shape]]
        assert len(apart) >= 5
        assert np.mean(np.array(apart) < 6) > 0.8


# --- round particles by their outline


def ring(y, x):
    return disc(12)(y, x) & ~disc(7)(y, x)


def test_hollow_particles_are_found_by_their_outline():
    rng = np.random.default_rng(0)
    mask = drawn([ring] * 25)
    image = np.asarray(rng.normal(0, 0.3, mask.shape) - mask, np.float32)
    yx, share = circles(image, DIAMETER, 0)
    centres = 30 + 60 * np.argwhere(np.ones((5, 5)))
    nearest = np.linalg.norm(centres[:, None] - yx[None], axis=-1).min(axis=1)
    assert np.median(nearest) < 1.5
    assert share > 0.1


def test_noise_has_circles_by_chance_only():
    noise = ndimage.gaussian_filter(np.random.default_rng(0).normal(0, 1, (400, 400)), 2)
    assert circles(np.asarray(noise, np.float32), DIAMETER, 0)[1] < 0.05
