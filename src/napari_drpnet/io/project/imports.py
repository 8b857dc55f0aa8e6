"""Picks that come with the inputs of a project: in STAR files of particles, and in lists of coordinate files.

A list may name ten thousand files. So what is offered is found out at once, and each file is read when it is its turn.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from warnings import warn

from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.paths import exists, shown
from napari_drpnet.io.picks.known_micrographs import KnownMicrographs
from napari_drpnet.io.picks.star import read_listed, read_star
from napari_drpnet.io.project.index import Record
from napari_drpnet.io.star_lists import COORDINATES, MicrographEntry, find_in_project, read_coordinate_list
from napari_drpnet.io.star_table import read_tables

_LEVEL = 7  # of whoever opened the project


@dataclass(frozen=True, eq=False)
class Offer:
    """Picks of one micrograph in a file that came with the inputs.

    Attributes
    ----------
    micrograph
        What the file, or the list that names it, calls it.
    file
        Where they are.
    known
        The micrographs of the project.
    found
        The picks, where the file is read already: one with those of all micrographs.
    """

    micrograph: str
    file: Path
    known: KnownMicrographs
    found: Picks | None = None

    def read(self) -> Picks | None:
        """The picks in pixels of their micrograph; None when they cannot be read, or are not of it.

        Warns
        -----
        UserWarning
            Of files that cannot be read, of picks outside, and of pixel sizes that differ.
        """
        try:
            picks = read_listed(self.micrograph, self.file) if self.found is None else self.found
            (placed,) = self.known.within([picks], self.file)
            return placed
        except UserError as error:
            warn(str(error), stacklevel=_LEVEL)
            return None


def offered(
    inputs: Sequence[str], root: Path, records: Sequence[Record], free: Collection[str]
) -> dict[str, list[Offer]]:
    """Picks that STAR files among the inputs bring, by the names of micrographs: the first that can be read count.

    Parameters
    ----------
    inputs, root
        What was named, and where relative names start.
    records
        All micrographs of the project.
    free
        Names of those that have no picks yet; those of others are left alone.

    Warns
    -----
    UserWarning
        Of files that cannot be read or are not there, and of names that are unclear.
    """
    names = {record.listed: record.name for record in records}
    entries = [MicrographEntry(one.listed, root / (one.path or one.listed), one.pixel_size) for one in records]
    found: dict[str, list[Offer]] = {}
    for text in inputs if free else ():
        if Path(text).suffix.lower() != ".star":
            continue
        for listed, offer in _of_file(root / text, root, entries):
            if names[listed] in free:
                found.setdefault(names[listed], []).append(offer)
    return found


def first_of(offers: Sequence[Offer], listed: str) -> Picks | None:
    """The first of the offered picks that can be read, with a warning of those after them; ``listed`` is for it."""
    for number, offer in enumerate(offers):
        if (picks := offer.read()) is not None:
            for other in offers[number + 1 :]:
                warn(f"{other.file}: other picks of {listed} came before; these are left out.", stacklevel=_LEVEL)
            return picks
    return None


def _of_file(star: Path, root: Path, entries: Sequence[MicrographEntry]) -> list[tuple[str, Offer]]:
    """What a STAR file offers of these micrographs, with their names as the project lists them."""
    known = KnownMicrographs(entries)
    try:
        offers = _offers(star, root, known)
        own = known.assign([(offer.micrograph, offer.file) for offer in offers])
    except UserError as error:
        warn(str(error), stacklevel=_LEVEL)
        return []
    for why in dict.fromkeys(own.unclear.values()):
        warn(f"{star}: {why} Its picks are left out.", stacklevel=_LEVEL)
    meant = [(known.entry(offer.micrograph, offer.file), offer) for offer in offers]
    return [(entry.name, offer) for entry, offer in meant if entry is not None]


def _offers(star: Path, root: Path, known: KnownMicrographs) -> list[Offer]:
    tables = read_tables(star)
    if any("rlnCoordinateX" in table for table in tables):
        return [Offer(picks.frame.micrograph, star, known, picks) for picks in read_star(star)]
    offers = []
    for listed, file in read_coordinate_list(star) if any(COORDINATES in table for table in tables) else []:
        path = find_in_project(file, star, root)
        if exists(path):
            offers.append(Offer(listed, path, known))
        else:
            warn(f"{shown(path)}: there is no such file. Check the name and the folder.", stacklevel=_LEVEL)
    return offers
