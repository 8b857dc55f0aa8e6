"""Orientations of particles as RELION writes them, evenly spread or with preferred views.

An orientation is ``rot, tilt, psi`` in degrees: the particle's point ``r`` lies on the picture at the first two
coordinates of ``A r``, where ``A`` is the inverse of the intrinsic ZYZ rotation (Heymann et al., J. Struct. Biol. 151
(2005) 196). The direction towards the viewer is then ``(sin tilt cos rot, sin tilt sin rot, cos tilt)``.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from napari_drpnet.data import FloatArray


def rotation(rot: FloatArray, tilt: FloatArray, psi: FloatArray) -> Rotation:
    """The turns that bring particles into the picture's frame, from ``(n,)`` angles in degrees."""
    return Rotation.from_euler("ZYZ", np.stack([rot, tilt, psi], axis=-1), degrees=True).inv()


def random_views(n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """``(n,)`` rot and ``(n,)`` tilt in degrees, uniform over the sphere."""
    return rng.uniform(-180, 180, n), np.rad2deg(np.arccos(rng.uniform(-1, 1, n)))


def directions(rot: FloatArray, tilt: FloatArray) -> FloatArray:
    """``(n, 3)`` unit vectors towards the viewer, in the particle's frame."""
    a, b = np.deg2rad(rot), np.deg2rad(tilt)
    return np.stack([np.sin(b) * np.cos(a), np.sin(b) * np.sin(a), np.cos(b)], axis=-1)


def view_weights(views: FloatArray, preferred: FloatArray, concentration: float, part: float) -> FloatArray:
    """How often each view is seen where a part of the particles prefers some directions.

    Parameters
    ----------
    views
        ``(n, 3)`` directions that can be seen, evenly over the sphere.
    preferred
        ``(m, 3)`` preferred directions, equally liked.
    concentration
        ``kappa`` of the von Mises-Fisher density ``exp(kappa cos(angle))`` about each (Fisher, Proc. R. Soc. A 217
        (1953) 295): 5 is a broad preference, 100 has a standard deviation of 6 degrees.
    part
        Part of the particles that has a preference, 0 to 1; the others lie anyhow.

    Returns
    -------
    FloatArray
        ``(n,)`` with a sum of one.
    """
    density = np.exp(concentration * (views @ preferred.T - 1))
    density /= density.sum(axis=0)
    return np.asarray(part * density.mean(axis=1) + (1 - part) / len(views))
