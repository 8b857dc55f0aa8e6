"""What the micrographs of a project are called in it: by their stems, and where these are equal by folders, too.

A name never passes from one micrograph to another: the files of a project are called by it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path

from napari_drpnet.errors import UserError
from napari_drpnet.io.files import micrograph_stem
from napari_drpnet.io.names import safe_place
from napari_drpnet.io.project.index import Record
from napari_drpnet.io.star_lists import MicrographEntry

_BETWEEN = "__"


def named(
    entries: Sequence[MicrographEntry], former: Mapping[str, Record], root: Path, wrong: list[UserError]
) -> dict[str, MicrographEntry]:
    """The micrographs by their names in the project, each file once.

    Parameters
    ----------
    entries
        In the order of the inputs; a file may be there twice.
    former
        What the project knew until now, by name.
    root
        Where relative names start.
    wrong
        Takes what is wrong with entries that get no name.
    """
    before = {_file(root, record.path or record.listed): name for name, record in former.items()}
    entries = _one_format(_each_once(_called_well(entries, wrong)), lambda one: _file(root, one.path) in before, wrong)
    stems = {micrograph_stem(entry.name) for entry in entries}
    # Of those that are gone others may take the names: a folder was renamed.
    held = {name for file, name in before.items() if micrograph_stem(file) in stems and os.path.lexists(file)}
    groups: dict[str, list[MicrographEntry]] = {}
    for entry in entries:
        groups.setdefault(micrograph_stem(entry.name), []).append(entry)
    names = {entry.path: before.get(_file(root, entry.path), "") for entry in entries}
    for stem, group in groups.items():
        new = [entry.path for entry in group if not names[entry.path]]
        if len(group) == 1 and stem not in held:
            names |= dict.fromkeys(new, stem)
        elif new:
            names |= _with_folders(stem, new, held | stems)
    return {names[entry.path]: entry for entry in entries}


def _called_well(entries: Sequence[MicrographEntry], wrong: list[UserError]) -> list[MicrographEntry]:
    """Without those whose name can be that of no file of the project."""
    good = []
    for entry in entries:
        try:
            safe_place(entry.name)
            good.append(entry)
        except UserError as error:
            wrong.append(error)
    return good


def _each_once(entries: Sequence[MicrographEntry]) -> list[MicrographEntry]:
    """Without those whose file is there already, under that name or, by a link, under another one of equal stem."""
    alone = {entry.path: entry for entry in reversed(entries)}
    uses = Counter(micrograph_stem(path) for path in alone)
    seen: set[str] = set()
    kept = []
    for path, entry in reversed(alone.items()):
        if uses[micrograph_stem(path)] > 1:
            real = os.path.realpath(path)
            if real in seen:
                continue
            seen.add(real)
        kept.append(entry)
    return kept


def _one_format(
    entries: Sequence[MicrographEntry], known: Callable[[MicrographEntry], bool], wrong: list[UserError]
) -> list[MicrographEntry]:
    """Without those that differ from another one in their suffix only, which are the same picture most often."""
    chosen: dict[Path, MicrographEntry] = {}
    for entry in sorted(entries, key=lambda one: not known(one)):  # sorting keeps the order of equals
        place = entry.path.parent / micrograph_stem(entry.name)
        other = chosen.setdefault(place, entry)
        if other is not entry:
            wrong.append(
                UserError(
                    f"{other.path} and {entry.path} would have the same name in the project, {place.name}.",
                    "Rename one of them, or give each a project of its own.",
                )
            )
    kept = {entry.path for entry in chosen.values()}
    return [entry for entry in entries if entry.path in kept]


def _file(root: Path, path: str | Path) -> str:
    return os.path.normpath(os.path.join(root, path))  # noqa: PTH118 - a third of the time, and there are many


def _with_folders(stem: str, paths: Sequence[Path], taken: Set[str]) -> dict[Path, str]:
    """The stem with so many folders before it as tell all apart, also from names that are taken."""
    parts = {path: (*safe_place(path.as_posix()).parts[:-1], stem) for path in paths}
    names: dict[Path, str] = {}
    for count in range(2, max(map(len, parts.values())) + 1):
        names = {path: _BETWEEN.join(part[-count:]) for path, part in parts.items()}
        if len(set(names.values())) == len(names) and not taken & set(names.values()):
            break
    return names
