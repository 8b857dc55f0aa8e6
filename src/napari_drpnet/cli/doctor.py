"""The command that looks at the installation."""

from __future__ import annotations

import typer

from napari_drpnet.cli.options import JsonFlag
from napari_drpnet.doctor import report


def doctor(json: JsonFlag = False) -> None:
    """Tell what is installed, what is missing, and the line that mends it.

    Exit status 0: all that is needed is there; 1: something is missing.
    """
    raise typer.Exit(report(json))
