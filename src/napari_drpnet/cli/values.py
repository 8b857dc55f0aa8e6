"""What the texts of the command line mean: names with commas between them, ``KEY=VALUE``, ``NAME=PATH``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from napari_drpnet.errors import UserError, short
from napari_drpnet.io.fields import parse
from napari_drpnet.io.paths import exists, is_file, matching, resolved


def names(text: str) -> tuple[str, ...]:
    """Names with commas between them."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def names_or_path(text: str) -> tuple[str, ...]:
    """Names with commas between them; a file, a folder or a pattern that is there may have commas of its own."""
    return (text,) if "," in text and (exists(text) or any(matching(text))) else names(text)


def named_values(given: Sequence[str] | None, flag: str = "--option") -> dict[str, Any]:
    """What ``KEY=VALUE`` texts say; values are YAML: ``3``, ``true``, ``null``, ``[a.mrc, b.mrc]``, ``{box: 180}``.

    Raises
    ------
    UserError
        When one has no name, or its value is no YAML.
    """
    values: dict[str, Any] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UserError(f"{flag} {short(text)} is not KEY=VALUE.", f"For example: {flag} threshold=0.4.")
        try:
            values[name.strip()] = parse(value)
        except ValueError as error:
            raise UserError(f"{flag} {short(text)}: its value is no YAML.", "Put text with signs in quotes.") from error
    return values


def picker_options(own: Sequence[str] | None, *others: Mapping[str, Any]) -> dict[str, Any]:
    """What the ``KEY=VALUE`` texts of ``--option`` say of a picker.

    Parameters
    ----------
    own
        The texts.
    *others
        What was given by options that are named as their setting, such as ``--diameter``.

    Raises
    ------
    UserError
        As `named_values`, and when a setting is given in both ways.
    """
    values = named_values(own)
    for name, value in ((name, value) for given in others for name, value in given.items() if name in values):
        flag = name.replace("_", "-")
        told = f"{value:g}" if isinstance(value, float) else value
        other = (f"--{flag}" if value else f"--no-{flag}") if isinstance(value, bool) else f"--{flag} {told}"
        raise UserError(f"--option {name}={values[name]} and {other} are the same setting.", "Leave one of them out.")
    return values


def named_sources(given: Sequence[str]) -> tuple[list[Path], dict[Path, str]]:
    """Files and folders, and the names of those that have one, as in ``NAME=PATH``; several may have the same."""
    found, named = [], {}
    for text in given:
        name, equals, place = text.partition("=")
        is_named = bool(name and equals and place) and not exists(text)
        found.append(Path(place if is_named else text))
        if is_named:
            named[found[-1]] = name
    return found, named


def named_paths(given: Sequence[str]) -> dict[str, Path]:
    """Files and folders by their name: as in ``NAME=PATH``, or that of the file or folder.

    Raises
    ------
    UserError
        When two have the same name.
    """
    found: dict[str, Path] = {}
    for text in given:
        name, equals, place = text.partition("=")
        named = bool(equals and place) and not exists(text)
        path = Path(place if named else text)
        name = name if named else resolved(path).stem if is_file(path) else resolved(path).name
        if name in found:
            raise UserError(f"Two sets are named {name!r}: {found[name]} and {path}.", "Name them, as in NAME=PATH.")
        found[name] = path
    return found
