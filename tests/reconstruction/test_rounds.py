"""Particles in all orientations become their map; noise becomes a map whose halves do not agree."""

import numpy as np
import pytest
import torch

from lopsided import Pictures, angles, lopsided
from napari_drpnet.reconstruction.pointgroups import operators
from napari_drpnet.reconstruction.reference import Scale, low_passed
from napari_drpnet.reconstruction.rounds import Plan, reconstruct
from napari_drpnet.reconstruction.shells import shell_correlation
from napari_drpnet.steps import drained

SCALE = Scale(32, 5.0, 105.0)


def plan(group: str = "C1", rounds: int = 2) -> Plan:
    return Plan(SCALE, group, lowpass=32.0, step=15.0, reach=12.0, rounds=rounds)


def test_particles_become_their_map() -> None:
    density = lopsided()
    pictures = Pictures(density, 160, strength=30.0)
    found = drained(reconstruct(pictures, low_passed(density.numpy(), 5.0, SCALE, 32.0), plan()))
    assert np.median(angles(found.poses.matrices, pictures.matrices)) < 6
    assert SCALE.resolution(found.shells) < 22
    assert (shell_correlation(found.density, density)[1:7] > 0.9).all()


def test_symmetric_particles_become_their_map() -> None:
    turns = operators("D2")
    density = lopsided(extent=3.5, operators=turns)
    pictures = Pictures(density, 80, strength=30.0)
    found = drained(reconstruct(pictures, low_passed(density.numpy(), 5.0, SCALE, 32.0), plan("D2")))
    assert np.median(angles(found.poses.matrices, pictures.matrices, turns)) < 6
    assert (shell_correlation(found.density, density)[1:7] > 0.9).all()


def test_halves_of_noise_agree_on_nothing_that_the_reference_did_not_give() -> None:
    reference = low_passed(lopsided().numpy(), 5.0, SCALE, 32.0)
    found = drained(reconstruct(Pictures(None, 300), reference, plan()))
    given = int(SCALE.radius(32.0)) + 3  # and what its soft edge leaves
    assert found.correlation[2:5].mean() > 0.3  # what the reference made of noise
    assert abs(found.correlation[given:14].mean()) < 0.1
    torch.testing.assert_close(found.poses.matrices.det(), torch.ones(300), atol=1e-3, rtol=0)


@pytest.mark.parametrize("radius", [6.0, 9.0])
def test_a_reference_has_no_detail_beyond_its_resolution(radius: float) -> None:
    rough = np.random.default_rng(0).random((40, 40, 40), np.float32) + 5 * lopsided(40).numpy()
    smooth = low_passed(rough, 4.0, SCALE, SCALE.resolution(radius))
    power = np.abs(np.fft.fftn(smooth.numpy())) ** 2
    axis = np.abs(np.fft.fftfreq(32, 1 / 32))
    far = np.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2) > radius + 4
    assert power[far].sum() < 1e-3 * power[~far].sum()
