"""Command-line options from settings: help, unit, default and choices are written once, in `settings`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from pydantic_core import PydanticUndefined

from napari_drpnet.errors import UserError
from napari_drpnet.settings import Settings


def option(model: type[Settings], field: str, *names: str) -> Any:
    """An option for one field of a settings model.

    Its own default is always None, which means "not given", so that a settings file may decide; the default that is
    shown is the model's.
    """
    default = model.model_fields[field].get_default()
    shown = default not in (None, False, "", PydanticUndefined)
    return typer.Option(*names, help=help_of(model, field) + f" Default: {default}." * shown, show_default=False)


def argument(model: type[Settings], field: str) -> Any:
    """A positional argument for one field of a settings model."""
    return typer.Argument(help=help_of(model, field), show_default=False)


def help_of(model: type[Settings], field: str) -> str:
    """Description of a field, with its unit."""
    description, unit = model.model_fields[field].description, unit_of(model, field)
    return f"{description} [{unit}]" if unit else str(description)


def unit_of(model: type[Settings], field: str) -> str:
    """Unit of a field, empty where it has none."""
    extra = model.model_fields[field].json_schema_extra
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


def given(**values: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in values.items() if value is not None}


def named_values(texts: Sequence[str] | None, flag: str = "--option") -> dict[str, Any]:
    """What ``KEY=VALUE`` texts say; values are YAML: ``3``, ``true``, ``null``, ``[a.mrc, b.mrc]``, ``{box: 180}``.

    Raises
    ------
    UserError
        When one has no name, or its value is no YAML.
    """
    values: dict[str, Any] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UserError(f"{flag} {text!r} is not KEY=VALUE.", f"For example: {flag} threshold=0.4.")
        try:
            values[name.strip()] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UserError(f"{flag} {text!r}: its value is no YAML.", "Put text with signs in quotes.") from error
    return values


OptionTexts = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="KEY=VALUE",
        help="A setting of the picker's own, as often as needed; `napari-drpnet pickers NAME` lists them.",
    ),
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document to standard output, and nothing else.")]
OutFolder = Annotated[Path, typer.Option(help="Folder to write to.")]
