"""The command line that repeats a run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from napari_drpnet.errors import UserError
from napari_drpnet.pickers.protocol.registry import settings_class
from napari_drpnet.settings import DEFAULT_PICKER, PickerSettings

# Settings of all pickers that are options of the command; the others are told by --option.
_TOLD = ("diameter", "threshold", "min_distance", "invert", "device")


def command(fields: Mapping[str, Any]) -> str:
    """The command that picks with these fields of `PickRun`; what is as it is by default is left out."""
    words = ["napari-drpnet", "pick", *map(str, fields.get("inputs", ()))]
    picker = fields.get("picker", DEFAULT_PICKER)
    if picker != DEFAULT_PICKER:
        words += ["--picker", picker]
    for name, value in fields.get("options", {}).items():
        if value == _default(picker, name):
            continue
        if name == "invert":
            words.append("--invert")
        elif name in _TOLD:
            words += ["--" + name.replace("_", "-"), _plain(value)]
        else:
            words += ["--option", f"{name}={_plain(value)}"]
    if fields.get("pixel_size"):
        words += ["--pixel-size", _plain(fields["pixel_size"])]
    if fields.get("part"):
        words += ["--part", str(fields["part"])]
    words += ["--keep-unproved"] * bool(fields.get("keep_unproved"))
    return shlex.join([*words, "--out", str(fields.get("out", ""))])


def _default(picker: str, name: str) -> Any:
    try:
        known = settings_class(picker)
    except UserError:  # of a package that is not here any more
        known = PickerSettings
    return known.model_fields[name].get_default() if name in known.model_fields else None


def _plain(value: Any) -> str:
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
