"""A harvest without any label: by what averages prove, and by the detector alone where they prove nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from napari_drpnet import jobs, load_picker
from napari_drpnet.errors import UserError
from napari_drpnet.io import read_micrograph
from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs.project import project_judgement
from napari_drpnet.jobs.retrain.labelled import labelled_in_files
from napari_drpnet.settings import HarvestSettings
from seen_particles import DIAMETER, PER_MICROGRAPH, PIXEL_SIZE, seen_places, write_data_set


def harvested(folder: Path, **told) -> jobs.HarvestReport:
    picker = load_picker("log", diameter=DIAMETER)
    return jobs.finish(jobs.harvest(labelled_in_files([str(folder)]), HarvestSettings(**told), picker))


def apart(patches, name: str) -> np.ndarray:
    """Distance of each patch of a good micrograph from the nearest particle, in diameters."""
    truth = seen_places(int(name[-1]))
    return cKDTree(truth).query(patches.yx[patches.micrograph == name])[0] * PIXEL_SIZE / DIAMETER


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> jobs.HarvestReport:
    return harvested(write_data_set(tmp_path_factory.mktemp("set")))


def test_what_averages_prove_are_particles(report: jobs.HarvestReport):
    assert report.source == "evidence"
    assert any("Averages say" in note for note in report.notes)
    proved = report.patches.select(report.patches.particle)
    assert set(proved.origin) == {"proved"}
    away = np.concatenate([apart(proved, name) for name in np.unique(proved.micrograph)])
    assert len(away) > 3 * PER_MICROGRAPH / 2
    assert (away < 0.5).mean() > 0.9
    assert proved.score.min() >= 0.7


def test_what_they_refute_is_background(report: jobs.HarvestReport):
    refuted = report.patches.select(report.patches.origin == "refuted")
    assert not refuted.particle.any()
    assert refuted.score.max() <= 0.1
    away = np.concatenate([apart(refuted, name) for name in np.unique(refuted.micrograph)])
    assert len(away) > 40
    assert (away > 0.5).mean() > 0.9


def test_nothing_is_taken_of_a_micrograph_whose_picks_nothing_proves(report: jobs.HarvestReport):
    assert set(report.patches.micrograph) == {f"good{number}" for number in range(4)}
    assert any("Of 1 micrograph" in note for note in report.notes)


def test_noise_proves_nothing_and_it_is_said(tmp_path: Path):
    folder = write_data_set(tmp_path / "noise", good=0, empty=3)
    by_confidence = harvested(folder)
    assert by_confidence.source == "confidence"
    assert any("cannot be told from that of noise" in note for note in by_confidence.notes)
    assert "proved" not in by_confidence.patches.origin
    with pytest.raises(UserError, match="Averages do not prove enough"):
        harvested(folder, source="evidence")


def test_what_to_label_next_is_near_the_threshold_in_the_probability_of_the_data_set(tmp_path: Path):
    folder = write_data_set(tmp_path / "m", good=3, empty=0)
    with Project.create(tmp_path / "p", inputs=(str(folder),), picker="log", diameter=DIAMETER) as project:
        jobs.finish(jobs.pick_project(project))
        decision = project.evidence.decision
        assert decision is not None
        assert decision.basis == "evidence"
        found = jobs.finish(jobs.suggest(project, limit=5000))
        judgement = project_judgement(project, jobs.project_picker(project))
    assert judgement is not None
    picker = load_picker("log", diameter=DIAMETER)
    micrograph = read_micrograph(folder / "good0.mrc")
    own = judgement.adapted(judgement.measured_on(picker, micrograph, picker.score(micrograph))).candidates
    here = [one for one in found if one.name == "good0"]
    nearest = cKDTree(own.yx).query([one.yx for one in here])[1]
    np.testing.assert_allclose([one.score for one in here], own.probability[nearest])
    away = [abs(one.score - decision.threshold) for one in found]
    assert np.mean(away[:20]) < np.mean(away) / 2
