"""Which entries of several sets of picks are of one micrograph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.names import NameIndex, owners


def by_micrograph(entries: Sequence[Picks], role: str) -> dict[str, Picks]:
    """The entries by the name of their micrograph, background points dropped; ``role`` is what a user calls them.

    Raises
    ------
    UserError
        For two entries of one micrograph.
    """
    named: dict[str, Picks] = {}
    for entry in entries:
        name = entry.frame.micrograph
        if name in named:
            raise UserError(f"The {role} have two entries for micrograph {name}.", "Keep one file for each micrograph.")
        named[name] = entry.select(entry.label != "background")
    return named


def same_names(sets: Mapping[str, Sequence[Picks]]) -> dict[str, tuple[Picks, ...]]:
    """Sets of picks, in which micrographs are called as the first set that has them calls them.

    Parameters
    ----------
    sets
        Picks by the name of their set, one entry per micrograph.

    Raises
    ------
    UserError
        When a name may be of several micrographs of an earlier set.
    """
    known: dict[str, None] = {}
    renamed: dict[str, tuple[Picks, ...]] = {}
    for role, entries in sets.items():
        names = [entry.frame.micrograph for entry in entries]
        if not known.keys() >= set(names):
            own = owners(names, NameIndex(known))
            own.settle(role)
            entries = [_called(entry, own.of.get(entry.frame.micrograph)) for entry in entries]
        renamed[role] = tuple(entries)
        known |= dict.fromkeys(entry.frame.micrograph for entry in entries)
    return renamed


def _called(picks: Picks, name: str | None) -> Picks:
    return picks if name is None else replace(picks, frame=replace(picks.frame, micrograph=name))
