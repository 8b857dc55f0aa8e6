"""The Laplacian-of-Gaussian picker."""

import os
import shutil
import subprocess

import numpy as np
import pytest
from scipy.spatial import cKDTree

from napari_drpnet import Micrograph, UserError, load_picker, read_picks
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.pickers.classical.log import Blobs, best_blobs, diameters
from napari_drpnet.pickers.protocol.picker import ScoringPicker
from napari_drpnet.steps import drained

CENTRES = np.array([[80.0, 90.0], [82.0, 210.0], [200.0, 60.0], [231.0, 171.0], [150.0, 300.0]])


def discs(diameter, centres=CENTRES, shape=(320, 380), noise=0.0, seed=0):
    """Dark discs on grey, edges one pixel soft."""
    y, x = np.indices(shape)
    distance = np.min([np.hypot(y - cy, x - cx) for cy, cx in centres], axis=0)
    image = -np.clip(diameter / 2 - distance + 0.5, 0, 1)
    return (image + np.random.default_rng(seed).normal(0, noise, shape)).astype(np.float32)


@pytest.fixture(scope="module")
def micrograph():
    return Micrograph.from_array(discs(36, noise=1.0), pixel_size=2.0, name="discs.mrc")


def pick(image, **settings):
    return load_picker("log", **({"diameter": 72} | settings)).pick(image)


def test_the_answer_is_largest_at_the_centre_of_a_disc_and_at_its_size():
    """A disc of diameter D answers best to a Gaussian of sigma D / (2 sqrt 2), which is a diameter of pi sigma."""
    blobs = Blobs(discs(40, [(100, 120)], (200, 240)), 80)
    tried = np.arange(30.0, 60.0)
    answers = [blobs.response(d) for d in tried]
    at_centre = [answer[100, 120] for answer in answers]
    assert tried[np.argmax(at_centre)] == pytest.approx(np.pi * 40 / (2 * 2**0.5), abs=1)
    best = answers[int(np.argmax(at_centre))]
    assert np.unravel_index(best.argmax(), best.shape) == (100, 120)


def test_the_answer_does_not_depend_on_the_scale():
    small, large = discs(20, [(100, 100)], (200, 200)), discs(40, [(200, 200)], (400, 400))
    one, two = Blobs(small, 50).response(22)[100, 100], Blobs(large, 100).response(44)[200, 200]
    assert one == pytest.approx(two, rel=0.02)


def test_a_blob_beyond_the_range_is_none():
    image = discs(90, [(150, 150)], (300, 300)) + discs(24, [(150, 60)], (300, 300))
    image = (image - image.mean()) / image.std()
    fit, size = drained(best_blobs(image, 24, 30))
    assert fit[150, 60] > 0
    assert 24 <= size[150, 60] <= 30
    assert fit[150, 150] == 0


def test_diameters_span_the_range_in_steps_of_ten_per_cent_at_most():
    wanted, others = diameters(100, 250)
    assert wanted[0] == pytest.approx(100)
    assert wanted[-1] == pytest.approx(250)
    assert (wanted[1:] / wanted[:-1] <= 1.1 + 1e-9).all()
    assert others.min() == 20
    assert others.max() == 1250
    assert diameters(100, 100)[0].tolist() == [100]


def test_discs_are_found_where_they_are(micrograph):
    picks = pick(micrograph)
    best = picks.yx[np.argsort(-picks.score)[: len(CENTRES)]]
    distance, nearest = cKDTree(CENTRES).query(best)
    assert distance.max() < 3
    assert sorted(nearest) == list(range(len(CENTRES)))
    assert set(picks.source.tolist()) == {"log"}
    assert isinstance(load_picker("log", diameter=72), ScoringPicker)


def test_it_tells_the_size_it_found():
    image = Micrograph.from_array(discs(36, CENTRES[:2]) + discs(54, CENTRES[3:]), pixel_size=1.0)
    picks = pick(image, diameter=60, min_diameter=30, max_diameter=72, threshold=0)
    sizes = picks.diameter[cKDTree(picks.yx).query(CENTRES[[0, 1, 3, 4]])[1]]
    assert sizes == pytest.approx(np.array([36, 36, 54, 54]) * 1.11, rel=0.1)


@pytest.mark.parametrize("change", [lambda i: 37 * i + 1e4, lambda i: 1e-3 * i - 0.05], ids=["brighter", "fainter"])
def test_grey_levels_do_not_matter(micrograph, change):
    other = Micrograph.from_array(change(micrograph.image), micrograph.frame.pixel_size)
    one, two = pick(micrograph), pick(other)
    distance, same = cKDTree(two.yx).query(one.yx)
    assert len(one) == len(two)
    assert distance.max() < 0.05
    assert np.allclose(one.score, two.score[same], atol=0.01)


def test_bright_particles_are_found_when_told_so(micrograph):
    bright = Micrograph(-micrograph.image, micrograph.frame)
    assert np.allclose(pick(bright, invert=True).yx, pick(micrograph).yx, atol=0.05)


def test_the_threshold_and_the_distance_need_no_second_run(micrograph):
    picker = load_picker("log", diameter=72)
    scores = picker.score(micrograph)
    assert len(picker.picks_from(scores, threshold=0.8)) < len(picker.picks_from(scores, threshold=0.1))
    assert len(picker.picks_from(scores, 0, 200)) < len(picker.picks_from(scores, 0))
    assert ((scores.candidates.probability >= 0) & (scores.candidates.probability <= 1)).all()
    assert scores.candidates.detection.max() == pytest.approx(scores.values.max())


def test_no_pick_lies_on_bad_pixels_or_near_the_border(micrograph):
    image = micrograph.image.copy()
    image[:, 200:] = np.nan
    picks = pick(Micrograph.from_array(image, 2.0), threshold=0)
    assert len(picks) > 3
    assert picks.yx[:, 1].max() < 202
    assert picks.yx.min() >= 18


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"diameter": 5000}, "more than the image"),
        ({"diameter": 2}, "only"),
        ({"min_diameter": 90, "max_diameter": 80}, "above"),
        ({"min_diameter": 0}, "min_diameter"),
    ],
)
def test_unusable_sizes_are_refused(micrograph, settings, message):
    with pytest.raises(UserError, match=message):
        pick(micrograph, **settings)


@pytest.mark.parametrize(("pixel_size", "image"), [(None, discs(36)), (1.0, np.ones((256, 256)))])
def test_no_pixel_size_and_a_constant_image_are_refused_by_name(pixel_size, image):
    with pytest.raises(UserError, match=r"odd\.mrc"):
        pick(Micrograph.from_array(image, pixel_size, "odd.mrc"))


def test_relion_finds_the_same_blobs_in_the_same_order(tmp_path):
    """RELION filters the raw micrograph, we an evened-out one; on clear discs of many depths both see the same."""
    if shutil.which("relion_autopick") is None:
        reason = "RELION is not installed (Debian and Ubuntu: apt-get install relion)"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    rng = np.random.default_rng(5)
    centres = np.stack(np.meshgrid(np.arange(80, 480, 72), np.arange(80, 480, 72), indexing="ij"), -1).reshape(-1, 2)
    depth = rng.permutation(np.linspace(0.4, 1.0, len(centres)))
    places = centres + rng.uniform(-8, 8, centres.shape)
    image = rng.normal(0, 0.2, (512, 512)).astype(np.float32)
    for place, part in zip(places, depth, strict=True):
        image += part * discs(32, [place], image.shape)
    write_mrc(image, tmp_path / "m.mrc", 2.0)
    command = "relion_autopick --i m.mrc --odir ./ --pickname log --LoG --shrink 0 --angpix 2 --lowpass 12"
    command += " --LoG_diam_min 63 --LoG_diam_max 70 --LoG_adjust_threshold -10"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True, timeout=120)
    theirs = read_picks(tmp_path / "m_log.star")[0]
    scores = load_picker("log", diameter=70).score(Micrograph.from_array(image, 2.0))
    found = scores.candidates
    nearest, our = cKDTree(found.yx).query(places)
    their_distance, their = cKDTree(theirs.yx).query(places)
    assert nearest.max() < 3
    assert their_distance.max() < 4
    assert np.corrcoef(found.detection[our], theirs.score[their])[0, 1] > 0.95
    assert np.hypot(*(found.yx[our] - theirs.yx[their]).T).max() < 4
