"""Projections of a map, as the frequencies that a comparison needs."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional
from torch_fourier_slice.volume_utils import separable_sinc2_correction

from napari_drpnet.data import FloatArray
from napari_drpnet.reconstruction.disc import Disc
from napari_drpnet.reconstruction.pointgroups import asymmetric
from napari_drpnet.simulation.orientations import rotation
from napari_drpnet.simulation.references import even_views

# How much finer than the map's own the grid is that transforms are read from.
PAD = 2
# Frequencies that are read at once.
_AT_ONCE = 2**22


class Projector:
    """A map whose central slices can be read in any orientation.

    The slices are those of torch-fourier-slice, which gives whole padded images; here only a disc of frequencies is
    read, a tenth of them.

    Parameters
    ----------
    density
        ``(side, side, side)`` in z, y, x; the centre is at ``side // 2``.
    radius
        Up to which frequencies are read, in steps of the images' transform.
    """

    def __init__(self, density: torch.Tensor, radius: float) -> None:
        side = density.shape[0]
        if set(density.shape) != {side} or side % 2:
            raise ValueError(f"a cube with an even side is needed, not {tuple(density.shape)}")
        margin = side * (PAD - 1) // 2
        padded = functional.pad(density.float(), [margin] * 6)
        padded = padded / separable_sinc2_correction(tuple(padded.shape))
        spectrum = torch.fft.fftshift(torch.fft.fftn(torch.fft.ifftshift(padded)))
        self._reach, middle = min(PAD * (int(radius) + 1), side - 1), padded.shape[0] // 2
        part = [slice(middle - self._reach, middle + self._reach + 1)] * 3
        self._spectrum = torch.view_as_real(spectrum[part[0], part[1], part[2]]).permute(3, 0, 1, 2)[None].contiguous()

    def slices(self, matrices: torch.Tensor, disc: Disc) -> torch.Tensor:
        """``(m, k)`` transforms of projections.

        Parameters
        ----------
        matrices
            ``(m, 3, 3)`` that bring the particle into the picture's frame, x, y, z.
        disc
            Frequencies, of images with the map's side.
        """
        xy = disc.yx.flip(1)
        found = []
        for some in torch.split(matrices, max(1, _AT_ONCE // len(xy))):
            # A frequency of the picture lies in the map where the turn back brings it.
            where = torch.einsum("mji,kj->mki", some[:, :2], xy) * (PAD / self._reach)
            read = functional.grid_sample(self._spectrum, where[None, None], align_corners=True, padding_mode="zeros")
            found.append(torch.complex(read[0, 0, 0], read[0, 1, 0]))
        return torch.cat(found)


def grid(step: float, group: str = "C1") -> FloatArray:
    """``(m, 3, 3)`` orientations at an even spacing, of half of all turns in the plane.

    The other half are these turned by 180 degrees, whose projections have conjugate transforms.

    Parameters
    ----------
    step
        Between neighbours, in degrees.
    group
        Point group, of whose equal views one is taken.
    """
    rot, tilt = even_views(max(1, round(4 * np.pi / np.deg2rad(step) ** 2)))
    needed = asymmetric(group, rot, tilt)
    if not needed.any():  # more turns in the group than views on the sphere
        needed[np.argmin(abs(tilt - 90))] = True
    psi = np.arange(max(1, round(180 / step))) * 180 / max(1, round(180 / step))
    rot, tilt = (np.repeat(angle[needed], len(psi)) for angle in (rot, tilt))
    return np.asarray(rotation(rot, tilt, np.resize(psi, len(rot))).as_matrix(), np.float64)
