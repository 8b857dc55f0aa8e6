"""CryoPPP's CSV: ``X-Coordinate,Y-Coordinate,Diameter``, in pixels of the micrograph turned upside down.

Reading and writing leave the rows as they are in the file; `picks.read_picks` and `picks.write_picks` turn them.
"""

from __future__ import annotations

from pathlib import Path

from napari_drpnet.data import Frame, Picks
from napari_drpnet.io.files import micrograph_stem, write_text
from napari_drpnet.io.picks.csv import (
    by_micrograph,
    known,
    micrograph_column,
    numbers,
    points,
    read_columns,
    refuse_depth,
    texts,
)
from napari_drpnet.io.picks.plain_text import tell_passed_over

_X, _Y, _DIAMETER, _PSI = "X-Coordinate", "Y-Coordinate", "Diameter", "Angle-Psi"
CRYOPPP_COLUMNS = (_X.lower(), _Y.lower())


def read_cryoppp(path: str | Path) -> list[Picks]:
    """Picks of each micrograph that a column names, or else of one, named after the file; rows count from the bottom.

    Raises
    ------
    UserError
        When the file is missing, half-written, or lacks the first two columns; when a column may name micrographs.

    Warns
    -----
    UserWarning
        For other columns (CryoPPP's own are of the CTF and of refinement), which are passed over, and for a last line
        without an end.
    """
    path = Path(path)
    columns = read_columns(path, CRYOPPP_COLUMNS, "(in pixels of the micrograph turned upside down)")
    name = micrograph_column(path, columns)
    read = {*CRYOPPP_COLUMNS, _DIAMETER.lower(), _PSI.lower(), name}
    refuse_depth(path, columns)
    tell_passed_over(path, [column for column in columns if column not in read])
    yx = points(path, columns, _Y.lower(), _X.lower())
    every = Picks(
        Frame(micrograph_stem(path)),
        yx,
        diameter=numbers(path, columns, _DIAMETER.lower(), len(yx)),
        psi=known(numbers(path, columns, _PSI.lower(), len(yx))),
    )
    return by_micrograph(every, path, columns[name]) if name and len(every) else [every]


def write_cryoppp(picks: Picks, path: str | Path) -> Path:
    """Write picks whose rows count from the bottom already; angles only where there are some.

    Raises
    ------
    UserError
        When the file cannot be written.
    """
    columns = {_X: picks.yx[:, 1], _Y: picks.yx[:, 0], _DIAMETER: picks.diameter}
    if picks.psi.any():
        columns[_PSI] = picks.psi
    rows = zip(*map(texts, columns.values()), strict=True)
    lines = [",".join(columns), *(",".join(value.removesuffix(".0") for value in row) for row in rows)]
    return write_text("\n".join(lines) + "\n", Path(path))
