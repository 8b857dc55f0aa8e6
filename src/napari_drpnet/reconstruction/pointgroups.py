"""Point groups Cn and Dn: the turns that leave a particle as it is, with the axes where RELION has them."""

from __future__ import annotations

import re

import numpy as np
from scipy.spatial.transform import Rotation

from napari_drpnet.data import FloatArray
from napari_drpnet.errors import UserError, short

_NAME = re.compile(r"([CD])([1-9][0-9]?)", re.IGNORECASE)


def operators(group: str) -> FloatArray:
    """``(k, 3, 3)`` turns of a point group, in x, y, z; the first leaves all as it is.

    The n-fold axis is z; of Dn one twofold axis is x.

    Raises
    ------
    UserError
        When the group is not known.
    """
    kind, order = _parts(group)
    turns = Rotation.from_euler("z", np.arange(order)[:, None] * 360 / order, degrees=True)
    if kind == "D":
        turns = Rotation.concatenate([turns, turns * Rotation.from_euler("x", 180, degrees=True)])
    return np.asarray(turns.as_matrix(), np.float64)


def asymmetric(group: str, rot: FloatArray, tilt: FloatArray) -> np.ndarray:
    """Which views are needed, of all that symmetry makes alike: ``(n,)`` bool for ``(n,)`` angles in degrees."""
    kind, order = _parts(group)
    return (np.asarray(rot) % 360 < 360 / order) & ((np.asarray(tilt) <= 90) | (kind == "C"))


def _parts(group: str) -> tuple[str, int]:
    found = _NAME.fullmatch(group.strip())
    if found is None:
        raise UserError(f"{short(group, 20)} is no point group that can be used here.", "Give C1, C2, D2, D7 or alike.")
    return found[1].upper(), int(found[2])
