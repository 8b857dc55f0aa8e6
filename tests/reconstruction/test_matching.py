"""Particles are found to lie as they do, and noise scores as noise."""

import numpy as np
import pytest
import torch

from lopsided import FINEST, SIDE, Pictures, angles, lopsided, matrices
from napari_drpnet.reconstruction.disc import Disc
from napari_drpnet.reconstruction.matching import Gallery, Poses, refined, scored, shift_grid
from napari_drpnet.reconstruction.projecting import Projector, grid


@pytest.fixture(scope="module")
def clear() -> tuple[Projector, Pictures]:
    density = lopsided()
    return Projector(density, FINEST), Pictures(density, 60, strength=30.0)


def test_a_search_and_smaller_steps_find_orientations_and_shifts(clear: tuple[Projector, Pictures]) -> None:
    projector, pictures = clear
    every = torch.arange(60)
    seen = pictures.spectra(every, pictures.disc, masked=False)
    gallery = Gallery(projector, torch.from_numpy(grid(15)).float(), Disc(SIDE, 8), shift_grid(3, 2.0))
    found, shifts = gallery.best(seen, 1)
    assert np.median(angles(found[:, 0], pictures.matrices)) < 15
    poses = Poses(found[:, 0], shifts[:, 0], torch.full((60,), -torch.inf))
    for turn, shift in ((7.5, 1.0), (3.75, 0.5), (1.9, 0.25), (1.0, 0.12)):
        poses = refined(projector, seen, poses, turn, shift)
    assert np.median(angles(poses.matrices, pictures.matrices)) < 3
    assert (poses.shifts - pictures.shifts).norm(dim=1).median() < 0.25


def test_a_step_never_makes_a_pose_worse(clear: tuple[Projector, Pictures]) -> None:
    projector, pictures = clear
    seen = pictures.spectra(torch.arange(60), pictures.disc, masked=False)
    start = scored(projector, seen, matrices(60, 9), torch.zeros(60, 2))
    assert (refined(projector, seen, start, 10, 1).score >= start.score - 1e-4).all()


def test_the_score_of_noise_has_a_spread_of_one(clear: tuple[Projector, Pictures]) -> None:
    noise = Pictures(None, 2000)
    score = scored(clear[0], noise.spectra(torch.arange(2000), noise.disc, False), noise.matrices, noise.shifts).score
    assert score.mean().abs() < 0.1
    assert score.std() == pytest.approx(1, abs=0.06)
