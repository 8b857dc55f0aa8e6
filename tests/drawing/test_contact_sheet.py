"""Patches as one picture: particles on the left, background on the right, of every origin some."""

from __future__ import annotations

import numpy as np
import pytest

from napari_drpnet.data import PatchSet
from napari_drpnet.drawing.contact_sheet import COLUMNS, GAP, ROWS, contact_sheet

SIDE = 16


def patches(particles: int, background: int) -> PatchSet:
    """Particles with a dark middle, background with noise only."""
    n = particles + background
    images = np.random.default_rng(0).normal(0, 0.05, (n, SIDE, SIDE)).astype(np.float32)
    images[:particles, 4:12, 4:12] -= 1
    particle = np.arange(n) < particles
    return PatchSet(images, 4.0, 40.0, particle, np.array("a"), np.zeros((n, 2)))


@pytest.mark.parametrize(("particles", "background"), [(30, 40), (3, 1)])
def test_particles_are_on_the_left_and_a_gap_beside_them(particles: int, background: int) -> None:
    pixels = contact_sheet(patches(particles, background))
    half = COLUMNS * SIDE
    assert pixels.shape == (ROWS * SIDE, 2 * half + GAP, 4)
    assert pixels.dtype == np.uint8
    assert (pixels[:, half : half + GAP, 3] == 0).all()
    assert (np.delete(pixels[..., 3], np.s_[half : half + GAP], axis=1) == 255).all()
    first, other = pixels[:SIDE, :SIDE, 0].astype(int), pixels[:SIDE, half + GAP :][:, :SIDE, 0].astype(int)
    assert first[6:10, 6:10].mean() < first[1:3, 1:-1].mean() - 50
    assert abs(other[6:10, 6:10].mean() - other[1:3, 1:-1].mean()) < 50


def test_every_origin_is_seen_however_rare() -> None:
    many = patches(100, 0)
    rare = np.where(np.arange(100) == 7, "region", "label")
    images = many.images.copy()
    images[7] = 0
    images[7, 8, 8] = -400  # one that is known again
    chosen = PatchSet(images, 4.0, 40.0, many.particle, many.micrograph, many.yx, origin=rare)
    tiles = contact_sheet(chosen)[:, : COLUMNS * SIDE, 0].reshape(ROWS, SIDE, COLUMNS, SIDE).swapaxes(1, 2)
    dark_around = [tile[8, 8] == 0 and tile[1:-1, 1].min() > 0 for tile in tiles.reshape(-1, SIDE, SIDE)]
    assert any(dark_around)
