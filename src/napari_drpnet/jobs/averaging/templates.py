"""Averages as templates for a picker that looks for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from napari_drpnet.errors import UserError
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.jobs.averaging.result import Averages

TEMPLATES = "averages.mrcs"


def averages_as_templates(averages: Averages, which: Sequence[int], path: Path) -> Path:
    """Write some averages as a stack, which `io.templates.read_templates` reads; a file that is there is replaced.

    Parameters
    ----------
    averages
        All of them.
    which
        Their places, from 0.
    path
        Where to write.

    Raises
    ------
    UserError
        When there is none, or the file cannot be written.
    """
    if not len(which):
        raise UserError("There are no averages to use.", "Choose one at least.")
    return write_mrc(averages.images[np.asarray(which)], path, averages.pixel_size)
