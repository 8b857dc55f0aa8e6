"""A map is got back from its slices, through lenses with zeros, and by symmetry from a part of its views."""

import numpy as np
import pytest
import torch

from lopsided import FINEST, SIDE, lopsided, matrices
from napari_drpnet.errors import UserError
from napari_drpnet.reconstruction.backprojecting import Backprojector, Insertion
from napari_drpnet.reconstruction.disc import Disc, soft_disc
from napari_drpnet.reconstruction.pointgroups import operators
from napari_drpnet.reconstruction.projecting import Projector
from napari_drpnet.reconstruction.shells import crossing, shell_correlation, signal_to_noise


def put_together(density: torch.Tensor, turns: torch.Tensor, group: str = "C1", lenses: bool = False) -> Backprojector:
    disc = Disc(SIDE, FINEST)
    slices = Projector(density, FINEST).slices(turns, disc)
    transfer = torch.ones(slices.shape)
    if lenses:
        transfer = torch.sin(torch.linspace(1, 4, len(turns))[:, None] * (disc.distance / 6) ** 2)
    whole = Backprojector(SIDE, FINEST, operators(group))
    whole.insert(Insertion(disc, slices * transfer**2, transfer**2), turns)
    return whole


def test_a_map_comes_back_from_its_slices_in_its_own_grey_levels() -> None:
    density = lopsided()
    back = put_together(density, matrices(1500, 3), lenses=True).density()
    assert (shell_correlation(back, density)[:13] > 0.99).all()
    assert float((back * density).sum() / (density**2).sum()) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("group", ["C4", "D2"])
def test_symmetry_fills_in_what_was_not_seen(group: str) -> None:
    turns = operators(group)
    density = lopsided(extent=3.0, operators=turns)
    few = matrices(40, 4)
    with_symmetry = shell_correlation(put_together(density, few, group).density(), density)
    without = shell_correlation(put_together(density, few).density(), density)
    assert with_symmetry[8:13].mean() > without[8:13].mean() + 0.05
    assert with_symmetry[1:8].min() > 0.98


def test_shells_without_signal_are_left_out() -> None:
    ssnr = torch.full((SIDE // 2,), 100.0)
    ssnr[8:] = 0
    noise = torch.randn(SIDE, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    whole = put_together(noise * soft_disc(SIDE, 8, 3), matrices(300, 5))
    before, after = (shell_power(one) for one in (whole.density(), whole.density(ssnr)))
    assert after[10:14].sum() < 0.05 * before[10:14].sum()
    assert after[2:7].sum() > 0.9 * before[2:7].sum()


def shell_power(density: torch.Tensor) -> np.ndarray:
    axis = np.fft.fftfreq(SIDE, 1 / SIDE)
    shell = np.rint(np.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2)).astype(int)
    return np.bincount(shell.ravel(), np.abs(np.fft.fftn(density.numpy())).ravel() ** 2)


@pytest.mark.parametrize("group", ["C0", "E2", "D", "octahedral", ""])
def test_an_unknown_point_group_is_an_error(group: str) -> None:
    with pytest.raises(UserError, match="no point group"):
        operators(group)


def test_operators_are_a_group() -> None:
    turns = operators("d3")
    assert len(turns) == 6
    products = np.einsum("aij,bjk->abik", turns, turns).reshape(-1, 1, 3, 3)
    assert (np.abs(products - turns).max((2, 3)).min(1) < 1e-9).all()


def test_where_a_curve_falls_below_a_level() -> None:
    assert crossing(np.array([1, 0.9, 0.5, 0.1, 0.6]), 0.3) == pytest.approx(2.5)
    assert crossing(np.array([1, 0.9, 0.8])) == 2
    assert crossing(np.array([1, 0.0, 0.9])) == 1
    assert crossing(np.array([-0.2, -0.1, 0.9])) == 1
    assert signal_to_noise(np.array([0.5, -0.3])) == pytest.approx([2, 0])
