"""The reference pages of the site: the commands from the program's own parser, the settings from their models.

Nothing of this is kept in the repository; ``docs/build_site.py`` makes it anew each time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from typer.main import get_command

from napari_drpnet import settings
from napari_drpnet.cli import app
from napari_drpnet.settings import Settings, extra_of

PROGRAM = "napari-drpnet"
# Modules of models that nobody sets.
RECORDS = ("benchmark_result", "decision")
# What the public names are found by, and what a package that adds a picker builds on.
PYTHON = {
    "What most scripts need": ["load_picker", "read_micrograph", "read_picks", "write_picks", "UserError"],
    "The nouns": ["data.Frame", "data.Micrograph", "data.Picks", "data.Candidates", "data.ScoreMap"],
    "A picker of your own": [
        "settings.PickerSettings",
        "settings.network",
        "pickers.Picker",
        "pickers.ScoringPicker",
        "pickers.register",
    ],
    "Steps that say how far they are": ["steps.drained"],
}


def commands() -> str:
    """A page of all commands, with their arguments and options."""
    program = get_command(app)
    parts = [
        "# Commands",
        f"`{PROGRAM} COMMAND --help` prints the same. What each is for: the pages under *Tasks*. "
        "The exit status is 0 when all is done, 1 when some micrographs failed (the others are written), "
        "2 when nothing could be done.",
    ]
    each = program.commands
    parts.append("| command | what it does |\n| --- | --- |")
    rows = (f"| [`{name}`](#{name}) | {_cell(_first(one.help))} |" for name, one in each.items())
    parts[-1] += "\n" + "\n".join(rows)
    for name, one in each.items():
        parts += _command(name, one)
    return "\n\n".join(parts) + "\n"


def _command(name: str, command: Any) -> Iterable[str]:
    context = command.make_context(name, [], resilient_parsing=True)
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"## {name}"
    yield _prose(command.help or "")
    yield f"```text\n{PROGRAM} {name} {usage}\n```"
    given = [one for one in (parameter.get_help_record(context) for parameter in command.get_params(context)) if one]
    yield "| argument or option | what it says |\n| --- | --- |\n" + "\n".join(
        f"| {_code(term)} | {_cell(told)} |" for term, told in given
    )


def _first(text: str | None) -> str:
    return " ".join((text or "").split("\n\n")[0].split())


def _prose(text: str) -> str:
    """The help of a command; its examples are code."""
    parts = [" ".join(part.split()) for part in text.replace("\b", "").split("\n\n")]
    shown = [re.sub(rf"({PROGRAM} [^;,]+?)(?=$|, or|; )", lambda m: f"`{m[1].strip()}`", part) for part in parts]
    return "\n\n".join(_plain(part) for part in shown)


def settings_page() -> str:
    """A page of all settings models, without those of files that tell what was found."""
    models = {
        name: one
        for name in settings.__all__
        if isinstance(one := getattr(settings, name), type)
        and issubclass(one, Settings)
        and one is not Settings
        and one.__module__.rpartition(".")[2] not in RECORDS
    }
    parts = [
        "# Settings",
        "Each setting is written once, in `napari_drpnet.settings`. The forms of the window, the options of the "
        "command line and the `settings.yaml` that a run leaves read it there. In a file the names are those of the "
        "first column; an option is the same with `-` for `_`. An unknown name is an error.",
    ]
    for name, model in models.items():
        parts += [f"## {name}", _plain(_first(model.__doc__)), _table(model)]
    return "\n\n".join(parts) + "\n"


def _table(model: type[Settings]) -> str:
    rows = ["| setting | what can be given | what it is |", "| --- | --- | --- |"]
    for name, field in model.model_fields.items():
        unit = extra_of(model, name, "unit").replace("A", "Å")
        given = "; ".join(filter(None, [", ".join(filter(None, [_kind(field), unit])), _default(field)]))
        rows.append(f"| `{name}` | {_cell(given)} | {_cell(field.description or field.title or '')} |")
    return "\n".join(rows)


def _kind(field: FieldInfo) -> str:
    """A type in words, with its bounds."""
    signs = {"gt": "> ", "ge": "≥ ", "lt": "< ", "le": "≤ "}
    bounds = [
        f"{sign}{getattr(one, key):g}" for one in field.metadata for key, sign in signs.items() if hasattr(one, key)
    ]
    return ", ".join([_type(field.annotation), *bounds])


def _type(kind: Any) -> str:
    words = {float: "number", int: "whole number", bool: "yes or no", str: "text"}
    if kind in words:
        return words[kind]
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _type(inner[0])
    if origin is Literal:
        return ", ".join(f"`{one}`" for one in inner)
    if origin in (Union, UnionType):
        return " or ".join(_type(one) for one in inner if one is not type(None))
    if origin is tuple:
        return f"{_type(inner[0])}, several" if inner[-1] is Ellipsis else " and ".join(map(_type, inner))
    if origin is not None:
        return " ".join([getattr(origin, "__name__", str(origin)), *map(_type, inner)])
    name = getattr(kind, "__name__", str(kind))
    return "file or folder" if name == "Path" else name


def _default(field: FieldInfo) -> str:
    """What holds where nothing is given; empty where the description says it."""
    if field.is_required():
        return "must be given"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ((), "") or not isinstance(value, bool | int | float | str | tuple):
        return ""
    if isinstance(value, bool):
        return f"default {'yes' if value else 'no'}"
    if isinstance(value, tuple):
        return f"default {', '.join(map(str, value))}"
    return f"default `{value}`" if isinstance(value, str) else f"default {value:g}"


def python() -> str:
    """A page that mkdocstrings fills from docstrings."""
    parts = [
        "# Python",
        "Lengths are in Ångström, places in pixels of the unbinned micrograph, as rows of y, x. What is not on this "
        "page may change with any version.",
    ]
    for heading, names in PYTHON.items():
        parts.append(f"## {heading}")
        parts += [f"::: napari_drpnet.{name}" for name in names]
    return "\n\n".join(parts) + "\n"


def _cell(text: str) -> str:
    """Text within a table."""
    return _plain(" ".join(text.split())).replace("|", "\\|")


def _plain(text: str) -> str:
    """Signs that Markdown would take for its own, outside of code."""
    parts = re.split(r"(``[^`]*``|`[^`]*`)", text)
    return "".join(
        re.sub(r"``([^`]*)``", r"`\1`", part) if i % 2 else re.sub(r"([*_<>\[\]])", r"\\\1", part)
        for i, part in enumerate(parts)
    )


def _code(term: str) -> str:
    """As code, with spaces at which a phone can break it; a | within code ends no cell."""
    return f"`{term.replace('|', ' | ')}`"
