"""From what the user named to the micrographs, and where the picks of each belong."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from warnings import warn

from napari_drpnet.errors import UserError, cut
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

    Warns
    -----
    UserWarning
        Of links to files that are named, too: each file is picked once.
    """
    refusals: list[Refusal] = []
    twice: list[tuple[str, str]] = []
    found: dict[str, tuple[MicrographEntry, PurePosixPath]] = {}
    for text in inputs:
        try:
            entries = expand(text)
        except UserError as error:
            refusals.append(Refusal(text, error))
            continue
        for entry in entries:
            try:
                short = _short_place(entry.name, listed=text.lower().endswith(".star"))
            except UserError as error:
                refusals.append(Refusal(entry.name, error))
                continue
            before, _ = found.setdefault(os.path.realpath(entry.path), (entry, short))
            if os.path.normpath(before.path.absolute()) != os.path.normpath(entry.path.absolute()):
                twice.append((entry.name, before.name))
    _tell_twice(twice)
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


def _tell_twice(twice: Sequence[tuple[str, str]]) -> None:
    if twice:
        link, file = (cut(each, 80) for each in twice[0])
        more = f", and {len(twice) - 1} more like it" if len(twice) > 1 else ""
        warn(f"{link} is a link to {file}{more}: each file is picked once.", stacklevel=3)


def coordinate_files(names: Iterable[str]) -> dict[str, PurePosixPath]:
    """Where the STAR file of each micrograph goes below an output folder, see `io.names.places`."""
    return {name: _coordinates(place) for name, place in places(names).items()}


def _coordinates(place: PurePosixPath) -> PurePosixPath:
    return place.with_name(f"{place.name}_autopick.star")


def _short_place(name: str, listed: bool) -> PurePosixPath:
    """Where the picks of a micrograph go, as long as that is not of two.

    Below a RELION job's folder; of names in a STAR file with all folders; else without any.
    """
    below = _RELION_JOB.search(name)
    place = safe_place(below["below"] if below else name)
    return place if below or listed else PurePosixPath(place.name)
