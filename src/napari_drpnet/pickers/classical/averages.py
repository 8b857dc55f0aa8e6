"""Class averages of picked particles: turned onto each other and sorted into a few views, as templates.

Turns only, no shifts: picks are centred to a few per cent of the diameter. In polar coordinates a turn is a shift along
the angle, so that one Fourier transform along it compares a particle with a class at all angles.
"""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from napari_drpnet.data import ImageArray
from napari_drpnet.pickers.classical.matching import turned

_ANGLES = 96
_ROUNDS = 12
# k-means ends where it began from: of several random starts the best is kept.
_STARTS = 5

ComplexArray = npt.NDArray[np.complex64]


def class_averages(
    particles: ImageArray, count: int, radius: float, seed: int = 0
) -> Generator[float, None, tuple[ImageArray, npt.NDArray[np.int64]]]:
    """Averages of particles that look alike at some in-plane rotation, yielding the fraction done.

    k-means in which the distance to a class is that at the best rotation.

    Parameters
    ----------
    particles
        ``(n, side, side)`` float32, each centred on pixel ``side // 2``.
    count
        Of classes, at most; those that end up empty are left out.
    radius
        Of the disc that is compared, in pixels.
    seed
        Of the first, random classes.

    Returns
    -------
    averages
        ``(k, side, side)`` float32, the largest class first.
    members
        ``(k,)`` particles of each.
    """
    rings = _rings(particles, radius)
    rng = np.random.default_rng(seed)
    best, kept = -np.inf, (np.zeros(0, np.int64), np.zeros(0, np.int64))
    for start in range(_STARTS):
        member = rng.permutation(len(particles)) % min(count, len(particles))
        shift = rng.integers(0, _ANGLES, len(particles))
        for done in range(_ROUNDS):
            member, shift, likeness = _assigned(rings, _means(rings, member, shift, count))
            yield 0.9 * (start + (done + 1) / _ROUNDS) / _STARTS
        if likeness > best:
            best, kept = likeness, (member, shift)
    member, shift = kept
    sizes = np.bincount(member, minlength=count)
    order = [c for c in np.argsort(-sizes, kind="stable") if sizes[c]]
    angles = torch.from_numpy(shift * (360 / _ANGLES)).float()
    images = torch.from_numpy(particles)
    upright = np.concatenate([turned(image, angle[None]).numpy() for image, angle in zip(images, angles, strict=True)])
    return np.stack([upright[member == c].mean(axis=0) for c in order]), sizes[order]


def _rings(particles: ImageArray, radius: float) -> ComplexArray:
    """Transforms along the angle of the pixels on circles, ``(n, r, a)``; each particle with mean 0 and norm 1."""
    r = np.arange(1, int(radius) + 1)
    angle = np.arange(_ANGLES) * (2 * np.pi / _ANGLES)
    # Row down, angle counter-clockwise as displayed: as `matching.turned` turns.
    yx = np.stack([-r[:, None] * np.sin(angle), r[:, None] * np.cos(angle)]) + particles.shape[1] // 2
    polar = np.stack([ndimage.map_coordinates(image, yx, order=1) for image in particles])
    area = np.sqrt(r)[:, None]  # a sample on a wide circle stands for more pixels
    polar = polar - (polar * area**2).mean(axis=(1, 2), keepdims=True) / (area**2).mean()
    polar *= area
    polar /= np.maximum(np.linalg.norm(polar, axis=(1, 2), keepdims=True), np.finfo(np.float32).tiny)
    return np.asarray(np.fft.rfft(polar, axis=2), np.complex64)


def _means(
    rings: ComplexArray, member: npt.NDArray[np.int64], shift: npt.NDArray[np.int64], count: int
) -> ComplexArray:
    """Mean of the members of each class after their turns, of norm 1, ``(count, r, a)``."""
    order = np.arange(rings.shape[2])
    upright = rings * np.exp(-2j * np.pi / _ANGLES * shift[:, None] * order)[:, None, :]
    means = np.zeros((count, *rings.shape[1:]), np.complex64)
    np.add.at(means, member, upright)
    norms = np.linalg.norm(means, axis=(1, 2), keepdims=True)
    return np.asarray(means / np.where(norms > 0, norms, 1), np.complex64)


def _assigned(rings: ComplexArray, means: ComplexArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], float]:
    """The class of each particle, the turn that brings it there in steps of the angle, and how alike all are."""
    likeness = np.stack([np.fft.irfft((mean * rings.conj()).sum(axis=1), _ANGLES, axis=1) for mean in means], axis=1)
    flat = likeness.reshape(len(rings), -1)
    best = flat.argmax(axis=1)
    return best // _ANGLES, best % _ANGLES, float(flat.max(axis=1).sum())
