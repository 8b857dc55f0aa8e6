"""Training: targets where the particles are, honest calibration, the same weights from the same seed."""

import math
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from scipy.special import expit

from crowded import RADIUS, crowded
from napari_drpnet import jobs
from napari_drpnet.cli import main
from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.evaluation import evaluate
from napari_drpnet.evaluation.reliability import calibration_error
from napari_drpnet.io.checkpoints import checkpoint_path
from napari_drpnet.io.weights import WeightsCard, read_weights
from napari_drpnet.networks import build
from napari_drpnet.settings import SimulationSettings, TrainingSet, TrainSettings
from napari_drpnet.training.calibration import fit_logistic, greedy_hits
from napari_drpnet.training.classifier import some_of
from napari_drpnet.training.datasets import Centred, Crops
from napari_drpnet.training.detections import Detections, assessed
from napari_drpnet.training.detector import regression_loss
from napari_drpnet.training.example import Example
from napari_drpnet.training.pool import Pool
from napari_drpnet.training.run import Evidence, bring, calibrate, conclude, leave, scorer
from napari_drpnet.training.sets import load_examples
from napari_drpnet.training.targets import cones, distances
from napari_drpnet.training_loop.fit import Fitted, Step, fit

CPU = torch.device("cpu")
SIMULATED = {"size": 320, "diameter_px": (30, 36), "views": 10, "coverage": (0.3, 0.4), "empty": 0, "broken": (0, 0)}


def random_crops(examples, side, label, jitter, stride=1, grey="robust"):
    reach = 28 * label
    return Crops(Pool(examples, CPU), partial(cones, radius=reach), side, stride, jitter, grey, reach)


@pytest.mark.parametrize("grey", ["robust", "percentiles"])
def test_crops_and_targets_are_turned_together(grey):
    """A dark disc is at the top of its target, in every orientation, flip and scale, whatever its looks."""
    rows, columns = np.indices((200, 200))
    yx = np.array([[70.0, 80.0], [130.0, 120.0]])
    image = np.random.default_rng(1).normal(0, 0.05, (200, 200)).astype(np.float16)
    for y, x in yx:
        image[np.hypot(rows - y, columns - x) < 6] = -0.5
    crops = random_crops([Example(image, yx, 0, 1.0)], 96, 0.3, 0.25, grey=grey)
    images, targets, known = crops.batch(24, 1, np.random.default_rng(0)).tensors
    assert (known == 1).float().mean() > 0.9
    inside = targets > 0.6
    assert inside.any()
    assert images[inside].mean() < images[targets == 0].mean() - 0.25


def test_the_unlabelled_border_has_no_weight():
    example = Example(np.zeros((100, 100), np.float16), np.empty((0, 2)), 30, 1.0)
    crops = random_crops([example], 96, 0.3, 0.0)
    known = crops.batch(4, 1, np.random.default_rng(0)).tensors[2]
    assert known.mean().item() == pytest.approx((39 / 96) ** 2, rel=0.15)


def test_the_better_candidate_takes_the_particle_and_the_second_is_a_miss():
    yx = np.array([[10.0, 10], [12, 10], [50, 50]])
    hit = greedy_hits(yx, np.array([0.5, 0.9, 0.8]), np.array([[10.0, 10]]), 5)
    assert hit.tolist() == [False, True, False]


def test_where_particles_are_close_f1_counts_the_best_assignment(tmp_path):
    yx, score, particles = crowded()
    example = Example(np.zeros((100, 100), np.float16), particles, 0, 1.0)
    found = assessed(example, yx, score, [score], 2 * RADIUS)
    assert found.hit.tolist() == [True, False]  # a calibration takes the better one only
    evidence = Evidence([found], "these")
    assert evidence.best_f1((1.0, 0.0)) == 1
    assert scorer(lambda *_: [found], [example], 1)(None) == 1
    network = build("unet")
    card = WeightsCard(network="unet", role="detector", diameter=2 * RADIUS, calibration=(1.0, 0.0))
    report = conclude(tmp_path / "d.safetensors", card, Fitted(network, [Step(1, 1, 0.5, 0.1)]), evidence)
    assert (report.f1, report.f1_at_half) == (1, 1)


def test_beside_weights_lies_nothing_that_tells_of_others(tmp_path, monkeypatch):
    out, made = tmp_path / "d.safetensors", tmp_path / "new" / "d.safetensors"
    card = WeightsCard(network="unet", role="detector", diameter=32, calibration=(1.0, 0.0))
    said = card, Fitted(build("unet"), [Step(1, 1, 0.5, 0.1)]), np.array([0.5]), np.array([True])
    leave(out, *said)
    leave(made, *said)
    assert sorted(file.suffix for file in tmp_path.glob("d.*")) == [".png", ".safetensors", ".tsv"]
    (tmp_path / "new" / "d.tsv").unlink()  # what is not there cannot be moved
    with pytest.raises(UserError, match="cannot be written"):
        bring(made, out)
    assert [file.suffix for file in tmp_path.glob("d.*")] == [".safetensors"]
    leave(out, *said)

    def end(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("napari_drpnet.training.run.draw_training", end)
    with pytest.raises(KeyboardInterrupt):
        leave(out, *said)
    assert sorted(file.suffix for file in tmp_path.glob("d.*")) == [".safetensors", ".tsv"]


def test_f1_of_candidates_is_that_of_an_evaluation():
    """Also along the edges: a pair across the labelled border counts neither for nor against."""
    rng = np.random.default_rng(0)
    shape, border, radius = (300, 300), 30.0, 8.0
    particles, yx = rng.uniform(0, 299, (150, 2)), rng.uniform(0, 299, (400, 2))
    score = rng.random(400)
    example = Example(np.zeros(shape, np.float16), particles, border, 1.0)
    found = assessed(example, yx, score, [score], 2 * radius)
    frame = Frame("a", shape)
    truth, inside = Picks(frame, particles), Picks(frame, found.yx, score=found.peak)
    expected = evaluate([inside], [truth], 2 * radius, 1, edge=border)
    curve = Evidence([found]).curve((1.0, 0.0))
    assert curve.f1.tolist() == expected.curve.f1.tolist()
    assert curve.best[0] == expected.curve.best[0]
    some = expected.curve.threshold[50]
    counts = evaluate([inside.select(inside.score >= some)], [truth], 2 * radius, 1, edge=border).counts
    assert expected.curve.f1_at(some) == pytest.approx(counts.f1)
    assert expected.curve.f1_at(2) == 0


def test_calibration_recovers_the_probabilities_that_made_the_data():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 2, 40_000), rng.normal(0, 1, 40_000)
    hit = rng.random(40_000) < expit(0.7 * a + 1.5 * b - 0.4)
    found = fit_logistic([a, b], hit, np.ones(40_000))
    assert np.allclose(found, (0.7, 1.5, -0.4), atol=0.06)
    p = expit(found[0] * a + found[1] * b + found[2])
    assert calibration_error(p, hit) < 0.01
    assert calibration_error(np.sqrt(p), hit) > 0.1


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")
    simulation = SimulationSettings(count=3, seed=5, **SIMULATED)
    jobs.finish(jobs.simulate(simulation, folder))
    return folder


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    folder = tmp_path_factory.mktemp("others")
    simulation = SimulationSettings(count=1, seed=6, **SIMULATED)
    jobs.finish(jobs.simulate(simulation, folder))
    return folder


@pytest.mark.parametrize(("grey", "most"), [("robust", 0.25 * math.asinh(3000)), ("percentiles", 0.5)])
def test_a_simulation_is_read_back_at_network_scale(simulated, grey, most):
    examples = load_examples([TrainingSet(micrographs=str(simulated), weight=3)], 28, grey)
    assert len(examples) == 3
    assert sum(e.weight for e in examples) == pytest.approx(3)
    for example in examples:
        assert len(example.yx) > 3
        assert -most <= example.image.min() < -0.2 < 0.2 < example.image.max() <= most
        assert (example.yx < example.image.shape).all()


def _train(simulated, out, **changes):
    fields = {
        "training": (TrainingSet(micrographs=str(simulated)),),
        "steps": 4,
        "batch": 2,
        "crop": 64,
        "device": "cpu",
    }
    return jobs.finish(jobs.train_detector(TrainSettings(**fields | changes), out))


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(simulated, tmp_path):
    torch.set_num_threads(1)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        _train(simulated, tmp_path / f"{name}.safetensors", seed=seed)
    a, b, c = ((tmp_path / f"{n}.safetensors").read_bytes() for n in "abc")
    assert a == b
    assert a != c


@pytest.mark.parametrize("steps", [1, 2, 20])
def test_short_runs_are_runs(steps, simulated, tmp_path):
    assert _train(simulated, tmp_path / "short.safetensors", steps=steps, batch=1).steps == steps


@pytest.mark.slow
@pytest.mark.parametrize("name", ["unet", "fcrn"])
def test_a_network_can_learn_one_batch_by_heart(name, simulated):
    torch.manual_seed(0)
    network = build(name)
    sets = (TrainingSet(micrographs=str(simulated)),)
    examples = load_examples(sets, 28, "robust")
    batch = random_crops(examples, 64, 0.5, 0.1, network.stride).batch(2, 1, np.random.default_rng(0))
    recipe = TrainSettings(training=sets, steps=80, rate=3e-3, average=0.9, device="cpu", precision="full")
    steps = fit(network, lambda *_: batch, regression_loss, recipe, report_every=10)
    losses = []
    while True:
        try:
            losses.append(next(steps).loss)
        except StopIteration as end:
            trained = end.value.network
            break
    assert len(losses) == 8
    assert losses[-1] < losses[0]
    image, target, _ = batch.tensors
    with torch.inference_mode():
        agreement = np.corrcoef(trained(image).numpy().ravel(), target.numpy().ravel())[0, 1]
    assert agreement > 0.7


def test_a_killed_training_goes_on_to_the_same_file(simulated, others, tmp_path):
    fields = {"steps": 4, "batch": 2, "crop": 64, "device": "cpu", "check_every": 2}
    sets = {"training": [{"micrographs": str(simulated)}], "validation": [{"micrographs": str(others)}]}
    recipe = TrainSettings(**fields, **sets)
    whole, killed = tmp_path / "whole.safetensors", tmp_path / "killed.safetensors"
    jobs.finish(jobs.train_detector(recipe, whole))
    job = jobs.train_detector(recipe, killed)
    assert next(step for step in job if step.done).done == 2
    job.close()
    assert checkpoint_path(killed).exists()
    with pytest.raises(UserError, match=r"another run \(seed differ"):
        jobs.finish(jobs.train_detector(recipe.model_copy(update={"seed": 1}), killed))
    jobs.finish(jobs.train_detector(recipe, killed))
    assert killed.read_bytes() == whole.read_bytes()
    assert killed.with_suffix(".tsv").read_text() == whole.with_suffix(".tsv").read_text()
    assert not checkpoint_path(killed).exists()


@pytest.mark.slow
def test_two_processes_make_one_file(simulated, others, tmp_path):
    recipe = tmp_path / "sets.yaml"
    sets = {"training": [{"micrographs": str(simulated)}], "validation": [{"micrographs": str(others)}]}
    recipe.write_text(yaml.safe_dump({**sets, "batch": 2, "crop": 64, "steps": 2, "device": "cpu"}))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    program = ["-m", "napari_drpnet.cli", "train-detector", "--settings", str(recipe)]
    out = tmp_path / "out" / "d.safetensors"
    done = subprocess.run(
        [*torchrun, *program, "--out", str(out)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert sorted(path.name for path in out.parent.iterdir()) == ["d.png", "d.safetensors", "d.tsv"]
    assert done.stdout.count("weights:") == 1
    assert done.stderr.count("2/2: loss") == 1


@pytest.mark.slow
def test_both_stages_from_the_command_line(simulated, others, tmp_path, capfd):
    recipe = tmp_path / "sets.yaml"
    sets = {"training": [{"micrographs": str(simulated)}], "validation": [{"micrographs": str(others)}]}
    recipe.write_text(yaml.safe_dump({**sets, "batch": 2, "crop": 64, "steps": 6, "check_every": 3, "device": "cpu"}))
    detector, classifier = str(tmp_path / "d.safetensors"), str(tmp_path / "c.safetensors")
    _call("train-detector", "--settings", str(recipe), "--out", detector)
    _call("train-classifier", "--settings", str(recipe), "--detector", detector, "--out", classifier, "--steps", "4")
    told = capfd.readouterr()
    assert "\nreading what to learn from\ncandidates on 0 of " in told.err
    assert "6/6: loss" in told.err
    assert "on the validation sets" in told.out
    card, tensors = read_weights(classifier)
    assert (card.role, card.detector, len(card.calibration)) == ("classifier", "d", 5)
    build(card.network).load_state_dict(tensors)
    log = (tmp_path / "d.tsv").read_text().splitlines()
    assert log[0].split("\t") == ["step", "loss", "rate", "validation_f1"]
    assert [line.split("\t")[0] for line in log[1:]] == ["3", "6"]
    with Image.open(tmp_path / "d.png") as plot:
        assert plot.size == (1260, 420)
    assert not list(tmp_path.glob("*.checkpoint"))
    (micrograph, *_) = sorted(simulated.glob("*.mrc"))
    options = tmp_path / "run.yaml"
    options.write_text(yaml.safe_dump({"options": {"detector": detector, "classifier": classifier}}))
    _call("pick", str(micrograph), "--diameter", "200", "--settings", str(options), "--out", str(tmp_path / "picks"))
    assert (tmp_path / "picks" / f"{micrograph.stem}_autopick.star").exists()


def test_a_detector_that_finds_nothing_says_to_train_longer():
    nothing = Detections(
        Example(np.zeros((64, 64), np.float16), np.empty((0, 2)), 0, 1.0), *[np.empty(0)] * 4, [np.empty(0)], 28.0
    )
    evidence = Evidence([nothing])
    with pytest.raises(UserError, match="more steps"):
        calibrate(evidence)
    assert calibrate(evidence, (1.0, 0.5)) == (1.0, 0.5)
    assert evidence.best_f1((1.0, 0.5)) == 0.0


def test_a_classifier_looks_at_no_more_micrographs_than_it_can_use():
    """Rare micrographs that count for much are all kept, and each kind keeps its part of the patches."""
    kinds = {"common": (4000, 0.6), "rare": (5, 0.4)}
    image = np.zeros((8, 8), np.float16)
    examples = [
        Example(image, np.empty((0, 2)), 0, share / count, kind)
        for kind, (count, share) in kinds.items()
        for _ in range(count)
    ]
    kept = some_of(examples, 1000, seed=3)
    weight = {kind: sum(example.weight for example in kept if example.name == kind) for kind in kinds}
    assert sum(example.name == "rare" for example in kept) == 5
    assert 500 < len(kept) < 700
    assert weight["rare"] / sum(weight.values()) == pytest.approx(0.4, abs=0.03)
    assert some_of(examples[:1000], 1000, seed=3) == examples[:1000]


def test_the_classifier_works_at_the_scale_of_its_detector(simulated, tmp_path):
    detector = tmp_path / "d.safetensors"
    _train(simulated, detector, diameter=24)
    recipe = TrainSettings(training=(TrainingSet(micrographs=str(simulated)),), steps=2, batch=2, device="cpu")
    assert recipe.diameter != 24
    jobs.finish(jobs.train_classifier(recipe, str(detector), tmp_path / "c.safetensors"))
    assert read_weights(str(tmp_path / "c.safetensors"))[0].diameter == 24


def _call(*arguments):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code in (0, None)


def test_an_epoch_of_centred_crops_shows_every_particle_once():
    yx = [np.random.default_rng(i).uniform(0, 200, (n, 2)) for i, n in enumerate((7, 6))]
    examples = [Example(np.zeros((200, 200), np.float16), at, 0, 1.0, str(i)) for i, at in enumerate(yx)]
    drawn = _drawn(Centred(examples, 0), 2, 13)
    assert set(drawn[:13]) == set(drawn[13:]) == {(i, *at) for i in (0, 1) for at in yx[i].tolist()}
    assert drawn[:13] != drawn[13:]
    shared = [_drawn(Centred(examples, 0, rank, 2), 1, 13) for rank in (0, 1)]
    assert [place for both in zip(*shared, strict=True) for place in both] == drawn, "two processes share the epoch"


def _drawn(centred, n, steps):
    places = [centred.places(n, step) for step in range(1, steps + 1)]
    return [(int(i), *at) for of, yx in places for i, at in zip(of, yx.tolist(), strict=True)]


def test_a_crop_that_is_not_augmented_shows_its_particle_as_it_is():
    image = np.random.default_rng(0).random((100, 100)).astype(np.float16)
    example = Example(image, np.array([[40.5, 50.5]]), 0, 1.0)
    target = partial(distances, radius=10)
    crops = Crops(Pool([example], CPU), target, 64, 1, None, "robust", 10, Centred([example], 0))
    images, targets, _ = crops.batch(1, 1, np.random.default_rng(0)).tensors
    assert np.allclose(images[0, 0], image[9:73, 19:83], atol=1e-3)
    assert np.unravel_index(int(targets.argmax()), (64, 64)) in {(31, 31), (31, 32), (32, 31), (32, 32)}


def test_the_paper_is_a_recipe(simulated, others, tmp_path):
    """Distances in pixels, centred crops, Adam at one rate, and as many steps as the epochs ask for; then stage 2."""
    sets = {"training": [{"micrographs": str(simulated)}], "validation": [{"micrographs": str(others)}]}
    recipe = yaml.safe_load((Path(__file__).parents[2] / "training" / "drpnet-paper.yaml").read_text())
    recipe = TrainSettings(**recipe | sets | {"epochs": 2, "batch": 8, "device": "cpu"})
    particles = sum(len(example.yx) for example in load_examples(recipe.training, 36, recipe.grey))
    detector = tmp_path / "d.safetensors"
    assert jobs.finish(jobs.train_detector(recipe, detector)).steps == math.ceil(2 * particles / 8)
    assert detector.with_suffix(".tsv").read_text().splitlines()[1].split("\t")[2] == "0.001"
    card, tensors = read_weights(str(detector))
    network = build("fcrn")
    network.load_state_dict(tensors)
    image = torch.from_numpy(load_examples(recipe.validation, 36, recipe.grey)[0].image.astype(np.float32))[None, None]
    with torch.inference_mode():
        assert network(image).max() > 3  # pixels; a cone is 1 at most
    second = recipe.model_copy(update={"epochs": 1, "rate": 5e-5})
    assert jobs.finish(jobs.train_classifier(second, str(detector), tmp_path / "c.safetensors")).steps > 5
    assert card.diameter == 36


def test_a_distance_is_refused_by_a_network_that_ends_at_1(simulated, tmp_path):
    with pytest.raises(UserError, match="gives numbers from 0 to 1"):
        _train(simulated, tmp_path / "d.safetensors", label_kind="distance")
