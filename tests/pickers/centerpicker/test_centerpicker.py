"""CenterPicker: what its network learns from, what is read off its map, and picks without a size or a pixel size."""

from dataclasses import replace

import mrcfile
import numpy as np
import pytest
import torch

from discs import DISCS, write_discs
from napari_drpnet import Micrograph, UserError, devices, load_picker, read_picks, tiling
from napari_drpnet.data import Frame, Picks
from napari_drpnet.evaluation import evaluate
from napari_drpnet.evaluation.matching import match
from napari_drpnet.io.picks.star import write_star
from napari_drpnet.io.weights import read_weights
from napari_drpnet.jobs import finish, simulate
from napari_drpnet.networks import build
from napari_drpnet.pickers.centerpicker.centres import (
    CLOSEST,
    FLOOR,
    LARGEST,
    MOST,
    OWN_SHAPE,
    OWN_SIZE,
    SMALLEST,
    Centres,
    alone,
    decode,
    of_one_structure,
    seen,
    sureness,
    usual_diameter,
)
from napari_drpnet.pickers.network import fold
from napari_drpnet.pickers.protocol.picker import ScoringPicker
from napari_drpnet.settings import (
    CenterPickerSettings,
    CenterPickerTrainSettings,
    SimulatedSet,
    SimulationSettings,
    TrainingSet,
)
from napari_drpnet.simulation import simulate_one
from napari_drpnet.steps import drained
from napari_drpnet.training.centerpicker import train_centerpicker
from napari_drpnet.training.centres import (
    CentreCrops,
    Sized,
    centre_loss,
    focal_loss,
    load_sized,
    sizes,
    targets,
)
from napari_drpnet.training.pool import Pool, Views, random_matrices
from napari_drpnet.training_loop.fit import fit

STRIDE, CPU = 4, torch.device("cpu")


# ---------------------------------------------------------------- targets and loss


def squares(side, n=1):
    return np.full((n, 2), side)


def test_the_target_is_1_in_the_cell_of_the_centre_and_says_the_way_to_it():
    heat, geometry = targets(np.array([[41.0, 67.5]]), np.array([[24.0, 40.0]]), 32.0, (128, 128), STRIDE)
    cell = (10, 16)  # (41 + 0.5) / 4 - 0.5 = 9.875; (67.5 + 0.5) / 4 - 0.5 = 16.5, which rounds to even
    assert heat[cell] == heat.max() == 1
    assert (heat == 1).sum() == 1
    assert geometry[:2, *cell].tolist() == [-0.125, 0.5]
    assert geometry[:2, 9, 17].tolist() == [0.875, -0.5]
    assert np.exp(geometry[2:, 9, 17]).tolist() == pytest.approx([6, 10, 8])
    assert heat[10, 17] == pytest.approx(np.exp(-1 / (2 * 0.96**2)))
    assert heat[10, 25] == 0


def test_where_two_particles_overlap_the_nearer_one_counts():
    heat, geometry = targets(np.array([[30.0, 30.0], [30.0, 42.0]]), squares(40.0, 2), 40.0, (64, 64), STRIDE)
    alone_heat, _ = targets(np.array([[30.0, 30.0]]), squares(40.0), 40.0, (64, 64), STRIDE)
    assert (heat >= alone_heat).all()
    assert (heat == 1).sum() == 2
    x = geometry[1, 7, 6:12] + np.arange(6, 12)
    assert x.tolist() == [7.125, 7.125, 7.125, 10.125, 10.125, 10.125]


def test_a_particle_outside_the_crop_leaves_its_hill_inside():
    heat, geometry = targets(np.array([[30.0, -3.0], [500.0, 500.0]]), squares(40.0, 2), 40.0, (64, 64), STRIDE)
    assert 0 < heat.max() < 1
    assert geometry[1, 7, 0] == -1.125


def test_a_perfect_heat_costs_nothing_and_an_error_near_a_centre_costs_less():
    heat, _ = targets(np.array([[30.0, 30.0]]), squares(40.0), 40.0, (64, 64), STRIDE)
    truth, known = torch.from_numpy(heat)[None], torch.ones(1, 16, 16)
    perfect = (truth == 1).float()
    assert focal_loss(perfect, truth, known) < 1e-5

    def with_error_at(y, x):
        wrong = perfect.clone()
        wrong[0, y, x] = 0.9
        return float(focal_loss(wrong, truth, known))

    beside, farther, far = with_error_at(7, 8), with_error_at(7, 9), with_error_at(1, 14)
    assert 0 < beside < 0.1 * far
    assert beside < farther < far
    assert far == pytest.approx(-(0.9**2) * np.log(0.1) / 4, rel=1e-4)  # of at least four centres a crop
    missed = focal_loss(torch.zeros(1, 16, 16), truth, known)
    assert missed == pytest.approx(-np.log(1e-6) / 4, rel=1e-3)


def test_what_is_not_known_costs_nothing():
    truth, known = torch.zeros(1, 8, 8), torch.ones(1, 8, 8)
    known[..., 4:] = 0
    p = torch.full((1, 8, 8), 1e-6)
    p[..., 4:] = 0.9
    assert focal_loss(p, truth, known) < 1e-6


def test_offset_and_size_cost_their_error_around_centres_only():
    found = targets(np.array([[30.0, 30.0]]), squares(40.0), 40.0, (64, 64), STRIDE)
    heat, geometry = (torch.from_numpy(part)[None] for part in found)
    known, image = torch.ones(1, 16, 16), torch.zeros(1, 1, 64, 64)
    right = torch.cat([(heat == 1).float()[:, None], geometry], 1)
    far = right.clone()
    far[:, 1:, 15, 15] += 9
    off = right.clone()
    off[:, 1:] += 0.5
    cost = [float(centre_loss(lambda _, out=out: out, (image, heat, geometry, known))) for out in (right, far, off)]
    assert cost == pytest.approx([0, 0, 1], abs=1e-5)


def test_sizes_go_from_the_smallest_to_the_largest_most_often_the_usual():
    found = sizes(400, 40.0, np.random.default_rng(0))
    assert SMALLEST < found.min() < 1.1 * SMALLEST
    assert 0.9 * LARGEST < found.max() < LARGEST
    counts = np.histogram(np.log(found), np.log([14, 20, 28, 34, 46, 60, 90]))[0] / np.diff(
        np.log([14, 20, 28, 34, 46, 60, 90])
    )
    assert counts.argmax() == 3
    assert len(np.unique(found)) == 400
    assert not len(sizes(0, 40.0, np.random.default_rng(0)))


# ---------------------------------------------------------------- decoding


def flat(h=16, w=16, heat=0.0):
    output = np.zeros((6, h, w), np.float32)
    output[0], output[3:] = heat, np.log(8)
    return output


def test_a_known_box_comes_back_from_the_map():
    output = flat()
    output[:, 5, 9] = [0.9, 0.25, -0.5, np.log(6), np.log(10), np.log(12)]
    output[0, 12, 2] = 0.5
    centres = decode(output)
    assert np.allclose(centres.yx, [[5.25, 8.5], [12, 2]])
    assert np.allclose(centres.peak, [0.9, 0.5])
    assert np.allclose(centres.box, [[6, 10], [8, 8]])
    assert np.allclose(centres.diameter, [12, 8])


def test_neighbours_of_a_peak_have_a_say_in_its_size_by_their_heat():
    output = flat()
    output[:, 0, 9] = [0.6, 0, 0, np.log(4), np.log(8), np.log(8)]
    output[:, 0, 10] = [0.3, 0, 0, np.log(8), np.log(8), np.log(8)]
    assert np.allclose(decode(output).box, [[4 * 2 ** (1 / 3), 8]])


def test_sizes_go_towards_that_of_the_sure_ones_and_shapes_away_from_a_square():
    box = np.array([[20.0, 20.0], [21, 21], [19, 19], [10, 40], [5, 5]])
    centres = Centres(np.zeros((5, 2)), np.array([0.9, 0.9, 0.9, 0.8, 0.1]), box, np.array([30.0, 31, 32, 29, 9]))
    settled = of_one_structure(centres, outlines=True)
    assert settled.box[0] == pytest.approx([20, 20])
    assert settled.box[3] == pytest.approx([20 / 2**OWN_SHAPE, 20 * 2**OWN_SHAPE])
    assert settled.box[4] == pytest.approx([20 * 0.25**OWN_SIZE] * 2)
    assert np.allclose(settled.diameter, settled.box.mean(axis=1))
    assert len(of_one_structure(centres.select(np.zeros(5, bool)), outlines=True)) == 0


def test_boxes_are_as_large_as_the_usual_diameter_unless_outlines_are_asked_for():
    box = np.array([[20.0, 20.0], [10, 14], [30, 20]])
    centres = Centres(np.zeros((3, 2)), np.array([0.9, 0.8, 0.7]), box, np.array([30.0, 31, 29]))
    settled = of_one_structure(centres, outlines=False)
    assert np.allclose(settled.diameter, 30)
    assert np.allclose(settled.box.mean(axis=1), 30)
    shape = np.log(settled.box[:, 0] / settled.box[:, 1])
    assert np.allclose(shape, OWN_SHAPE * np.log(box[:, 0] / box[:, 1]))


def test_what_the_network_is_to_say_is_read_back_exactly():
    yx = np.array([[41.0, 67.5], [90.2, 30.7], [20.0, 20.0]])
    box = np.array([[24.0, 40.0], [36.0, 28.0], [32.0, 32.0]])
    heat, geometry = targets(yx, box, 44.0, (128, 128), STRIDE)
    centres = decode(np.concatenate([heat[None], geometry]))
    back = (centres.yx + 0.5) * STRIDE - 0.5
    assert np.allclose(centres.diameter * STRIDE, 44)
    for place, sides in zip(back, centres.box * STRIDE, strict=True):
        at = int(np.hypot(*(yx - place).T).argmin())
        assert np.allclose(place, yx[at], atol=1e-3)
        assert np.allclose(sides, box[at], rtol=1e-4)


def test_low_cells_are_left_out_and_of_too_many_the_best_stay():
    assert not len(decode(flat(heat=FLOOR / 2)))
    output = flat(160, 160)
    output[0, ::2, ::2] = np.random.default_rng(0).uniform(0.1, 1, (80, 80))
    centres = decode(output)
    assert len(centres) == MOST < 6400
    assert (np.diff(centres.peak) <= 0).all()


def test_a_second_peak_of_the_same_particle_goes():
    yx = np.array([[5.0, 5.0], [5.0, 5.0 + 0.9 * CLOSEST * 10], [5.0, 20.0]])
    centres = Centres(yx, np.array([0.5, 0.9, 0.3]), np.full((3, 2), 10.0), np.full(3, 10.0))
    assert alone(centres).peak.tolist() == [0.9, 0.3]
    assert len(alone(centres.select(np.zeros(3, bool)))) == 0


def test_the_usual_diameter_is_that_of_the_likely_centres_however_many_small_ones_there_are():
    peak, diameter = np.array([0.9, 0.8, 0.7] + 60 * [0.2]), np.array([20.0, 21, 22] + 60 * [4.0])
    centres = Centres(np.zeros((63, 2)), peak, np.ones((63, 2)), diameter)
    assert usual_diameter(centres) == 21
    assert usual_diameter(centres.select(np.zeros(63, bool))) is None


def test_a_few_clear_centres_are_surer_than_many_faint_ones():
    clear, faint = (
        Centres(np.zeros((n, 2)), np.full(n, p), np.full((n, 2), 9.0), np.full(n, 9.0))
        for n, p in ((5, 0.6), (500, 0.3))
    )
    assert sureness(clear) == pytest.approx(0.6)
    assert sureness(faint) == pytest.approx(0.3)
    assert sureness(clear.select(np.zeros(5, bool))) == 0


# ---------------------------------------------------------------- tiles


def test_tiles_give_what_the_whole_gives(simulated):
    """To less than a hundredth of a probability; the network sees a little farther than the tiles overlap."""
    card, tensors = read_weights("centerpicker")
    network = build(card.network)
    network.load_state_dict(tensors)
    network = fold(network.eval())
    image = seen(simulated[0], 60.0, 40.0, invert=False).image[:500, :420]
    whole = drained(tiling.channel_steps(network, image, CPU, 4000))
    assert tiling.tile_side(image.shape, network, 60) < 420
    tiled = drained(tiling.channel_steps(network, image, CPU, 60))
    assert whole.shape == tiled.shape == (6, 125, 105)
    assert np.ptp(whole[0]) > 0.4
    assert np.abs(whole[0] - tiled[0]).max() < 0.01
    assert np.array_equal(drained(tiling.score_steps(network, image, CPU, 60)), tiled[0])


# ---------------------------------------------------------------- the picker


@pytest.fixture(scope="module")
def picker():
    return load_picker("centerpicker", device="cpu", threshold=0.5)


@pytest.fixture(scope="module")
def unscaled(simulated):
    """Without a pixel size."""
    micrograph, _, _ = simulated
    return replace(micrograph, frame=replace(micrograph.frame, pixel_size=None))


@pytest.fixture(scope="module")
def score_map(picker, unscaled):
    return picker.score(unscaled)


def f1(picks, truth):
    """With pixels for Angstrom."""
    return evaluate([picks], [truth], float(truth.diameter[0]), 1.0, edge=40).counts.f1


def test_it_needs_neither_a_diameter_nor_a_pixel_size(simulated, picker, score_map):
    _, truth, _ = simulated
    picks = picker.picks_from(score_map)
    assert isinstance(picker, ScoringPicker)
    assert picks.frame.pixel_size is None
    assert f1(picks, truth) > 0.6
    assert 0.7 < np.median(picks.diameter) / truth.diameter[0] < 1.3
    assert np.allclose(picks.diameter, picks.diameter[0])
    assert np.allclose(picks.box.mean(axis=1), picks.diameter)
    assert 0 < np.abs(np.log(picks.box[:, 0] / picks.box[:, 1])).max() < 0.7, "heights and widths of their own"
    assert score_map.usual_diameter() == pytest.approx(np.median(picks.diameter), rel=0.1)
    assert set(picks.source.tolist()) == {"centerpicker"}


def test_half_precision_does_not_change_the_size_and_so_hardly_the_picks(unscaled, picker, score_map):
    with devices.forced(half=True):
        rounded = picker.score(unscaled)
    assert rounded.frame == score_map.frame
    assert 0 < np.abs(rounded.values - score_map.values).max() < 0.02


def test_picks_are_centred_and_apart(simulated, picker, score_map):
    _, truth, _ = simulated
    picks = picker.picks_from(score_map)
    offset = picks.yx[:, None] - truth.yx[None]
    distance = np.hypot(*np.moveaxis(offset, -1, 0))
    nearest = offset[np.arange(len(picks)), distance.argmin(1)][distance.min(1) < 30]
    assert np.abs(np.median(nearest, axis=0)).max() < 1.5
    between = np.hypot(*np.moveaxis(picks.yx[:, None] - picks.yx[None], -1, 0)) + 1e9 * np.eye(len(picks))
    assert between.min() > 0.5 * score_map.usual_diameter()


def test_a_known_diameter_saves_the_overviews(simulated, picker, unscaled):
    micrograph, truth, _ = simulated
    diameter = float(truth.diameter[0]) * micrograph.frame.known_pixel_size()
    told = load_picker("centerpicker", diameter=diameter, device="cpu")
    assert f1(told.pick(micrograph), truth) > 0.6
    assert not list(told.picker._size_steps(micrograph))
    assert list(picker.picker._size_steps(micrograph))
    with pytest.raises(UserError, match="pixel size"):
        told.pick(unscaled)


def test_it_tells_how_far_it_is(picker, unscaled):
    fractions = list(picker.score_steps(unscaled))
    assert fractions == sorted(fractions)
    assert len(fractions) >= 2
    assert 0 < fractions[0] < fractions[-1] <= 1


def test_bad_pixels_hold_no_candidate(picker, simulated, score_map):
    image = simulated[0].image.copy()
    image[:300] = np.nan
    yx = picker.score(Micrograph.from_array(image)).candidates.yx
    assert len(yx)
    assert yx[:, 0].min() > 295
    assert score_map.candidates.yx[:, 0].min() < 290


@pytest.mark.parametrize("side", [40, 200, 600])
def test_images_smaller_than_the_overviews_are_picked_too(picker, simulated, side):
    picks = picker.pick(Micrograph.from_array(simulated[0].image[:side, :side]))
    assert (picks.yx >= 0).all()
    assert (picks.yx <= side - 1).all()
    assert np.isfinite(picks.diameter).all()


@pytest.mark.parametrize("binning", [1, 2])
def test_the_size_found_follows_the_magnification(picker, simulated, binning):
    image = simulated[0].image[:896, :896]
    binned = image.reshape(896 // binning, binning, -1, binning).mean((1, 3))
    diameter = picker.score(Micrograph.from_array(binned)).usual_diameter()
    assert diameter == pytest.approx(60 / binning, rel=0.25)


def test_a_constant_image_is_said(picker):
    with pytest.raises(UserError, match="constant"):
        picker.pick(Micrograph.from_array(np.ones((100, 100))))


def test_weights_of_another_picker_are_refused():
    with pytest.raises(UserError, match="centre detector"):
        load_picker("centerpicker", weights="detector")
    assert CenterPickerSettings().diameter == 0
    with pytest.raises(UserError, match="diameter"):
        load_picker("centerpicker", diameter=-1)


@pytest.fixture(scope="module")
def cylinders(tmp_path_factory):
    """A clear micrograph of cylinders, twice as long as wide, as proteasomes are."""
    path = tmp_path_factory.mktemp("cylinder") / "cylinder.mrc"
    z, y, x = np.mgrid[-24:24, -24:24, -24:24] + 0.5
    with mrcfile.new(path) as file:
        file.set_data(((np.hypot(y, x) < 10) & (np.abs(z) < 20)).astype(np.float32))
        file.voxel_size = 5.0
    clear = {
        "visibility": (15, 25),
        "dose": (60, 60),
        "contamination": 0,
        "carbon": 0,
        "defects": 0,
        "aggregates": 0,
        "processed": 0,
    }
    settings = SimulationSettings(
        structures=(path,),
        size=1024,
        diameter_px=(60, 60),
        coverage=(0.2, 0.2),
        clumping=(0, 0),
        empty=0,
        seed=4,
        **clear,
    )
    return simulate_one(settings, 0)


def test_a_long_particle_has_a_long_box(cylinders):
    picker = load_picker("centerpicker", device="cpu", threshold=0.5, outlines=True)
    truth, picks = cylinders.truth, picker.pick(cylinders.micrograph)
    found = match(picks.yx, truth.yx, 15.0, np.ones(len(picks), bool), np.ones(len(truth), bool))
    box, true = picks.box[found.pick], truth.box[found.particle]
    shape, true_shape = np.log(box[:, 0] / box[:, 1]), np.log(true[:, 0] / true[:, 1])
    high, wide = true_shape > 0.3, true_shape < -0.3
    assert min(high.sum(), wide.sum()) > 2
    along = np.where(true_shape > 0, shape, -shape)[high | wide]
    assert np.median(np.exp(along)) > 1.2
    assert np.median(box.mean(axis=1) / true.mean(axis=1)) == pytest.approx(1, abs=0.25)


# ---------------------------------------------------------------- training


def labelled_discs(folder, seed):
    path = write_discs(folder / f"discs{seed}.mrc", seed=seed)
    frame = Frame(path.name, (160, 200), 2.0)
    write_star(Picks(frame, np.array(DISCS), diameter=20.0), path.with_suffix(".star"))
    return path


@pytest.fixture
def folders(tmp_path):
    for name, seed in (("learnt", 0), ("kept", 5)):
        (tmp_path / name).mkdir()
        labelled_discs(tmp_path / name, seed)
    return tmp_path


def recipe(folders, **fields):
    return CenterPickerTrainSettings(
        training=[{"micrographs": str(folders / "learnt")}],
        validation=[{"micrographs": str(folders / "kept")}],
        **{"diameter": 40, "crop": 64, "batch": 4, "device": "cpu", "workers": 0, "precision": "full", **fields},
    )


def centre_crops(examples, side, jitter):
    settings = CenterPickerTrainSettings(training=[{"micrographs": "unused"}], crop=side, scale_jitter=jitter)
    return CentreCrops(examples, settings, STRIDE, CPU)


def test_micrographs_are_loaded_at_the_size_asked_for(folders):
    example = load_sized(recipe(folders).training, 40.0, "robust")[0]
    assert example.diameter == 40
    assert example.image.shape == (320, 400)
    assert np.allclose(example.yx, (np.array(DISCS) + 0.5) * 2 - 0.5)
    other = load_sized(recipe(folders).training, 40.0, "robust", np.random.default_rng(0))[0]
    assert SMALLEST < other.diameter < LARGEST
    assert other.image.shape[0] == pytest.approx(160 * other.diameter / 20, abs=1)


def test_smoothing_does_not_depend_on_the_size_the_picker_does_not_know(folders):
    """A size that is wrong by half must not change how the image is prepared, only its scale."""
    example = load_sized(recipe(folders).training, 40.0, "robust")[0]
    micrograph = Micrograph.from_array(example.image.astype(np.float32))
    again = seen(micrograph, 40.0, 40.0, invert=False)
    assert again.image.shape == example.image.shape
    assert seen(micrograph, 20.0, 40.0, invert=False).image.shape == (640, 800)


def test_a_crop_shows_particles_where_and_as_large_as_its_target_says(folders):
    example = load_sized(recipe(folders).training, 40.0, "robust")[0]
    image, heat, geometry, known = centre_crops([example], 128, 0.3).batch(8, 1, np.random.default_rng(0)).tensors
    assert image.shape == (8, 1, 128, 128)
    assert heat.shape == known.shape == (8, 32, 32)
    assert geometry.shape == (8, 5, 32, 32)
    assert torch.equal(geometry[:, 2], geometry[:, 3])
    assert torch.equal(geometry[:, 2], geometry[:, 4])
    log_size = geometry[:, 2].flatten(1).amax(1)
    log_size = log_size[log_size > 0].exp() * STRIDE
    assert ((log_size > 40 / 1.31) & (log_size < 40 * 1.31)).all()
    assert log_size.std() > 2
    small = torch.nn.functional.avg_pool2d(image, STRIDE)[:, 0]
    assert small[heat > 0.8].mean() < small[heat < 0.01].mean() - 0.2


@pytest.mark.slow
def test_a_few_steps_lower_the_loss(folders):
    example = load_sized(recipe(folders).training, 40.0, "robust")[0]
    crops = centre_crops([example], 64, 0.1)
    settings = recipe(folders, steps=16, check_every=16, rate=0.003, batch=2)
    torch.manual_seed(0)
    steps = fit(build("centernet"), crops.batch, centre_loss, settings, report_every=4)
    losses = [step.loss for step in steps]
    assert losses[-1] < 0.9 * losses[0]


def test_training_writes_weights_that_the_picker_takes(folders):
    out = folders / "mine.safetensors"
    report = drained(train_centerpicker(recipe(folders, steps=2, check_every=1), out))
    card, _ = read_weights(str(out))
    assert report is not None
    assert (card.role, card.network, card.diameter, card.grey) == ("centre detector", "centernet", 40, "robust")
    assert len(card.calibration) == 2
    assert report.plot.exists()
    assert load_picker("centerpicker", weights=str(out), device="cpu").picker.card == card


def test_a_part_that_is_left_out_is_left_out_of_the_weights_too(folders):
    out = folders / "plain.safetensors"
    drained(train_centerpicker(recipe(folders, steps=1, check_every=1, triangle=False), out))
    picker = load_picker("centerpicker", weights=str(out), device="cpu").picker
    assert picker.card.options == {"triangle": 0}
    assert len(picker.network.up) == 3
    again = recipe(folders, start=str(out), steps=1, attention=False)
    with pytest.raises(UserError, match="attention"):
        drained(train_centerpicker(again, folders / "again.safetensors"))


def test_micrographs_of_one_scale_only_are_refused(tmp_path):
    data = {"prepared": "a.safetensors"}
    settings = CenterPickerTrainSettings(training=[data], validation=[{"micrographs": str(tmp_path)}])
    with pytest.raises(UserError, match="learns from micrographs at several"):
        drained(train_centerpicker(settings, tmp_path / "a.safetensors"))


def test_simulated_sets_are_shown_at_many_sizes():
    simulation = {"count": 3, "size": 256, "diameter_px": (24, 30), "coverage": (0.2, 0.3), "empty": 0, "seed": 3}
    data = SimulatedSet(simulate=simulation, weight=3)
    examples = load_sized([data], 40, "robust", np.random.default_rng(0))
    assert len({example.diameter for example in examples}) == 3
    assert [example.weight for example in examples] == [1, 1, 1]
    for example in examples:
        assert example.image.shape[0] == pytest.approx(256 * example.diameter / 27, rel=0.15)
        assert len(example.yx)
        assert (example.box <= 1.05 * example.diameter).all()
    again = load_sized([data], 40, "robust")
    assert {example.diameter for example in again} == {40}


def test_a_micrograph_must_not_be_learnt_from_and_validated_with(folders):
    same = recipe(folders).model_copy(update={"validation": recipe(folders).training})
    with pytest.raises(UserError, match="in a training set and in a validation set"):
        drained(train_centerpicker(same, folders / "a.safetensors"))


def test_crops_know_how_large_the_particle_of_each_example_is():
    image = np.zeros((100, 100), np.float16)
    examples = [Sized(image, np.array([[50.0, 50.0]]), 0, 1, diameter=d) for d in (20.0, 60.0)]
    geometry = centre_crops(examples, 64, 0.0).batch(16, 1, np.random.default_rng(0)).tensors[2]
    assert sorted({round(float(g.max().exp()) * STRIDE) for g in geometry[:, 2]}) == [20, 60]


def test_boxes_stay_around_what_they_show_however_a_crop_is_turned():
    """A bright bar with its box: in every crop, height and width are those of the bar there."""
    image = np.zeros((201, 201), np.float16)
    image[91:110, 80:121] = 1
    bar = Sized(image, np.array([[100.0, 100.0]]), 0, 1, diameter=30.0, box=np.array([[19.0, 41.0]]))
    lying = 0
    matrices = random_matrices(np.random.default_rng(0), 12, 0.2, upright=True)
    views = Views(np.zeros(12, int), matrices, np.full((12, 2), 100.0), 96)
    for i, crop in enumerate(Pool([bar], CPU).pixels.cut(views).numpy()):
        height, width = np.ptp(np.argwhere(crop > 0.5), axis=0) + 1
        assert views.sides(i, bar.box)[0] == pytest.approx([height, width], abs=1.5)
        lying += width > height
    assert 0 < lying < 12
    geometry = centre_crops([bar], 128, 0.0).batch(6, 1, np.random.default_rng(0)).tensors[2]
    assert {tuple(sorted((g[2:4].flatten(1).amax(1).exp() * STRIDE).round().tolist())) for g in geometry} == {(19, 41)}


def test_boxes_are_learnt_where_the_truth_has_them(tmp_path):
    made = SimulationSettings(count=1, size=320, diameter_px=(40, 40), views=6, empty=0, broken=(0, 0), seed=3)
    finish(simulate(made, tmp_path))
    (example,) = load_sized([TrainingSet(micrographs=str(tmp_path))], 40.0, "robust")
    (truth,) = read_picks(next(tmp_path.glob("*0.star")))
    assert example.box is not None
    assert example.diameter == 40
    assert np.allclose(example.box / truth.box, 40 / truth.diameter[:, None])
    assert (example.box.mean(axis=1) < 40).all()


def test_sizes_alone_are_learnt_and_centres_stay_as_they_were(folders):
    start, out = folders / "start.safetensors", folders / "sizes.safetensors"
    drained(train_centerpicker(recipe(folders, steps=1, check_every=1), start))
    settings = recipe(folders, start=str(start), learns="sizes", steps=2, check_every=2)
    drained(train_centerpicker(settings.model_copy(update={"validation": ()}), out))
    (card, before), (again, after) = (read_weights(str(path)) for path in (start, out))
    assert again.calibration == card.calibration
    changed = {key.split(".")[0] for key in before if not torch.equal(before[key], after[key])}
    assert changed == {"size"}
    assert again.grey == card.grey
    with pytest.raises(UserError, match="start"):
        drained(train_centerpicker(recipe(folders, learns="sizes"), out))
