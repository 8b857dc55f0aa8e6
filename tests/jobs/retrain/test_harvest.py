"""Patch sets: what becomes a particle and what background, and that the folder says so."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from scipy.spatial import cKDTree

from fields import DIAMETER, PIXEL_SIZE, PIXELS, SIDE, labels, places, project_of, write_field
from napari_drpnet import jobs, load_picker
from napari_drpnet.cli import main
from napari_drpnet.data import Frame, PatchSet, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io import read_micrograph
from napari_drpnet.io.patches import read_patches, write_patches
from napari_drpnet.io.picks.formats import write_picks
from napari_drpnet.jobs.retrain.harvest import divide
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.settings import HarvestSettings
from napari_drpnet.training.labels.patches import (
    agreement,
    at_network_scale,
    balanced,
    by_confidence,
    check_usable,
    scattered,
)

SETTINGS = HarvestSettings()


@pytest.fixture(scope="module")
def picker() -> LoadedPicker:
    return load_picker("drpnet", diameter=DIAMETER, device="cpu")


@pytest.fixture(scope="module")
def micrograph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_field(tmp_path_factory.mktemp("fields") / "f0.mrc", 0)


@pytest.fixture
def field(micrograph: Path) -> jobs.Field:
    return jobs.LabelledMicrograph("f0", micrograph)


def patch_set(n: int = 20, side: int = 64, **columns) -> PatchSet:
    images = np.random.default_rng(0).normal(0, 0.1, (n, side, side)).astype(np.float32)
    given = {
        "particle": np.arange(n) % 2 == 0,
        "micrograph": np.array(["a b", "c"] * (n // 2)),
        "yx": np.arange(2 * n).reshape(n, 2) + 0.25,
        "split": np.array(["training"] * (n - 4) + ["validation"] * 4),
        "origin": np.array(["label", "random"] * (n // 2)),
        "score": np.where(np.arange(n) % 3, np.linspace(0, 1, n), np.nan),
    }
    return PatchSet(images, 1.25, 40.0, **{**given, **columns})


def apart(yx: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Distance of each place from the nearest other, in particle diameters."""
    return cKDTree(others).query(yx)[0] / PIXELS


def of(patches: PatchSet, origin: str) -> PatchSet:
    return patches.select(patches.origin == origin)


# ---------------------------------------------------------------- the folder


def test_a_patch_set_comes_back_as_it_was(tmp_path: Path):
    made = patch_set()
    again = read_patches(write_patches(made, tmp_path / "set"))
    for name in ("images", "particle", "micrograph", "split", "origin"):
        assert np.array_equal(getattr(again, name), getattr(made, name)), name
    np.testing.assert_allclose(again.score, made.score, atol=1e-6)
    np.testing.assert_allclose(again.yx, made.yx)
    assert (again.pixel_size, again.diameter) == (1.25, 40.0)
    assert again.counts() == made.counts()


def test_other_programs_can_read_the_stacks(tmp_path: Path):
    folder = write_patches(patch_set(), tmp_path / "set")
    with mrcfile.open(folder / "particles.mrcs") as file:
        assert file.is_image_stack()
        assert file.data.shape == (10, 64, 64)
        assert file.voxel_size.x == pytest.approx(1.25)
    assert "000001@particles.mrcs" in (folder / "patches.star").read_text()


def test_a_patch_set_is_replaced_whole_and_nothing_else_is(tmp_path: Path):
    folder = write_patches(patch_set(), tmp_path / "set")
    write_patches(patch_set(6), folder)
    assert len(read_patches(folder)) == 6
    assert [file.name for file in tmp_path.iterdir()] == ["set"]
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("mine")
    with pytest.raises(UserError, match="no patch set"):
        write_patches(patch_set(), tmp_path / "thesis")
    with pytest.raises(UserError, match="no patches"):
        write_patches(patch_set().select(np.zeros(20, bool)), tmp_path / "none")


def test_a_set_of_one_patch_a_class_is_read(tmp_path: Path):
    assert read_patches(write_patches(patch_set().select([0, 1]), tmp_path / "set")).images.shape == (2, 64, 64)


def test_damaged_patch_sets_are_refused(tmp_path: Path):
    with pytest.raises(UserError, match="no patch set"):
        read_patches(tmp_path)
    folder = write_patches(patch_set(), tmp_path / "set")
    stack = folder / "particles.mrcs"
    whole = stack.read_bytes()
    stack.write_bytes(whole[:-5000])
    with pytest.raises(UserError, match="truncated"):
        read_patches(folder)
    stack.write_bytes(whole)
    text = (folder / "patches.star").read_text()
    (folder / "patches.star").write_text(text.replace("000010@particles", "000011@particles"))
    with pytest.raises(UserError, match="asks for number 11"):
        read_patches(folder)
    (folder / "patches.star").write_text(text.replace("\tbackground\t", "\tice\t"))
    with pytest.raises(UserError, match="'ice'"):
        read_patches(folder)
    stack.unlink()
    (folder / "patches.star").write_text(text)
    with pytest.raises(UserError, match="no such file"):
        read_patches(folder)


def test_patches_of_another_scale_are_rescaled_and_it_is_said():
    made = patch_set(side=96)
    with pytest.warns(UserWarning, match="96x96 px.*rescaled to 64 px"):
        scaled = at_network_scale(made)
    assert scaled.images.shape == (20, 64, 64)
    with pytest.warns(UserWarning, match="a particle of 60 A"):
        assert at_network_scale(patch_set(), 60.0).pixel_size == pytest.approx(60 / 32)


def test_the_same_scale_is_left_alone(recwarn: pytest.WarningsRecorder):
    made = patch_set()
    assert at_network_scale(made) is made
    assert not recwarn


def test_one_class_or_too_few_patches_are_refused():
    made = patch_set(60)
    check_usable(made)
    with pytest.raises(UserError, match="particles only"):
        check_usable(made.select(made.particle))
    with pytest.raises(UserError, match="background only"):
        check_usable(made.select(~made.particle))
    with pytest.raises(UserError, match="too few"):
        check_usable(made.select(np.arange(12)))


# ---------------------------------------------------------------- choosing places


def test_scattered_places_keep_their_distances():
    taken = np.array([[50.0, 50.0]])
    found = scattered(np.random.default_rng(0), (100, 200), 10, taken, 30, 40)
    assert 5 < len(found) <= 40
    assert np.hypot(*(found - taken).T).min() >= 30
    assert cKDTree(found).query(found, 2)[0][:, 1].min() >= 15
    assert (found >= 10).all()
    assert (found <= [89, 189]).all()
    assert len(scattered(np.random.default_rng(0), (20, 20), 30, taken, 30, 40)) == 0


def test_agreement_and_difference():
    one = np.array([[10.0, 10], [50, 50]])
    other = np.array([[12.0, 10], [90, 90]])
    shared, alone = agreement([one, other], 10)
    assert shared.tolist() == [[10, 10]]
    assert sorted(alone.tolist()) == [[50, 50], [90, 90]]
    shared, alone = agreement([one, np.empty((0, 2))], 10)
    assert len(shared) == 0
    assert len(alone) == 2


def test_confidence_takes_dark_sure_candidates_and_rejects_flat_ones():
    rng = np.random.default_rng(0)
    patches = rng.normal(0, 0.1, (40, 64, 64)).astype(np.float32)
    patches[:20, 16:48, 16:48] -= 0.3
    patches[39] *= 0.01
    yx, level = np.arange(40)[:, None] * np.array([30.0, 0]), np.repeat([3, 1], 20)
    chosen = HarvestSettings(deviation=2)
    sure, low, flat = by_confidence(yx, level == 3, level == 1, patches, 32.0, chosen)
    assert set(sure) == set(range(20))
    assert list(flat) == [39]
    assert set(low) == set(range(20, 39))
    near = by_confidence(np.zeros((40, 2)), level == 3, level == 1, patches, 32.0, chosen)
    assert len(near[1]) == len(near[2]) == 0


@pytest.mark.parametrize(("apart", "kept"), [(1 / 3, 8), (0.6, 4), (2.0, 0)])
def test_background_is_away_from_particles(apart: float, kept: int):
    """Ten sure candidates, and ten that are 4 to 13 px from one each; the radius is 16 px."""
    patches = np.random.default_rng(0).normal(0, 0.1, (20, 64, 64)).astype(np.float32)
    yx = np.stack([np.arange(20) % 10 * 100.0, np.where(np.arange(20) < 10, 0, np.arange(20) - 6)], axis=1)
    high = np.arange(20) < 10
    settings = HarvestSettings(apart=apart, mean=0, deviation=0)
    sure, low, _ = by_confidence(yx, high, ~high, patches, 32.0, settings)
    assert len(sure) == 10
    assert len(low) == kept


def test_a_standard_deviation_can_be_told_as_a_number():
    patches = np.random.default_rng(0).normal(0, 1, (20, 64, 64)).astype(np.float32)
    patches *= np.linspace(0.1, 0.48, 20, dtype=np.float32)[:, None, None]
    yx, high = np.arange(20)[:, None] * np.array([50.0, 0]), np.arange(20) % 2 == 0
    settings = HarvestSettings(mean=0, deviation=0, least_deviation=0.25)
    sure, low, flat = by_confidence(yx, high, ~high, patches, 32.0, settings)
    assert (list(sure), list(low), list(flat)) == ([8, 10, 12, 14, 16, 18], [9, 11, 13, 15, 17, 19], [1, 3, 5, 7])


def test_balance_is_of_each_split():
    made = patch_set(40, particle=np.arange(40) < 30, split=np.where(np.arange(40) % 2, "training", "validation"))
    even = balanced(made, np.random.default_rng(0))
    for split in ("training", "validation"):
        own = even.select(even.split == split)
        assert own.particle.sum() == (~own.particle).sum() == 5


def test_validation_is_by_micrograph_and_of_one_by_side():
    chosen = HarvestSettings(validation=0.25)
    one = divide({"a": np.column_stack([np.zeros(100), np.arange(100)])}, chosen)
    assert one["a"] == pytest.approx(74.25)
    several = divide({name: np.ones((3, 2)) for name in "abcd"} | {"empty": np.empty((0, 2))}, chosen)
    assert sorted(several.values()) == [-np.inf, np.inf, np.inf, np.inf, np.inf]
    assert several["empty"] == np.inf


# ---------------------------------------------------------------- the job


def test_a_folder_that_cannot_be_is_told_before_anything_is_looked_at(
    field: jobs.LabelledMicrograph, picker: LoadedPicker, tmp_path: Path
):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file is a file"):
        next(jobs.harvest([field], SETTINGS, picker, tmp_path / "file" / "patches"))


def test_a_particle_that_nobody_labelled_is_no_background(field: jobs.LabelledMicrograph, picker: LoadedPicker):
    truth = places(0)
    told = replace(field, sets=(labels(truth[::6]),))
    patches = jobs.finish(jobs.harvest([told], SETTINGS, picker)).patches
    random = of(patches, "random")
    assert patches.particle.sum() >= 0.7 * len(truth[::6])
    assert len(random) >= 10
    assert (apart(random.yx, truth) > 0.5).mean() > 0.9
    assert set(patches.split) == {"training", "validation"}


def test_complete_labels_make_background_of_other_candidates(field: jobs.LabelledMicrograph, picker: LoadedPicker):
    truth = places(0)
    told = replace(field, sets=(labels(truth),), complete=True)
    patches = jobs.finish(jobs.harvest([told], SETTINGS, picker)).patches
    others = of(patches, "candidate")
    assert len(others) > 20
    assert apart(others.yx, truth).min() >= 0.6
    # Particles are dark, background is not.
    middle = patches.images[:, 24:40, 24:40].mean(axis=(1, 2))
    assert middle[patches.particle].mean() < middle[~patches.particle].mean() - 0.1


def test_labelled_and_painted_background_is_background(field: jobs.LabelledMicrograph, picker: LoadedPicker):
    truth = places(0)
    region = np.zeros((20, 20), bool)
    region[:5] = True
    told = labels(truth[20:40])
    wrong = labels(np.array([[200.0, 200.0], [210, 300]]), "background")
    both = Picks(
        told.frame,
        np.concatenate([told.yx, wrong.yx]),
        label=np.concatenate([told.label, wrong.label]),
        source=np.array("manual"),
    )
    one = replace(field, sets=(both,), region=region)
    patches = jobs.finish(jobs.harvest([one], SETTINGS.model_copy(update={"validation": 0.0}), picker)).patches
    painted = of(patches, "region")
    assert len(painted) > 0
    assert painted.yx[:, 0].max() < SIDE / 4
    assert not painted.particle.any()
    assert (of(patches, "label").particle).sum() == 20
    assert (~of(patches, "label").particle).sum() == 2
    without = jobs.finish(jobs.harvest([one], SETTINGS.model_copy(update={"regions": False}), picker)).patches
    assert "region" not in without.origin


def test_two_sets_of_picks(field: jobs.LabelledMicrograph, picker: LoadedPicker):
    truth = places(0)
    one, other = labels(truth[:40]), labels(truth[20:60] + 2)
    chosen = SETTINGS.model_copy(update={"source": "agreement", "validation": 0.0, "random": 0})
    patches = jobs.finish(jobs.harvest([replace(field, sets=(one, other))], chosen, picker)).patches
    assert len(of(patches, "agreement")) == 20
    assert len(of(patches, "difference")) == 40
    without = jobs.finish(
        jobs.harvest([replace(field, sets=(one, other))], chosen.model_copy(update={"difference": False}), picker)
    )
    assert without.patches.particle.all()
    assert any("no patches of background" in note for note in without.notes)
    with pytest.raises(UserError, match="two or more sets"):
        jobs.finish(jobs.harvest([replace(field, sets=(one,))], chosen, picker))


def test_picks_of_another_picker_are_in_the_pixels_that_the_project_has(tmp_path: Path):
    project = project_of(tmp_path, 1)
    project.update(pixel_size=1.0)
    yx = places(0)[:4]
    project.write_picks("f0", labels(yx))
    columns = "_rlnMicrographName\n_rlnMicrographPixelSize\n_rlnCoordinateX\n_rlnCoordinateY\n"
    other = tmp_path / "other.star"
    other.write_text(f"data_\nloop_\n{columns}" + "".join(f"x/f0.mrc 2 {x / 2} {y / 2}\n" for y, x in yx))
    with pytest.warns(UserWarning, match=r"other\.star: pixel sizes of 2 A in it and of 1 A .* multiplied by 2"):
        (one,) = jobs.harvested_in_project(project, "agreement", 5, other)
    assert one.name == "f0"
    assert [picks.yx.tolist() for picks in one.sets] == [yx.tolist()] * 2


def test_without_any_person_sure_candidates_are_mostly_particles(field: jobs.LabelledMicrograph, picker: LoadedPicker):
    chosen = SETTINGS.model_copy(update={"source": "confidence", "balance": True})
    patches = jobs.finish(jobs.harvest([field], chosen, picker)).patches
    sure = of(patches, "level").select(of(patches, "level").particle)
    assert len(sure) >= 10
    assert (apart(sure.yx, places(0)) < 0.5).mean() > 0.8
    assert (~patches.particle).sum() == patches.particle.sum()


def test_a_picker_with_levels_is_harvested_by_its_map(field: jobs.LabelledMicrograph):
    """By the paper's rule: two maps for particles and for background, and as many of both."""
    paper = load_picker("drpnet-paper", diameter=DIAMETER, device="cpu", sigma=1, classifier="none")
    chosen = HarvestSettings(source="confidence", positive_sigma=3, positive_height=12, negative_sigma=2, random=0)
    report = jobs.finish(jobs.harvest([field], chosen, paper))
    patches = report.patches
    assert set(patches.origin) <= {"level", "deviation"}
    assert patches.particle.sum() == (~patches.particle).sum() >= 10
    assert (apart(patches.yx[patches.particle], places(0)) < 0.5).mean() > 0.8
    low, normal, high = report.levels
    assert low > normal > high > 0
    assert cKDTree(patches.yx[patches.particle]).query(patches.yx[~patches.particle])[0].min() >= PIXELS / 6


def test_levels_are_asked_of_pickers_that_have_them(field: jobs.LabelledMicrograph, picker: LoadedPicker):
    chosen = HarvestSettings(source="confidence", negative_sigma=12.5)
    with pytest.raises(UserError, match="picker drpnet have no levels of confidence"):
        jobs.finish(jobs.harvest([field], chosen, picker))
    assert jobs.finish(jobs.harvest([field], HarvestSettings(source="confidence"), picker)).levels is None


def test_a_micrograph_that_is_gone_is_told_of(field: jobs.LabelledMicrograph, picker: LoadedPicker, tmp_path: Path):
    told = replace(field, sets=(labels(places(0)[:30]),))
    gone = replace(told, name="gone", path=tmp_path / "gone.mrc")
    report = jobs.finish(jobs.harvest([told, gone], SETTINGS, picker))
    assert set(report.patches.micrograph) == {"f0"}
    assert any("gone" in note for note in report.notes)
    with pytest.raises(UserError, match="nothing to harvest"):
        jobs.finish(jobs.harvest([gone], SETTINGS, picker))
    with pytest.raises(UserError, match="no micrographs with labels"):
        jobs.finish(jobs.harvest([], SETTINGS, picker))
    with pytest.raises(UserError, match="Nothing is labelled"):
        jobs.finish(jobs.harvest([replace(field, sets=())], HarvestSettings(source="labels"), picker))


def test_from_the_command_line(tmp_path: Path, micrograph: Path, capsys: pytest.CaptureFixture[str]):
    truth = Picks(Frame("f0.mrc", (SIDE, SIDE), PIXEL_SIZE), places(0), diameter=np.array(PIXELS))
    write_picks(truth, tmp_path / "labels" / "f0.csv")
    options = ["--coordinates", str(tmp_path / "labels"), "--complete", "--diameter", str(DIAMETER), "--device", "cpu"]
    with pytest.raises(SystemExit) as end:
        main(["harvest", str(micrograph), *options, "--out", str(tmp_path / "set"), "--json"])
    assert end.value.code == 0
    told = json.loads(capsys.readouterr().out)
    assert {row["origin"] for row in told["counts"]} >= {"label", "candidate"}
    assert len(read_patches(tmp_path / "set")) == sum(int(row["patches"]) for row in told["counts"])


def test_a_project_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with project_of(tmp_path, 1) as project:
        project.write_picks("f0", labels(places(0)[::2]))
    with pytest.raises(SystemExit) as end:
        main(["harvest", "--project", str(project.folder), "--name", "first", "--device", "cpu"])
    assert end.value.code == 0
    assert "patches, written to" in capsys.readouterr().out
    assert read_patches(project.folder / "patches" / "first").particle.any()
    with pytest.raises(SystemExit) as end:
        main(["harvest", "x.mrc", "--project", str(project.folder)])
    assert end.value.code == 2


@pytest.mark.parametrize("of_project", [False, True])
def test_another_picker_looks_where_the_command_says_so(tmp_path: Path, micrograph: Path, of_project: bool):
    if of_project:
        with project_of(tmp_path, 1) as project:
            project.write_picks("f0", labels(places(0)[::2]))
        said = ["--project", str(project.folder)]
    else:
        write_picks(
            replace(labels(places(0)[::2]), frame=Frame("f0.mrc", (SIDE, SIDE), PIXEL_SIZE)), tmp_path / "f0.csv"
        )
        said = [str(micrograph), "--coordinates", str(tmp_path / "f0.csv"), "--diameter", str(DIAMETER)]
    with pytest.raises(SystemExit) as end:
        main(["harvest", *said, "--picker", "log", "--out", str(tmp_path / "set")])
    assert end.value.code == 0
    found = load_picker("log", diameter=DIAMETER).score(read_micrograph(micrograph)).candidates
    patches = read_patches(tmp_path / "set")
    scored = np.isfinite(patches.score)
    assert scored.sum() > 20
    own = cKDTree(found.yx).query(patches.yx[scored])[1]
    np.testing.assert_allclose(patches.score[scored], found.probability[own], atol=1e-5)


def test_a_picker_that_learns_does_so_before_a_harvest(field: jobs.LabelledMicrograph):
    told = replace(field, sets=(labels(places(0)[:30]),))
    learning = load_picker("learning-discs", diameter=DIAMETER)
    assert not learning.ready
    patches = jobs.finish(jobs.harvest([told], SETTINGS, learning)).patches
    assert learning.ready
    assert of(patches, "label").particle.sum() > 20
