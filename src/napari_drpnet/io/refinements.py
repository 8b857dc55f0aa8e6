"""What programs leave of a refinement: half maps, the particles with their angles, and what postprocessing found."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from napari_drpnet.errors import UserError
from napari_drpnet.io.files import reading
from napari_drpnet.io.half_maps import has_halves, is_map, pair_up
from napari_drpnet.io.paths import exists, files_in, is_dir, resolved
from napari_drpnet.io.picks.cryosparc_group import CRYOSPARC_SUFFIXES
from napari_drpnet.io.safe_names import safe_name

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
    problems
        What of it is missing or not clear, a sentence each.
    """

    name: str
    halves: tuple[Path, Path] | None = None
    particles: Path | None = None
    postprocess: Path | None = None
    problems: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is no file of it."""
        return not any((self.halves, self.particles, self.postprocess))


def find_refinements(sources: Sequence[Path], names: Mapping[Path, str] | None = None) -> list[Refinement]:
    """The refinements that folders and files mean: each folder is one, and files of one folder are one.

    What is wrong with one is among its problems, and the others go on.

    Parameters
    ----------
    sources
        Folders and files.
    names
        Of sources that have one; those of one name are one refinement, wherever they lie.

    Raises
    ------
    UserError
        When there is no file of any, two have the same name, or a name is none that a folder can have.
    """
    if not sources:
        raise UserError("There is nothing to assess.", _HINT)
    for name in (names or {}).values():
        safe_name(name)
    # By the full path, since a folder may be called in several ways.
    groups: dict[Path | str, list[Path]] = {}
    folders: dict[Path, Path] = {}
    for source in sources:
        key: Path | str = (names or {}).get(source, "")
        if not key:
            folder = source if is_dir(source) else source.parent
            key = resolved(folder)
            folders.setdefault(key, folder)
        groups.setdefault(key, []).append(source)
    called: dict[Path | str, str] = dict(zip(folders, _names(list(folders.values())), strict=True)) if folders else {}
    found = [_refinement(called.get(key, str(key)), files) for key, files in groups.items()]
    every = [one.name for one in found]
    if double := [name for name in every if every.count(name) > 1]:
        raise UserError(f"Two refinements are called {double[0]}.", "Name them (NAME=PATH).")
    if all(one.empty for one in found):
        raise UserError(found[0].problems[0])
    return found


def _refinement(name: str, given: Sequence[Path]) -> Refinement:
    """From files that were named, and from the folders among them."""
    files, folders = [file for file in given if not is_dir(file)], [file for file in given if is_dir(file)]
    problems = [f"{file}: there is no such file or folder. {_HINT}" for file in files if not exists(file)]
    files = [file for file in files if exists(file)]
    maps, tables = [file for file in files if is_map(file)], [file for file in files if _is_table(file)]
    problems += [f"{file} is no file of a refinement. {_HINT}" for file in files if file not in (*maps, *tables)]
    seen = [folder for folder in folders if has_halves(folder)]
    for folder in folders:
        there = _of_the_end([file for file in sorted(files_in(folder)) if _is_table(file)])
        tables += there
        known = there or folder in seen or any(resolved(file.parent) == resolved(folder) for file in files)
        if not known:
            with _told(problems):
                _refuse(folder)
    if len(seen) > 1 and not maps:
        problems.append(f"{seen[0]} and {seen[1]} both have half maps. Name one half map.")
        seen = []
    maps = maps or seen
    postprocess = [file for file in tables if _POSTPROCESS.search(file.name)]
    halves = particles = found = None
    with _told(problems):
        halves = pair_up(maps) if maps else None
    with _told(problems):
        particles = _one([file for file in tables if file not in postprocess])
    with _told(problems):
        found = _one(postprocess)
    return Refinement(name, halves, particles, found, tuple(problems))


@contextmanager
def _told(problems: list[str]) -> Iterator[None]:
    """What is wrong is among the problems."""
    try:
        yield
    except UserError as error:
        problems.append(str(error))


def _refuse(folder: Path) -> None:
    """Say why there is nothing of a refinement in a folder."""
    with reading(folder), os.scandir(folder):
        pass  # a folder that may not be read seems to be empty
    if any(_ITERATION.search(file.name) for file in files_in(folder)):
        raise UserError(
            f"{folder}: the refinement has not ended: there are files of iterations only.",
            "Wait for its end, or name both half maps and the particles of an iteration.",
        )
    raise UserError(f"{folder}: there is no file of a refinement in it.", _HINT)


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


def _one(files: Sequence[Path]) -> Path | None:
    files = list({resolved(file): file for file in files}.values())
    if len(files) > 1:
        raise UserError(
            f"{files[0].parent}: {files[0].name} and {files[1].name} may both be meant.",
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
