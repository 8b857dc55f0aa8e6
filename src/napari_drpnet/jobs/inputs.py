"""From what the user named to the micrographs, and where the picks of each belong."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from napari_drpnet.errors import UserError
from napari_drpnet.io.inputs import expand
from napari_drpnet.io.names import places, safe_place
from napari_drpnet.io.star_lists import MicrographEntry

# RELION puts the coordinates of MotionCorr/job002/Micrographs/a.mrc under Micrographs/ of the picking job.
_RELION_JOB = re.compile(r"(?:^|/)[^/]+/job\d{3,}/(?P<below>.+)")


@dataclass(frozen=True)
class PickTask:
    """One micrograph to pick.

    Attributes
    ----------
    micrograph
        Its name, file and pixel size.
    coordinates
        Where its picks go, below the output folder.
    """

    micrograph: MicrographEntry
    coordinates: PurePosixPath


@dataclass(frozen=True)
class Refusal:
    """An input that cannot be used, and why."""

    name: str
    error: UserError


def find_micrographs(inputs: Sequence[str]) -> tuple[list[PickTask], list[Refusal]]:
    """Find all micrographs that the inputs mean, each once, in their order.

    Parameters
    ----------
    inputs
        Image files, folders (the images in them, not those in their subfolders), patterns (``**`` for any number of
        folders), and STAR files that list micrographs. A file that does not exist is a task like any other: reading
        it will say so.

    Returns
    -------
    tasks, refusals
        Picks go to ``<name>_autopick.star``. The subfolders of a RELION project are kept, those of other files only
        where two micrographs have the same name; what would still overwrite another's picks is refused.
    """
    refusals: list[Refusal] = []
    found: dict[Path, tuple[MicrographEntry, PurePosixPath]] = {}
    for text in inputs:
        try:
            for entry, short in _expand(text):
                found.setdefault(entry.path.resolve(), (entry, short))
        except UserError as error:
            refusals.append(Refusal(text, error))

    uses = Counter(short for _, short in found.values())
    tasks: dict[PurePosixPath, PickTask] = {}
    for entry, short in found.values():
        place = short if uses[short] == 1 else safe_place(entry.name)
        if place in tasks:
            first = tasks[place].micrograph.name
            clash = UserError(f"{entry.name}: its picks would overwrite those of {first}.", "Pick it in another run.")
            refusals.append(Refusal(entry.name, clash))
        else:
            tasks[place] = PickTask(entry, _coordinates(place))
    return list(tasks.values()), refusals


def coordinate_files(names: Iterable[str]) -> dict[str, PurePosixPath]:
    """Where the STAR file of each micrograph goes below an output folder, see `io.names.places`."""
    return {name: _coordinates(place) for name, place in places(names).items()}


def _coordinates(place: PurePosixPath) -> PurePosixPath:
    return place.with_name(f"{place.name}_autopick.star")


def _expand(text: str) -> list[tuple[MicrographEntry, PurePosixPath]]:
    """The micrographs one input means, each with the short form of where its picks go."""
    listed = Path(text).suffix.lower() == ".star"
    found: list[tuple[MicrographEntry, PurePosixPath]] = []
    for entry in expand(text):
        place = safe_place(entry.name)
        found.append((entry, _in_project(entry.name) or (place if listed else PurePosixPath(place.name))))
    return found


def _in_project(name: str) -> PurePosixPath | None:
    """The name below a RELION job's folder, without suffix; None when it is not in one."""
    below = _RELION_JOB.search(name)
    return safe_place(below["below"]) if below else None
