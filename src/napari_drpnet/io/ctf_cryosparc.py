"""The CTF in cryoSPARC's tables: that of exposures, or the mean of the particles of a micrograph.

Which way cryoSPARC's angle of astigmatism goes is not documented. pyem and other programs that convert its tables write
the angle as RELION's, in degrees, and so do those that bring RELION's CTF into cryoSPARC. They do so for micrographs
whose rows both count alike, for which they turn the places of particles; pyem turns poses for mirrored images only. So
the angle is taken as it is, and is not turned as places are.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from warnings import warn

import numpy as np

from napari_drpnet.data import FloatArray
from napari_drpnet.errors import UserError
from napari_drpnet.io.ctf import CTF, mean_ctf, one_lens
from napari_drpnet.io.picks.cryosparc_group import tables_of
from napari_drpnet.io.picks.cryosparc_table import UID, CsTable, read_table
from napari_drpnet.io.picks.rows import rows_by_name

_EXPOSURE, _PARTICLE = "micrograph_blob/path", "location/micrograph_path"
_DEFOCUS = ("ctf/df1_A", "ctf/df2_A", "ctf/df_angle_rad")
_LENS = ("ctf/accel_kv", "ctf/cs_mm", "ctf/amp_contrast")
_SHIFT = "ctf/phase_shift_rad"
_WANTED = {UID, _EXPOSURE, _PARTICLE, *_DEFOCUS, *_LENS, _SHIFT}
_HINT = "Give the .csg of exposures whose CTF was estimated, or the folder of the job, whose tables are then joined."
# Angstrom that rounding takes.
_SAME_DEFOCUS = 1.0


def tells_ctf(path: Path) -> bool:
    """Whether a table has a defocus; one that cannot be read has none."""
    try:
        return _DEFOCUS[0] in read_table(path, lambda _: False).names
    except UserError:
        return False


def ctf_of_tables(paths: Sequence[Path], where: Path) -> dict[str, CTF]:
    """The CTF of micrographs by their names, as RELION has it; whether it can be is not looked at.

    Parameters
    ----------
    paths
        Tables (.cs), and groups (.csg) that name some. Tables that name micrographs and tables with their CTF are
        joined by uid. Where there are exposures, particles are not looked at.
    where
        What a user named, for messages.

    Raises
    ------
    UserError
        When a table with a CTF cannot be read, or lacks a column; when there is none, or nothing names its micrographs;
        when particles of one micrograph were seen with several lenses.

    Warns
    -----
    UserWarning
        When particles of a micrograph have several defoci, of which it has the mean.
    """
    files = dict.fromkeys(file for path in paths for file in tables_of(path))
    alone = len(files) == 1
    tables = [read_table(file, _WANTED.__contains__) for file in files if alone or _counts(file)]
    telling = [table for table in tables if _DEFOCUS[0] in table]
    if not telling:
        raise UserError(f"{where}: it has no CTF: no table has the column {_DEFOCUS[0]}.", _HINT)
    for names in (_EXPOSURE, _PARTICLE):
        found: dict[str, CTF] = {}
        for table in (_named(table, tables, names) for table in telling):
            # Of two values that of the first.
            found = (_of(table, names) if table else {}) | found
        if found:
            return found
    raise UserError(f"{where}: it names no micrograph that its CTF is of.", _HINT)


def _counts(file: Path) -> bool:
    """Whether a table of several names micrographs or has a CTF; one that cannot be read does not."""
    try:
        return not _WANTED.isdisjoint(read_table(file, lambda _: False).names - {UID})
    except UserError:
        return False


def _named(table: CsTable, tables: Sequence[CsTable], names: str) -> CsTable | None:
    """A table with such names of its micrographs, if need be those of another table; None where nothing has them."""
    if names in table:
        return table
    if UID not in table:
        return None
    others = (one for one in tables if names in one and UID in one and np.isin(one.uids(), table.uids()).any())
    return next((table.joined(one) for one in others), None)


def _of(table: CsTable, names: str) -> dict[str, CTF]:
    """The CTF of each micrograph of a table."""
    table.require((*_DEFOCUS, *_LENS), "whole CTF", _HINT)
    shift = table.floats(_SHIFT) if _SHIFT in table else np.zeros(len(table))
    u, v, angle, *lens = (table.floats(name) for name in (*_DEFOCUS, *_LENS))
    columns = np.stack([u, v, np.rad2deg(angle), *lens, np.rad2deg(shift)])
    rows = rows_by_name(name.removeprefix(">") for name in table.texts(names))
    for name, which in rows.items():
        one_lens(table.path, name, dict(zip(_LENS, columns[3:6, which], strict=True)))
    _tell_spread(table.path, [columns[:, which] for which in rows.values()])
    return {name: mean_ctf(columns[:, which]) for name, which in rows.items()}


def _tell_spread(path: Path, micrographs: Sequence[FloatArray]) -> None:
    """Warn where particles of one micrograph have several defoci."""
    spread = np.array([float(np.ptp((one[0] + one[1]) / 2)) for one in micrographs])
    if differ := int((spread > _SAME_DEFOCUS).sum()):
        warn(
            f"{path}: in {differ} of {len(spread)} micrographs particles have a defocus of their own, up to "
            f"{np.nanmax(spread):.0f} A apart; the micrograph has their mean. Its own is in the exposures.",
            stacklevel=5,
        )
