"""The command line that repeats a comparison."""

from __future__ import annotations

import shlex
from typing import Any

from napari_drpnet.settings import ComparisonSettings

_FIELDS = ("truth", "diameter", "pixel_size", "radius_fraction", "edge", "consensus", "overlays")


def command(settings: ComparisonSettings) -> str:
    """The command that makes this comparison."""
    words = ["napari-drpnet", "compare"]
    if settings.pickers:
        words += ["--pickers", ",".join(settings.pickers)]
    for name, path in settings.picks.items():
        words += ["--picks", f"{name}={path.as_posix()}"]
    for picker, options in settings.options.items():
        for name, value in options.items():
            words += ["--option", f"{picker}.{name}={_plain(value)}"]
    for name in (*_FIELDS, "overlay_order", "device"):
        value = getattr(settings, name)
        if value is not None and value != type(settings).model_fields[name].default:
            words += ["--" + name.replace("_", "-"), _plain(value)]
    words += ["--invert"] * settings.invert + ["--no-averages"] * (not settings.averages)
    return shlex.join([*words, *settings.inputs, "--out", settings.out.as_posix()])


def _plain(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)
