"""The command line that repeats a comparison."""

from __future__ import annotations

import shlex
from typing import Any

from napari_drpnet.settings import ComparisonSettings

_FIELDS = ("truth", "diameter", "pixel_size", "radius_fraction", "edge", "consensus", "overlays")


def command(settings: ComparisonSettings) -> str:
    """The command that makes this comparison."""
    if not settings.pickers and len(settings.picks) == 1 and settings.truth is None:
        return _of_one(settings)
    words = ["napari-drpnet", "compare"]
    if settings.pickers:
        words += ["--pickers", ",".join(settings.pickers)]
    words += _picks(settings)
    for picker, options in settings.options.items():
        for name, value in options.items():
            words += ["--option", f"{picker}.{name}={_plain(value)}"]
    for name in (*_FIELDS, "overlay_order", "device"):
        words += _told(settings, name)
    words += ["--invert"] * settings.invert + ["--no-averages"] * (not settings.averages)
    return shlex.join([*words, *settings.inputs, "--out", settings.out.as_posix()])


def _of_one(settings: ComparisonSettings) -> str:
    """One set is nothing that `compare` compares: it was judged by `assess`, which has this page in a folder."""
    words = ["napari-drpnet", "assess", *_picks(settings)]
    for text in settings.inputs:
        words += ["--micrographs", text]
    for name in ("diameter", "pixel_size"):
        words += _told(settings, name)
    return shlex.join([*words, "--out", settings.out.parent.as_posix()])


def _picks(settings: ComparisonSettings) -> list[str]:
    return [word for name, path in settings.picks.items() for word in ("--picks", f"{name}={path.as_posix()}")]


def _told(settings: ComparisonSettings, name: str) -> list[str]:
    """The option of a field, where it is not as by default."""
    value = getattr(settings, name)
    if value is None or value == type(settings).model_fields[name].default:
        return []
    return ["--" + name.replace("_", "-"), _plain(value)]


def _plain(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)
