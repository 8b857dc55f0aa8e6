"""What cryoSPARC keeps in several files: particles with what they passed through, groups of results, and exposures.

A .csg is a group of results, in YAML: for each result the .cs that has it (``metafile``, after ``>`` a file beside it),
how many rows, and its type. cryoSPARC's job *Import Result Group* takes one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError, cut, short
from napari_drpnet.io.beside import FrameOf, frame_beside
from napari_drpnet.io.fields import dump, read_fields
from napari_drpnet.io.files import write_text
from napari_drpnet.io.paths import exists
from napari_drpnet.io.picks.cryosparc import results_of, table_picks
from napari_drpnet.io.picks.cryosparc_table import UID, CsTable, read_table
from napari_drpnet.io.star_lists import MicrographEntry, find_in_project

GROUP_SUFFIX = ".csg"
# What cryoSPARC knows of its particles may be in several files of these.
CRYOSPARC_SUFFIXES = (".cs", GROUP_SUFFIX)
_HINT = "Give the .csg that cryoSPARC wrote, with the .cs files beside it."
_ONE_BY_ONE = "Convert one of them, or one after the other."
_MOST_FILES = 100
_PATH, _PIXEL, _SHAPE = "micrograph_blob/path", "micrograph_blob/psize_A", "micrograph_blob/shape"
_GROUPS = ("mscope_params/exp_group_id", "ctf/exp_group_id")
# What only particles have. Their images alone (blob) may also be class averages.
_OF_PARTICLES = re.compile(r"(location|pick_stats|filament|alignments\w*)/.+")


def read_group(paths: Sequence[Path], frame_of: FrameOf = frame_beside) -> list[Picks]:
    """Picks of several files of cryoSPARC, joined by uid, with rows from the bottom, as `read_cryosparc` gives them.

    Parameters
    ----------
    paths
        Tables (.cs) and groups of results (.csg), which name tables. Tables with common uids are one, with the rows
        that both have: particles, and what they passed through. Others are read one after the other, and so are tables
        that have particles of one uid at different places: those are two sets.
    frame_of
        What is known of a micrograph, as `read_cryosparc` asks for it.

    Raises
    ------
    UserError
        When a file cannot be read, no table with its uids has the locations, two tables contradict each other, or two
        sets have picks of one micrograph.

    Warns
    -----
    UserWarning
        When tables that are joined do not have the same rows, or some have none.
    """
    files = list(dict.fromkeys(file for path in paths for file in tables_of(path)))
    found: list[Picks] = []
    first: dict[str, Path] = {}
    for table in _joined([read_table(file) for file in files]):
        for picks in table_picks(table, frame_of):
            name = picks.frame.micrograph
            if name in first:
                raise UserError(
                    f"{table.path}: picks of {cut(name, 60)}, of which {first[name].name} has some, too.", _ONE_BY_ONE
                )
            first[name] = table.path
            found.append(picks)
    return found


def read_together(files: Sequence[Path]) -> list[tuple[Path, ...]]:
    """Which of some files `read_group` is to read together: those with common uids, and empty ones with any.

    A file that cannot be read, or has no uids, is alone: what is wrong with it is told when it is read.
    """
    together: list[tuple[tuple[Path, ...], npt.NDArray[np.uint64]]] = []
    empty: tuple[Path, ...] = ()
    for file in files:
        uids = _uids(file)
        if uids is not None and len(uids) == 0:
            empty += (file,)
            continue
        alone = np.empty(0, np.uint64) if uids is None else uids
        same = [one for one in together if np.isin(alone, one[1]).any()]
        joined = (*(path for paths, _ in same for path in paths), file)
        together = [one for one in together if not any(one is other for other in same)]
        together.append((joined, np.concatenate([alone, *(more for _, more in same)])))
    first, *others = [paths for paths, _ in together] or [()]
    return [paths for paths in (first + empty, *others) if paths]


def of_no_particles(files: Sequence[Path]) -> set[Path]:
    """Which tables of a folder have no particles, such as those of micrographs and of class averages.

    Tables that do not say what they are of, such as those with only uids and images, are of particles where they share
    a uid with some. A file that cannot be read is not among them: what is wrong with it is told when it is read.
    """
    names = {file: found for file in files if (found := _column_names(file))}
    unclear = {file for file, found in names.items() if not any(map(_OF_PARTICLES.fullmatch, found))}
    if not unclear:
        return set()
    rows = {file: uids for file in names if (uids := _uids(file)) is not None}
    particles = [uids for file, uids in rows.items() if file not in unclear]
    # An empty selection may have no other column than its uids.
    asked = {file for file in unclear if file in rows and names[file] != {UID}}
    return {file for file in asked if not any(np.isin(rows[file], uids).any() for uids in particles)}


def _column_names(file: Path) -> set[str]:
    """Those of a table; none where it cannot be read."""
    try:
        return set(read_table(file, lambda _: False).names)
    except UserError:
        return set()


def _uids(file: Path) -> npt.NDArray[np.uint64] | None:
    """The uids in a table, or in those of a group; None where they cannot be read."""
    try:
        tables = [read_table(path, UID.__eq__) for path in tables_of(file)]
        return np.concatenate([table.numbers(UID).astype(np.uint64) for table in tables])
    except (UserError, KeyError):
        return None


def tables_of(path: Path) -> list[Path]:
    """The tables that a group of results names; or the table itself.

    Raises
    ------
    UserError
        When the group cannot be read, or is none.
    """
    if path.suffix.lower() != GROUP_SUFFIX:
        return [path]
    results = read_fields(path, _HINT).get("results")
    found = list(results.values()) if isinstance(results, dict) else []
    names = [one.get("metafile") for one in found if isinstance(one, dict)]
    if not names or len(names) < len(found) or len(set(map(str, names))) > _MOST_FILES:
        raise UserError(f"{path} is not a group of results of cryoSPARC.", _HINT)
    return list(dict.fromkeys(_beside(path, name) for name in names))


def _beside(group: Path, name: Any) -> Path:
    """A table as a group names it: beside it, or from the project's folder, which is the one above."""
    inside = name.removeprefix(">") if isinstance(name, str) else ""
    parts = Path(inside).parts
    if not inside or "\0" in inside or Path(inside).is_absolute() or ".." in parts or not inside.endswith(".cs"):
        raise UserError(f"{group}: {short(str(name), 40)} is no table beside it.", _HINT)
    places = [folder / inside for folder in (group.parent, group.parent.parent)]
    return next((place for place in places if exists(place)), places[0])


def _joined(tables: Sequence[CsTable]) -> list[CsTable]:
    """Tables with common uids as one."""
    if len(tables) == 1:
        return list(tables)
    found: list[CsTable] = []
    # Those with locations first: they tell which sets there are.
    for table in sorted(tables, key=lambda one: not _is_located(one)):
        same = [i for i, other in enumerate(found) if _is_of(table, other)]
        if not same:
            found.append(table)
            continue
        if len(same) > 1:
            names = " and in ".join(found[i].path.name for i in same[:2])
            raise UserError(f"{table.path}: its uids are in {names}, which are two sets.", _ONE_BY_ONE)
        (at,) = same
        both = found[at].joined(table)
        if lost := max(len(table), len(found[at])) - len(both):
            warn(f"{table.path}: {lost} rows are not in both this file and {found[at].path.name}.", stacklevel=4)
        found[at] = both
    # An empty one has no uids to be joined by.
    filled = [table for table in found if len(table)]
    for table in tables if filled else ():
        if len(table) == 0:
            warn(f"{table.path}: it has no rows, and is passed over; all of the others are taken.", stacklevel=4)
    return filled or found[:1]


def _is_located(table: CsTable) -> bool:
    return "location/center_x_frac" in table and "location/center_y_frac" in table


def _is_of(table: CsTable, other: CsTable) -> bool:
    """Whether a table has more of the particles of another: not where both have locations, and those are two sets."""
    count = int(np.isin(table.uids(), other.uids()).sum())
    if count == 0:
        return False
    wrong = table.contradictions(other)
    if _is_located(table) and _is_located(other):
        return not wrong and count == min(len(table), len(other))
    if wrong:
        raise UserError(f"{table.path}: for the same uids {other.path.name} has other {wrong[0]}.", _ONE_BY_ONE)
    return True


def write_csg(cs: Path, found: Sequence[Picks]) -> Path:
    """Write the group of results beside a table of picks, so that cryoSPARC imports it as particles.

    Parameters
    ----------
    cs
        The table, which is written already.
    found
        The picks in it.

    Raises
    ------
    UserError
        When the file cannot be written.
    """
    made = datetime.fromtimestamp(cs.stat().st_mtime, UTC) if cs.is_file() else datetime.now(UTC)
    count = sum(int(np.sum(picks.label != "background")) for picks in found)
    group = {
        "created": made.strftime("%Y-%m-%d %H:%M:%S.%f"),
        "group": {
            "description": "Particle picks of napari-drpnet",
            "name": "particles",
            "title": "Particles picked",
            "type": "particle",
        },
        "results": {
            result: {"metafile": f">{cs.name}", "num_items": count, "type": f"particle.{result}"}
            for result in results_of(found)
        },
        "version": "v4.0.0",
    }
    return write_text(dump(group), cs.with_suffix(GROUP_SUFFIX))


def read_exposures(path: Path) -> list[MicrographEntry]:
    """The micrographs of cryoSPARC's exposures, each once, in their order.

    Parameters
    ----------
    path
        A .cs with ``micrograph_blob/path``, or a group of results that names it. The names begin at the project's
        folder, and are looked for in the working folder, in the folder of the file, and in those above it.

    Raises
    ------
    UserError
        When the file cannot be read, names no micrographs, or gives one two sizes.
    """
    (table, *others) = _joined([read_table(file) for file in tables_of(path)])
    if others:
        raise UserError(f"{path}: its tables have no uid in common.", "Give the .cs of the exposures.")
    hint = "Give the exposures.cs (or the passthrough_exposures.cs) of a job after motion correction."
    table.require((_PATH,), "micrographs" if "movie_blob/path" not in table else "micrographs, only movies", hint)
    found: dict[str, MicrographEntry] = {}
    rows = zip(table.texts(_PATH), table.floats(_PIXEL).tolist(), _shapes(table), _exposures(table), strict=True)
    for name, size, shape, exposure in rows:
        if not name or "\0" in name:
            raise UserError(f"{path}: a row does not name its micrograph.", hint)
        name = name.removeprefix(">")
        known = size if 0 < size < np.inf else None
        entry = MicrographEntry(name, find_in_project(name, path), known, shape=shape, exposure=exposure)
        first = found.setdefault(name, entry)
        if (first.pixel_size, first.shape) != (known, shape):
            raise UserError(f"{path}: {short(name)} is there twice, with other sizes.", hint)
    return list(found.values())


def _shapes(table: CsTable) -> list[tuple[int, int] | None]:
    """Height and width of each micrograph, where they are there and can be those of an image."""
    if _SHAPE not in table:
        return [None] * len(table)
    sides = np.nan_to_num(table.numbers(_SHAPE, 2).astype(np.float64)).tolist()
    return [(int(height), int(width)) if min(height, width) >= 1 else None for height, width in sides]


def _exposures(table: CsTable) -> list[tuple[int, int] | None]:
    """CryoSPARC's number of each micrograph and of its exposure group, where they are there."""
    if UID not in table:
        return [None] * len(table)
    groups = next((table.numbers(name).tolist() for name in _GROUPS if name in table), [0] * len(table))
    return [(int(uid), int(group)) for uid, group in zip(table.numbers(UID).tolist(), groups, strict=True)]
