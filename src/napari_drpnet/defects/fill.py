"""What stands in the place of bad pixels: the mean of the good ones around them."""

from __future__ import annotations

import numpy as np

from napari_drpnet.data import ImageArray, MaskArray


def filled(image: ImageArray, good: MaskArray) -> ImageArray:
    """The image with every other pixel replaced by the mean of the good ones around it.

    Around it: in the smallest square of 2, 4, 8, ... pixels of a fixed grid that has a good one.

    Parameters
    ----------
    image
        ``(h, w)`` float32.
    good
        ``(h, w)`` bool, True for at least one pixel.
    """
    return np.where(good, image, _means(np.where(good, image, np.float32(0)), good.astype(np.float32)))


def _means(total: ImageArray, weight: ImageArray) -> ImageArray:
    """``total / weight``; where there is no weight, that of the coarser squares."""
    empty = weight == 0
    means = np.asarray(total / np.where(empty, np.float32(1), weight), np.float32)
    if empty.any():
        coarse = _means(_halved(total), _halved(weight)).repeat(2, axis=0).repeat(2, axis=1)
        means = np.where(empty, coarse[: total.shape[0], : total.shape[1]], means)
    return means


def _halved(image: ImageArray) -> ImageArray:
    """Means of 2 x 2 pixels, 0 beyond the image."""
    h, w = image.shape
    even = np.pad(image, ((0, h % 2), (0, w % 2)))
    rows = even[::2] + even[1::2]
    return np.asarray((rows[:, ::2] + rows[:, 1::2]) / 4, np.float32)
