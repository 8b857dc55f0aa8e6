"""Normalised cross-correlation of an image with many templates, each seen through the same disc.

Roseman, "Particle finding in electron micrographs using a fast local correlation algorithm", Ultramicroscopy 94 (2003)
225: the image's mean and variance within the disc are taken around every pixel, so that neither thick ice nor strong
contamination makes a good match. All sums are products of Fourier transforms, in tiles of one size: an image costs two
forward transforms, and each template one of its own and one back per tile.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from napari_drpnet.data import FloatArray, ImageArray
from napari_drpnet.pickers.classical.arrays import PROCESSOR, Arrays

# Side of a tile, in pixels: its transforms fit into a processor's cache.
_TILE = 768
# Where the image varies less than this part of its standard deviation, noise would be enlarged.
_LEAST_DEVIATION = 0.1
# Bytes per pixel of a tile while it is compared.
_BYTES = 24


def disc(side: int, diameter: float) -> ImageArray:
    """``(side, side)`` 1 within a disc around pixel ``side // 2``, 0 outside."""
    along = np.arange(side, dtype=np.float32) - side // 2
    return np.asarray((along[:, None] ** 2 + along**2) <= (diameter / 2) ** 2, np.float32)


def turned(template: ImageArray, angles: FloatArray) -> ImageArray:
    """A template turned about pixel ``side // 2``, ``(k, side, side)``, beyond its border as at its border.

    Parameters
    ----------
    template
        ``(side, side)``.
    angles
        ``(k,)`` RELION's psi in degrees: as displayed with row 0 on top, counter-clockwise. A point at ``(x, y)`` goes
        to ``(x cos + y sin, y cos - x sin)``.
    """
    middle = np.full(2, template.shape[0] // 2)
    found = np.empty((len(angles), *template.shape), np.float32)
    for into, angle in zip(found, np.deg2rad(angles), strict=True):
        back = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])  # of (y, x)
        ndimage.affine_transform(template, back, middle - back @ middle, output=into, mode="nearest")
    return found


class Matches:
    """The best match of any template around every pixel of an image, so far.

    Parameters
    ----------
    image
        ``(h, w)`` float32, mean about 0; reflected at its border.
    mask
        ``(side, side)`` 0 and 1, around pixel ``side // 2``.
    arrays
        Where to compute.
    memory
        MB that a comparison may use beside the image's own transform.
    """

    def __init__(self, image: ImageArray, mask: ImageArray, arrays: Arrays = PROCESSOR, memory: int = 600) -> None:
        side, (h, w) = len(mask), image.shape
        rows, columns = (-(-length // max(_TILE - side, side)) for length in (h, w))
        self._arrays = arrays
        self._core = -(-h // rows), -(-w // columns)
        self._tile = tuple(fft.next_fast_len(length + side - 1, real=True) for length in self._core)
        self._grid, self._shape, self._mask = (rows, columns), (h, w), arrays.put(mask)
        # On a processor one tile at a time, so that whoever waits can stop soon.
        room = memory * 1_000_000 // (_BYTES * self._tile[0] * self._tile[1])
        self._at_once = max(1, room) if arrays.on_card else 1
        tiles = arrays.put(self._tiles(image, side // 2))
        self._image = arrays.rfft2(tiles)
        self._scale = self._scales(tiles)
        cores = len(tiles), *self._core
        self._best = arrays.put(np.full(cores, -np.inf, np.float32))
        self._index = arrays.put(np.zeros(cores, np.int32))

    def _tiles(self, image: ImageArray, before: int) -> ImageArray:
        """Overlapping tiles ``(n, *self._tile)``: pixel 0 of each is ``before`` pixels before its core."""
        (rows, columns), (core_h, core_w), (tile_h, tile_w) = self._grid, self._core, self._tile
        after = (
            (rows - 1) * core_h + tile_h - before - image.shape[0],
            (columns - 1) * core_w + tile_w - before - image.shape[1],
        )
        padded = np.pad(image, [(before, after[0]), (before, after[1])], mode="symmetric")
        starts = [(row * core_h, column * core_w) for row in range(rows) for column in range(columns)]
        return np.stack([padded[y : y + tile_h, x : x + tile_w] for y, x in starts])

    def _correlated(self, transform: Any, kernel: Any) -> Any:
        """Sums of an image times a kernel around every pixel of the cores."""
        product = transform * self._arrays.rfft2(kernel, self._tile).conj()
        return self._arrays.irfft2(product, self._tile)[:, : self._core[0], : self._core[1]]

    def _scales(self, tiles: Any) -> Any:
        """One over the norm of the image within the mask around each pixel, its mean there taken away."""
        count, overall = self._mask.sum(), (tiles**2).mean()
        norms = self._arrays.put(np.empty((len(tiles), *self._core), np.float32))
        for i, tile in enumerate(tiles):  # one at a time: three more of this size are in memory meanwhile
            total = self._correlated(self._image[i : i + 1], self._mask)
            squares = self._correlated(self._arrays.rfft2(tile[None] ** 2), self._mask)
            norms[i] = (squares - total**2 / count)[0]
        least = float(_LEAST_DEVIATION**2 * overall * count)
        return 1 / self._arrays.of.sqrt(self._arrays.of.clip(norms, least, None))

    def compare(self, template: Any, index: int) -> Iterator[None]:
        """Let one template, ``(side, side)``, take the pixels that it matches better; yields after some tiles."""
        of = self._arrays.of
        inside = (template - (template * self._mask).sum() / self._mask.sum()) * self._mask
        kernel = inside / of.sqrt((inside**2).sum())
        for start in range(0, len(self._best), self._at_once):
            part = slice(start, start + self._at_once)
            match = self._correlated(self._image[part], kernel) * self._scale[part]
            better = match > self._best[part]
            self._best[part] = of.where(better, match, self._best[part])
            self._index[part] = of.where(better, index, self._index[part])
            yield

    def best(self) -> tuple[ImageArray, npt.NDArray[np.int32]]:
        """The correlation coefficient of the best template around each pixel, ``(h, w)`` in -1..1, and its index."""
        return self._joined(self._best), self._joined(self._index)

    def _joined(self, cores: Any) -> Any:
        (rows, columns), (core_h, core_w), (h, w) = self._grid, self._core, self._shape
        whole = cores.reshape(rows, columns, core_h, core_w).swapaxes(1, 2).reshape(rows * core_h, -1)
        return self._arrays.get(whole[:h, :w])
