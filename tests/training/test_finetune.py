"""Fine-tuning on a few micrographs: parts that do not overlap, and a calibration that does not jump to conclusions."""

import numpy as np
import pytest
import torch
from scipy.special import expit

from napari_drpnet import jobs, load_picker, read_micrograph
from napari_drpnet.errors import UserError
from napari_drpnet.io.weights import WeightsCard, read_weights, write_weights
from napari_drpnet.networks import build
from napari_drpnet.settings import FINE_TUNING, SimulationSettings, TrainSettings
from napari_drpnet.training.example import Example
from napari_drpnet.training.finetune import example_halves, recalibrate

EARLIER = (1.5, 0.3, -0.4)


def _example(yx, side=100, name=""):
    return Example(np.zeros((side, side), np.float16), np.array(yx, float).reshape(-1, 2), 0.0, 1.0, name)


def test_one_micrograph_is_tested_side_by_side():
    yx = [[10, 20], [30, 80], [50, 51]]
    (left, right), (again, _) = example_halves([_example(yx)])
    assert left[0].yx.tolist() == [[10, 20]]
    assert right[0].yx.tolist() == [[30, 30], [50, 1]]
    assert left[0].image.shape == right[0].image.shape == (100, 50)
    assert again is right


def test_several_micrographs_are_tested_by_turns():
    examples = [_example([[5, 5]], name=name) for name in "abc"]
    (one, other), _ = example_halves(examples)
    assert [e.name for e in one] == ["a", "c"]
    assert [e.name for e in other] == ["b"]


def test_there_are_no_parts_where_one_would_be_without_particles():
    assert example_halves([_example([[10, 20]])]) == []
    assert example_halves([_example([[10, 20]]), _example([])]) == []
    assert example_halves([]) == []


def _candidates(n, shift, seed=0):
    rng = np.random.default_rng(seed)
    terms = [rng.normal(0, 2, n), np.full(n, rng.normal())]
    margin = EARLIER[0] * terms[0] + EARLIER[1] * terms[1] + EARLIER[2]
    return terms, rng.random(n) < expit(margin + shift)


def _probability(calibration, terms):
    *slopes, offset = calibration
    return expit(sum(s * t for s, t in zip(slopes, terms, strict=True)) + offset)


def test_many_candidates_correct_a_calibration_that_is_off():
    terms, hit = _candidates(3000, 1.5)
    p = _probability(recalibrate(EARLIER, terms, hit, np.ones(3000)), terms)
    before = _probability(EARLIER, terms)
    assert abs(p.mean() - hit.mean()) < 0.01 < 0.1 < abs(before.mean() - hit.mean())


def test_a_handful_of_candidates_hardly_moves_the_calibration():
    terms, _ = _candidates(4, 0)
    found = recalibrate(EARLIER, terms, np.ones(4, bool), np.ones(4))
    assert np.abs(_probability(found, terms) - _probability(EARLIER, terms)).max() < 0.15


def test_particles_only_do_not_make_certain():
    terms, _ = _candidates(200, 0)
    found = recalibrate(EARLIER, terms, np.ones(200, bool), np.ones(200))
    assert np.isfinite(found).all()
    assert found[0] > 0


def test_fine_tuning_has_defaults_of_its_own():
    sets = [{"micrographs": "a"}]
    tuned = TrainSettings(training=sets, start="detector", steps=7)
    assert tuned.steps == 7
    assert tuned.rate == FINE_TUNING["rate"] < TrainSettings(training=sets).rate


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labelled")
    simulation = SimulationSettings(count=1, size=320, diameter_px=(30, 36), coverage=(0.3, 0.4), empty=0, seed=5)
    jobs.finish(jobs.simulate(simulation, folder))
    return folder


def _settings(folder, **changes):
    fields = {"steps": 3, "batch": 2, "crop": 64, "device": "cpu", **changes}
    return jobs.make_train_settings(TrainSettings, fields, {"micrographs": str(folder)})


def test_one_labelled_micrograph_makes_a_detector_of_its_own(labelled, tmp_path):
    out = tmp_path / "mine.safetensors"
    with pytest.warns(UserWarning, match="only micrograph"):
        report = jobs.finish(jobs.train_detector(_settings(labelled, start="detector"), out))
    assert report.judged_on.startswith("each half")
    assert 0.3 < report.f1 <= 1
    card, tensors = read_weights(str(out))
    shipped, before = read_weights("detector")
    assert (card.start, card.network, card.diameter) == ("detector", shipped.network, shipped.diameter)
    assert any(not torch.equal(tensors[key], before[key]) for key in before)
    (path,) = labelled.glob("*.mrc")
    micrograph = read_micrograph(path)
    picker = load_picker("drpnet", diameter=33 * micrograph.frame.pixel_size, detector=str(out))
    assert picker.picker.calibration == report.calibration
    assert len(picker.pick(micrograph)) > 0
    with pytest.raises(UserError, match="not trained for the detector"):
        load_picker("drpnet", diameter=180, detector=str(out), classifier="classifier")


def test_a_start_of_another_stage_network_or_version_is_refused(labelled, tmp_path):
    with pytest.raises(UserError, match="are a classifier, not a detector"):
        jobs.finish(jobs.train_detector(_settings(labelled, start="classifier"), tmp_path / "a.safetensors"))
    with pytest.raises(UserError, match="network unet, not fcrn"):
        jobs.finish(
            jobs.train_detector(_settings(labelled, start="detector", network="fcrn"), tmp_path / "a.safetensors")
        )
    older = tmp_path / "older.safetensors"
    tensors = {key: value for key, value in build("unet").state_dict().items() if not key.startswith("head")}
    write_weights(older, WeightsCard(network="unet", role="detector", diameter=32, calibration=EARLIER), tensors)
    with pytest.raises(UserError, match=r"cannot be used\. The tensors do not fit the network unet"):
        jobs.finish(jobs.train_detector(_settings(labelled, start=str(older)), tmp_path / "a.safetensors"))


def test_where_nothing_can_be_written_is_told_before_anything_is_learnt(labelled, tmp_path):
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "a.safetensors"
    steps = jobs.train_detector(_settings(labelled, start="detector"), out)
    with pytest.raises(UserError, match="cannot be written: file is a file"):
        next(steps)
    (tmp_path / "sets.yaml").write_text("sets: {}\n")
    with pytest.raises(UserError, match="cannot be written: file is a file"):
        jobs.finish(jobs.prepare(tmp_path / "sets.yaml", out))


def test_options_of_a_set_need_its_micrographs():
    with pytest.raises(UserError, match="--pixel-size without --micrographs"):
        jobs.make_train_settings(TrainSettings, {}, {"pixel_size": 2.0})
    with pytest.raises(UserError, match="nothing to learn from"):
        jobs.make_train_settings(TrainSettings, {})


def test_a_recipe_with_a_misspelt_name_is_refused(tmp_path):
    recipe = tmp_path / "sets.yaml"
    recipe.write_text("trainning: []\ntraining: [{micrographs: a}]\n")
    with pytest.raises(UserError, match="trainning"):
        jobs.make_train_settings(TrainSettings, {}, file=recipe)
