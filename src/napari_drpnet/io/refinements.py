"""What programs leave of a refinement: half maps, the particles with their angles, and what postprocessing found."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_drpnet.errors import UserError
from napari_drpnet.io.files import reading
from napari_drpnet.io.half_maps import has_halves, is_map, pair_up
from napari_drpnet.io.paths import exists, files_in, is_dir, resolved
from napari_drpnet.io.picks.cryosparc_group import CRYOSPARC_SUFFIXES

_POSTPROCESS = re.compile(r"postprocess", re.IGNORECASE)
# Of several files with particles in one folder, the one at the end of the refinement.
_AT_THE_END = re.compile(r"run_data\.star$|(^|_)particles\.cs$", re.IGNORECASE)
# What else is there: iterations, models, optimisers, sampling.
_ITERATION = re.compile(
    r"_it\d+_|_passthrough_particles\.cs$|(model|optimiser|sampling|job|pipeline)\.star$", re.IGNORECASE
)
# cryoSPARC numbers what each iteration leaves, that of the end as well.
_NUMBERED = re.compile(r"_(\d{3})_particles\.cs$", re.IGNORECASE)
_HINT = "Give the folder of a refinement, or its half maps, its particles (run_data.star, .cs) and postprocess.star."


@dataclass(frozen=True)
class Refinement:
    """The files of one refinement, as far as they are there.

    Attributes
    ----------
    name
        That tells it from the others.
    halves
        Both half maps.
    particles
        Particles with angles: a STAR file of RELION, or particles of cryoSPARC.
    postprocess
        RELION's ``postprocess.star``.
    """

    name: str
    halves: tuple[Path, Path] | None = None
    particles: Path | None = None
    postprocess: Path | None = None


def find_refinements(sources: Sequence[Path]) -> list[Refinement]:
    """The refinements that folders and files mean: each folder is one, and files of one folder are one.

    Raises
    ------
    UserError
        When a source is missing, or nothing of a refinement, or several files of one are of the same kind.
    """
    # By the full path, since a folder may be called in several ways.
    groups: dict[Path, list[Path]] = {}
    folders: dict[Path, Path] = {}
    for source in sources:
        if not exists(source):
            raise UserError(f"{source}: there is no such file or folder.", _HINT)
        folder = source if is_dir(source) else source.parent
        folders.setdefault(resolved(folder), folder)
        groups.setdefault(resolved(folder), []).append(source)
    if not groups:
        raise UserError("There is nothing to assess.", _HINT)
    names = _names(list(folders.values()))
    return [
        _refinement(name, folder, files)
        for folder, files, name in zip(folders.values(), groups.values(), names, strict=True)
    ]


def _refinement(name: str, folder: Path, files: Sequence[Path]) -> Refinement:
    """From files that were named, and from the folder where it is among these."""
    maps = [file for file in files if is_map(file)]
    tables = [file for file in files if _is_table(file)]
    unknown = [file for file in files if file not in (*maps, *tables) and not is_dir(file)]
    if unknown:
        raise UserError(f"{unknown[0]} is no file of a refinement.", _HINT)
    whole = [file for file in files if is_dir(file)]
    if whole:
        tables += _of_the_end([file for file in sorted(files_in(folder)) if _is_table(file)])
        maps = maps or ([folder] if has_halves(folder) else [])
    postprocess = [file for file in tables if _POSTPROCESS.search(file.name)]
    particles = [file for file in tables if file not in postprocess]
    if not (maps or tables):
        with reading(folder), os.scandir(folder):
            pass  # a folder that may not be read seems to be empty
        if any(_ITERATION.search(file.name) for file in files_in(folder)):
            raise UserError(
                f"{folder}: the refinement has not ended: there are files of iterations only.",
                "Wait for its end, or name both half maps and the particles of an iteration.",
            )
        raise UserError(f"{folder}: there is no file of a refinement in it.", _HINT)
    return Refinement(name, pair_up(maps) if maps else None, _one(particles, folder), _one(postprocess, folder))


def _of_the_end(tables: Sequence[Path]) -> list[Path]:
    """Of the tables in a folder those that refinement ended with."""
    ended = [file for file in tables if not _ITERATION.search(file.name)]
    particles = [file for file in ended if not _POSTPROCESS.search(file.name)]
    last = [file for file in particles if _AT_THE_END.search(file.name)]
    whole = [file for file in last if not _NUMBERED.search(file.name)]
    last = whole or sorted(last, key=_number)[-1:]
    return [file for file in ended if not last or file in last or file not in particles]


def _number(file: Path) -> int:
    found = _NUMBERED.search(file.name)
    return int(found[1]) if found else -1


def _one(files: Sequence[Path], folder: Path) -> Path | None:
    files = list({resolved(file): file for file in files}.values())
    if len(files) > 1:
        raise UserError(
            f"{folder}: {files[0].name} and {files[1].name} may both be meant.",
            "Name the file in the place of the folder.",
        )
    return files[0] if files else None


def _is_table(file: Path) -> bool:
    return file.suffix.lower() in {".star", *CRYOSPARC_SUFFIXES}


def _names(folders: Sequence[Path]) -> Iterator[str]:
    """Names of folders without what all have in common: their last parts, as many as tell them apart."""
    parts = [Path(os.path.abspath(folder)).parts for folder in folders]  # noqa: PTH100 - without ".."
    for deep in range(1, max(map(len, parts)) + 1):
        if len({one[-deep:] for one in parts}) == len(parts):
            break
    return ("/".join(one[-deep:]).lstrip("/") or "refinement" for one in parts)
