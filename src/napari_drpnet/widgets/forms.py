"""Forms from settings: one control per field, with its unit, bounds and help text."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from magicgui.widgets import CheckBox, ComboBox, FileEdit, FloatSlider, FloatSpinBox, LineEdit, SpinBox, TupleEdit
from magicgui.widgets.bases import BaseValueWidget
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from napari_drpnet.pickers.base import explain
from napari_drpnet.settings import Settings

S = TypeVar("S", bound=Settings)

_NO_LIMIT = 1e6
_LARGEST_PAIR = 1e5  # a pair of numbers shares the width of one
_SIGNS = {"A": "Å", "A^2": "Å²", "e/A^2": "e/Å²", "um": "µm"}
_EMPTY = {"structures": "made-up particles"}


def control(settings: type[Settings], name: str, value: Any = None, *, slider: bool = False) -> BaseValueWidget[Any]:
    """The control of one field.

    Parameters
    ----------
    settings
        The model that declares it.
    name
        Name of the field.
    value
        What it shows first; by default the field's own default.
    slider
        A slider instead of a box for a number.
    """
    field = settings.model_fields[name]
    start = field.get_default() if value is None else value
    kind = _kind(field.annotation)
    common: dict[str, Any] = {"name": name, "label": _label(name, field), "tooltip": field.description}
    if kind is bool:
        return CheckBox(value=bool(start), **{**common, "label": "", "text": common["label"]})
    if get_origin(kind) is Literal:
        return ComboBox(value=start, choices=get_args(kind), **common)
    if kind is float:
        low, high = _bounds(field)
        number = min(max(low if start is None else float(start), low), high)
        box = FloatSlider if slider else FloatSpinBox
        return box(value=number, min=low, max=high, step=_step(low, high), **common)
    if kind is int:
        low, high = _bounds(field)
        return SpinBox(value=int(start), min=int(low), max=int(high), **common)
    if kind in (Path, tuple[Path, ...]):
        many = kind is not Path
        return file_edit(_EMPTY.get(name, "none"), mode="rm" if many else "r", nullable=not many, value=start, **common)
    if kind == tuple[float, float]:
        return _pair(start, common)
    return LineEdit(value="" if start is None else str(start), **common)


def controls(settings: type[Settings], names: Iterable[str] | None = None) -> list[BaseValueWidget[Any]]:
    """The controls of several fields, of all by default, in the order of the model."""
    return [control(settings, name) for name in names or settings.model_fields]


def file_edit(empty: str, **attributes: Any) -> FileEdit:
    """A control for files or a folder, which shows in grey what it means when it is ``empty``."""
    edit = FileEdit(**attributes)
    edit.choose_btn.text = "Browse"
    edit.line_edit.native.setPlaceholderText(empty)
    return edit


def filled(settings: type[S], widgets: Iterable[BaseValueWidget[Any]], **more: Any) -> S:
    """The settings as the form is filled in, and ``more`` that is not on it.

    Raises
    ------
    UserError
        When a value is out of its range.
    """
    try:
        return settings(**{widget.name: widget.value for widget in widgets}, **more)
    except ValidationError as error:
        raise explain(error) from error


def _pair(start: tuple[float, float], common: dict[str, Any]) -> TupleEdit:
    """Two boxes beside each other; large numbers have one decimal, so that there is room for both."""
    step = _step(0, max(start))
    limits = {"min": 0.0, "max": _LARGEST_PAIR, "step": step}
    pair = TupleEdit(value=tuple(map(float, start)), options=limits, **common)
    for box in pair:
        box.native.setDecimals(1 if step == 1 else 2)
    return pair


def _label(name: str, field: FieldInfo) -> str:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    text = name.replace("_", " ").capitalize()
    sign = str(extra.get("unit", ""))
    return f"{text} ({_SIGNS.get(sign, sign)})" if sign else text


def _kind(annotation: Any) -> Any:
    """The type of a field, without the None of an optional one."""
    if get_origin(annotation) in (Union, UnionType):
        return next(part for part in get_args(annotation) if part is not type(None))
    return annotation


def _bounds(field: FieldInfo) -> tuple[float, float]:
    """The range a form offers. The ends of an open range are in it: `filled` says what is wrong with them."""
    low, high = -_NO_LIMIT, _NO_LIMIT
    for rule in field.metadata:
        low = max(low, getattr(rule, "ge", low), getattr(rule, "gt", low))
        high = min(high, getattr(rule, "le", high), getattr(rule, "lt", high))
    return low, high


def _step(low: float, high: float) -> float:
    return next((step for most, step in ((1, 0.01), (10, 0.1)) if high - low <= most), 1.0)
