"""Projections of a volume in any orientation, by the central-slice theorem."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

import numpy as np
import numpy.typing as npt
import torch
from scipy.spatial.transform import Rotation
from torch_fourier_slice import project_3d_to_2d

from napari_drpnet.simulation.structures import Volume

# The number of threads is of the process: of two that change it at once, the later would put back the other's one.
_ONE_AT_A_TIME = RLock()


def project(volume: Volume, orientations: Rotation) -> npt.NDArray[np.float32]:
    """Projected potential along z after turning the particle, ``(k, n, n)`` in V A.

    The Fourier transform of a projection is a central slice of the volume's (Bracewell 1956), read by trilinear
    interpolation from the transform of the volume padded twofold (torch-fourier-slice).
    """
    # the matrices turn the slice, which is the inverse of turning the particle
    turns = torch.from_numpy(orientations.inv().as_matrix().astype(np.float32))
    with one_thread():
        images = project_3d_to_2d(torch.from_numpy(volume.density), turns)
    return np.asarray(images.numpy() * np.float32(volume.voxel))


@contextmanager
def one_thread() -> Iterator[None]:
    """Sums in an order that does not depend on the number of threads, so that a seed gives the same bytes anywhere."""
    with _ONE_AT_A_TIME:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
