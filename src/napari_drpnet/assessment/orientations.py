"""Which views of a particle look alike: the turns of point groups, in the places where RELION has their axes.

A view is the direction towards the viewer in the particle's frame, as `simulation.orientations.directions` has it.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from napari_drpnet.data import FloatArray, MaskArray
from napari_drpnet.errors import UserError, short

_Turn = tuple[int, tuple[float, float, float]]

_GOLDEN = (1 + 5**0.5) / 2
_MOST_FOLDS = 100
_SAME = 1e-6
_NAME = re.compile(r"([CD])([1-9]\d{0,2})|T|O|I[1-4]?")
_UP = (0.0, 0.0, 1.0)
# Folds and axes of two turns that make all the others.
_SOLIDS: dict[str, tuple[_Turn, _Turn]] = {
    "T": ((3, _UP), (2, (0.0, 2**0.5, 1.0))),
    "O": ((4, _UP), (3, (1.0, 1.0, 1.0))),
    "I1": ((2, (1.0, 0.0, 0.0)), (5, (_GOLDEN, 0.0, -1.0))),
    "I2": ((2, _UP), (5, (-1.0, 0.0, _GOLDEN))),
    "I3": ((2, (-1.0, 0.0, _GOLDEN)), (5, _UP)),
    "I4": ((2, (1.0, 0.0, _GOLDEN)), (5, _UP)),
}
_SOLIDS["I"] = _SOLIDS["I2"]
GROUPS = f"C1 to C{_MOST_FOLDS}, D1 to D{_MOST_FOLDS}, T, O, I (which is I2), I1, I2, I3 or I4"


def operators(name: str) -> FloatArray:
    """``(g, 3, 3)`` the turns of a `point_group` as matrices, in x, y, z."""
    return np.asarray(point_group(name).as_matrix().reshape(-1, 3, 3), np.float64)


def point_group(name: str) -> Rotation:
    """All turns of a point group, the one that changes nothing first.

    Parameters
    ----------
    name
        RELION's, in small or capital letters: one of `GROUPS`.

    Raises
    ------
    UserError
        When there is no such group, or it has mirrors, which no protein has.
    """
    found = _NAME.fullmatch(name.strip().upper())
    folds = int(found[2]) if found and found[2] else 1
    if not found or folds > _MOST_FOLDS:
        raise UserError(f"There is no point group {short(name, 20)}.", f"It can be {GROUPS}.")
    if found[1] == "C":
        return _generated((folds, _UP))
    if found[1] == "D":
        return _generated((folds, _UP), (2, (1.0, 0.0, 0.0)))
    return _generated(*_SOLIDS[found[0]])


def _generated(*turns: _Turn) -> Rotation:
    """The group that some turns make."""
    vectors = [np.array(axis) / np.linalg.norm(axis) * 2 * np.pi / folds for folds, axis in turns]
    makers = Rotation.from_rotvec(np.stack(vectors)).as_matrix()
    found = [np.eye(3)]
    for known in found:  # which grows meanwhile
        for maker in makers:
            product = maker @ known
            if not any(np.abs(product - other).max() < _SAME for other in found):
                found.append(product)
    return Rotation.from_matrix(np.stack(found))


def copies(views: FloatArray, group: Rotation) -> FloatArray:
    """``(g, n, 3)`` views that look like each of ``(n, 3)`` unit vectors, for a group of ``g`` turns."""
    return np.asarray(np.einsum("gij,nj->gni", group.as_matrix().reshape(-1, 3, 3), views), np.float64)


def unique_views(views: FloatArray, group: Rotation) -> FloatArray:
    """``(n, 3)``: of the views that look like each, the one in the same of ``g`` equal parts of the sphere."""
    alike = copies(views, group)
    return np.asarray(alike[_nearest(alike), np.arange(len(views))], np.float64)


def are_needed(views: FloatArray, group: Rotation) -> MaskArray:
    """``(n,)`` which of ``(n, 3)`` views lie in that part of the sphere: the others look like one there."""
    return np.asarray(_nearest(copies(views, group)) == 0)


def _nearest(alike: FloatArray) -> npt.NDArray[np.intp]:
    """``(n,)`` which of ``(g, n, 3)`` copies of each view is nearest to one place."""
    # On no axis and in no mirror plane of any group: else a view would be equally near to two of its copies.
    return np.asarray((alike @ np.array([0.29, 0.17, 0.94])).argmax(axis=0))
