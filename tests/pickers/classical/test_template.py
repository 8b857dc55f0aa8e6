"""The template picker, and the templates that can be made for it."""

import shutil
import subprocess
import warnings

import numpy as np
import pytest
import torch
from scipy import ndimage
from scipy.spatial import cKDTree
from typer.testing import CliRunner

from napari_drpnet import Micrograph, Picks, UserError, jobs, load_picker, read_micrograph, read_picks, write_picks
from napari_drpnet.cli import app, main
from napari_drpnet.data import Frame
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.io.templates import read_templates
from napari_drpnet.pickers.classical import matching
from napari_drpnet.pickers.classical.matching import Matches, disc, turned
from napari_drpnet.pickers.classical.turns import scaled
from napari_drpnet.pickers.protocol.picker import ScoringPicker
from napari_drpnet.settings import TemplateSetSettings
from napari_drpnet.steps import drained

SIDE = 41


def comma(side=SIDE, angle=0.0, scale=1.0):
    """A dark picture without any symmetry, centred on ``side // 2``, turned by RELION's psi."""
    along = (np.arange(side) - side // 2) / scale
    y, x = along[:, None], along[None]
    psi = np.deg2rad(angle)
    # Where the pixel was before the turn.
    u, v = x * np.cos(psi) - y * np.sin(psi), x * np.sin(psi) + y * np.cos(psi)
    blobs = ((6, 0, 3.0, 1.0), (-4, 3, 2.5, 0.8), (-1, -6, 2.2, 0.6))
    image = sum(h * np.exp(-((u - bx) ** 2 + (v - by) ** 2) / (2 * s**2)) for bx, by, s, h in blobs)
    return -np.asarray(image, np.float32)


def scene(places, angles, shape=(300, 340), noise=0.0, scale=1.0, seed=0):
    """Commas on grey."""
    image = np.random.default_rng(seed).normal(0, noise, shape).astype(np.float32)
    side = 2 * int(20 * scale) + 1
    for (y, x), angle in zip(places, angles, strict=True):
        half = side // 2
        image[y - half : y + half + 1, x - half : x + half + 1] += comma(side, angle, scale)
    return image


# Close together: where a micrograph shows little but its few particles, the stretch of grey levels cuts them off.
PLACES = [(y, x) for y in range(40, 290, 52) for x in range(40, 330, 52)]
ANGLES = [(37 * i) % 36 * 10 - 170 for i in range(len(PLACES))]


def matched(image, templates, mask, memory=600):
    matches = Matches(image, mask, memory=memory)
    for index, template in enumerate(templates):
        list(matches.compare(template, index))
    return matches.best()


def test_a_template_is_found_at_its_own_place_and_angle_with_a_correlation_of_one():
    image = scene([(60, 70)], [40])
    angles = np.arange(0.0, 360, 20)
    values, index = matched(image, turned(comma(), angles), disc(SIDE, 30))
    assert np.unravel_index(values.argmax(), values.shape) == (60, 70)
    assert values.max() == pytest.approx(1, abs=2e-3)
    assert angles[index[60, 70]] == 40


def test_the_correlation_is_that_of_the_pixels_within_the_mask():
    rng = np.random.default_rng(1)
    image, template = rng.normal(size=(50, 60)).astype(np.float32), rng.normal(size=(11, 11)).astype(np.float32)
    mask = disc(11, 9)
    values, _ = matched(image, [template], mask)
    inside = mask > 0
    for y, x in ((5, 5), (20, 31), (44, 54)):
        window = image[y - 5 : y + 6, x - 5 : x + 6]
        assert values[y, x] == pytest.approx(np.corrcoef(window[inside], template[inside])[0, 1], abs=1e-4)
    assert np.abs(values).max() <= 1


def test_tiles_leave_no_seam(monkeypatch):
    image = scene(PLACES, ANGLES, noise=0.5)
    template = comma()
    whole, _ = matched(image, [template], disc(SIDE, 30))
    monkeypatch.setattr(matching, "_TILE", 128)
    tiled, _ = matched(image, [template], disc(SIDE, 30))
    assert len(Matches(image, disc(SIDE, 30))._best) > 4
    assert np.allclose(whole, tiled, atol=1e-3)


def test_brightness_and_contrast_of_either_do_not_matter():
    image, template = scene(PLACES, ANGLES, noise=0.3), comma()
    one, _ = matched(image, [template], disc(SIDE, 30))
    other, _ = matched(5 * image, [3 * template + 100], disc(SIDE, 30))
    assert np.allclose(one, other, atol=1e-3)


def test_a_turn_goes_counter_clockwise_as_displayed():
    upright = np.zeros((9, 9), np.float32)
    upright[4, 7] = 1  # to the right
    up = turned(upright, np.array([90.0]))[0]
    assert np.unravel_index(int(up.argmax()), (9, 9)) == (1, 4)  # row 1 is above row 4
    assert np.allclose(turned(comma(), np.array([30.0]))[0], comma(angle=30), atol=0.02)


@pytest.mark.parametrize(
    ("n", "factor", "side"), [(41, 1.0, 41), (82, 0.5, 41), (80, 0.5, 31), (31, 1.7, 41), (96, 0.43, 41)]
)
def test_a_scaled_template_stays_centred(n, factor, side):
    """Its centre of mass goes from pixel ``n // 2`` to pixel ``side // 2``, also where sizes are even or odd."""
    along = np.arange(n) - n // 2
    blob = -np.exp(-(along[:, None] ** 2 + along**2) / (2 * (3 / factor) ** 2)).astype(np.float32)
    result = scaled(blob, factor, side)
    assert result.shape == (side, side)
    assert ndimage.center_of_mass(-result) == pytest.approx((side // 2, side // 2), abs=0.05)


@pytest.fixture
def stack(tmp_path):
    return write_mrc(np.stack([comma(), ndimage.gaussian_filter(comma()[:, ::-1], 1)]), tmp_path / "t.mrc", 2.0)


def picker(stack=None, diameter=48, **settings):
    return load_picker("template", diameter=diameter, templates=stack, device="cpu", **settings)


@pytest.fixture(scope="module")
def micrograph():
    return Micrograph.from_array(scene(PLACES, ANGLES, noise=0.25), 2.0, "commas.mrc")


def test_particles_are_found_with_their_angles_and_classes(stack, micrograph):
    picks = picker(stack).pick(micrograph)
    best = picks.select(np.argsort(-picks.score)[: len(PLACES)])
    distance, nearest = cKDTree(PLACES).query(best.yx)
    assert distance.max() < 2
    assert sorted(nearest) == list(range(len(PLACES)))
    turn = (best.psi - np.array(ANGLES)[nearest] + 180) % 360 - 180
    assert np.abs(turn).max() <= 10
    assert set(best.class_number.tolist()) == {1}
    assert set(picks.source.tolist()) == {"template"}


def test_the_size_of_template_pixels_does_not_matter(stack, micrograph, tmp_path):
    """The same particle, drawn with pixels of 1.25 A; the header does not tell, the setting does."""
    fine = write_mrc(comma(65, scale=1.6), tmp_path / "fine.mrc")
    with pytest.raises(UserError, match="pixel size"):
        picker(fine)
    coarse, finer = picker(stack).score(micrograph), picker(fine, template_pixel_size=1.25).score(micrograph)
    assert finer.values.max() == pytest.approx(coarse.values.max(), abs=0.03)
    assert np.unravel_index(finer.values.argmax(), finer.values.shape) == pytest.approx(
        np.unravel_index(coarse.values.argmax(), coarse.values.shape), abs=1
    )


def test_bright_templates_are_inverted_with_a_warning_or_in_silence_when_told(stack, micrograph, tmp_path):
    bright = write_mrc(-comma(), tmp_path / "bright.mrc", 2.0)
    with pytest.warns(UserWarning, match="inverted"):
        automatic = picker(bright)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told, dark = picker(bright, template_contrast="bright"), picker(stack)
    assert np.array_equal(automatic.picker.turns.images, told.picker.turns.images)
    assert np.allclose(told.picker.turns.images, dark.picker.turns.images[: len(told.picker.turns.images)])
    as_it_is = picker(bright, template_contrast="dark").score(micrograph)
    assert as_it_is.values.max() < told.score(micrograph).values.max() - 0.1


def test_bright_particles_are_found_when_told_so(stack, micrograph):
    other = Micrograph(-micrograph.image, micrograph.frame)
    one, two = picker(stack).pick(micrograph), picker(stack, invert=True).pick(other)
    assert np.allclose(one.yx[: len(PLACES)], two.yx[: len(PLACES)], atol=0.1)


def test_grey_levels_do_not_matter(stack, micrograph):
    other = Micrograph.from_array(micrograph.image * 37 + 1e4, 2.0)
    one, two = picker(stack).pick(micrograph), picker(stack).pick(other)
    assert np.allclose(one.yx[: len(PLACES)], two.yx[: len(PLACES)], atol=0.1)


def test_without_templates_a_ball_is_looked_for():
    y, x = np.indices((300, 340))
    centres = [(60, 70), (70, 200), (220, 170)]
    height = [np.maximum(18**2 - (y - cy) ** 2 - (x - cx) ** 2, 0) for cy, cx in centres]
    image = -np.sqrt(np.max(height, axis=0)) + np.random.default_rng(0).normal(0, 3, x.shape)
    found = picker(diameter=48)
    assert len(found.picker.turns.images) == 1, "a round template is not turned"
    picks = found.pick(Micrograph.from_array(image, 1.0))
    assert cKDTree(picks.yx[np.argsort(-picks.score)[:3]]).query(centres)[0].max() < 2
    assert isinstance(found, ScoringPicker)


def test_scoring_tells_how_far_it_is_and_leaves_gradients_as_they_were(stack, micrograph):
    steps = picker(stack).score_steps(micrograph)
    fractions = [next(steps), next(steps), next(steps)]
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()
    fractions += list(steps)
    assert len(fractions) > 72
    assert fractions == sorted(fractions)
    assert 0 < fractions[-1] <= 1


def test_no_pick_lies_on_bad_pixels_or_near_the_border(stack, micrograph):
    image = micrograph.image.copy()
    image[:, 180:] = np.nan
    picks = picker(stack, threshold=0).pick(Micrograph.from_array(image, 2.0))
    assert len(picks) > 3
    assert picks.yx[:, 1].max() < 182
    assert picks.yx.min() >= 12


@pytest.mark.parametrize(
    ("images", "pixel_size", "message"),
    [
        (np.zeros((3, 41, 41)), 2.0, "every one is constant"),
        (np.ones((41, 40)) * np.arange(40), 2.0, "square"),
        (np.full((41, 41), np.nan), 2.0, "finite"),
        (comma(), None, "pixel size"),
        (comma(), 0.5, "less than the particle"),
    ],
)
def test_unusable_templates_are_refused(tmp_path, images, pixel_size, message):
    with pytest.raises(UserError, match=message):
        picker(write_mrc(images, tmp_path / "odd.mrc", pixel_size))


def test_a_missing_and_a_damaged_stack_are_refused_by_name(tmp_path):
    with pytest.raises(UserError, match=r"gone\.mrc"):
        picker(tmp_path / "gone.mrc")
    (tmp_path / "half.mrc").write_bytes(b"no stack")
    with pytest.raises(UserError, match=r"half\.mrc"):
        picker(tmp_path / "half.mrc")


def test_an_empty_class_is_passed_over(stack, micrograph, tmp_path):
    with_empty = write_mrc(np.stack([np.zeros((41, 41)), comma()]), tmp_path / "e.mrc", 2.0)
    assert set(picker(with_empty).pick(micrograph).class_number.tolist()) == {2}


def test_templates_larger_than_the_micrograph_are_refused_by_name(tmp_path, micrograph):
    large = write_mrc(comma(401), tmp_path / "large.mrc", 2.0)
    with pytest.raises(UserError, match=r"commas\.mrc.*more than the micrograph"):
        picker(large).pick(micrograph)


def test_a_map_in_the_place_of_templates_is_pointed_out(tmp_path):
    with pytest.warns(UserWarning, match="templates --map"):
        read_templates(write_mrc(np.stack([comma()] * SIDE), tmp_path / "cube.mrc", 2.0))


def test_templates_of_picks_find_the_particles_they_were_made_of(tmp_path):
    """The command: pick by hand, average, pick with the averages."""
    rng = np.random.default_rng(3)
    places = [(y, x) for y in range(50, 560, 62) for x in range(50, 560, 62)]
    image = scene(places, rng.uniform(-180, 180, len(places)), (600, 600), noise=0.4)
    write_mrc(image, tmp_path / "m.mrc", 2.0)
    write_picks(Picks(Frame("m.mrc", image.shape, 2.0), np.array(places[:40])), tmp_path / "m.star")
    out = tmp_path / "averages.mrc"
    asked = ["templates", tmp_path / "m.mrc", "--coordinates", tmp_path / "m.star", "--diameter", 50, "--count", 2]
    done = CliRunner().invoke(app, [str(word) for word in (*asked, "--out", out)])
    assert done.exit_code == 0, done.output
    assert "averages of" in done.output
    picks = picker(out).pick(read_micrograph(tmp_path / "m.mrc"))
    best = picks.yx[np.argsort(-picks.score)[: len(places)]]
    assert (cKDTree(best).query(places)[0] < 6).mean() > 0.95


def test_templates_of_a_map_are_its_projections(tmp_path):
    """A map of two unequal balls: dark, as long as the map's particle, the same views for the same call."""
    z, y, x = np.indices((32, 32, 32)) - 16
    density = np.exp(-((x - 6) ** 2 + y**2 + z**2) / 18) + 0.6 * np.exp(-((x + 6) ** 2 + y**2 + z**2) / 18)
    write_mrc(density, tmp_path / "map.mrc", 3.0)
    settings = TemplateSetSettings(count=6)
    one = jobs.templates_of_structure(tmp_path / "map.mrc", settings, tmp_path / "one.mrc")
    two = jobs.templates_of_structure(tmp_path / "map.mrc", settings, tmp_path / "two.mrc")
    assert one.path.read_bytes() == two.path.read_bytes()
    made = read_templates(one.path)
    assert made.images.shape[0] == one.count == 6
    assert np.allclose(made.images.sum(axis=(1, 2)), made.images[0].sum(), rtol=0.05), "all views have the same mass"
    assert made.images.min() < 0 < -made.images.sum()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picker(one.path, diameter=made.extent / 1.6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "of micrographs and their picks, or of a map"),
        (["--map", "gone.mrc"], "gone.mrc"),
        (["m.mrc", "--map", "map.mrc"], "or of a map"),
        (["m.mrc"], "or of a map"),
        (["--map", "map.mrc", "--out", f"{__file__}/new/t.mrc"], "is a file"),
    ],
)
def test_what_templates_cannot_be_made_of_is_told_in_one_line(arguments, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["templates", *arguments])
    assert message in capsys.readouterr().err


def test_too_few_picks_make_no_average(tmp_path, micrograph):
    write_mrc(micrograph.image, tmp_path / "m.mrc", 2.0)
    write_picks(Picks(Frame("m.mrc", micrograph.image.shape, 2.0), np.array(PLACES[:5])), tmp_path / "m.star")
    fields = jobs.labelled_in_files([str(tmp_path / "m.mrc")], [tmp_path / "m.star"])
    with pytest.raises(UserError, match="too few"):
        drained(jobs.templates_of_picks(fields, TemplateSetSettings(diameter=48), tmp_path / "a.mrc"))
    with pytest.raises(UserError, match="diameter"):
        drained(jobs.templates_of_picks(fields, TemplateSetSettings(), tmp_path / "a.mrc"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_graphics_card_finds_what_the_processor_finds(stack, micrograph):
    here, there = (load_picker("template", diameter=48, templates=stack, device=d) for d in ("cpu", "cuda"))
    assert np.allclose(here.score(micrograph).values, there.score(micrograph).values, atol=1e-3)


@pytest.mark.skipif(shutil.which("relion_autopick") is None, reason="RELION is not installed")
def test_relion_finds_the_same_places_at_the_same_angles(tmp_path):
    image = scene(PLACES, ANGLES, noise=0.25)
    write_mrc(image, tmp_path / "m.mrc", 2.0)
    write_mrc(comma(40)[None], tmp_path / "t.mrcs", 2.0)
    command = "relion_autopick --i m.mrc --odir ./ --pickname ref --ref t.mrcs --angpix 2 --angpix_ref 2 --ang 10"
    command += " --particle_diameter 60 --threshold 0.1 --min_distance 40 --shrink 1 --lowpass 12"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True, timeout=120)
    theirs = read_picks(tmp_path / "m_ref.star")[0]
    ours = picker(tmp_path / "t.mrcs", threshold=0).pick(Micrograph.from_array(image, 2.0))
    near, i = cKDTree(theirs.yx).query(PLACES)
    own, k = cKDTree(ours.yx).query(PLACES)
    assert near.max() < 3
    assert own.max() < 3
    turn = (theirs.psi[i] - ours.psi[k] + 180) % 360 - 180
    assert np.abs(turn).max() <= 10
