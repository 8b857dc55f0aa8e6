"""Projections are those of torch-fourier-slice, in every orientation, and the grid leaves no gap."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lopsided import SIDE, lopsided, matrices
from napari_drpnet.reconstruction.disc import Disc
from napari_drpnet.reconstruction.pointgroups import operators
from napari_drpnet.reconstruction.projecting import Projector, grid
from napari_drpnet.simulation.projection import project
from napari_drpnet.simulation.structures import Volume


def test_slices_are_the_transforms_of_projections() -> None:
    density, disc, turns = lopsided(), Disc(SIDE, 14), matrices(6, 1)
    images = project(Volume(density.numpy(), 1.0, 20.0), Rotation.from_matrix(turns.numpy()))
    theirs = disc.of(torch.from_numpy(images))
    ours = Projector(density, 14).slices(turns, disc)
    assert (ours - theirs).norm() / theirs.norm() < 0.02


def test_a_moved_picture_is_moved_back() -> None:
    disc, image = Disc(SIDE, 14), torch.zeros(1, SIDE, SIDE)
    image[0, SIDE // 2 + 3, SIDE // 2 - 5] = 1
    back = disc.of(image) * disc.moved(torch.tensor([[3.0, -5.0]]))
    torch.testing.assert_close(back, torch.ones_like(back), atol=1e-4, rtol=0)


@pytest.mark.parametrize("group", ["C1", "C3", "D2"])
def test_every_orientation_is_near_one_of_the_grid(group: str) -> None:
    step, turns = 15.0, operators(group)
    half = Rotation.from_matrix(grid(step, group))
    whole = Rotation.concatenate([half, Rotation.from_euler("z", 180, degrees=True) * half]).as_matrix()
    asked = matrices(300, 2).double().numpy()
    trace = np.max([np.einsum("aij,jk,bik->ab", asked, turn, whole).max(1) for turn in turns], axis=0)
    nearest = np.rad2deg(np.arccos(np.clip((trace - 1) / 2, -1, 1)))
    assert nearest.max() < step
    assert len(whole) == pytest.approx(8 * np.pi**2 / np.deg2rad(step) ** 3 / len(turns), rel=0.15)
