"""Fields of settings as YAML: text, numbers, true and false, null, lists and maps of them, and nothing else of YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from napari_drpnet.errors import UserError, cut, short
from napari_drpnet.io.files import reading

# Thousands of names take a second without libyaml.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
# Bytes: a project of 50,000 micrographs has a tenth of that.
_LONGEST = 50_000_000
# Lists and maps in each other. Settings need four; Python's own limit is not far above a hundred.
_DEEPEST = 30
_TAG = "tag:yaml.org,2002:"
_TAGS = {f"{_TAG}{kind}" for kind in ("null", "bool", "int", "float", "str", "seq", "map")}


def _number(loader: Any, node: Any) -> Any:
    """A number; the text where it is none, such as ``0x_``, the time of day 10:30, or 5,000 digits."""
    make = loader.construct_yaml_int if node.tag == f"{_TAG}int" else loader.construct_yaml_float
    try:
        return node.value if ":" in node.value else make(node)
    except ValueError:
        return node.value


class _Plain(_Loader):  # type: ignore[misc] # one of two classes
    """Reads what settings are made of; a date is text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as in its base
        first: [(tag, pattern) for tag, pattern in known if tag in _TAGS]
        for first, known in _Loader.yaml_implicit_resolvers.items()
    }
    yaml_constructors = {  # noqa: RUF012 - as in its base
        **{tag: make for tag, make in _Loader.yaml_constructors.items() if tag in _TAGS},
        f"{_TAG}int": _number,
        f"{_TAG}float": _number,
    }

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[str, Any]:
        """A map whose keys are text, each there once."""
        found = {}
        for key, value in node.value:
            name = self.construct_object(key, deep=deep)
            if not isinstance(name, str):
                raise ValueError(f"line {key.start_mark.line + 1}: a name is not text")
            if name in found:
                raise ValueError(f"line {key.start_mark.line + 1}: {short(name)} is there twice")
            found[name] = self.construct_object(value, deep=deep)
        return found


class _Written(_Dumper):  # type: ignore[misc] # one of two classes
    """Writes a value in each of its places, as `parse` takes no references."""

    def ignore_aliases(self, data: Any) -> bool:
        """True: none are written."""
        return True


def parse(text: str) -> Any:
    """What a text in YAML says.

    Raises
    ------
    ValueError
        When it is no YAML, nested too deeply, or has something else than text, numbers, lists and maps in it; says what
        in a few words.
    """
    try:
        _check(text)
        return yaml.load(text, _Plain)
    except yaml.MarkedYAMLError as error:
        at = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise ValueError(f"{at}{cut(' '.join((error.problem or 'no YAML').split()), 80)}") from error
    except yaml.YAMLError as error:
        raise ValueError("signs that no text has") from error


def _check(text: str) -> None:
    """Refuse what takes memory or time without end to build, and tags, which ask for other kinds of values."""
    depth = 0
    for event in yaml.parse(text, _Loader):
        tag = getattr(event, "tag", None)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):
            wrong = "a reference to another place"
        elif tag is not None:
            wrong = f"the tag {short(tag)}"
        elif depth > _DEEPEST:
            wrong = "nested too deeply"
        else:
            continue
        assert event.start_mark is not None, "it is from a text"
        raise ValueError(f"line {event.start_mark.line + 1}: {wrong}")


def read_fields(path: Path, hint: str) -> dict[str, Any]:
    """The fields of settings in a YAML file, as they are written.

    Raises
    ------
    UserError
        When the file is missing or no mapping of names to values; the ``hint`` is its next step.
    """
    with reading(path), path.open("rb") as file:
        content = file.read(_LONGEST + 1)
    if len(content) > _LONGEST:
        raise UserError(f"{path} is too long for settings: over {_LONGEST // 1_000_000} MB.", hint)
    try:
        fields = parse(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not a YAML file: it is no text in UTF-8.", hint) from error
    except ValueError as error:
        raise UserError(f"{path} is not a YAML file of settings: {cut(str(error), 120)}.", hint) from error
    if not isinstance(fields, dict):
        raise UserError(f"{path} does not hold settings.", hint)
    return fields


def dump(fields: Any, **options: Any) -> str:
    """Text in YAML that `parse` reads as the same.

    Parameters
    ----------
    fields
        What `parse` may give.
    **options
        Of `yaml.dump`.

    Raises
    ------
    UserError
        When a text is the name of a file that is not UTF-8, which YAML cannot hold.
    """
    try:
        return str(yaml.dump(fields, Dumper=_Written, sort_keys=False, **options))
    except UnicodeEncodeError as error:
        raise UserError(
            f"{short(str(error.object))} is not UTF-8, and settings cannot keep it.",
            "Name the folder that it is in, or rename it.",
        ) from error
