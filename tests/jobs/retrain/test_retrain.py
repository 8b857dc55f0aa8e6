"""Retraining: labels make the picker better, wrong ones never make it worse, and what was begun can be left."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import pytest
import yaml

from fields import DIAMETER, PIXEL_SIZE, PIXELS, SIDE, labels, places, project_of, shifted_detector, write_field
from napari_drpnet import jobs, load_picker, read_micrograph
from napari_drpnet.cli import main
from napari_drpnet.data import Frame, PatchSet, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.evaluation.counting import count
from napari_drpnet.io import Project
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.io.patches import write_patches
from napari_drpnet.io.weights import read_card, read_weights
from napari_drpnet.jobs.retrain.before_after import compared
from napari_drpnet.jobs.retrain.labelled import labelled_in_project
from napari_drpnet.jobs.retrain.suggest import described, ordered
from napari_drpnet.labels import added, join, labelled, near
from napari_drpnet.settings import RetrainSettings, SimulationSettings
from napari_drpnet.simulation import simulate_one

QUICK = RetrainSettings(what="calibration", device="cpu")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    with project_of(tmp_path) as made:
        yield made


def score(project: Project, name: str, use: dict[str, str | None]) -> float:
    """F1 of the picks of a micrograph, number ``name[1:]``, with some networks."""
    picker = jobs.project_picker(project, use, device="cpu")
    picks = picker.pick(read_micrograph(project.entry(name).path))
    truth = places(int(name[1:]))
    return count(picks.yx, truth, PIXELS / 2).f1


# ---------------------------------------------------------------- the job


def test_labels_of_one_micrograph_raise_f1_on_another(project: Project):
    rng = np.random.default_rng(0)
    truth = places(0)
    project.write_picks("f0", labels(truth[rng.permutation(len(truth))[:40]]))
    report = jobs.finish(jobs.retrain_picker(project, QUICK))
    assert report.use == {"calibration": "retrained-1"}
    assert report.estimated
    assert report.labels == 40
    before, after = score(project, "f1", {}), score(project, "f1", report.use)
    assert after > before + 0.2
    record = yaml.safe_load(report.weights.with_suffix(".yaml").read_text())
    assert record["micrographs"] == [{"name": "f0", "particles": 40, "background": 0, "complete": False}]
    assert record["after"] == pytest.approx(report.after, abs=1e-3)
    project.update(options=jobs.with_networks(project.settings.options, report.use))
    assert "retrained-1" in project.networks("calibration")
    assert score(project, "f1", {}) == after


def test_a_finished_micrograph_counts_as_complete(project: Project):
    project.write_picks("f0", labels(places(0)))
    project.mark_done("f0", True)
    report = jobs.finish(jobs.retrain_picker(project, QUICK.model_copy(update={"name": "whole"})))
    assert not report.estimated
    assert report.after > report.before + 0.1
    assert score(project, "f1", report.use) > 0.8
    with pytest.raises(UserError, match="named 'whole' already"):
        jobs.finish(jobs.retrain_picker(project, QUICK.model_copy(update={"name": "whole"})))


def proposed(name: str, count: int = 60) -> Picks:
    """What a picker may have found on a micrograph, none of it a particle."""
    yx = np.random.default_rng(5).uniform(PIXELS, SIDE - PIXELS, (2000, 2))
    wrong = yx[~near(yx, places(int(name[1:])), PIXELS / 2)][:count]
    return replace(labels(wrong), source=np.full(len(wrong), "drpnet"), score=np.full(len(wrong), 0.9))


def test_picks_that_nobody_reviewed_are_neither_learnt_from_nor_measured_on(project: Project):
    project.write_picks("f0", join(proposed("f0"), labels(places(0)[:12])))
    project.mark_done("f0", True)
    (told,) = labelled_in_project(project)
    assert not told.complete
    assert len(told.particles) == 12
    report = jobs.finish(jobs.retrain_picker(project, QUICK))
    assert (report.labels, report.estimated) == (12, True)
    assert report.error > 0
    change = jobs.finish(jobs.before_after(project, ["f0"], {}, {"detector": "detector"})).changes[0]
    assert change.f1_before is change.f1_after is None
    with pytest.raises(UserError, match="None is marked as done"):
        jobs.finish(jobs.retrain_picker(project, QUICK.model_copy(update={"what": "detector", "name": "x"})))


def test_picks_in_a_painted_region_need_no_review(project: Project):
    hidden = proposed("f0", 1)
    project.write_picks("f0", join(hidden, labels(places(0))))
    project.mark_done("f0", True)
    assert not labelled_in_project(project)[0].complete
    region = np.zeros((SIDE, SIDE), bool)
    y, x = np.rint(hidden.yx[0]).astype(int)
    region[y - 5 : y + 6, x - 5 : x + 6] = True
    project.write_region("f0", region)
    assert labelled_in_project(project)[0].complete


def test_done_without_a_label_says_nothing(project: Project):
    project.write_picks("f0", proposed("f0"))
    project.mark_done("f0", True)
    assert labelled_in_project(project) == []
    with pytest.raises(UserError, match="Nothing is labelled"):
        jobs.finish(jobs.retrain_picker(project, QUICK))


@pytest.mark.slow
def test_f1_that_is_told_is_near_the_truth_on_simulated_projects(tmp_path: Path):
    """Right and wrong picks judged and missed particles added, 35 labels in all; then retrained and compared."""
    differences, errors = [], []
    for seed in range(3):
        settings = SimulationSettings(
            seed=seed, size=960, diameter_px=(36, 36), empty=0.0, visibility=(4, 20), processed=0.0
        )
        made = simulate_one(settings, seed)
        truth, pixel_size = made.truth, made.micrograph.frame.known_pixel_size()
        reach = float(np.median(truth.diameter)) / 2
        (tmp_path / str(seed)).mkdir()
        write_mrc(made.micrograph.image, tmp_path / str(seed) / "m.mrc", pixel_size)
        with Project.create(
            tmp_path / f"p{seed}", inputs=(str(tmp_path / str(seed)),), diameter=2 * reach * pixel_size, threshold=0.5
        ) as project:
            picks = jobs.project_picker(project, device="cpu").pick(project.read_micrograph("m"))
            rng = np.random.default_rng(seed)
            judged = rng.choice(len(picks), min(28, len(picks)), replace=False)
            right = near(picks.yx, truth.yx, reach)
            picks = labelled(picks, judged[right[judged]], "particle")
            picks = labelled(picks, judged[~right[judged]], "background")
            missed = truth.yx[~near(truth.yx, picks.yx, reach)]
            picks = added(picks, missed[rng.permutation(len(missed))[: 35 - len(judged)]])
            project.write_picks("m", picks)
            project.mark_done("m", True)
            report = jobs.finish(jobs.retrain_picker(project, QUICK))
            now = jobs.with_networks({}, report.use)
            compared_ = jobs.finish(jobs.before_after(project, ["m"], {"calibration": None}, now))
            (change,) = compared_.changes
            both = compared("m", change.before, change.after, truth, 2 * reach)
            for told, true in (
                (compared_.before.f1, both.f1_before),
                (compared_.after.f1, both.f1_after),
                (report.before, both.f1_before),
            ):
                differences.append(told - true)
            errors += [compared_.before.error, compared_.after.error, report.error]
    assert abs(np.mean(differences)) < 0.05
    assert np.mean(np.abs(differences)) < 0.08
    assert (np.abs(differences) < 2 * np.array(errors)).all()


def test_labels_that_would_make_it_worse_change_nothing(project: Project, monkeypatch: pytest.MonkeyPatch):
    from napari_drpnet.training.labels import judged as labels_module

    project.update(options={})
    project.write_picks("f0", labels(places(0)[::3]))
    monkeypatch.setattr(labels_module, "fit_line", lambda judged: ((1.0, -9.0), 100.0))
    report = jobs.finish(jobs.retrain_picker(project, QUICK))
    assert report.weights is None
    assert report.use == {}
    assert any("would not rise" in note for note in report.notes)
    assert [file.name for file in (project.folder / "networks").iterdir()] == ["shifted.safetensors"]


def test_what_cannot_be_retrained_is_refused(project: Project):
    with pytest.raises(UserError, match="Nothing is labelled"):
        jobs.finish(jobs.retrain_picker(project, QUICK))
    project.write_picks("f0", labels(places(0)[:6]))
    with pytest.raises(UserError, match="6 labelled particles are too few"):
        jobs.finish(jobs.retrain_picker(project, QUICK))
    with pytest.raises(UserError, match="cannot be the name"):
        jobs.finish(jobs.retrain_picker(project, QUICK.model_copy(update={"name": "../mine"})))
    with pytest.raises(UserError, match="None is marked as done"):
        jobs.finish(jobs.retrain_picker(project, QUICK.model_copy(update={"what": "detector"})))
    project.read_only = "the disk is"
    with pytest.raises(UserError, match="only be read"):
        jobs.finish(jobs.retrain_picker(project, QUICK))


def test_patches_that_were_harvested_without_labels_are_learnt_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with project_of(tmp_path) as project:
        project.update(options={})
        before = score(project, "f0", {})
    folder = str(project.folder)
    commands = (
        ["harvest", "--project", folder],
        ["retrain", folder, "--patches", f"{folder}/patches/patches", "--steps", "24"],
    )
    for words in commands:
        with pytest.raises(SystemExit) as end:
            main([*words, "--device", "cpu"])
        assert end.value.code == 0
    told = capsys.readouterr()
    assert "nobody judged" in told.err
    assert "--classifier retrained-1" in told.out
    with Project.open(project.folder) as project:
        assert score(project, "f0", {"classifier": "retrained-1"}) > before - 0.02


def test_a_micrograph_that_is_gone_is_left_out(project: Project):
    for name in ("f0", "f1"):
        project.write_picks(name, labels(places(int(name[1:]))[::2]))
    project.entry("f1").path.unlink()
    report = jobs.finish(jobs.retrain_picker(project, QUICK))
    assert report.weights is not None
    assert any("f1 is left out" in note for note in report.notes)


@pytest.mark.slow
def test_a_classifier_is_kept_where_it_was_stopped(project: Project):
    truth = places(0)
    project.write_picks("f0", labels(truth))
    project.mark_done("f0", True)
    stop = Event()
    chosen = RetrainSettings(what="classifier", device="cpu", steps=5000, batch=8, name="half")
    job = jobs.retrain_picker(project, chosen, stop=stop)
    told = []
    report = None
    while report is None:
        try:
            told.append(next(job))
        except StopIteration as end:
            report = end.value
            break
        if told[-1].stage == "train" and told[-1].done >= 4:
            stop.set()
    assert report.stopped
    assert 4 <= report.steps <= 8
    training = [step for step in told if step.stage == "train"]
    assert np.isfinite(training[-1].loss)
    assert training[-1].f1 is not None
    assert training[-1].seconds_left > 0
    # Kept where it is not worse than the calibration alone, which is kept else.
    assert report.weights.exists()
    card, _ = read_weights(str(report.weights))
    assert card.role == report.role
    assert score(project, "f1", report.use) > 0.75


@pytest.mark.slow
def test_a_classifier_can_be_used_with_its_detector(project: Project, monkeypatch: pytest.MonkeyPatch):
    from napari_drpnet.jobs.retrain import retrain as retraining

    monkeypatch.setattr(retraining, "_TELLING", 1000)  # nothing to judge it by: whoever insists has it
    project.write_picks("f0", labels(places(0)))
    project.mark_done("f0", True)
    chosen = RetrainSettings(what="classifier", device="cpu", steps=2, batch=4, start="")
    report = jobs.finish(jobs.retrain_picker(project, chosen))
    assert report.role == "classifier"
    assert report.use == {"classifier": "retrained-1"}
    card, _ = read_weights(str(report.weights))
    assert card.detector == "shifted"
    assert len(card.calibration) == 5
    assert report.weights.with_suffix(".tsv").exists()
    assert report.weights.with_suffix(".png").exists()
    assert score(project, "f1", report.use) > 0.5


def test_a_micrograph_that_goes_between_two_looks_is_not_judged_by(project: Project):
    for name in ("f0", "f1"):
        project.write_picks(name, labels(places(int(name[1:]))))
        project.mark_done(name, True)
    calibrated = jobs.finish(jobs.retrain_picker(project, QUICK))
    project.update(options=jobs.with_networks(project.settings.options, calibrated.use))
    chosen = RetrainSettings(what="classifier", device="cpu", steps=2, batch=4, start="")
    job, looks = jobs.retrain_picker(project, chosen), 0
    while True:
        try:
            step = next(job)
        except StopIteration as end:
            report = end.value
            break
        looks += step.message == "f0" and step.done == step.fraction == 0
        if looks == 2:  # without the correction that is in use
            project.entry("f1").path.unlink(missing_ok=True)
    assert any("f1 is left out" in note for note in report.notes)
    assert any("classifier" in note for note in report.notes)


def test_closing_it_leaves_nothing(project: Project):
    project.write_picks("f0", labels(places(0)))
    project.mark_done("f0", True)
    for what in ("classifier", "detector"):
        job = jobs.retrain_picker(project, RetrainSettings(what=what, device="cpu", steps=500, batch=2))
        while next(job).stage != "train":
            pass
        job.close()
    assert [file.name for file in (project.folder / "networks").iterdir()] == ["shifted.safetensors"]


def test_a_detector_is_tuned_on_finished_micrographs(project: Project):
    project.write_picks("f0", labels(places(0)))
    project.mark_done("f0", True)
    chosen = RetrainSettings(what="detector", device="cpu", steps=1, batch=2, name="tuned")
    report = jobs.finish(jobs.retrain_picker(project, chosen))
    assert report.before is not None
    assert report.after is not None
    files = sorted(file.name for file in (project.folder / "networks").iterdir())
    if report.weights is None:
        assert report.after < report.before
        assert files == ["shifted.safetensors"]
    else:
        assert report.use == {"detector": "tuned"}
        assert files == ["shifted.safetensors", *(f"tuned.{kind}" for kind in ("png", "safetensors", "tsv", "yaml"))]


# ---------------------------------------------------------------- a patch set alone


def patches(n: int = 60, **columns) -> PatchSet:
    rng = np.random.default_rng(0)
    particle = np.arange(n) % 2 == 0
    images = rng.normal(0, 0.1, (n, 64, 64)).astype(np.float32)
    y, x = np.indices((64, 64)) - 32
    images[particle] -= 0.4 * (np.hypot(y, x) < 16)
    split = np.where(np.arange(n) < 0.7 * n, "training", "validation")
    given = {
        "particle": particle,
        "micrograph": np.array("a"),
        "yx": np.zeros((n, 2)),
        "split": split,
        "grey": "robust",
    }
    return PatchSet(images, 1.25, 40.0, **given | columns)


@pytest.mark.slow
def test_a_patch_set_makes_a_classifier(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = write_patches(patches(), tmp_path / "set")
    out = tmp_path / "mine.safetensors"
    with pytest.raises(SystemExit) as end:
        main(["train-classifier", "--patches", str(folder), "--out", str(out), "--steps", "12", "--device", "cpu"])
    assert end.value.code == 0
    assert "on validation patches" in capsys.readouterr().out
    picker = load_picker("drpnet", diameter=DIAMETER, classifier=str(out), device="cpu")
    path = write_field(tmp_path / "f0.mrc", 0)
    assert len(picker.pick(read_micrograph(path))) > 0


def test_a_patch_set_of_older_grey_levels_is_told_the_weights_that_know_them(tmp_path: Path):
    folder, out = write_patches(patches(grey="percentiles"), tmp_path / "set"), tmp_path / "out.safetensors"
    asked = {"device": "cpu", "steps": 2}
    with pytest.raises(UserError, match="begin from 'paper-classifier'"):
        jobs.finish(jobs.retrain_patch_set(folder, asked, out))
    jobs.finish(jobs.retrain_patch_set(folder, asked | {"start": "paper-classifier"}, out))
    assert read_card(out).grey == "percentiles"


def test_a_place_where_nothing_can_be_written_is_told_before_training(tmp_path: Path):
    folder = write_patches(patches(), tmp_path / "set")
    (tmp_path / "file").touch()
    steps = jobs.retrain_patch_set(folder, {"device": "cpu"}, tmp_path / "file" / "out.safetensors")
    with pytest.raises(UserError, match="cannot be written: file is a file"):
        next(steps)


def test_a_patch_set_of_one_class_is_refused(tmp_path: Path):
    folder = write_patches(patches(particle=np.ones(60, bool)), tmp_path / "set")
    with pytest.raises(UserError, match="particles only"):
        jobs.finish(jobs.retrain_patch_set(folder, {"device": "cpu"}, tmp_path / "out.safetensors"))


@pytest.mark.parametrize("words", [["--micrographs", "m"], ["--average", "0.9"]])
def test_training_refuses_what_a_patch_set_has_no_use_for(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as end:
        main(["train-classifier", "--patches", str(tmp_path), *words])
    assert end.value.code == 2
    assert f"{words[0]} beside" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [("train-detector", "--calibrate-only", "--project"), ("retrain", "--what", "calibration")],
)
def test_a_project_is_retrained_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
):
    with project_of(tmp_path, 1) as project:
        project.write_picks("f0", labels(places(0)[::2]))
    with warnings.catch_warnings(), pytest.raises(SystemExit) as end:
        main([*arguments, str(project.folder), "--device", "cpu"])
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert "F1 (estimated)" in said
    assert f"pick --project {project.folder} --calibration retrained-1" in said
    assert (project.folder / "networks" / "retrained-1.safetensors").exists()


# ---------------------------------------------------------------- before and after, what to label next, the curve


def test_what_came_and_what_went():
    frame = Frame("a", (100, 100), 1.0)
    before = Picks(frame, np.array([[10.0, 10], [50, 50]]), score=np.array([0.9, 0.6]))
    after = Picks(frame, np.array([[11.0, 10], [80, 80]]), score=np.array([0.9, 0.7]))
    change = compared("a", before, after, Picks(frame, np.array([[10.0, 10], [80, 80]])), 20)
    assert change.came.yx.tolist() == [[80, 80]]
    assert change.went.yx.tolist() == [[50, 50]]
    assert change.stayed.yx.tolist() == [[11, 10]]
    assert (change.f1_before, change.f1_after) == (0.5, 1.0)
    assert compared("a", before, after, None, 20).f1_after is None


def test_before_and_after_tell_of_every_micrograph(project: Project):
    shifted_detector(project.folder / "networks" / "bold.safetensors", 2.0)
    project.write_picks("f1", labels(places(1)))
    project.mark_done("f1", True)
    project.entry("f0").path.unlink()
    found = jobs.finish(jobs.before_after(project, ["f0", "f1"], {"detector": "shifted"}, {"detector": "bold"}))
    gone, done = found.changes
    assert gone.error
    assert len(done.came) > 20
    assert len(done.went) == 0
    assert done.f1_after > done.f1_before + 0.2
    assert len(done.came) + len(done.stayed) == len(done.after)


def test_what_is_uncertain_and_new_is_suggested_first():
    features = np.array([[0.0], [5.0], [0.1], [5.0]])
    probability = np.array([0.5, 0.5, 0.01, 0.99])
    yx = np.arange(8.0).reshape(4, 2)
    best = ordered([("a", yx, probability, features)], np.array([[0.0]]), 4)
    assert best[0].yx.tolist() == [2, 3]
    assert best[0].gain > best[1].gain
    assert {best[2].score, best[3].score} == {0.5, 0.01} or best[1].score == 0.99
    assert len(ordered([("a", yx, probability, features)], np.empty((0, 1)), 2)) == 2


def test_what_is_uncertain_is_what_is_near_the_threshold():
    probability, features = np.array([0.1, 0.2, 0.5, 0.9]), np.zeros((4, 1))
    best = ordered([("a", np.zeros((4, 2)), probability, features)], np.empty((0, 1)), 4, threshold=0.2)
    assert [one.score for one in best] == [0.2, 0.5, 0.1, 0.9]
    assert [one.gain for one in best] == pytest.approx([1, 0.625, 0.5, 0.125])


def test_looks_do_not_depend_on_the_way_a_patch_is_turned():
    images = patches(4).images
    padded = np.pad(images, ((0, 0), (0, 1), (0, 1)), mode="edge")[:, 1:65, 1:65]
    a, b = described(images), described(np.rot90(padded, axes=(1, 2)))
    assert np.abs(a - b).max() < 0.1
    assert described(images[:0]).shape == (0, 16)


def test_suggestions_are_of_candidates_that_nobody_judged(project: Project):
    told = labels(places(0)[:20])
    project.write_picks("f0", told)
    found = jobs.finish(jobs.suggest(project, limit=30))
    assert len(found) == 30
    assert np.all(np.diff([one.gain for one in found]) <= 0)
    assert all(abs(one.score - 0.5) < 0.45 for one in found[:10])
    own = np.array([one.yx for one in found if one.name == "f0"]).reshape(-1, 2)
    assert not near(own, told.yx, PIXELS / 4).any()
    assert all((one.yx >= 0.5 * PIXELS).all() for one in found)  # nearer to the edge nothing is picked
    ranked = jobs.suggested_micrographs(found)
    assert ranked[0][1] >= ranked[-1][1] > 0
    assert {name for name, _ in ranked} <= {"f0", "f1"}


def test_the_learning_curve_rises_from_the_picker_as_it_is(project: Project):
    project.write_picks("f0", labels(places(0)))
    project.mark_done("f0", True)
    points = jobs.finish(jobs.learning_curve(project, sizes=(10, 30)))
    assert [point.labels for point in points][:3] == [0, 10, 30]
    assert points[1].f1 > points[0].f1
    assert points[-1].f1 > points[0].f1 + 0.1
    assert not any(point.estimated for point in points)
    project.write_picks("f0", labels(places(0)[:4]))
    with pytest.raises(UserError, match="too few labels"):
        jobs.finish(jobs.learning_curve(project))


def test_a_sample_of_labels_has_a_curve_too(project: Project):
    project.write_picks("f0", replace(labels(places(0)[::2]), frame=Frame("f0", (SIDE, SIDE), PIXEL_SIZE)))
    points = jobs.finish(jobs.learning_curve(project))
    assert all(point.estimated for point in points)
    assert points[-1].f1 > points[0].f1
