"""What is marked in a Points or Shapes layer of any making: places, sizes, and a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from warnings import warn

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray, Frame
from napari_drpnet.errors import UserError, short
from napari_drpnet.layers.placement import LayerTuple
from napari_drpnet.layers.points import BOX

# The size of points that nobody gave one, by napari.
NAPARI_SIZE = 10.0
_BOXES = ("rectangle", "ellipse")
# In parts of a side: napari keeps the corners of shapes in 32 bits.
_UPRIGHT, _SQUARE = 1e-2, 1e-4
_NUMBERS = {"score": "score", "class": "class_number", "psi": "psi"}


@dataclass(frozen=True, eq=False)
class Marks:
    """The shown marks of one layer.

    Attributes
    ----------
    name
        Of the layer.
    attributes
        Of the layer, its transforms among them.
    points
        ``(n, d)`` centres in the layer's data, y and x last.
    sides
        ``(n, 2, d)`` two sides of the square or box around each, in the layer's data; NaN where the size is unknown.
    columns
        Columns of `Picks` from the layer's table.
    """

    name: str
    attributes: Mapping[str, Any]
    points: FloatArray
    sides: FloatArray
    columns: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.points)

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the layer carries beside what napari knows."""
        return self.attributes.get("metadata") or {}

    @property
    def frame(self) -> Frame | None:
        """The micrograph that a layer of our own names; None of other layers."""
        frame = self.metadata.get("frame")
        return frame if isinstance(frame, Frame) else None

    @property
    def added(self) -> bool:
        """Whether somebody added points to a layer of our own since it was filled."""
        table = self.attributes.get("features")
        return table is not None and "pick_id" in table and bool((np.asarray(table["pick_id"]) < 0).any())

    @property
    def title(self) -> str:
        """The name of the layer in messages."""
        return short(self.name, 40)

    @property
    def ndim(self) -> int:
        """Number of the layer's axes."""
        return int(self.points.shape[1])

    def diameters(self, matrix: FloatArray | None = None) -> FloatArray:
        """``(n,)`` the mean of both sides, where a matrix takes them to."""
        mean: FloatArray = np.linalg.norm(self._seen(matrix), axis=-1).mean(axis=-1)
        return mean

    def boxes(self, matrix: FloatArray | None = None) -> FloatArray:
        """``(n, 2)`` height and width, where a matrix takes them to; NaN of squares, and of what is turned."""
        sides = np.abs(self._seen(matrix))
        upright = (sides.min(axis=-1) <= _UPRIGHT * sides.max(axis=-1)).all(axis=-1)
        box: FloatArray = sides.sum(axis=1)
        square = np.isclose(box[:, 0], box[:, 1], rtol=_SQUARE, atol=0)
        return np.where((upright & ~square)[:, None], box, np.nan)

    def _seen(self, matrix: FloatArray | None) -> FloatArray:
        """``(n, 2, 2)`` both sides, y and x of each, where a matrix takes them to."""
        sides = self.sides if matrix is None else self.sides @ matrix[-1 - self.ndim : -1, -1 - self.ndim : -1].T
        return sides[..., -2:]


def marks_of(layer: LayerTuple) -> Marks:
    """The shown marks of a Points or Shapes layer, from its layer tuple.

    Of shapes, rectangles and ellipses are marks.

    Raises
    ------
    UserError
        When the layer is of another kind, or none of its shapes is a mark.

    Warns
    -----
    UserWarning
        For shapes of other kinds, places that are no numbers, and columns that cannot be read.
    """
    data, attributes, kind = layer
    name = str(attributes.get("name", kind))
    if kind == "points":
        points, sides, chosen = _of_points(data, attributes)
    elif kind == "shapes":
        points, sides, chosen = _of_shapes(data, attributes, name)
    else:
        raise UserError(f"Layer {short(name, 40)} holds no picks.", "Choose a Points or a Shapes layer.")
    finite = np.isfinite(points).all(axis=1)
    if not finite.all():
        warn(f"Layer {short(name, 40)}: {np.sum(~finite)} points have no finite place and are left out.", stacklevel=3)
    chosen[chosen] = finite
    return Marks(name, attributes, points[finite], sides[finite], _columns(attributes.get("features"), chosen, name))


Chosen = tuple[FloatArray, FloatArray, npt.NDArray[np.bool_]]


def _of_points(data: Any, attributes: Mapping[str, Any]) -> Chosen:
    points = np.asarray(data, dtype=np.float64)
    shown = np.broadcast_to(np.asarray(attributes.get("shown", True), dtype=bool), len(points)).copy()
    points = points[shown]
    size = np.broadcast_to(np.asarray(attributes.get("size", np.nan), dtype=np.float64), len(shown))[shown]
    size = _known(size, attributes.get("metadata") or {})
    sides = np.zeros((len(points), 2, points.shape[1]))
    sides[:, 0, -2], sides[:, 1, -1] = _with_boxes(size, attributes.get("features"), shown).T
    return points, sides, shown


def _with_boxes(size: FloatArray, table: Any, shown: npt.NDArray[np.bool_]) -> FloatArray:
    """``(n, 2)`` height and width: of the layer's table, unless somebody changed the size of the point since."""
    square = np.column_stack([size, size])
    if table is None or not set(BOX) <= set(table):
        return square
    try:
        box = np.column_stack([np.asarray(table[column], dtype=np.float64) for column in BOX])[shown]
    except (TypeError, ValueError):
        return square
    same = np.isclose(box.mean(axis=1), size, rtol=_SQUARE)
    return np.where(same[:, None], box, square)


def _known(size: FloatArray, metadata: Mapping[str, Any]) -> FloatArray:
    """Diameters; NaN where a point is only drawn as large as every point that has none."""
    size = size / metadata.get("part", 1.0)
    drawn = metadata.get("stand_in") if "frame" in metadata else NAPARI_SIZE
    return np.where(np.isclose(size, drawn or np.nan, rtol=1e-9), np.nan, size)


def _of_shapes(data: Any, attributes: Mapping[str, Any], name: str) -> Chosen:
    shapes = [np.asarray(corners, dtype=np.float64) for corners in data]
    kinds = attributes.get("shape_type", "rectangle")
    kinds = [kinds] * len(shapes) if isinstance(kinds, str) else [str(kind) for kind in kinds]
    chosen = np.array([kind in _BOXES for kind in kinds], dtype=bool)
    if others := sorted({kind for kind in kinds if kind not in _BOXES}):
        if not chosen.any():
            raise UserError(f"Layer {short(name, 40)} holds no picks but {others[0]}s.", "Draw rectangles or ellipses.")
        passed = ", ".join(others)
        warn(f"Layer {short(name, 40)}: only rectangles and ellipses are picks, not: {passed}.", stacklevel=4)
    ndim = shapes[0].shape[1] if shapes else int(attributes.get("ndim", 2))
    corners = np.array([shape for shape, box in zip(shapes, chosen, strict=True) if box]).reshape(-1, 4, ndim)
    sides = np.stack([corners[:, 1] - corners[:, 0], corners[:, 3] - corners[:, 0]], axis=1)
    return corners.mean(axis=1), sides, chosen


def _columns(table: Any, chosen: npt.NDArray[np.bool_], name: str) -> dict[str, Any]:
    """Columns of `Picks` from a layer's table; what is missing stays at its default."""
    if table is None:
        return {}
    found: dict[str, Any] = {}
    for column, meant in _NUMBERS.items():
        if column not in table:
            continue
        try:
            values = np.asarray(table[column], dtype=np.float64)[chosen]
        except (TypeError, ValueError):
            warn(f"Layer {short(name, 40)}: column {column!r} is not of numbers and is left out.", stacklevel=4)
            continue
        found[meant] = values if column == "score" else np.where(np.isfinite(values), values, 0.0)
    if "label" in table:
        background = np.asarray(table["label"])[chosen] == "background"
        found["label"] = np.where(background, "background", "particle")
    if "source" in table:
        found["source"] = np.asarray(table["source"]).astype(str)[chosen]
    return found
