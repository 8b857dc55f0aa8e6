"""Some of the particles of a RELION STAR file, as a file of their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import MaskArray
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import write_text
from napari_drpnet.io.paths import exists
from napari_drpnet.io.picks.star_fields import IMAGE
from napari_drpnet.io.star_lists import find_in_project
from napari_drpnet.io.star_optics import PHASE_FLIPPED
from napari_drpnet.io.star_table import Table, format_table, read_tables

_SUBSET = "rlnRandomSubset"
_DEFOCUS = "rlnDefocusU"
_HINT = "Give the particles STAR of a 3D refinement with half sets, in RELION run_data.star."


class ParticleFile:
    """A particles STAR of RELION, held to write parts of it.

    Parameters
    ----------
    path
        The file; its particles must be in half sets and their images in stacks.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._tables = read_tables(path)
        found = [table for table in self._tables if IMAGE in table and len(table)]
        if len(found) != 1:
            raise UserError(f"{path}: it has no list of particle images.", _HINT)
        (self._particles,) = found
        if _SUBSET not in self._particles:
            raise UserError(f"{path}: it has no half sets ({_SUBSET}).", _HINT)
        self.half: npt.NDArray[np.int64] = self._particles.numbers(_SUBSET).astype(np.int64)
        if not ((self.half == 1).any() and (self.half == 2).any()):
            raise UserError(f"{path}: one of its half sets is empty.", _HINT)

    @property
    def has_ctf(self) -> bool:
        """Whether it tells the defocus of the particles."""
        return _DEFOCUS in self._particles

    @property
    def phase_flipped(self) -> bool:
        """Whether it tells that the phases of the images are flipped already."""
        return any("1" in table.texts(PHASE_FLIPPED) for table in self._tables if PHASE_FLIPPED in table)

    def project(self) -> Path:
        """The folder that the names of the images start at.

        Raises
        ------
        UserError
            When the first image is nowhere.
        """
        name = self._particles.texts(IMAGE)[0].partition("@")[2]
        found = find_in_project(name, self.path)
        if not exists(found):
            raise UserError(f"{self.path}: its image {name} is not there.", "Start in the folder of the project.")
        return Path(str(found.absolute()).removesuffix(name) or "/")

    def write(self, chosen: MaskArray, path: Path) -> Path:
        """Write the particles that are chosen, ``(n,)``, with all that the file says beside them."""
        parts = [self._some(chosen) if table is self._particles else table for table in self._tables]
        return write_text("".join(format_table(_columns(table), table.name) for table in parts), path)

    def _some(self, chosen: MaskArray) -> Table:
        rows = [row for row, wanted in zip(self._particles.rows, chosen.tolist(), strict=True) if wanted]
        return Table(self.path, self._particles.name, self._particles.columns, rows)


def _columns(table: Table) -> Mapping[str, list[str]]:
    return {name: [row[place] for row in table.rows] for place, name in enumerate(table.columns)}
