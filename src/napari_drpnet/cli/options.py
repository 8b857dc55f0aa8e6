"""A command's options from settings models: type, choices, unit, help and default are written once, in `settings`.

A command has a parameter ``Annotated[Given, options(Model)]``, and `with_options` puts an option for each field in its
place. The parameter then holds the fields that were given, so that a settings file may decide the rest.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, get_args, get_origin

import typer
from pydantic_core import PydanticUndefined

from napari_drpnet.cli.values import named_paths, named_values, names, names_or_path
from napari_drpnet.pickers.protocol.registry import network_fields
from napari_drpnet.settings import PickRun, Settings, extra_of, plain_type

# Fields of settings by name, those that were given.
Given: TypeAlias = dict[str, Any]

Reader: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True)
class Option:
    """One option of a command.

    Attributes
    ----------
    name
        Of the field.
    annotation
        What typer is told of it.
    needed
        Whether it must be given.
    read
        Makes the field's value of what was given.
    """

    name: str
    annotation: Any
    needed: bool = False
    read: Reader = lambda value: value


@dataclass(frozen=True)
class Options:
    """Options whose values a command gets as one `Given`."""

    each: tuple[Option, ...]

    def parameters(self) -> list[inspect.Parameter]:
        """As parameters of a function; the default is None, which means "not given"."""
        return [
            inspect.Parameter(
                one.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if one.needed else None,
                annotation=one.annotation,
            )
            for one in self.each
        ]

    def take(self, values: dict[str, Any]) -> Given:
        """Take the values of these options out of those of a command, and keep what was given."""
        taken = [(one, values.pop(one.name)) for one in self.each]
        return {one.name: one.read(value) for one, value in taken if value is not None and value != []}


def options(
    model: type[Settings],
    *only: str,
    leave_out: Sequence[str] = (),
    flags: Mapping[str, str] | None = None,
    needed: bool = False,
) -> Options:
    """Options for the fields of a settings model.

    Parameters
    ----------
    model
        Says their types, choices, units, help and defaults.
    *only
        Fields, where it is not all of them.
    leave_out
        Fields that are no options.
    flags
        Names of options that are not called as their field.
    needed
        Whether a field without a default must be given; not so where a settings file may say it.
    """
    return Options(
        tuple(
            _option(model, name, (flags or {}).get(name, ""), needed)
            for name in only or model.model_fields
            if name not in leave_out
        )
    )


def texts(named: Iterable[tuple[str, str]]) -> Options:
    """Options that take a text each, from their names and help."""
    return Options(
        tuple(Option(name, Annotated[str | None, typer.Option(help=told, show_default=False)]) for name, told in named)
    )


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose `Options` parameters are options, in their place."""
    groups: dict[str, Options] = {}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        group = next((one for one in get_args(parameter.annotation) if isinstance(one, Options)), None)
        if group is None:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
        else:
            groups[parameter.name] = group
            parameters += group.parameters()

    @wraps(command)
    def run(**values: Any) -> None:
        told = {name: group.take(values) for name, group in groups.items()}
        command(**values, **told)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # typer reads it
    return run


def _option(model: type[Settings], name: str, flag: str, needed: bool) -> Option:
    field = model.model_fields[name]
    word = extra_of(model, name, "word")
    bare = str if word else plain_type(field.annotation)
    kind, more, read = _taken(bare, flag or "--" + name.replace("_", "-"), bool(extra_of(model, name, "adds_up")))
    needed = needed and field.is_required()
    told = option(model, name, *filter(None, [flag]), more=more)
    if word:
        told.metavar, read = f"<{word}|NUMBER>", _number_or_text
    if get_origin(kind) is Literal:
        # The model refuses another word, in one line as for any other field.
        kind, told.metavar = str, f"<{'|'.join(get_args(kind))}>"
    return Option(name, Annotated[kind if needed else kind | None, told], needed, read)


def _number_or_text(value: str) -> float | str:
    """What was given for a number or a word; the model refuses other words."""
    try:
        return float(value)
    except ValueError:
        return value


def _taken(kind: Any, flag: str, adds_up: bool = False) -> tuple[Any, str, Reader]:
    """What the command line takes for a type of field, what its help adds, and what makes the field's value of it."""
    inner = get_args(kind)
    if get_origin(kind) is dict:
        return list[str], "", named_paths if inner[1] is Path else partial(named_values, flag=flag)
    if get_origin(kind) is not tuple:
        return kind, "", lambda value: value
    if inner[-1] is not Ellipsis:
        # What this and the last line say needs `simulating.GenerousCommand`.
        return kind, " One number or two.", lambda value: value
    if inner[0] is str:
        if adds_up:
            return list[str], "", lambda given: tuple(name for text in given for name in names_or_path(text))
        return str, "", names
    return list[inner[0]], " One or more.", tuple  # type: ignore[valid-type]  # a type known at run time only


def option(model: type[Settings], field: str, *flags: str, more: str = "") -> Any:
    """An option for one field of a settings model; the default that is shown is the model's."""
    default = model.model_fields[field].get_default()
    shown = default not in (None, False, "", (), PydanticUndefined)
    text = " ".join(map(str, default)) if isinstance(default, tuple) else default
    told = help_of(model, field) + more + f" Default: {text}." * shown
    known = extra_of(model, field, "devices")
    return typer.Option(*flags, help=told, show_default=False, metavar=f"<{known}>" if known else None)


def argument(model: type[Settings], field: str) -> Any:
    """A positional argument for one field of a settings model."""
    return typer.Argument(help=help_of(model, field), show_default=False)


def help_of(model: type[Settings], field: str) -> str:
    """Description of a field, with its unit."""
    description, unit = model.model_fields[field].description, extra_of(model, field, "unit")
    return f"{description} [{unit}]" if unit else str(description)


Inputs = Annotated[list[str] | None, argument(PickRun, "inputs")]
Networks = Annotated[Given, texts(network_fields().items())]
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
CtfFile = Annotated[
    Path | None,
    typer.Option(
        help="What tells the CTF: a STAR file of RELION, exposures of cryoSPARC, a file of CTFFIND or Gctf, or a "
        "folder of them. Default: the list of the micrographs, or what lies beside them."
    ),
]
