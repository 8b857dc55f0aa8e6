"""Micrographs on the device: what a view shows, and where the particles of its micrograph lie in it."""

import numpy as np
import pytest
import torch

from napari_drpnet.training.example import Example
from napari_drpnet.training.pool import Pixels, Pool, Views, random_matrices

CPU = torch.device("cpu")


def _example(image, yx=(), border=0.0, weight=1.0):
    return Example(image.astype(np.float16), np.array(yx, float).reshape(-1, 2), border, weight)


def _upright(of, centre, side):
    """Views that are neither turned nor rescaled."""
    n = len(of)
    return Views(np.array(of), random_matrices(np.random.default_rng(0), n, None), np.array(centre, float), side)


def _noise(*shapes):
    rng = np.random.default_rng(0)
    return [rng.random(shape).astype(np.float16) for shape in shapes]


def _dot(side, y, x, width=2.0):
    """A bright Gaussian."""
    rows, columns = np.indices((side, side))
    return np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * width**2))


def _middle(image):
    """The centre of gravity of a dot."""
    part = np.where(image > 0.2 * image.max(), image, 0)
    return np.array([(part * axis).sum() / part.sum() for axis in np.indices(image.shape)])


def test_a_view_by_the_identity_is_cropping_whatever_the_sizes_of_the_images():
    images = _noise((60, 70), (41, 30), (90, 52))
    found = Pixels(images, CPU).cut(_upright([2, 0, 1], [(40.5, 20.5), (30.5, 33.5), (12.5, 12.5)], 16))
    expected = images[2][33:49, 13:29], images[0][23:39, 26:42], images[1][5:21, 5:21]
    assert np.array_equal(found.numpy(), np.stack(expected).astype(np.float32))


def test_beyond_the_border_an_image_is_reflected():
    """Also beyond what one reflection tells, as for a crop much larger than its micrograph."""
    images = _noise((20, 30), (50, 50))
    found = Pixels(images, CPU).cut(_upright([0], [(9.5, 14.5)], 128))[0].numpy()
    padded = np.pad(images[0], ((54, 54), (49, 49)), mode="symmetric")
    assert np.array_equal(found, padded.astype(np.float32))


def test_between_pixels_neighbours_are_averaged():
    (image,) = _noise((40, 40))
    found = Pixels([image], CPU).cut(_upright([0], [(20.0, 20.0)], 8))[0].numpy()
    four = [image[16 + i : 24 + i, 16 + j : 24 + j].astype(np.float32) for i in (0, 1) for j in (0, 1)]
    assert np.allclose(found, np.mean(four, axis=0), atol=1e-6)


def test_labels_are_cut_as_images_are():
    labels = (np.indices((40, 40)).sum(0) % 3).astype(np.uint8)
    found = Pixels([labels], CPU).cut(_upright([0], [(15.5, 15.5)], 16))
    assert np.array_equal(found[0].numpy(), labels[8:24, 8:24])


def test_a_dot_is_where_the_centres_say_however_a_crop_is_turned_mirrored_and_rescaled():
    places = [(90.3, 110.8), (60.0, 75.4), (101.6, 40.2)]
    pool = Pool([_example(_dot(160, *place), [place]) for place in places], CPU)
    rng = np.random.default_rng(3)
    of = np.arange(60) % 3
    views = Views(of, random_matrices(rng, 60, 0.25), np.array(places)[of] + rng.uniform(-18, 18, (60, 2)), 64)
    shown, centres = pool.pixels.cut(views).numpy(), pool.centres(views, 4.0).numpy()
    found = np.stack([_middle(image) for image in shown])
    inside = ((found > 8) & (found < 55)).all(1)
    assert inside.sum() > 50
    assert np.abs(found - centres[:, 0])[inside].max() < 0.25
    turns = {tuple(np.sign(np.round(m, 3)).ravel()) for m in views.matrix}
    assert len(turns) >= 8, "all quarters, mirrored and not"
    assert np.ptp([views.enlarged(i) for i in range(60)]) > 0.3


def test_crops_of_a_pool_show_the_same_dots_with_other_looks():
    rng = np.random.default_rng(0)
    place = (80.0, 80.0)
    image = 0.7 * _dot(160, *place, width=5.0) + rng.normal(0, 0.2, (160, 160))
    pool = Pool([_example(image, [place])], CPU)
    crops, views = pool.crops(np.zeros(40, int), rng.uniform(65, 95, (40, 2)), 64, 0.25, "robust", rng)
    assert crops.shape == (40, 1, 64, 64)
    centres = pool.centres(views, 4.0).numpy()[:, 0]
    away = []
    for crop, at in zip(crops[:, 0].numpy(), centres, strict=True):
        y, x = np.rint(at).astype(int)
        near = crop[max(0, y - 4) : y + 5, max(0, x - 4) : x + 5]
        away.append(near.mean() - np.median(crop))
    assert np.quantile(away, 0.1) > 0.2


def test_a_particle_beyond_a_crop_counts_as_far_as_it_reaches_in():
    pool = Pool(
        [_example(np.zeros((100, 100)), [(50, 50), (50, 20), (50, 16), (5, 95)]), _example(np.ones((9, 9)))], CPU
    )
    table = pool.centres(_upright([0, 1], [(50.5, 50.5), (4, 4)], 60), 3.0).numpy()
    assert table.shape == (2, 2, 2)
    assert sorted(map(tuple, table[0].tolist())) == [(29, -1), (29, 29)]
    assert (table[1] < -1000).all(), "there is none"


def test_only_the_labelled_part_of_a_micrograph_is_known():
    pool = Pool([_example(np.zeros((80, 60)), border=10), _example(np.zeros((80, 60)))], CPU)
    views = _upright([0, 1], [(39.5, 29.5)] * 2, 96)
    known = pool.known(views, 1).numpy()
    rows, columns = np.indices((96, 96)) - np.array([8, 18])[:, None, None]
    for shown, border in zip(known, (10, 0), strict=True):
        labelled = (rows >= border) & (rows <= 79 - border) & (columns >= border) & (columns <= 59 - border)
        assert np.array_equal(shown, labelled)
    halved = pool.known(views, 2).numpy()
    assert np.abs(halved - known.reshape(2, 48, 2, 48, 2).mean((2, 4))).max() <= 0.75
    assert halved.mean() == pytest.approx(known.mean(), abs=0.01)


def test_places_are_drawn_by_weight_where_a_crop_has_room():
    pool = Pool([_example(np.zeros((80, 200)), weight=1), _example(np.zeros((30, 500)), weight=3)], CPU)
    of = pool.chosen(np.random.default_rng(0), 4000)
    assert of.mean() == pytest.approx(0.75, abs=0.03)
    yx = pool.somewhere(np.random.default_rng(0), of, 64)
    large, small = yx[of == 0], yx[of == 1]
    assert large.min(0) == pytest.approx([32, 32], abs=1)
    assert large.max(0) == pytest.approx([48, 168], abs=1)
    assert np.ptp(small[:, 0]) < 1e-9, "a micrograph smaller than the crop is shown whole"


def test_boxes_are_turned_by_quarters_only():
    matrices = random_matrices(np.random.default_rng(0), 200, 0.2, np.arange(200) < 100)
    straight = np.isclose(matrices, 0, atol=1e-9).any((1, 2))
    assert straight[:100].all()
    assert not straight[100:].any()
    scale = np.sqrt(np.abs(np.linalg.det(matrices)))
    assert 1 / 1.2 - 1e-9 <= scale.min() < 0.87 < 1.15 < scale.max() <= 1.2 + 1e-9
    assert (np.linalg.det(matrices) < 0).mean() == pytest.approx(0.5, abs=0.15)
