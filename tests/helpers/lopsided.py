"""A particle that looks different from everywhere, and pictures of it that lie in known ways."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from napari_drpnet.reconstruction.disc import Disc
from napari_drpnet.reconstruction.matching import Spectra
from napari_drpnet.reconstruction.projecting import Projector

SIDE = 32
FINEST = 0.45 * SIDE


def lopsided(side: int = SIDE, extent: float = 4.0, seed: int = 0, operators: np.ndarray | None = None) -> torch.Tensor:
    """``(side, side, side)``: 25 blobs about the middle, repeated by the operators of a point group."""
    middle = np.random.default_rng(seed).normal(size=(25, 3)) * extent
    if operators is not None:
        middle = np.einsum("sij,nj->sni", operators, middle).reshape(-1, 3)
    axis = np.arange(side) - side // 2
    falloff = [np.exp(-((axis - middle[:, i : i + 1]) ** 2) / (2 * 1.2**2)) for i in range(3)]
    return torch.from_numpy(np.einsum("nx,ny,nz->zyx", *falloff).astype(np.float32))


def matrices(count: int, seed: int) -> torch.Tensor:
    """``(count, 3, 3)`` orientations, evenly over all."""
    return torch.from_numpy(Rotation.random(count, random_state=seed).as_matrix()).float()


def angles(one: torch.Tensor, other: torch.Tensor, operators: np.ndarray | None = None) -> np.ndarray:
    """``(n,)`` degrees between orientations, modulo a point group."""
    turns = np.eye(3)[None] if operators is None else operators
    trace = np.max([np.einsum("nij,jk,nik->n", one.numpy(), turn, other.numpy()) for turn in turns], axis=0)
    return np.asarray(np.rad2deg(np.arccos(np.clip((trace - 1) / 2, -1, 1))))


class Pictures:
    """Particles in white noise, as `reconstruction.rounds` asks for them.

    Parameters
    ----------
    density
        The particle; None: noise alone.
    count, seed
        Of the pictures.
    strength
        Of a particle, in standard deviations of noise.
    """

    def __init__(self, density: torch.Tensor | None, count: int, strength: float = 20.0, seed: int = 1) -> None:
        chance = torch.Generator().manual_seed(seed)
        self.disc, self.half = Disc(SIDE, FINEST), np.arange(count) % 2
        self.matrices, self.shifts = matrices(count, seed), 4 * torch.rand(count, 2, generator=chance) - 2
        # One lens for each picture, with zeros at frequencies of its own.
        phase = 1 + 2 * torch.rand(count, 1, generator=chance)
        self.transfer = torch.sin(phase * (self.disc.distance / 6) ** 2 + 0.5).abs()
        self.values = torch.complex(*torch.randn(2, count, len(self.disc.yx), generator=chance))
        if density is not None:
            clean = Projector(density, FINEST).slices(self.matrices, self.disc) * self.transfer
            clean *= strength / (clean.abs() ** 2).sum(1).mean().sqrt()
            self.values = self.values + clean * self.disc.moved(-self.shifts)

    def spectra(self, which: torch.Tensor, disc: Disc, masked: bool) -> Spectra:
        """Of some of them."""
        return Spectra(self.disc, self.values[which], self.transfer[which]).within(disc)
