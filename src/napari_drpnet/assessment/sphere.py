"""The sphere in pixels of one area: HEALPix (Gorski et al., Astrophys. J. 622 (2005) 759), in its order of rings.

With 32 pixels along a side of its twelve faces it has the 12,288 views of the paper, 1.8 degrees apart.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray

IndexArray = npt.NDArray[np.int64]


def pixel_count(side: int) -> int:
    """How many pixels the sphere has, with so many along a side of its faces."""
    return 12 * side**2


def pixels(views: FloatArray, side: int) -> IndexArray:
    """``(n,)`` the pixel of each of ``(n, 3)`` unit vectors."""
    z = np.clip(views[:, 2], -1, 1)
    quarter = np.mod(np.arctan2(views[:, 1], views[:, 0]) * 2 / np.pi, 4)
    found = np.where(np.abs(z) <= 2 / 3, _near_equator(z, quarter, side), _near_poles(z, quarter, side))
    return np.asarray(found, np.int64)


def _near_equator(z: FloatArray, quarter: FloatArray, side: int) -> IndexArray:
    """Rings of ``4 * side`` pixels; ``quarter`` is the longitude in right angles."""
    # The two families of edges that cross here, counted from the south and from the north.
    rising = np.floor(side * (0.5 + quarter - 0.75 * z)).astype(np.int64)
    falling = np.floor(side * (0.5 + quarter + 0.75 * z)).astype(np.int64)
    ring = side + 1 + rising - falling
    shifted = 1 - ring % 2
    along = (rising + falling - side + shifted + 1) // 2 % (4 * side)
    return np.asarray(2 * side * (side - 1) + (ring - 1) * 4 * side + along, np.int64)


def _near_poles(z: FloatArray, quarter: FloatArray, side: int) -> IndexArray:
    """Rings of 4, 8, 12 ... pixels from each pole."""
    part = quarter % 1
    # 1 - |z| from the other two coordinates would be more exact, but 1e-8 from a pole is in its first ring anyhow.
    scale = side * np.sqrt(3 * (1 - np.abs(z)))
    ring = np.floor(part * scale).astype(np.int64) + np.floor((1 - part) * scale).astype(np.int64) + 1
    along = np.floor(quarter * ring).astype(np.int64) % (4 * ring)
    north = 2 * ring * (ring - 1) + along
    south = pixel_count(side) - 2 * ring * (ring + 1) + along
    return np.asarray(np.where(z > 0, north, south), np.int64)


def centres(side: int) -> FloatArray:
    """``(12 * side**2, 3)`` unit vectors to the middles of the pixels."""
    rings = np.arange(1, 4 * side)
    from_pole = np.minimum(rings, 4 * side - rings)
    lengths = 4 * np.minimum(from_pole, side)
    polar = 1 - from_pole**2 / (3 * side**2)
    height = np.where(from_pole < side, np.where(rings < 2 * side, polar, -polar), 4 / 3 - 2 * rings / (3 * side))
    # Every other ring near the equator begins on the meridian, all others half a pixel beside it.
    start = np.where((from_pole >= side) & ((rings - side) % 2 == 1), 0.0, 0.5)
    ring = np.repeat(np.arange(len(rings)), lengths)
    place = np.arange(pixel_count(side)) - (np.cumsum(lengths) - lengths)[ring]
    longitude = (place + start[ring]) * 2 * np.pi / lengths[ring]
    z = height[ring]
    across = np.sqrt(1 - z**2)
    return np.stack([across * np.cos(longitude), across * np.sin(longitude), z], axis=1)
