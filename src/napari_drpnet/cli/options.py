"""Command-line options from settings: help, unit, default and choices are written once, in `settings`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic_core import PydanticUndefined

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
    info = model.model_fields[field]
    extra = info.json_schema_extra
    unit = extra.get("unit") if isinstance(extra, dict) else None
    return f"{info.description} [{unit}]" if unit else str(info.description)


def given(**values: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in values.items() if value is not None}


JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document to standard output, and nothing else.")]
OutFolder = Annotated[Path, typer.Option(help="Folder to write to.")]
