"""DRPnet with the weights of the package: the whole way from a micrograph to picks."""

import numpy as np
import pytest
import torch

from napari_drpnet import Micrograph, UserError, load_picker
from napari_drpnet.data import Frame
from napari_drpnet.evaluation import evaluate
from napari_drpnet.io.weights import PACKAGED, WeightsCard, read_weights, write_weights
from napari_drpnet.networks import build
from napari_drpnet.pickers import available_pickers, drpnet


@pytest.fixture(scope="module")
def picker(simulated):
    return load_picker("drpnet", diameter=simulated[2], device="cpu", threshold=0.5)


def f1(picks, truth, diameter):
    pixel_size = picks.frame.known_pixel_size()
    return evaluate([picks], [truth], diameter, pixel_size, edge=40).counts.f1


def test_it_finds_a_protein_it_never_saw(simulated, picker):
    micrograph, truth, diameter = simulated
    picks = picker.pick(micrograph)
    assert f1(picks, truth, diameter) > 0.85
    assert ((picks.score >= 0.5) & (picks.score <= 1)).all()
    assert set(picks.source.tolist()) == {"drpnet"}


def test_picks_are_centred_to_a_small_part_of_the_diameter(simulated, picker):
    micrograph, truth, _ = simulated
    picks = picker.pick(micrograph)
    offset = picks.yx[:, None] - truth.yx[None]
    distance = np.hypot(*np.moveaxis(offset, -1, 0))
    nearest = offset[np.arange(len(picks)), distance.argmin(1)][distance.min(1) < 30]
    assert np.abs(np.median(nearest, axis=0)).max() < 1.5
    assert np.median(np.hypot(*nearest.T)) < 6


def test_a_flipped_or_turned_micrograph_has_flipped_and_turned_picks(simulated, picker):
    micrograph, truth, diameter = simulated
    side = micrograph.image.shape[0]
    turned = Micrograph.from_array(np.ascontiguousarray(micrograph.image[::-1].T), micrograph.frame.pixel_size)
    back = picker.pick(turned).yx[:, ::-1] * (-1, 1) + (side - 1, 0)
    again = evaluate(
        [picker.pick(micrograph)],
        [type(truth)(micrograph.frame, back)],
        diameter,
        micrograph.frame.known_pixel_size(),
        radius_fraction=0.2,
    )
    assert again.counts.f1 > 0.8


def test_bright_particles_are_found_when_told_so(simulated, picker):
    micrograph, truth, diameter = simulated
    bright = Micrograph(-micrograph.image, micrograph.frame)
    told = load_picker("drpnet", diameter=diameter, device="cpu", invert=True, threshold=0.5).pick(bright)
    assert np.allclose(sorted(map(tuple, told.yx)), sorted(map(tuple, picker.pick(micrograph).yx)), atol=0.5)
    assert f1(picker.pick(bright), truth, diameter) < 0.5


def test_grey_levels_do_not_matter(simulated, picker):
    micrograph, _, _ = simulated
    other = Micrograph.from_array(micrograph.image * 37 + 1e4, micrograph.frame.pixel_size)
    assert np.allclose(picker.pick(other).yx, picker.pick(micrograph).yx, atol=0.2)


@pytest.fixture(scope="module")
def of_robust_levels(tmp_path_factory):
    """Weights of an untrained U-Net, whose map is as sensitive to its image as any."""
    torch.manual_seed(0)
    network = build("unet", size=1)
    card = WeightsCard(
        network="unet", role="detector", diameter=32, calibration=(1, 0, 0, 0), grey="robust", options={"size": 1}
    )
    return str(write_weights(tmp_path_factory.mktemp("w") / "u.safetensors", card, network.state_dict()))


def _places(micrograph, diameter, weights, invert=False):
    score_map = load_picker("drpnet", diameter=diameter, device="cpu", detector=weights, invert=invert).score(
        micrograph
    )
    return score_map.candidates.yx


def test_robust_levels_make_candidates_that_no_grey_levels_change(simulated, of_robust_levels):
    micrograph, _, diameter = simulated
    image, pixel_size = micrograph.image[:640, :640], micrograph.frame.pixel_size
    expected = _places(Micrograph.from_array(image, pixel_size), diameter, of_robust_levels)
    assert len(expected) > 50
    for other, invert, off in ((image * 8, False, 0), (-image / 4, True, 0), (image * 37 + 1e4, False, 0.2)):
        found = _places(Micrograph.from_array(other, pixel_size), diameter, of_robust_levels, invert)
        assert np.abs(found - expected).max() <= off
    inverted = _places(Micrograph.from_array(-image, pixel_size), diameter, of_robust_levels)
    assert inverted.shape != expected.shape or np.abs(inverted - expected).max() > 1


def test_the_threshold_needs_no_second_run(simulated, picker):
    micrograph, _, diameter = simulated
    score_map = picker.score(micrograph)
    few, many = picker.picks_from(score_map, threshold=0.9), picker.picks_from(score_map, threshold=0.1)
    assert len(few) < len(many)
    assert (few.score >= 0.9).all()
    strict = load_picker("drpnet", diameter=diameter, device="cpu", threshold=0.9).pick(micrograph)
    assert np.array_equal(strict.yx, few.yx)
    far = picker.picks_from(score_map, threshold=0.1, min_distance=2 * diameter)
    assert len(far) < len(many)


def test_no_pick_is_nearer_to_the_border_than_half_a_diameter(simulated, picker):
    picks = picker.picks_from(picker.score(simulated[0]), threshold=0)
    assert picks.yx.min() >= 30
    assert picks.yx.max() <= 899 - 30


def test_masked_pixels_are_not_picked(simulated, picker):
    micrograph, _, _ = simulated
    image = micrograph.image.copy()
    image[:, 450:] = np.nan
    picks = picker.picks_from(picker.score(Micrograph.from_array(image, micrograph.frame.pixel_size)), threshold=0)
    assert len(picks) > 10
    assert picks.yx[:, 1].max() < 452


def test_scoring_tells_how_far_it_is(simulated, picker):
    fractions = list(picker.score_steps(simulated[0]))
    assert len(fractions) >= 3
    assert fractions == sorted(fractions)
    assert 0 < fractions[0] <= fractions[-1] <= 1


def test_with_a_classifier_it_picks_too(simulated):
    micrograph, truth, diameter = simulated
    picker = load_picker("drpnet", diameter=diameter, device="cpu", classifier="classifier")
    assert picker.picker.classifier is not None
    assert f1(picker.pick(micrograph), truth, diameter) > 0.75


@pytest.mark.parametrize("diameter", [2000.0, 0.5])
def test_a_diameter_that_does_not_fit_the_image_is_refused(diameter):
    micrograph = Micrograph.from_array(np.random.default_rng(0).random((256, 256)), 1.0, "small.mrc")
    with pytest.raises(UserError, match=r"small\.mrc.*diameter"):
        load_picker("drpnet", diameter=diameter, device="cpu").pick(micrograph)


@pytest.mark.parametrize(
    ("pixel_size", "image"),
    [(None, np.eye(256)), *((1.0, np.full((side, side), level)) for side in (256, 500) for level in (0.0, 1.0, -3e4))],
)
def test_no_pixel_size_and_a_constant_image_are_refused_by_name(pixel_size, image):
    with pytest.raises(UserError, match=r"odd\.mrc"):
        load_picker("drpnet", diameter=40, device="cpu").pick(Micrograph.from_array(image, pixel_size, "odd.mrc"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"diameter": 0}, "diameter"),
        ({"diameter": -5}, "diameter"),
        ({}, "diameter"),
        ({"diameter": 100, "threshold": 1.5}, "threshold"),
        ({"diameter": 100, "treshold": 0.5}, "treshold"),
        ({"diameter": 100, "detector": "nonsense"}, "nonsense"),
        ({"diameter": 100, "detector": "gone.safetensors"}, "gone"),
        ({"diameter": 100, "detector": "classifier"}, "classifier"),
    ],
)
def test_unusable_settings_are_refused_with_their_name(settings, message):
    with pytest.raises(UserError, match=message):
        load_picker("drpnet", **settings)


def test_an_unknown_picker_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match="drpnet"):
        load_picker("nonsense", diameter=100)
    assert available_pickers()[0] == "drpnet"


def test_damaged_weights_are_refused(tmp_path):
    path = tmp_path / "half.safetensors"
    whole = (PACKAGED / "detector.safetensors").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="half"):
        read_weights(str(path))


def test_every_shipped_network_is_small():
    shipped = sorted(PACKAGED.glob("*.safetensors"))
    assert {p.stem for p in shipped} >= {"detector", "classifier", "fcrn"}
    for path in shipped:
        assert path.stat().st_size < 5_000_000


def test_a_frame_without_shape_is_no_obstacle(simulated, picker):
    micrograph, _, _ = simulated
    loose = Micrograph(micrograph.image, Frame("loose", None, micrograph.frame.pixel_size))
    assert len(picker.pick(loose)) > 10


def test_the_bound_on_candidates_leaves_out_none_of_the_spaced_peaks():
    """Noise high everywhere gives as many peaks as there can be; the bound is for maxima without a spacing."""
    values = np.random.default_rng(4).uniform(0.1, 1, (400, 400)).astype(np.float32)
    yx, _, level = drpnet.spaced_candidates(values, 16)
    assert len(yx) <= drpnet._PACKING * values.size / 16**2
    assert (level == 1).any()
