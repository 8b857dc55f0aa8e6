"""Forms from settings: one control per field, with its unit, bounds and help text."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from magicgui.widgets import CheckBox, ComboBox, FileEdit, FloatSlider, FloatSpinBox, LineEdit, SpinBox, TupleEdit
from magicgui.widgets.bases import BaseValueWidget, Widget
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from napari_drpnet.errors import SettingsError, UserError
from napari_drpnet.settings import AUTO, Settings, extra_of, sentence, validated

S = TypeVar("S", bound=Settings)

_NO_LIMIT = 1e6
_SMALL = 0.01  # two decimals say little of a number below this
_LARGEST_PAIR = 1e5  # a pair of numbers shares the width of one
_SIGNS = {"A": "Å", "A^2": "Å²", "e/A^2": "e/Å²", "um": "µm"} | {
    "micrograph px": "px",
    "reduced px": "px",
    "network px": "px",
    "1/255 of the map's maximum": "of 255",
}
# What a control that is wrong looks like, and the names under which it keeps what it is otherwise.
_RED = "QAbstractSpinBox, QLineEdit, QComboBox { border: 2px solid #e5484d; }"
_WRONG, _HELP = "wrong", "help"
_EMPTY = {"structures": "made-up particles"}


def control(
    settings: type[Settings], name: str, value: Any = None, *, slider: bool = False, empty: str = ""
) -> BaseValueWidget[Any]:
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
    empty
        What an optional field says for None. Without it such a number has no None, and starts at its lowest.
    """
    field = settings.model_fields[name]
    start = field.get_default(call_default_factory=True) if value is None else value
    if start is PydanticUndefined:
        start = None
    kind, word = _kind(field.annotation), extra_of(settings, name, "word")
    none = empty if kind is not field.annotation else ""
    common: dict[str, Any] = {"name": name, "label": _label(name, field), "tooltip": _help(settings, name)}
    if kind is bool:
        return CheckBox(value=bool(start), **{**common, "label": "", "text": common["label"]})
    if get_origin(kind) is Literal:
        return _Choice(none, value=start, choices=get_args(kind), nullable=bool(none), **common)
    if extra_of(settings, name, "devices"):
        return _device(start, common)
    if word:
        return _number_or_word(field, word, start, slider, common)
    if kind in (float, int):
        return _number(field, start, none, slider, common)
    if kind in (Path, tuple[Path, ...]):
        many = kind is not Path
        hint = none or _EMPTY.get(name, "none")
        return file_edit(hint, mode="rm" if many else "r", nullable=not many, value=start, **common)
    if kind == tuple[float, float]:
        return _pair(start, common)
    return _Text(none, value="" if start is None else str(start), **common)


def has_control(field: FieldInfo) -> bool:
    """Whether there is a control for all that a field can hold; a model inside a model, for one, has none."""
    kind = _kind(field.annotation)
    if kind in (bool, tuple[float, float]):
        return kind is field.annotation
    return kind in (float, int, str, Path, tuple[Path, ...]) or get_origin(kind) is Literal


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
    """The settings as the form is filled in, and ``more`` that is not on it. Fields that are wrong turn red.

    Raises
    ------
    UserError
        When a value is out of its range.
    """
    shown = {widget.name: widget for widget in widgets}
    wrong: dict[str, str] = {}
    try:
        return validated(settings, {name: widget.value for name, widget in shown.items()} | more)
    except SettingsError as error:
        wrong = error.fields
        said = [sentence(f"The {_called(settings, name)}", what) for name, what in wrong.items() if name]
        if not said:
            raise
        raise UserError(f"{'. '.join(said)}.") from error
    finally:
        for name, widget in shown.items():
            mark(widget, wrong.get(name, ""))


def mark(widget: Widget, wrong: str) -> None:
    """Let a field be red, and its tooltip say what is ``wrong``; empty: it is as always."""
    native = widget.native
    if native.property(_WRONG) is None and not wrong:
        return
    if not native.property(_WRONG):
        native.setProperty(_HELP, widget.tooltip or "")
    native.setProperty(_WRONG, wrong)
    native.setStyleSheet(_RED if wrong else "")
    widget.tooltip = f"{_capital(wrong)}.\n\n{native.property(_HELP)}" if wrong else native.property(_HELP)


def _called(settings: type[Settings], name: str) -> str:
    """What a field is called on the form, inside of a sentence, or by its name where it is not on it."""
    label = _title(name, settings.model_fields[name]) if name in settings.model_fields else name
    return label[:1].lower() + label[1:] if label[1:2].islower() else label


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


class _Choice(ComboBox):
    """One of several words, or None where there is a word for it."""

    def __init__(self, none: str, **attributes: Any) -> None:
        self.null_string = none  # what magicgui shows for None
        super().__init__(**attributes)


class _Text(LineEdit):
    """A line of text; empty it is None where there is a word for that, which it shows in grey."""

    def __init__(self, none: str, **attributes: Any) -> None:
        self._none = none
        super().__init__(**attributes)
        self.native.setPlaceholderText(none)

    def get_value(self) -> Any:
        return super().get_value().strip() or (None if self._none else "")

    def set_value(self, value: Any) -> None:
        super().set_value("" if value is None else value)


class _Optional(FloatSpinBox):
    """A number whose lowest value stands for None, in words; magicgui's box for whole numbers has none.

    In the place of None the ``word`` itself may be the value.
    """

    def __init__(self, none: str, kind: type, start: Any, word: str | None = None, **attributes: Any) -> None:
        self._kind, self._word = kind, word
        super().__init__(**attributes)
        if kind is int:
            self.native.setDecimals(0)
        self.native.setSpecialValueText(none)
        self.value = start

    def get_value(self) -> Any:
        value = super().get_value()
        return self._word if value <= self.min else self._kind(value)

    def set_value(self, value: Any) -> None:
        super().set_value(self.min if value == self._word else value)

    def _on_value_change(self, value: Any = None) -> None:
        self.changed.emit(self.get_value())


def _device(start: str, common: dict[str, Any]) -> ComboBox:
    """One of the devices that are here; ``auto`` in the place of one that is not, such as a card of another machine."""
    from napari_drpnet import devices  # torch, which takes a second

    offered = devices.offered()
    return ComboBox(value=start if start in offered else AUTO, choices=offered, **common)


def _number(field: FieldInfo, start: Any, none: str, slider: bool, common: dict[str, Any]) -> BaseValueWidget[Any]:
    """A box or a slider; a box that has a word for None keeps one place below the range for it."""
    kind: Any = _kind(field.annotation)
    low, high = _bounds(field)
    step = _step(low, high, start or 0.0) if kind is float else 1
    limits = {"max": kind(high), "step": step}
    if none and not slider:
        open_end = any(hasattr(rule, "gt") for rule in field.metadata)
        return _Optional(none, kind, start, min=low if open_end else low - step, **limits, **common)
    number = kind(min(max(low if start is None else start, low), high))
    box = SpinBox if kind is int else FloatSlider if slider else FloatSpinBox
    return box(value=number, min=kind(low), **limits, **common)


def _number_or_word(
    field: FieldInfo, word: str, start: Any, slider: bool, common: dict[str, Any]
) -> BaseValueWidget[Any]:
    """A box with one place below the range for the word; a slider has the numbers only, and begins in the middle."""
    low, high = _bounds(field)
    step = _step(low, high, 0.0)
    if slider:
        number = (low + high) / 2 if start == word else float(start)
        return FloatSlider(value=number, min=low, max=high, step=step, **common)
    return _Optional(word, float, start, word, min=low - step, max=high, step=step, **common)


def _pair(start: tuple[float, float], common: dict[str, Any]) -> TupleEdit:
    """Two boxes beside each other; large numbers have one decimal, so that there is room for both."""
    step = _step(0, max(start), 0.0)
    limits = {"min": 0.0, "max": _LARGEST_PAIR, "step": step}
    pair = TupleEdit(value=tuple(map(float, start)), options=limits, **common)
    for box in pair:
        box.native.setDecimals(1 if step == 1 else 2)
    return pair


def _label(name: str, field: FieldInfo) -> str:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    text = _title(name, field)
    sign = str(extra.get("unit", ""))
    return f"{text} ({_SIGNS.get(sign, sign)})" if sign else text


def _help(settings: type[Settings], name: str) -> str:
    """What a field is, with what its pixels are where they are not those of the micrograph."""
    small = extra_of(settings, name, "unit") in ("reduced px", "network px")
    more = " In pixels of the image as the picker sees it, scaled down." if small else ""
    return f"{settings.model_fields[name].description or ''}{more}"


def _title(name: str, field: FieldInfo) -> str:
    """What people call a field: its title, or the words of its name."""
    return field.title or name.replace("_", " ").capitalize()


def _kind(annotation: Any) -> Any:
    """The type of a field, without the None of an optional one."""
    if get_origin(annotation) in (Union, UnionType):
        return next(part for part in get_args(annotation) if part is not type(None))
    return annotation


def _bounds(field: FieldInfo) -> tuple[float, float]:
    """The range a form offers. The ends of an open range are in it: `filled` says what is wrong with them."""
    low, high = -_NO_LIMIT, _NO_LIMIT
    told = field.json_schema_extra
    if isinstance(told, dict) and "word" in told:
        return float(str(told["ge"])), float(str(told["le"]))
    for rule in field.metadata:
        low = max(low, getattr(rule, "ge", low), getattr(rule, "gt", low))
        high = min(high, getattr(rule, "le", high), getattr(rule, "lt", high))
    return low, high


def _step(low: float, high: float, start: float) -> float:
    """By how much the arrows of a box change its number; a box shows as many decimals as this has."""
    if 0 < start < _SMALL:
        return float(10.0 ** (math.floor(math.log10(start)) - 1))
    return next((step for most, step in ((1, 0.01), (10, 0.1)) if high - low <= most), 1.0)
