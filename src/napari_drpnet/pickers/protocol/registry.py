"""Pickers by their names: our own, and those of other packages.

One that fails is listed with its reason (`known_pickers`), and whatever it raises names it (`foreign`).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, cast

from napari_drpnet.errors import UserError, short
from napari_drpnet.pickers.protocol.foreign import blaming
from napari_drpnet.pickers.protocol.picker import Picker, ScoringPicker
from napari_drpnet.settings import (
    AUTO,
    DEFAULT_PICKER,
    CenterPickerSettings,
    DeepCryoPickerPaperSettings,
    DeepCryoPickerSettings,
    DRPnetPaperSettings,
    DRPnetSettings,
    LoGSettings,
    PickerSettings,
    PixerSettings,
    TemplateSettings,
    extra_of,
    networks_of,
    validated,
)
from napari_drpnet.stages import stage

if TYPE_CHECKING:
    from napari_drpnet.pickers.protocol.loaded import LoadedPicker

# Where the class is, and its settings, which can be asked for without loading a network library.
_BUILT_IN: dict[str, tuple[str, type[PickerSettings] | None]] = {
    "drpnet": ("napari_drpnet.pickers.drpnet:DRPnet", DRPnetSettings),
    "drpnet-paper": ("napari_drpnet.pickers.drpnet_paper:DRPnetPaper", DRPnetPaperSettings),
    "pixer": ("napari_drpnet.pickers.pixer:Pixer", PixerSettings),
    "centerpicker": ("napari_drpnet.pickers.centerpicker.picker:CenterPicker", CenterPickerSettings),
    "deepcryopicker": ("napari_drpnet.pickers.deepcryo.picker:DeepCryoPicker", DeepCryoPickerSettings),
    "deepcryopicker-paper": (
        "napari_drpnet.pickers.deepcryo.picker:DeepCryoPickerPaper",
        DeepCryoPickerPaperSettings,
    ),
    "log": ("napari_drpnet.pickers.classical.log:LoG", LoGSettings),
    "template": ("napari_drpnet.pickers.classical.template:Template", TemplateSettings),
}
_GROUP, _OURS = "napari_drpnet.pickers", "napari-drpnet"


def register(name: str, target: str) -> None:
    """Add a picker to those of this process; a package uses the entry-point group instead, see docs/adding-a-picker.md.

    Parameters
    ----------
    name
        The name of its class.
    target
        Where the class is, as ``module:Class``.
    """
    _BUILT_IN[name] = (target, None)


@dataclass(frozen=True)
class PickerInfo:
    """What is known of a picker without running it.

    Attributes
    ----------
    name
        By which it is chosen.
    origin
        The package it is from.
    summary
        What it is, in a line.
    problem
        Why it cannot be used; empty when it can.
    """

    name: str
    origin: str
    summary: str = ""
    problem: str = ""


def available_pickers() -> list[str]:
    """Names of all pickers, our own first; whether those of other packages work is not looked at."""
    return list(dict.fromkeys([*_BUILT_IN, *(entry.name for entry in _entries())]))


def known_pickers() -> list[PickerInfo]:
    """All pickers, our own first, each loaded to see whether it can be used."""
    ours = [PickerInfo(name, _OURS, _summary(_picker_class(name))) for name in _BUILT_IN]
    return ours + [_looked_at(entry) for entry in _entries()]


def settings_class(name: str) -> type[PickerSettings]:
    """The settings model of the picker called ``name``."""
    known = _BUILT_IN.get(name, ("", None))[1]
    return known or _picker_class(name).settings_class


def needs_diameter(name: str) -> bool:
    """Whether the picker called ``name`` must be told the diameter of the particle."""
    return settings_class(name).model_fields["diameter"].is_required()


def network_fields() -> dict[str, str]:
    """The fields that name networks and calibrations in the settings of our own pickers, each with what it is."""
    models = own_settings().values()
    return {field: str(model.model_fields[field].description) for model in models for field in networks_of(model)}


def own_settings() -> dict[str, type[PickerSettings]]:
    """The settings models of our own pickers by name, which are known without loading a picker."""
    return {name: model for name, (_, model) in _BUILT_IN.items() if model is not None}


def summary(name: str) -> str:
    """What the picker called ``name`` is, in a line; raises a `UserError` when it cannot be loaded."""
    return _summary(_picker_class(name))


def picker_settings(name: str, /, **fields: Any) -> PickerSettings:
    """The settings of the picker called ``name`` from their fields.

    Raises
    ------
    UserError
        When one is missing, unknown or unusable.
    """
    cls = settings_class(name)
    if unknown := [short(field, 24) for field in fields if field not in cls.model_fields]:
        known = ", ".join(cls.model_fields)
        raise UserError(f"Picker {name!r} has no setting named {', '.join(unknown[:2])}.", f"It has {known}.")
    if fields.get("threshold") == AUTO and extra_of(cls, "threshold", "word") != AUTO:
        del fields["threshold"]  # a number in settings of another package: whoever loads the picker chooses
    return validated(cls, fields)


@stage("load")
def load_picker(name: str = DEFAULT_PICKER, /, **settings: Any) -> LoadedPicker:
    """Build a picker by name.

    Parameters
    ----------
    name
        One of `available_pickers`.
    **settings
        Fields of its settings model; most need a ``diameter`` in Angstrom.

    Raises
    ------
    UserError
        For an unknown picker, one of another package that does not work, or unusable settings.

    Examples
    --------
    >>> picker = load_picker("drpnet", diameter=180)  # doctest: +SKIP
    >>> picks = picker.pick(read_micrograph("micrograph.mrc"))  # doctest: +SKIP
    """
    from napari_drpnet.pickers.protocol.loaded import LoadedPicker  # SciPy, which a list of names does not need

    cls, chosen = _picker_class(name), picker_settings(name, **settings)
    auto = settings.get("threshold") == AUTO
    if name in _BUILT_IN:
        first, *others = (cls(each) for each in _on_cards(name, cls, chosen))
        loaded = LoadedPicker(first, auto=auto, others=cast(list[ScoringPicker], others))
        loaded.settings = chosen
        return loaded
    origin = _origin(_entry(name))
    with blaming(f"Picker {name!r} of the package {origin} cannot be started"):
        return LoadedPicker(cls(chosen), origin, auto)


def _on_cards(name: str, cls: type[Picker], chosen: PickerSettings) -> list[PickerSettings]:
    """The settings for each card of those that were asked for.

    Raises
    ------
    UserError
        When the picker uses one only.
    """
    kind, _, numbers = chosen.device.partition(":")
    cards = numbers.split(",")
    if len(cards) > 1 and (not getattr(cls, "many_at_once", False) or hasattr(cls, "learn_steps")):
        raise UserError(f"The picker {name!r} uses one card, not {chosen.device}.", f"Choose {kind}:{cards[0]}.")
    if len(cards) < 2:
        return [chosen]
    return [chosen.model_copy(update={"device": f"{kind}:{number}"}) for number in dict.fromkeys(cards)]


def _picker_class(name: str) -> type[Picker]:
    if name in _BUILT_IN:
        module, attribute = _BUILT_IN[name][0].split(":")
        return cast(type[Picker], getattr(import_module(module), attribute))
    return _loaded(_entry(name))


# ---------------------------------------------------------------- of other packages


def _entries() -> list[EntryPoint]:
    """In an order that does not depend on how they were installed."""
    return list(_found_on(tuple(sys.path)))


@lru_cache(maxsize=1)
def _found_on(_path: tuple[str, ...], /) -> tuple[EntryPoint, ...]:
    """Looked for once: every form asks, and each time the lists of all that is installed would be read."""
    return tuple(sorted(entry_points(group=_GROUP), key=lambda entry: (entry.name, _origin(entry), entry.value)))


def _entry(name: str) -> EntryPoint:
    for entry in _entries():
        if entry.name == name:
            return entry
    raise UserError(f"There is no picker named {short(name)}.", f"Choose one of: {', '.join(available_pickers())}.")


def _origin(entry: EntryPoint) -> str:
    return entry.value.split(":")[0].split(".")[0] if entry.dist is None else entry.dist.name


def _loaded(entry: EntryPoint) -> type[Picker]:
    """The class of an entry point, if it is a picker."""
    sentence = f"Picker {entry.name!r} of the package {_origin(entry)} cannot be loaded"
    with blaming(sentence, "Install that package anew, or tell its author."):
        cls = entry.load()
    if complaint := _complaint(cls, entry.name):
        raise UserError(f"{sentence}: {complaint}.", "Tell its author.")
    return cast(type[Picker], cls)


def _complaint(cls: Any, name: str) -> str:
    settings = getattr(cls, "settings_class", None)
    if not (isinstance(settings, type) and issubclass(settings, PickerSettings)):
        return "it has no settings_class derived from PickerSettings"
    if not any(callable(getattr(cls, method, None)) for method in ("pick", "score_steps")):
        return "it has no method pick or score_steps"
    if hasattr(cls, "picks_from"):
        return "it has a method picks_from, which is asked no more: picks are chosen from the candidates of score_steps"
    if getattr(cls, "name", None) != name:
        return f"its name is {getattr(cls, 'name', None)!r}, not that of its entry point"
    return ""


def _looked_at(entry: EntryPoint) -> PickerInfo:
    name, origin = entry.name, _origin(entry)
    first = _OURS if name in _BUILT_IN else _origin(_entry(name))
    if first != origin:
        return PickerInfo(name, origin, problem=f"The package {first} has a picker of this name.")
    try:
        return PickerInfo(name, origin, _summary(_loaded(entry)))
    except UserError as error:
        return PickerInfo(name, origin, problem=str(error))


def _summary(cls: type[Picker]) -> str:
    """The first line of its docstring."""
    return (cls.__doc__ or "").strip().partition("\n")[0]
