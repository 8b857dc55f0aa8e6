"""The command that lists pickers and their settings."""

from __future__ import annotations

from collections.abc import Iterator
from json import dumps
from typing import Annotated, Any

import typer
from pydantic_core import to_jsonable_python

from napari_drpnet.cli.options import JsonFlag
from napari_drpnet.cli.terminal import print_json
from napari_drpnet.pickers import known_pickers, settings_class
from napari_drpnet.settings import PickerSettings, extra_of


def pickers(
    name: Annotated[
        str | None, typer.Argument(help="Show the settings of this picker, as --option of pick takes them.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """List the pickers, those of other packages too, or the settings of one.

    Example: napari-drpnet pickers NAME
    """
    if name is None:
        _list(json)
    else:
        _show(name, json)


def _list(json: bool) -> None:
    found = known_pickers()
    if json:
        print_json([vars(info) for info in found])
        return
    width = max(len(info.name) for info in found)
    for info in found:
        said = f"cannot be used. {info.problem}" if info.problem else info.summary
        typer.echo(f"{info.name.ljust(width)}  {said}  [{info.origin}]")


def _show(name: str, json: bool) -> None:
    model = settings_class(name)
    fields = list(_fields(model))
    if json:
        print_json({"name": name, "summary": model.__doc__, "settings": fields})
        return
    for field in fields:
        default = "needed" if field["needed"] else f"default {_shown(field['default'])}"
        unit = f" [{field['unit']}]" if field["unit"] else ""
        typer.echo(f"{field['name']}{unit}, {default}")
        typer.echo(f"    {field['help']}")


def _fields(model: type[PickerSettings]) -> Iterator[dict[str, Any]]:
    """What is known of each setting, those of this picker alone first."""
    common = PickerSettings.model_fields
    for name in sorted(model.model_fields, key=lambda field: field in common):
        info = model.model_fields[name]
        needed = info.is_required()
        yield {
            "name": name,
            "needed": needed,
            "default": None if needed else to_jsonable_python(info.get_default(call_default_factory=True)),
            "unit": extra_of(model, name, "unit"),
            "help": info.description or "",
        }


def _shown(value: Any) -> str:
    """A value as ``--option`` takes it."""
    return value if isinstance(value, str) else dumps(value)
