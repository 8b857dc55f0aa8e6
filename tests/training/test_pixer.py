"""Training PIXER: masks, crops and patches, both networks, and what is refused."""

import numpy as np
import pytest
import torch
import yaml
from scipy import ndimage

from napari_drpnet import UserError, jobs, read_micrograph
from napari_drpnet.cli import main
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.io.weights import WeightsCard, read_weights, write_weights
from napari_drpnet.networks import PixerSegmenter, PixerSorter, build, with_tensors
from napari_drpnet.settings import PixerTrainSettings, SimulationSettings, TrainingSet
from napari_drpnet.training.commands import TRAINING
from napari_drpnet.training.detector import regression_loss
from napari_drpnet.training.example import Example
from napari_drpnet.training.masks import (
    CONTAMINATION,
    PARTICLE,
    MaskCrops,
    Masked,
    cores,
    load_masks,
    masked_halves,
    pixel_iou,
)
from napari_drpnet.training.pixer import Beginning, mean_iou, sorting_loss
from napari_drpnet.training.sets import load_examples
from napari_drpnet.training.sorting import places, sorter_patches

CPU = torch.device("cpu")


def example(image, yx):
    return Example(image.astype(np.float16), np.array(yx, float).reshape(-1, 2), 0.0, 1.0, "made up")


def recipe():
    return PixerTrainSettings(training=[{"micrographs": "unused"}], scale_jitter=0.1)


@pytest.fixture
def painted():
    """Two discs that touch, and a bar of contamination."""
    y, x = np.indices((128, 160))
    mask = np.where(np.hypot(y - 60, x - 50) < 16, PARTICLE, 0) | np.where(np.hypot(y - 60, x - 80) < 16, PARTICLE, 0)
    mask[:, 130:] = CONTAMINATION
    noise = np.random.default_rng(0).normal(0, 0.1, mask.shape)
    image = noise - 0.7 * (mask == PARTICLE) + 0.7 * (mask == CONTAMINATION)
    return Masked(example(image, [(60, 50), (60, 80)]), np.uint8(mask))


def test_cores_of_particles_that_touch_stay_apart(painted):
    assert ndimage.label(cores(painted, 100) > 0)[1] == 1
    apart, n = ndimage.label(cores(painted, 10) > 0)
    assert n == 2
    assert np.allclose(ndimage.center_of_mass(apart > 0, apart, [1, 2]), painted.example.yx, atol=0.1)


def test_an_image_without_particles_has_no_cores():
    empty = Masked(example(np.zeros((20, 30)), []), np.zeros((20, 30), np.uint8))
    assert not cores(empty, 5).any()


def test_crops_and_masks_are_turned_together(painted):
    crops = MaskCrops([painted], 32, 96, 4, 0.2, "robust", CPU)
    looks, targets, known = crops.batch(6, 0, np.random.default_rng(3)).tensors
    assert looks.shape == (6, 1, 96, 96)
    assert targets.shape == known.shape == (6, 1, 24, 24)
    for image, target in zip(looks[:, 0].numpy(), targets[:, 0].numpy(), strict=True):
        grey = image.reshape(24, 4, 24, 4).mean((1, 3))
        if (target > 0.99).sum() > 20:
            assert grey[target > 0.99].mean() < grey[target == 0].mean() - 0.1


def test_places_of_each_class_are_what_they_say(painted):
    particle, dirt, clean = places(painted, 32, np.random.default_rng(0))
    assert np.array_equal(particle, painted.example.yx)
    assert (dirt[:, 1] >= 130).all() if len(dirt) else True
    at = np.rint(clean).astype(int)
    assert len(clean) > 10
    assert (painted.mask[tuple(at.T)] != CONTAMINATION).all()
    apart = np.hypot(*np.moveaxis(clean[:, None] - particle[None], -1, 0)).min(1)
    assert apart.min() > 16
    assert (apart < 32).any()


def test_a_set_without_contamination_is_refused(painted):
    clean = Masked(painted.example, np.uint8(np.where(painted.mask == PARTICLE, PARTICLE, 0)))
    with pytest.raises(UserError, match="no contamination"):
        sorter_patches([clean], recipe(), CPU, np.random.default_rng(0))


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")
    simulation = SimulationSettings(
        count=2,
        size=320,
        diameter_px=(30, 36),
        views=10,
        coverage=(0.3, 0.4),
        empty=0,
        contamination=1,
        seed=7,
        masks=True,
    )
    jobs.finish(jobs.simulate(simulation, folder))
    return folder


@pytest.fixture(scope="module")
def masked(simulated):
    return load_masks(load_examples([TrainingSet(micrographs=str(simulated))], 32, "robust"))


def test_masks_lie_on_their_particles(masked):
    for one in masked:
        assert one.mask.shape == one.example.image.shape
        at = np.rint(one.example.yx).astype(int)
        at = np.clip(at, 0, np.array(one.mask.shape) - 1)
        assert (one.mask[tuple(at.T)] == PARTICLE).mean() > 0.8


def test_halves_of_one_micrograph_are_its_sides(painted):
    moved = Masked(example(painted.example.image, [(60, 50), (60, 100)]), painted.mask)
    (learnt, tested), turned = masked_halves([moved])
    assert [one.example.yx.tolist() for one in learnt + tested] == [[[60, 50]], [[60, 20]]]
    assert np.array_equal(np.concatenate([learnt[0].mask, tested[0].mask], axis=1), painted.mask)
    assert turned[0] is tested
    one_sided = Masked(example(painted.example.image, [(60, 50), (60, 70)]), painted.mask)
    assert masked_halves([one_sided]) == []


def test_pixel_iou_is_of_whole_map_pixels():
    label = np.zeros((16, 18), np.float16)
    label[4:12, 4:12] = 1
    label[0, 0] = 1  # of the first map pixel a sixteenth
    found = np.zeros((4, 4), np.float32)
    found[1:3, 1:4] = 0.5
    assert pixel_iou(found, label, 4) == 4 / 6
    assert pixel_iou(found * 0, label, 4) == 0
    assert pixel_iou(found, label * 0, 4) is None


def test_a_network_that_knows_the_masks_has_an_iou_of_one(painted):
    """A segmenter in whose place the image itself is looked at: particles are dark."""

    class Dark(torch.nn.Module):
        stride, reach, beyond, multiple, floats, bounded = 4, 4, 4, 4, 1, True

        def forward(self, image):
            return torch.nn.functional.avg_pool2d((image < -0.35).float(), 4)

    empty = Masked(example(np.zeros((128, 160)), []), np.zeros((128, 160), np.uint8))
    assert mean_iou(Dark().eval(), [painted, empty], 1000) == 1
    assert mean_iou(Dark().eval(), [painted], 10) < 0.6
    assert mean_iou(Dark().eval(), [empty], 10) is None


def test_branches_are_kept_with_the_weights(tmp_path):
    image = torch.zeros(1, 1, 64, 64)
    sizes = set()
    for branches in range(1, 6):
        network = PixerSegmenter(branches).eval()
        assert len(network.branches) == branches
        assert network(image).shape == (1, 1, 16, 16)
        assert network.reach == 20 + 8 * branches
        sizes.add(sum(p.numel() for p in network.parameters()))
        card = WeightsCard(
            network="pixer segmenter", role="segmenter", diameter=32, calibration=(), options={"branches": branches}
        )
        path = write_weights(tmp_path / "pixer-segmenter.safetensors", card, network.state_dict())
        read, tensors = read_weights(str(path))
        again = with_tensors(read.network, read.options, tensors).eval()
        assert torch.equal(again(image), network(image))
    assert len(sizes) == 5
    with pytest.raises(UserError, match="no such size"):
        build("pixer segmenter", branches=6)


def test_a_segmenter_begins_from_the_trunk_of_a_sorter_that_is_kept(tmp_path):
    sets = (TrainingSet(micrographs=str(tmp_path)),)
    begun = Beginning.of(PixerTrainSettings(training=sets, sorter="pixer-sorter", branches=2))
    kept, trunk = read_weights("pixer-sorter")[1], begun.segmenter.trunk.state_dict()
    assert all(torch.equal(trunk[name], kept[f"trunk.{name}"]) for name in trunk)
    assert begun.cards[0] is None
    assert begun.cards[1].role == "sorter"
    both = Beginning.of(PixerTrainSettings(training=sets, start="pixer-segmenter", sorter="pixer-sorter"))
    own = read_weights("pixer-segmenter")[1]
    assert all(torch.equal(value, own[name]) for name, value in both.segmenter.state_dict().items())


def test_what_cannot_be_begun_from_is_refused(tmp_path):
    sets = {"training": (TrainingSet(micrographs=str(tmp_path)),), "device": "cpu"}
    for start, fields, why in (
        ("detector", {}, "does not tell which"),
        ("pixer-segmenter", {"branches": 2}, "have 4 branches"),
        ("pixer-segmenter.safetensors", {}, "no such weights"),
    ):
        settings = PixerTrainSettings(start=start, **sets, **fields)
        assert (settings.steps, settings.sorter_steps) == (200, 100)
        with pytest.raises(UserError, match=why):
            jobs.finish(jobs.train(TRAINING["train-pixer"], settings, tmp_path))


@pytest.mark.parametrize("network", ["segmenter", "sorter"])
def test_a_few_steps_lower_the_loss(network, masked):
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    if network == "segmenter":
        model, loss = PixerSegmenter(), regression_loss
        batch = MaskCrops(masked, 32, 64, 4, 0.1, "robust", CPU).batch(4, 1, rng).tensors
    else:
        model, loss = PixerSorter(), sorting_loss
        batch = sorter_patches(masked, recipe(), CPU, rng).batch(12, 1, rng).tensors
    optimiser = torch.optim.AdamW(model.parameters(), 3e-3)
    before = loss(model, batch).item()
    for _ in range(10):
        optimiser.zero_grad()
        loss(model, batch).backward()
        optimiser.step()
    assert loss(model, batch).item() < 0.7 * before


@pytest.mark.slow
def test_both_networks_from_the_command_line(simulated, tmp_path, capfd):
    recipe = tmp_path / "sets.yaml"
    fields = {"batch": 2, "crop": 64, "sorter_batch": 6, "steps": 4, "sorter_steps": 2, "check_every": 2}
    recipe.write_text(yaml.safe_dump({"training": [{"micrographs": str(simulated)}], "device": "cpu", **fields}))
    call("train-pixer", "--settings", str(recipe), "--out", str(tmp_path / "n"), "--sorter-steps", "3")
    told = capfd.readouterr()
    assert "7/7: loss" in told.err
    names = {f"pixer-{kind}{suffix}" for kind in ("segmenter", "sorter") for suffix in (".safetensors", ".tsv", ".png")}
    assert {path.name for path in (tmp_path / "n").iterdir()} == names
    cards = [read_weights(str(tmp_path / "n" / f"pixer-{kind}.safetensors"))[0] for kind in ("segmenter", "sorter")]
    assert [card.role for card in cards] == ["segmenter", "sorter"]
    assert [len(card.calibration) for card in cards] == [4, 2]
    assert cards[1].detector == "pixer-segmenter"
    (micrograph, *_) = sorted(simulated.glob("*.mrc"))
    own = [f"--option={kind}={tmp_path / 'n' / f'pixer-{kind}.safetensors'}" for kind in ("segmenter", "sorter")]
    call("pick", str(micrograph), "--picker", "pixer", "--diameter", "200", *own, "--out", str(tmp_path / "picks"))
    assert (tmp_path / "picks" / f"{micrograph.stem}_autopick.star").exists()


@pytest.mark.slow
def test_fine_tuning_from_masks_without_contamination(simulated, tmp_path, capfd, monkeypatch):
    """As those of real micrographs: the classification network stays, the other is tested on the other half."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "masks").mkdir()
    for mask in (simulated / "masks").glob("*.mrc"):
        stem = mask.stem
        for suffix in (".mrc", ".star"):
            (tmp_path / (stem + suffix)).symlink_to(simulated / (stem + suffix))
        labels = np.where(read_micrograph(mask).image == PARTICLE, PARTICLE, 0)
        write_mrc(labels.astype(np.uint8), tmp_path / "masks" / mask.name, 1.0)
    recipe = tmp_path / "sets.yaml"
    sets = [{"micrographs": str(tmp_path)}]
    recipe.write_text(yaml.safe_dump({"training": sets, "device": "cpu", "crop": 64, "branches": 4, "core": 1}))
    call("train-pixer", "--settings", str(recipe), "--start", "pixer-segmenter", "--steps", "3", "--batch", "2")
    told = capfd.readouterr()
    assert "classification network stays as it is" in told.err
    assert "on each half of the micrographs" in told.out
    (old, before), (new, after) = (read_weights(name) for name in ("pixer-sorter", "pixer-sorter.safetensors"))
    assert all(torch.equal(before[name], after[name]) for name in before)
    card, tensors = read_weights("pixer-segmenter.safetensors")
    assert (card.start, card.options) == ("pixer-segmenter", {"branches": 4})
    assert new == old
    name = "branches.0.1.weight"
    assert not torch.equal(tensors[name], read_weights("pixer-segmenter")[1][name])


def test_micrographs_without_masks_are_refused(simulated, tmp_path):
    (micrograph, *_) = sorted(simulated.glob("*.mrc"))
    for file in (micrograph, micrograph.with_suffix(".star")):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    settings = PixerTrainSettings(training=(TrainingSet(micrographs=str(tmp_path)),), device="cpu")
    with pytest.warns(UserWarning, match="only micrograph"), pytest.raises(UserError, match="no mask"):
        jobs.finish(jobs.train(TRAINING["train-pixer"], settings, tmp_path))
    (tmp_path / "masks").mkdir()
    write_mrc(np.zeros((100, 100), np.float32), tmp_path / "masks" / micrograph.name, 1.0)
    with pytest.warns(UserWarning, match="only micrograph"), pytest.raises(UserError, match="size of its micrograph"):
        jobs.finish(jobs.train(TRAINING["train-pixer"], settings, tmp_path))


def call(*arguments):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code in (0, None)
