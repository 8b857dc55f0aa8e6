"""Save the picks of one micrograph where the next program looks for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_drpnet.data import Picks
from napari_drpnet.io.files import micrograph_stem
from napari_drpnet.io.paths import is_dir
from napari_drpnet.io.picks.formats import CRYOPPP, FORMATS, PARTICLES, format_of


def save_picks(picks: Picks, path: Path) -> Path:
    """Write the picks of one micrograph in the format that the suffix tells.

    Raises
    ------
    UserError
        When the suffix is of no format, or the file cannot be written.

    Warns
    -----
    UserWarning
        For what the format has no place for.
    """
    return format_of(path).write([picks], path)


def with_size(picks: Picks, diameter: float) -> Picks:
    """Picks whose size is not known, with a ``diameter`` in micrograph pixels; 0 when nobody knows."""
    known = np.where(np.isfinite(picks.diameter), picks.diameter, diameter or np.nan)
    return replace(picks, diameter=known)


def suggested_file(micrograph: str) -> Path:
    """Where the picks of a micrograph belong: beside it, called as RELION calls them; in the home folder else."""
    path = Path(micrograph)
    folder = path.parent if path.is_absolute() or (is_dir(path.parent) and path.parent != Path()) else Path.home()
    return folder / f"{micrograph_stem(path.name)}_autopick.star"


def savable() -> dict[str, str]:
    """What a file of picks can be, for people, with the suffix that means it; STAR first."""
    kinds = (kind for kind in FORMATS.values() if kind not in (PARTICLES, CRYOPPP))
    return {f"{kind.title} (*{kind.suffix})": kind.suffix for kind in kinds}
