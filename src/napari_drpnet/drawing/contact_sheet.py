"""Patches of particles beside patches of background, as one picture."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from napari_drpnet.data import FloatArray, PatchSet

COLUMNS, ROWS = 4, 4  # patches of particles, and as many of background
GAP = 8  # pixels between the two
_SMOOTHED = 1.5  # sigma in pixels of the patch: noise that the eye cannot average

_IndexArray = npt.NDArray[np.int64]


def contact_sheet(patches: PatchSet) -> npt.NDArray[np.uint8]:
    """Particles on the left and background on the right, of every origin some.

    Returns
    -------
    numpy.ndarray
        ``(h, w, 4)`` red, green, blue and alpha; the gap between the two is transparent.
    """
    limits = np.percentile(_smoothed(patches.images[:: max(1, len(patches) // 100)]), (1, 99)).astype(float)
    halves = [_mosaic(patches, np.flatnonzero(patches.particle == particle), limits) for particle in (True, False)]
    height, width = halves[0].shape
    grey = np.hstack([halves[0], np.zeros((height, GAP), np.uint8), halves[1]])
    alpha = np.full_like(grey, 255)
    alpha[:, width : width + GAP] = 0
    return np.ascontiguousarray(np.dstack([grey, grey, grey, alpha]))


def _mosaic(patches: PatchSet, which: _IndexArray, limits: FloatArray) -> npt.NDArray[np.uint8]:
    """``(h, w)`` grey levels of some of these, row by row."""
    side = patches.images.shape[1]
    chosen = _some(patches, which)
    sheet = np.zeros((ROWS * COLUMNS, side, side), np.uint8)
    scaled = (_smoothed(patches.images[chosen]) - limits[0]) / max(float(np.ptp(limits)), 1e-6)
    sheet[: len(chosen)] = np.round(255 * np.clip(scaled, 0, 1))
    sheet[:, [0, -1]] = sheet[:, :, [0, -1]] = 0  # a line between neighbours
    return np.asarray(sheet.reshape(ROWS, COLUMNS, side, side).swapaxes(1, 2).reshape(ROWS * side, COLUMNS * side))


def _some(patches: PatchSet, which: _IndexArray) -> _IndexArray:
    """As many as there is room for, in turn from every origin, those of one origin together."""
    rng = np.random.default_rng(0)
    shuffled = rng.permutation(which)
    turn = np.zeros(len(shuffled), np.int64)
    for origin in np.unique(patches.origin[shuffled]):
        same = patches.origin[shuffled] == origin
        turn[same] = np.arange(same.sum())
    chosen = shuffled[np.argsort(turn, kind="stable")][: ROWS * COLUMNS]
    return np.asarray(chosen[np.argsort(patches.origin[chosen], kind="stable")])


def _smoothed(images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    smooth = gaussian_filter(images, (0, _SMOOTHED, _SMOOTHED))
    return np.asarray(smooth - smooth.mean(axis=(1, 2), keepdims=True))
