"""An image at another scale: a weight for each pair of a row before and after, and the same for columns."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from napari_drpnet.data import ImageArray
from napari_drpnet.stages import stage

# Rows that are made at once: what is between fits into a processor's cache.
_ROWS = 64


@stage("rescale")
def rescale(image: ImageArray, factor: float) -> ImageArray:
    """The image ``factor`` times its size, smoothed against aliasing; the outer edges stay in place.

    Output pixel ``i`` is centred on input coordinate ``(i + 0.5) / factor - 0.5``, exactly (see `Frame`).

    Parameters
    ----------
    image
        ``(h, w)`` float32.
    factor
        Above 0. The result is ``(floor(h * factor), floor(w * factor))``.
    """
    if factor == 1:
        return image
    image = np.ascontiguousarray(image, np.float32)
    rows, columns = (weights(side, factor) for side in image.shape)
    columns = columns.T.tocsr()
    out = np.empty((rows.shape[0], columns.shape[1]), np.float32)
    for start in range(0, len(out), _ROWS):
        out[start : start + _ROWS] = (rows[start : start + _ROWS] @ image) @ columns
    return out


def weights(side: int, factor: float) -> sparse.csr_matrix:
    """What each of ``side`` pixels gives to each pixel of a line ``factor`` times as long.

    ``(floor(side * factor), side)``, sparse.

    Linear interpolation; where the line gets shorter, with a triangle as wide as two pixels of the result. Weights of a
    pixel add up to 1, also at the ends of the line.
    """
    length, reach = int(side * factor), max(1 / factor, 1.0)
    centre = (np.arange(length)[:, None] + 0.5) / factor - 0.5
    near = np.floor(centre - reach).astype(np.int64) + np.arange(int(2 * reach) + 3)
    weight = np.maximum(0, 1 - np.abs(near - centre) / reach)
    weight[(near < 0) | (near >= side)] = 0
    weight /= weight.sum(axis=1, keepdims=True)
    at = weight > 0
    ends = np.concatenate([[0], np.cumsum(at.sum(axis=1))])
    return sparse.csr_matrix((weight[at].astype(np.float32), near[at], ends), shape=(length, side))
