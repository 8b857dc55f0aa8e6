"""Where the data of a layer lie in napari's world: its transforms as one matrix, and from one layer to another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray

if TYPE_CHECKING:
    from napari.layers import Layer

_TRANSFORMS = ("scale", "translate", "rotate", "shear", "affine", "units")


@cache
def angstrom(unit: str) -> float | None:
    """How many Angstrom one unit of length is; None for pixels."""
    import pint  # slow to load

    try:
        return float(pint.Quantity(1.0, unit).to("angstrom").magnitude)
    except pint.DimensionalityError:
        return None


def transforms_of(layer: Layer) -> dict[str, Any]:
    """The attributes of a layer that `to_world` needs."""
    return {name: getattr(layer, name) for name in _TRANSFORMS}


def units_agree(units: Iterable[Sequence[Any]]) -> bool:
    """Whether napari draws layers of these units by them: not where some are lengths and some are pixels."""
    return len({angstrom(str(unit)) is None for of_layer in units for unit in of_layer[-2:]}) < 2


def to_world(attributes: Mapping[str, Any], ndim: int, by_units: bool = True) -> FloatArray:
    """The matrix ``(ndim + 1, ndim + 1)`` that takes a layer's data to the world as napari draws it.

    Parameters
    ----------
    attributes
        Of a layer or a layer tuple: ``scale``, ``translate``, ``rotate``, ``shear``, ``affine`` and ``units``, those
        that there are.
    ndim
        Number of the layer's axes; the colours of a picture are none.
    by_units
        Whether lengths are turned to Angstrom, see `units_agree`.
    """
    from napari.utils.transforms import CompositeAffine  # the window

    given = {name: attributes[name] for name in _TRANSFORMS if attributes.get(name) is not None}
    affine, units = given.pop("affine", None), given.pop("units", None)
    place = CompositeAffine(**{"scale": (1.0,) * ndim, "translate": (0.0,) * ndim, **given}, ndim=ndim)
    matrix: FloatArray = np.asarray(place.affine_matrix, dtype=np.float64)
    if affine is not None:
        matrix = padded(np.asarray(getattr(affine, "affine_matrix", affine), dtype=np.float64), ndim) @ matrix
    if by_units and units is not None:
        lengths = [angstrom(str(unit)) or 1.0 for unit in units]
        matrix = np.diag([*(1.0,) * (ndim - len(lengths)), *lengths, 1.0]) @ matrix
    return matrix


def padded(matrix: FloatArray, ndim: int) -> FloatArray:
    """The same matrix for ``ndim`` axes: those that it lacks come first and stay as they are."""
    more = ndim + 1 - len(matrix)
    if more <= 0:
        return matrix
    wide = np.eye(ndim + 1)
    wide[more:, more:] = matrix
    return wide


def between(data: FloatArray, other: FloatArray) -> FloatArray:
    """The matrix from the data of one layer to those of another, both given by `to_world`.

    Layers share their last axes, as in napari. It is for as many axes as the one that has more of them.
    """
    ndim = max(len(data), len(other)) - 1
    onto: FloatArray = np.linalg.inv(padded(other, ndim)) @ padded(data, ndim)
    return onto


def apply(matrix: FloatArray, points: npt.ArrayLike, ndim: int) -> FloatArray:
    """Points ``(n, k)`` through a matrix, as ``(n, ndim)``: leading axes are filled with 0, or left out."""
    given = np.asarray(points, dtype=np.float64)
    missing = len(matrix) - 1 - given.shape[1]
    full = np.pad(given, ((0, 0), (max(missing, 0), 0)))
    there: FloatArray = full @ matrix[:-1, :-1].T + matrix[:-1, -1]
    return there[:, len(matrix) - 1 - ndim :]
