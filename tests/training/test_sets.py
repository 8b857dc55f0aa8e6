"""Sets to learn from: what is read, dropped, and refused."""

import numpy as np
import pytest

from napari_drpnet.data import Frame, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io import write_picks
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.settings import TrainingSet, TrainSettings
from napari_drpnet.training.sets import examples_of, load_examples

SIDE = 160


def _micrograph(folder, name, points=((60.0, 50.0), (100.0, 90.0)), seed=0, diameter=30.0):
    folder.mkdir(exist_ok=True)
    image = np.random.default_rng(seed).random((SIDE, SIDE), np.float32)
    write_mrc(image, folder / f"{name}.mrc", 2.0)
    yx = np.array(points).reshape(-1, 2)
    if points is not None:
        write_picks(Picks(Frame(name, (SIDE, SIDE), 2.0), yx, diameter=np.array(diameter)), folder / f"{name}.csv")
    return folder


def _settings(training, validation=()):
    sets = {"training": training, "validation": validation}
    return TrainSettings(**{k: tuple(TrainingSet(micrographs=str(f)) for f in v) for k, v in sets.items()})


def test_sets_without_coordinates_or_diameter_are_refused_by_name(tmp_path):
    write_mrc(np.random.default_rng(0).random((64, 64), np.float32), tmp_path / "a.mrc", 1.5)
    with pytest.raises(UserError, match="none of the micrographs has coordinates"):
        load_examples([TrainingSet(micrographs=str(tmp_path))], 28, "robust")
    write_picks(Picks(Frame("a"), np.array([[20.0, 20.0]])), tmp_path / "a.csv")
    with pytest.raises(UserError, match="diameter"):
        load_examples([TrainingSet(micrographs=str(tmp_path))], 28, "robust")
    with pytest.raises(UserError, match="no micrographs"):
        load_examples([TrainingSet(micrographs=str(tmp_path / "none"))], 28, "robust")


def test_coordinates_outside_the_image_are_dropped_with_a_word(tmp_path):
    _micrograph(tmp_path, "a", [(60, 50), (SIDE + 5, 20)])
    with pytest.warns(UserWarning, match=r"a\.csv: 1 of 2 picks are left out, as they lie outside"):
        (example,) = load_examples([TrainingSet(micrographs=str(tmp_path))], 30, "robust")
    assert np.allclose(example.yx, [(60, 50)])


def test_coordinates_that_all_lie_outside_are_refused(tmp_path):
    _micrograph(tmp_path, "a", [(-20, 50), (SIDE + 5, 20)])
    with pytest.raises(UserError, match=r"a\.csv: 2 of 2 picks of .* lie outside its 160 x 160 pixels"):
        load_examples([TrainingSet(micrographs=str(tmp_path))], 30, "robust")


def test_one_file_may_hold_the_coordinates_of_all_micrographs(tmp_path):
    images = tmp_path / "images"
    for seed, name in enumerate("ab"):
        _micrograph(images, name, seed=seed)
        (images / f"{name}.csv").unlink()
    table = tmp_path / "all.star"
    rows = "".join(f"{name}.mrc {x} {y}\n" for name, x, y in (("a", 10, 20), ("b", 30, 40), ("b", 70, 80)))
    head = "data_particles\n\nloop_\n_rlnMicrographName #1\n_rlnCoordinateX #2\n_rlnCoordinateY #3\n"
    table.write_text(head + rows)
    data = TrainingSet(micrographs=str(images), coordinates=str(table), diameter=60)
    a, b = load_examples([data], 30, "robust")
    assert (len(a.yx), len(b.yx)) == (1, 2)
    assert np.allclose(a.yx, [(20, 10)])


def test_points_that_are_background_are_no_particles(tmp_path):
    _micrograph(tmp_path, "a", points=((60, 50),))
    label = np.array(["particle", "background"])
    points = Picks(Frame("a", (SIDE, SIDE), 2.0), np.array([[60.0, 50], [90, 90]]), diameter=np.array(30), label=label)
    write_picks(points, tmp_path / "a.csv")
    (example,) = load_examples([TrainingSet(micrographs=str(tmp_path))], 30, "robust")
    assert len(example.yx) == 1


def test_bright_particles_are_turned_dark(tmp_path):
    folder = _micrograph(tmp_path, "a")
    plain, turned = (
        load_examples([TrainingSet(micrographs=str(folder), invert=i)], 30, "robust")[0] for i in (False, True)
    )
    assert np.corrcoef(plain.image.ravel(), turned.image.ravel())[0, 1] < -0.9


def test_a_micrograph_in_training_and_validation_is_refused(tmp_path):
    folder = _micrograph(tmp_path / "a", "a")
    with pytest.raises(UserError, match=r"a\.mrc: the micrograph is in a training set and in a validation set"):
        examples_of(_settings([folder], [folder]))


def test_a_copy_of_a_training_micrograph_is_refused_in_validation(tmp_path):
    one, copy = _micrograph(tmp_path / "a", "a"), _micrograph(tmp_path / "b", "renamed")
    with pytest.raises(UserError, match="the same pixels"):
        examples_of(_settings([one], [copy]))
    _micrograph(tmp_path / "c", "a", seed=1)
    with pytest.warns(UserWarning, match="only micrograph"):
        examples_of(_settings([one], [tmp_path / "c"]))


@pytest.mark.parametrize("empty", ["training", "validation"])
def test_sets_without_a_particle_are_refused(tmp_path, empty):
    folders = {name: [_micrograph(tmp_path / name, "a", seed=i)] for i, name in enumerate(("training", "validation"))}
    write_picks(Picks(Frame("a", (SIDE, SIDE), 2.0), np.empty((0, 2))), tmp_path / empty / "a.csv")
    fields = {k: tuple(TrainingSet(micrographs=str(f), diameter=60) for f in v) for k, v in folders.items()}
    with pytest.raises(UserError, match=f"{empty} sets hold no particle"):
        examples_of(TrainSettings(**fields))


def test_a_simulated_protein_is_not_validated_with_as_well(tmp_path):
    made_up = {"simulate": {"size": 256, "diameter_px": (30, 34)}}
    with pytest.raises(UserError, match="Made-up particles are in a training set and in a validation set"):
        examples_of(TrainSettings(training=[made_up], validation=[made_up]))
    structure = tmp_path / "a.pdb"
    structure.touch()
    listed = [{"simulate": {"structures": [str(path)]}} for path in (structure, tmp_path)]
    with pytest.raises(UserError, match=r"a\.pdb is in a training set"):
        examples_of(TrainSettings(training=listed[:1], validation=listed[1:]))


def test_a_folder_without_structures_is_refused(tmp_path):
    with pytest.raises(UserError, match="no structure"):
        examples_of(TrainSettings(training=[{"simulate": {"structures": [str(tmp_path)]}}]))
