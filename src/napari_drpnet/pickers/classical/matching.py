"""Normalised cross-correlation of an image with many templates, each seen through the same disc.

Roseman, "Particle finding in electron micrographs using a fast local correlation algorithm", Ultramicroscopy 94 (2003)
225: the image's mean and variance within the disc are taken around every pixel, so that neither thick ice nor strong
contamination makes a good match. All sums are products of Fourier transforms, in tiles of one size: an image costs two
forward transforms, and each template one of its own and one back per tile.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from scipy.fft import next_fast_len
from torch.nn import functional as F

from napari_drpnet.data import ImageArray

# Side of a tile, in pixels: its transforms fit into a processor's cache.
_TILE = 768
# Where the image varies less than this part of its standard deviation, noise would be enlarged.
_LEAST_DEVIATION = 0.1
# Bytes per pixel of a tile while it is compared.
_BYTES = 24


def disc(side: int, diameter: float) -> torch.Tensor:
    """``(side, side)`` 1 within a disc around pixel ``side // 2``, 0 outside."""
    along = torch.arange(side, dtype=torch.float32) - side // 2
    return ((along[:, None] ** 2 + along**2) <= (diameter / 2) ** 2).float()


def turned(template: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
    """A template turned about pixel ``side // 2``, ``(k, side, side)``, beyond its border as at its border.

    Parameters
    ----------
    template
        ``(side, side)``.
    angles
        ``(k,)`` RELION's psi in degrees: as displayed with row 0 on top, counter-clockwise. A point at ``(x, y)`` goes
        to ``(x cos + y sin, y cos - x sin)``.
    """
    side = template.shape[0]
    along = torch.arange(side, dtype=torch.float32, device=template.device) - side // 2
    cos, sin = (part[:, None, None] for part in (torch.cos(torch.deg2rad(angles)), torch.sin(torch.deg2rad(angles))))
    y, x = along[:, None], along[None]
    source = torch.stack([x * cos - y * sin, x * sin + y * cos], dim=-1) + side // 2
    grid = (2 * source + 1) / side - 1
    images = template.expand(len(angles), 1, side, side)
    return F.grid_sample(images, grid, mode="bicubic", padding_mode="border", align_corners=False)[:, 0]


class Matches:
    """The best match of any template around every pixel of an image, so far.

    Parameters
    ----------
    image
        ``(h, w)`` float32, mean about 0; reflected at its border.
    mask
        ``(side, side)`` 0 and 1, around pixel ``side // 2``.
    device
        Where to compute.
    memory
        MB that a comparison may use beside the image's own transform.
    """

    def __init__(self, image: ImageArray, mask: torch.Tensor, device: torch.device, memory: int) -> None:
        side, (h, w) = len(mask), image.shape
        rows, columns = (-(-length // max(_TILE - side, side)) for length in (h, w))
        self._core = -(-h // rows), -(-w // columns)
        self._tile = tuple(next_fast_len(length + side - 1, real=True) for length in self._core)
        self._grid, self._shape, self._mask = (rows, columns), (h, w), mask.to(device)
        # On a processor one tile at a time, so that whoever waits can stop soon.
        room = memory * 1_000_000 // (_BYTES * self._tile[0] * self._tile[1])
        self._at_once = max(1, room) if device.type == "cuda" else 1
        tiles = self._tiles(image, side // 2).to(device)
        self._image = torch.fft.rfft2(tiles)
        self._scale = self._scales(tiles)
        self._best = torch.full((len(tiles), *self._core), -torch.inf, device=device)
        self._index = torch.zeros(self._best.shape, dtype=torch.int32, device=device)

    def _tiles(self, image: ImageArray, before: int) -> torch.Tensor:
        """Overlapping tiles ``(n, *self._tile)``: pixel 0 of each is ``before`` pixels before its core."""
        (rows, columns), (core_h, core_w), (tile_h, tile_w) = self._grid, self._core, self._tile
        after = (
            (rows - 1) * core_h + tile_h - before - image.shape[0],
            (columns - 1) * core_w + tile_w - before - image.shape[1],
        )
        padded = np.pad(image, [(before, after[0]), (before, after[1])], mode="symmetric")
        starts = [(row * core_h, column * core_w) for row in range(rows) for column in range(columns)]
        return torch.from_numpy(np.stack([padded[y : y + tile_h, x : x + tile_w] for y, x in starts]))

    def _correlated(self, transform: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
        """Sums of an image times a kernel around every pixel of the cores."""
        product = transform * torch.fft.rfft2(kernel, self._tile).conj()
        sums: torch.Tensor = torch.fft.irfft2(product, self._tile)[:, : self._core[0], : self._core[1]]
        return sums

    def _scales(self, tiles: torch.Tensor) -> torch.Tensor:
        """One over the norm of the image within the mask around each pixel, its mean there taken away."""
        count, overall = self._mask.sum(), tiles.square().mean()
        norms = torch.empty((len(tiles), *self._core), device=tiles.device)
        for i, tile in enumerate(tiles):  # one at a time: three more of this size are in memory meanwhile
            total = self._correlated(self._image[i : i + 1], self._mask)
            squares = self._correlated(torch.fft.rfft2(tile[None].square()), self._mask)
            norms[i] = (squares - total.square() / count)[0]
        return norms.clamp(min=float(_LEAST_DEVIATION**2 * overall * count)).rsqrt()

    def compare(self, template: torch.Tensor, index: int) -> Iterator[None]:
        """Let one template, ``(side, side)``, take the pixels that it matches better; yields after some tiles."""
        inside = (template - (template * self._mask).sum() / self._mask.sum()) * self._mask
        kernel = inside / inside.norm()
        for start in range(0, len(self._best), self._at_once):
            part = slice(start, start + self._at_once)
            match = self._correlated(self._image[part], kernel) * self._scale[part]
            better = match > self._best[part]
            self._best[part] = torch.where(better, match, self._best[part])
            self._index[part] = torch.where(better, index, self._index[part])
            yield

    def best(self) -> tuple[ImageArray, npt.NDArray[np.int32]]:
        """The correlation coefficient of the best template around each pixel, ``(h, w)`` in -1..1, and its index."""
        return self._joined(self._best).numpy(), self._joined(self._index).numpy()

    def _joined(self, cores: torch.Tensor) -> torch.Tensor:
        (rows, columns), (core_h, core_w), (h, w) = self._grid, self._core, self._shape
        whole = cores.reshape(rows, columns, core_h, core_w).permute(0, 2, 1, 3).reshape(rows * core_h, -1)
        return whole[:h, :w].contiguous().cpu()
