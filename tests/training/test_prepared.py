"""Sets made ready once: by any number of processes, written and read back, and refused where they do not fit."""

import os
from dataclasses import replace
from functools import partial

import mrcfile
import numpy as np
import pytest
import yaml

from napari_drpnet.cli import main
from napari_drpnet.errors import UserError
from napari_drpnet.io.weights import read_weights
from napari_drpnet.jobs import finish, prepare, simulate, train_detector
from napari_drpnet.settings import PreparedSet, SimulatedSet, SimulationSettings, TrainingSet, TrainSettings
from napari_drpnet.steps import drained
from napari_drpnet.training.example import Example
from napari_drpnet.training.making import Maker, made
from napari_drpnet.training.masks import load_masks
from napari_drpnet.training.prepared import read_prepared, write_prepared
from napari_drpnet.training.sets import examples_of, load_examples, makers

SIMULATE = {"size": 256, "diameter_px": (30, 34), "views": 4, "coverage": (0.2, 0.3), "empty": 0, "count": 2}
SIMULATE["broken"] = (0, 0)  # those take longest


def _example(seed=0, shape=(40, 50), n=3, structure="", masked=False, pixels=""):
    rng = np.random.default_rng(seed)
    image, yx = rng.standard_normal(shape).astype(np.float16), rng.uniform(0, 40, (n, 2)).astype(np.float32)
    mask = rng.integers(0, 3, shape).astype(np.uint8) if masked else None
    return Example(image, yx.astype(float), 2.0 * seed, 1.0, f"m{seed}", pixels, 0.5 + seed, structure, mask)


def _read(path, diameter=32.0, grey="robust", weight=1.0):
    return list(read_prepared(PreparedSet(prepared=path, weight=weight), diameter, grey))


@pytest.mark.parametrize("masked", [True, False])
def test_what_is_written_is_read_back(tmp_path, masked):
    shapes, numbers = [(40, 50), (64, 30), (25, 25)], [3, 0, 7]
    examples = [
        _example(i, shape, n, f"{i}.pdb", masked, f"p{i}")
        for i, (shape, n) in enumerate(zip(shapes, numbers, strict=True))
    ]
    path = tmp_path / "new" / "set.safetensors"
    write_prepared(path, examples, 32.0, "robust")
    found = _read(path, weight=6)
    assert [(e.name, e.pixels, e.structure, e.border, e.scale) for e in found] == [
        (e.name, e.pixels, e.structure, e.border, e.scale) for e in examples
    ]
    assert [e.weight for e in found] == [2, 2, 2]
    for one, read in zip(examples, found, strict=True):
        assert np.array_equal(read.image, one.image)
        assert np.array_equal(read.yx, one.yx)
        assert read.yx.shape == one.yx.shape
        assert read.mask is None if one.mask is None else np.array_equal(read.mask, one.mask)
    if masked:
        assert all(np.array_equal(m.mask, e.mask) for m, e in zip(load_masks(found), examples, strict=True))


def test_a_set_for_other_networks_or_that_is_none_is_refused(tmp_path):
    path = tmp_path / "set.safetensors"
    write_prepared(path, [_example()], 32.0, "robust")
    with pytest.raises(UserError, match="32 px and robust grey levels, not 28 px"):
        _read(path, diameter=28.0)
    with pytest.raises(UserError, match="not 32 px and percentiles"):
        _read(path, grey="percentiles")
    with pytest.raises(UserError, match="there is no such file"):
        _read(tmp_path / "gone.safetensors")
    whole = path.read_bytes()
    for i, damaged in enumerate((b"", whole[:40], whole[:-100], b"\x00" * 64, whole.replace(b"robust", b"rebust"))):
        other = tmp_path / f"{i}.safetensors"
        other.write_bytes(damaged)
        with pytest.raises(UserError, match=rf"{i}\.safetensors: not a file of prepared micrographs"):
            _read(other)


def _recipe(tmp_path, learnt, kept):
    for name, example in (("learnt", learnt), ("kept", kept)):
        write_prepared(tmp_path / f"{name}.safetensors", [example, replace(example, name="again")], 32.0, "robust")
    sets = {
        what: [{"prepared": tmp_path / f"{name}.safetensors"}]
        for what, name in (("training", "learnt"), ("validation", "kept"))
    }
    return TrainSettings(**sets)


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ({"structure": "/a/1abc.pdb.gz"}, {"structure": "/b/1abc.pdb.gz"}, r"1abc\.pdb\.gz is in a training set and"),
        ({"structure": "7"}, {"structure": "7"}, "Made-up particle 7 is in a training set and"),
        ({"pixels": "x"}, {"pixels": "x"}, "the micrograph is in a training set and"),
    ],
)
def test_what_is_learnt_from_is_not_validated_with(tmp_path, one, other, why):
    with pytest.raises(UserError, match=why):
        examples_of(_recipe(tmp_path, _example(**one), _example(1, **other)))


def test_different_proteins_are_learnt_from_and_validated_with(tmp_path):
    training, validation = examples_of(_recipe(tmp_path, _example(structure="a.pdb"), _example(1, structure="b.pdb")))
    assert (len(training), len(validation)) == (2, 2)


def test_without_validation_sets_nothing_is_claimed(tmp_path):
    path = tmp_path / "set.safetensors"
    write_prepared(path, [_example(i, (128, 128), 6, structure="a.pdb") for i in range(2)], 32.0, "robust")
    fields = {"steps": 2, "batch": 2, "crop": 64, "device": "cpu"}
    settings = TrainSettings(training=[{"prepared": path}], **fields)
    report = finish(train_detector(settings, tmp_path / "d.safetensors"))
    assert (report.f1, report.judged_on) == (None, "")
    assert len(report.calibration) == 4


@pytest.fixture(scope="module")
def dumbbell(tmp_path_factory):
    """A structure that is quick to project."""
    z, y, x = np.mgrid[-16:16, -16:16, -16:16] + 0.5
    file = tmp_path_factory.mktemp("structure") / "dumbbell.mrc"
    with mrcfile.new(file) as volume:
        volume.set_data((np.hypot(np.hypot(x, y), abs(z) - 6) < 9).astype(np.float32))
        volume.voxel_size = 4.0
    return file


def _same(one, other):
    """Centres are written in single precision."""
    alike = np.allclose(one.yx, other.yx, rtol=0, atol=1e-4)
    return np.array_equal(one.image, other.image) and alike and (one.name, one.scale) == (other.name, other.scale)


def test_a_simulated_set_is_the_same_however_many_processes_make_it(dumbbell, monkeypatch):
    data = SimulatedSet(simulate={**SIMULATE, "structures": [dumbbell], "masks": True}, weight=3)
    making, told = made(makers(data, 28, "robust"), 2), []
    while True:
        try:
            told.append(next(making))
        except StopIteration as end:
            examples = end.value
            break
    assert told[-1] == 2
    with monkeypatch.context() as patch:
        patch.delattr("napari_drpnet.training.making.ProcessPoolExecutor")
        here = drained(made(makers(data, 28, "robust")))  # two are too few for processes
    assert all(map(_same, examples, here))
    assert sum(example.weight for example in examples) == pytest.approx(3)
    for example in examples:
        assert len(example.yx) > 2
        assert example.structure == str(dumbbell)
        assert abs(example.image.shape[0] - 256 * 28 / 32) < 16
        (masked,) = load_masks([example])
        at = np.clip(np.rint(example.yx).astype(int), 0, np.array(example.image.shape) - 1)
        assert masked.mask.shape == example.image.shape
        assert (masked.mask[tuple(at.T)] > 0).mean() > 0.5


def test_what_cannot_be_simulated_is_said(dumbbell):
    data = SimulatedSet(simulate={**SIMULATE, "structures": [dumbbell], "diameter_px": (150, 160)})
    with pytest.raises(UserError, match="too large"):
        drained(made(makers(data, 28, "robust"), 1))


def test_a_process_that_is_ended_is_told_of():
    with pytest.raises(UserError, match=r"was ended, perhaps for want of memory. Take fewer processes \(--workers\)"):
        drained(made([Maker(partial(os._exit, 1))], 1))


def test_structures_that_are_for_testing_are_left_out(tmp_path):
    for name in ("1abc.pdb", "2xyz.pdb", "3abc.pdb"):
        (tmp_path / name).touch()
    data = SimulatedSet(simulate={"structures": [tmp_path], "count": 4}, without=["1abc", "3"])
    assert {maker.structure for maker in makers(data, 32, "robust")} == {str(tmp_path / "2xyz.pdb")}
    (tmp_path / "list.txt").write_text("3abc\n1a\n")
    listed = data.model_copy(update={"only": (str(tmp_path / "list.txt"),), "without": ("1",)})
    assert {maker.structure for maker in makers(listed, 32, "robust")} == {str(tmp_path / "3abc.pdb")}
    with pytest.raises(UserError, match="All structures of a simulated set are left out"):
        makers(data.model_copy(update={"without": ("1", "2", "3")}), 32, "robust")


@pytest.mark.slow
def test_from_a_recipe_of_sets_to_picks(tmp_path, dumbbell, capfd):
    """Prepare simulated and real sets, train a larger U-Net from them, and pick with it."""
    folder = tmp_path / "labelled"
    finish(simulate(SimulationSettings(**SIMULATE, structures=(dumbbell,), seed=3), folder))
    sets = {
        "learnt": {"simulate": {**SIMULATE, "structures": [str(dumbbell)]}},
        "kept": {"micrographs": str(folder)},
    }
    (tmp_path / "sets.yaml").write_text(yaml.safe_dump({"sets": sets}, sort_keys=False))
    _call("prepare", tmp_path / "sets.yaml", "--out", tmp_path / "prepared", "--workers", "2")
    paths = [tmp_path / "prepared" / f"{name}.safetensors" for name in sets]
    assert capfd.readouterr().out.split() == [str(path) for path in paths]
    assert [len(_read(path)) for path in paths] == [2, 2]
    assert all(map(_same, _read(paths[1]), load_examples([TrainingSet(micrographs=str(folder))], 32, "robust")))

    recipe = {"training": [{"prepared": str(paths[0])}], "validation": [{"prepared": str(paths[1])}]}
    recipe |= {"batch": 2, "crop": 64, "check_every": 2, "average": 0.5, "device": "cpu"}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    detector = tmp_path / "d.safetensors"
    _call("train-detector", "--settings", tmp_path / "recipe.yaml", "--size", "1", "--steps", "3", "--out", detector)
    card, tensors = read_weights(str(detector))
    assert (card.grey, card.options, card.diameter) == ("robust", {"size": 1}, 32)
    assert sum(tensor.numel() for tensor in tensors.values()) > 500_000
    (micrograph, *_) = sorted(folder.glob("*.mrc"))
    _call(
        "pick",
        micrograph,
        "--diameter",
        "128",
        f"--detector={detector}",
        "--threshold",
        "0.01",
        "--out",
        tmp_path / "picks",
    )
    assert (tmp_path / "picks" / f"{micrograph.stem}_autopick.star").exists()


def test_what_is_prepared_is_not_prepared_again(tmp_path):
    for name, recipe, why in (
        ("a", {"sets": {"one": {"prepared": "one.safetensors"}}}, "The set one is prepared already"),
        ("b", {"sets": {}}, "sets"),
        ("c", {"sets": {"one": {"micrographs": str(tmp_path / "none")}}}, "no micrographs found"),
    ):
        (tmp_path / name).write_text(yaml.safe_dump(recipe))
        with pytest.raises(UserError, match=why):
            finish(prepare(tmp_path / name, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def _call(*arguments):
    with pytest.raises(SystemExit) as end:
        main(tuple(map(str, arguments)))
    assert end.value.code in (0, None)
