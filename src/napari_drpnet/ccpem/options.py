"""The inputs of a job of the pipeliner from settings: label, help, default and bounds are those of the fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pipeliner.job_options import (
    BooleanJobOption,
    ExternalFileJobOption,
    FloatJobOption,
    IntJobOption,
    JobOption,
    JobOptionCondition,
    MultipleChoiceJobOption,
    StringJobOption,
)
from pydantic_core import PydanticUndefined

from napari_drpnet.pickers.protocol.registry import needs_diameter, own_settings
from napari_drpnet.settings import NO_PICK, Settings, extra_of, networks_of, plain_type

_NUMBERS = {int: IntJobOption, float: FloatJobOption}
_RUNNING = "Running options"


def job_option(model: type[Settings], name: str, **more: Any) -> JobOption[Any]:
    """The input for one field of a settings model; one that is left blank is the field's default.

    Parameters
    ----------
    model
        The settings model.
    name
        Of the field.
    **more
        What the pipeliner is told beside it, such as the group.
    """
    field = model.model_fields[name]
    default = field.get_default()
    default = None if default is PydanticUndefined else default
    kind = str if extra_of(model, name, "word") else plain_type(field.annotation)
    told: dict[str, Any] = {"label": label_of(model, name), "help_text": help_of(model, name), **more}
    if kind is bool:
        return BooleanJobOption(default_value=bool(default), **told)
    if get_origin(kind) is Literal:
        return MultipleChoiceJobOption(choices=list(map(str, get_args(kind))), default_value=str(default), **told)
    if kind in _NUMBERS:
        return _NUMBERS[kind](default_value=default, **_bounds(field.metadata, kind), **told)
    if kind is Path:
        return ExternalFileJobOption(default_value="", **told)
    return StringJobOption(default_value="" if default is None else str(default), **told)


def label_of(model: type[Settings], name: str) -> str:
    """What a field is called in a form, with its unit."""
    unit = extra_of(model, name, "unit")
    return name.replace("_", " ").capitalize() + (f" ({unit})" if unit else "") + ":"


def help_of(model: type[Settings], name: str) -> str:
    """What a field is, in a sentence or two."""
    return str(model.model_fields[name].description)


def common_options(model: type[Settings]) -> dict[str, JobOption[Any]]:
    """The inputs that every picker has, but for its networks."""
    found = {}
    for name in model.model_fields:
        if name in networks_of(model):
            continue
        more: dict[str, Any] = {"jobop_group": _RUNNING, "in_continue": True} if name in NO_PICK else {}
        if name == "diameter":
            needing = [picker for picker in own_settings() if needs_diameter(picker)]
            more["required_if"] = JobOptionCondition([("picker", "=", one) for one in needing], operation="ANY")
        found[name] = job_option(model, name, **more)
    return found


def file_options() -> dict[str, JobOption[Any]]:
    """The inputs for networks and other files that some pickers have; the others leave them blank."""
    with_field: dict[str, list[str]] = {}
    for picker, model in own_settings().items():
        for name in _files_of(model):
            with_field.setdefault(name, []).append(picker)
    return {name: _file_option(name, pickers) for name, pickers in with_field.items()}


def _file_option(name: str, pickers: list[str]) -> JobOption[Any]:
    models = [own_settings()[picker] for picker in pickers]
    others = [picker for picker in own_settings() if picker not in pickers]
    option = job_option(models[0], name, jobop_group="Networks and files")
    # Each picker has its own default, which blank stands for.
    option.default_value = option.value = ""
    said = dict.fromkeys(help_of(model, name) for model in models)
    option.help_text = " ".join(said) + f" Blank: the default. Of {', '.join(pickers)}."
    if others:
        option.deactivate_if = JobOptionCondition([("picker", "=", one) for one in others], operation="ANY")
    return option


def _files_of(model: type[Settings]) -> Iterable[str]:
    paths = [name for name, field in model.model_fields.items() if plain_type(field.annotation) is Path]
    return [*networks_of(model), *paths]


def given(options: Mapping[str, JobOption[Any]], names: Iterable[str]) -> dict[str, Any]:
    """The values of inputs that are neither blank nor as they were, by name."""
    values = {name: options[name].value for name in names}
    return {
        name: value
        for name, value in values.items()
        if value not in ("", None) and value != options[name].default_value
    }


def _bounds(rules: Iterable[Any], kind: Any) -> dict[str, Any]:
    """The range of a number. Ends of an open range are in it: the settings refuse those."""
    found = {}
    for rule in rules:
        for word, bound in (("ge", "hard_min"), ("gt", "hard_min"), ("le", "hard_max"), ("lt", "hard_max")):
            if (value := getattr(rule, word, None)) is not None:
                found[bound] = kind(value)
    return found
