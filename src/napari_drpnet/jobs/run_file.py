"""The file that records a run, and from which it can be repeated."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any
from warnings import warn

from napari_drpnet.errors import UserError, cut
from napari_drpnet.io.fields import dump, read_fields
from napari_drpnet.io.files import write_text
from napari_drpnet.io.paths import exists
from napari_drpnet.settings import AUTO, DEFAULT_PICKER, Decision, PickerSettings, PickRun, validated

SETTINGS = "settings.yaml"
_HEAD = "# Repeat this run, from the same folder:  napari-drpnet pick --settings {path}\n"
_HINT = "Give the settings.yaml of a run."


def write_run_file(run: PickRun, path: Path) -> Path:
    """Record a run; inputs and output are written as they were given."""
    fields = run.model_dump(mode="json")
    decision = fields.pop("decision")
    content = dump(fields, allow_unicode=True)
    if decision is not None:
        content += dump({"decision": decision}, default_flow_style=None, width=120)
    return write_text(_HEAD.format(path=path.as_posix()) + content, path)


def recorded_decision(path: Path) -> Decision | None:
    """What an earlier run decided, as its settings file says; None where there is none that can be read."""
    try:
        found = read_fields(path, _HINT).get("decision") if exists(path) else None
        return validated(Decision, found) if isinstance(found, dict) else None
    except UserError:
        return None


def read_run_file(path: Path, quiet: bool = False) -> dict[str, Any]:
    """The fields of `PickRun` that a file sets; it may leave out any of them.

    Parameters
    ----------
    path
        Of the file.
    quiet
        Give the version too, instead of a warning where it is another one.

    Raises
    ------
    UserError
        When the file is missing or no mapping of names to values.

    Warns
    -----
    UserWarning
        When another version of the program made the run.
    """
    content = read_fields(path, _HINT)
    if not isinstance(content.get("options", {}), dict):
        raise UserError(f"{path} does not hold settings.", _HINT)
    if quiet:
        return content
    made_by = content.pop("version", "")
    if made_by and made_by != version("napari-drpnet"):
        warn(f"{path} was made by version {cut(str(made_by), 20)}; this is {version('napari-drpnet')}.", stacklevel=2)
    return content


def make_run(given: dict[str, Any], options: dict[str, Any], file: Path | None = None) -> PickRun:
    """A run from what was given on the command line, which goes before what a file says.

    Parameters
    ----------
    given
        Fields of `PickRun` by name.
    options
        The picker's own settings by name.
    file
        The settings.yaml of an earlier run; of another picker's, what all pickers are told.

    Raises
    ------
    UserError
        When the file cannot be read or a field is unknown or unusable.
    """
    recorded = read_run_file(file) if file else {}
    kept, before = recorded.get("options", {}), recorded.get("picker", DEFAULT_PICKER)
    if kept.get("threshold") == AUTO:  # what was chosen then is in force, unless it is asked for now
        kept = {name: value for name, value in kept.items() if name != "threshold"}
    if given.get("picker", before) != before:
        kept = {name: value for name, value in kept.items() if name in PickerSettings.model_fields}
    decided_in = {"decided_in": file.parent} if file else {}
    return validated(PickRun, {**recorded, **decided_in, **given, "options": {**kept, **options}})
