"""Files of one cryoSPARC job together: particles and what was passed through, result groups, and exposures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import yaml

from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError, short
from napari_drpnet.io.fields import read_fields
from napari_drpnet.io.files import write_text
from napari_drpnet.io.picks.cryosparc import picks_of_table
from napari_drpnet.io.picks.cryosparc_table import AGAIN, column, joined, load_table, names_of
from napari_drpnet.io.safe_names import is_safe
from napari_drpnet.io.star_lists import MicrographEntry, find_in_project

GROUP_SUFFIX = ".csg"
_BLOB, _PIXEL = "micrograph_blob/path", "micrograph_blob/psize_A"
# Other names of a micrograph in tables of exposures, in the order in which they are looked for.
_OTHERS = (("micrograph_blob_non_dw/path", "micrograph_blob_non_dw/psize_A"), ("blob/path", "blob/psize_A"))
_RESULTS = ("location", "pick_stats")


def read_group(paths: Sequence[Path]) -> list[Picks]:
    """Picks of several files of one job, rows counted from the bottom: what one lacks, another may have.

    Parameters
    ----------
    paths
        ``.cs`` files of the same particles, and ``.csg`` files, which name such files in their folder.

    Raises
    ------
    UserError
        As `cryosparc.read_cryosparc` does; when files have no particle in common, or a group names no file.
    """
    files = list(dict.fromkeys(file for path in paths for file in _files(path)))
    return picks_of_table(joined([(load_table(file), file) for file in files]), paths[0])


def _files(path: Path) -> list[Path]:
    if path.suffix.lower() != GROUP_SUFFIX:
        return [path]
    results = read_fields(path, AGAIN).get("results")
    if not isinstance(results, dict):
        raise UserError(f"{path} is no result group of cryoSPARC: it has no results.", AGAIN)
    files: dict[Path, None] = {}
    for result in results.values():
        name = result.get("metafile") if isinstance(result, dict) else None
        # ">" stands for the folder of the group.
        if not isinstance(name, str) or not is_safe(name.removeprefix(">")):
            raise UserError(f"{path}: {short(str(name))} is not the name of a file in its folder.", AGAIN)
        files[path.parent / name.removeprefix(">")] = None
    if not files:
        raise UserError(f"{path} names no files.", AGAIN)
    return list(files)


def write_csg(cs: Path, found: Sequence[Picks]) -> Path:
    """Write the result group of a ``.cs`` file beside it, which cryoSPARC's *Import Result Group* takes.

    Parameters
    ----------
    cs
        As `cryosparc.write_cryosparc` wrote it.
    found
        What it holds.

    Raises
    ------
    UserError
        When the file cannot be written.
    """
    count, there = sum(map(len, found)), load_table(cs).dtype.names or ()
    results = {
        name: {"metafile": f">{cs.name}", "num_items": count, "type": f"particle.{name}"}
        for name in _RESULTS
        if any(column.startswith(f"{name}/") for column in there)
    }
    group = {
        "created": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"),
        "group": {
            "description": "Particles picked by napari-drpnet",
            "name": "particles",
            "title": "Particles",
            "type": "particle",
        },
        "results": results,
        "version": "v4.0.0",
    }
    return write_text(yaml.safe_dump(group, sort_keys=True), cs.with_suffix(GROUP_SUFFIX))


def read_exposures(path: Path) -> list[MicrographEntry]:
    """The micrographs that a ``.cs`` file of exposures, or a group with one, lists: each once, in their order.

    Raises
    ------
    UserError
        When the file cannot be read, or lists no micrographs.
    """
    table = joined([(load_table(file), file) for file in _files(path)])
    there = table.dtype.names or ()
    named = next((pair for pair in ((_BLOB, _PIXEL), *_OTHERS) if pair[0] in there), None)
    if named is None:
        raise UserError(
            f"{path} lists no micrographs: it has no {_BLOB}.", "Give the exposures of a job after motion correction."
        )
    sizes = column(table, named[1], path).tolist()
    found: dict[str, float | None] = {}
    for name, size in zip(names_of(table, named[0], path), sizes, strict=True):
        found.setdefault(name.removeprefix(">"), size if 0 < size < float("inf") else None)
    return [MicrographEntry(name, find_in_project(name, path), size) for name, size in found.items()]
