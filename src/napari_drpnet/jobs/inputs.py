"""From what the user named to the micrographs, and where the picks of each belong."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path, PurePosixPath

from napari_drpnet.errors import UserError
from napari_drpnet.io.images import IMAGE_SUFFIXES, is_image
from napari_drpnet.io.star import MicrographEntry, read_micrographs

# RELION puts the coordinates of MotionCorr/job002/Micrographs/a.mrc under Micrographs/ of the picking job.
_RELION_JOB = re.compile(r"(?:^|/)[^/]+/job\d{3,}/(?P<below>.+)")


@dataclass(frozen=True)
class Task:
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


def find_micrographs(inputs: Sequence[str]) -> tuple[list[Task], list[Refusal]]:
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
    tasks: dict[PurePosixPath, Task] = {}
    for entry, short in found.values():
        place = short if uses[short] == 1 else _place(entry.name)
        if place in tasks:
            first = tasks[place].micrograph.name
            clash = UserError(f"{entry.name}: its picks would overwrite those of {first}.", "Pick it in another run.")
            refusals.append(Refusal(entry.name, clash))
        else:
            tasks[place] = Task(entry, PurePosixPath(f"{place}_autopick.star"))
    return list(tasks.values()), refusals


def _expand(text: str) -> list[tuple[MicrographEntry, PurePosixPath]]:
    """The micrographs one input means, each with the short form of where its picks go."""
    path = Path(text)
    if path.suffix.lower() == ".star":
        return [(entry, _in_project(entry.name) or _place(entry.name)) for entry in read_micrographs(path)]
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if is_image(file) and file.is_file())
        if not files:
            raise UserError(
                f"{text}: no micrograph lies in this folder.", f"For its subfolders write '{text}/**/*.mrc'."
            )
    elif has_magic(text) and not path.exists():
        # Path.glob takes no absolute pattern.
        files = [Path(file) for file in sorted(glob(text, recursive=True)) if is_image(file)]  # noqa: PTH207
        if not files:
            raise UserError(f"{text}: no micrograph matches this pattern.", "Check the folder, and put it in quotes.")
    else:
        files = [path]
    names = [file.as_posix() for file in files]
    return [
        (MicrographEntry(name, file, None), _in_project(name) or PurePosixPath(_place(name).name))
        for name, file in zip(names, files, strict=True)
    ]


def _in_project(name: str) -> PurePosixPath | None:
    """The name below a RELION job's folder, without suffix; None when it is not in one."""
    below = _RELION_JOB.search(name)
    return _place(below["below"]) if below else None


def _place(name: str) -> PurePosixPath:
    """The name without suffix, as a place that cannot leave the output folder."""
    suffix = max((s for s in IMAGE_SUFFIXES if name.lower().endswith(s)), key=len, default=PurePosixPath(name).suffix)
    parts = PurePosixPath(name.removesuffix(name[len(name) - len(suffix) :])).parts
    return PurePosixPath(*(part for part in parts if part.strip("/") not in ("", "..")))
