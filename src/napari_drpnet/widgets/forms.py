"""Forms from settings: one control per field, with its unit, bounds and help text."""

from __future__ import annotations

from collections.abc import Iterable
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from magicgui.widgets import CheckBox, ComboBox, FloatSlider, FloatSpinBox, LineEdit, SpinBox
from magicgui.widgets.bases import ValueWidget
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from napari_drpnet.pickers.base import explain
from napari_drpnet.settings import Settings

S = TypeVar("S", bound=Settings)

_NO_LIMIT = 1e6
_SIGNS = {"A": "Å"}


def control(settings: type[Settings], name: str, value: Any = None, *, slider: bool = False) -> ValueWidget[Any]:
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
    return LineEdit(value="" if start is None else str(start), **common)


def controls(settings: type[Settings], names: Iterable[str] | None = None) -> list[ValueWidget[Any]]:
    """The controls of several fields, of all by default, in the order of the model."""
    return [control(settings, name) for name in names or settings.model_fields]


def filled(settings: type[S], widgets: Iterable[ValueWidget[Any]], **more: Any) -> S:
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
    return 0.01 if high - low <= 1 else 1.0
