"""Which micrograph a name means, whoever wrote it: the one place that decides whose coordinates are whose.

A micrograph is a path. Other programs leave out its folders, put numbers before its name and words behind it. So names
are compared from the strictest to the laxest: as they are; without suffix; without cryoSPARC's number; without what its
motion correction puts behind them; with any word behind one of the two. Of several that are alike, the one with the
longest common tail of folders is meant.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from warnings import warn

from napari_drpnet.errors import UserError
from napari_drpnet.io.files import micrograph_stem
from napari_drpnet.io.safe_names import safe_name

# The 21 digits that cryoSPARC puts before the names of files it imports; dates and times are shorter.
_UID = re.compile(r"^\d{15,}_")
# What cryoSPARC's motion correction puts behind them.
_CORRECTED = re.compile(r"(_(patch|rigid|local))?_aligned(_doseweighted|_nodw)?$")
# Where a word may begin that a program put behind a name; a number there belongs to the name.
_ENDING = re.compile(r"[_\-. ]+(?=[^\W\d_])")
# Those that programs are known to put there; any other may belong to the name.
_USUAL = re.compile(
    r"[_\-. ]+(extract|checked|cnnPick|auto(pick|match)|manual(pick)?|topaz|cryolo|info|dw|nodw|denoised|frames|sum"
    r"|ps|g?ctf|ctffind\d?|diag(nostic(_output)?)?"
    r"|aligned|(topaz)?[_-]?(picks?|particles|boxe?s?|coord(inate)?s))",
    re.IGNORECASE,
)
_SHOWN = 3  # names in a message


def without_uid(name: str) -> str:
    """The name without folder, suffix and the number that cryoSPARC put before it."""
    return _UID.sub("", micrograph_stem(name))


def _uid(name: str) -> str:
    """CryoSPARC's number before a name; empty where there is none."""
    found = _UID.match(micrograph_stem(name))
    return found[0] if found else ""


def _same_uid(one: str, other: str) -> bool:
    """Whether the numbers of two names do not say that they are of two micrographs."""
    return not one or not other or one == other


def _as_imported(name: str) -> str:
    return _CORRECTED.sub("", without_uid(name))


_LIKENESS: tuple[Callable[[str], str], ...] = (micrograph_stem, without_uid, _as_imported)
_LONGER, _SHORTER = len(_LIKENESS), len(_LIKENESS) + 1


def _parts(name: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"[/\\]", name) if part not in ("", "."))


def _common_tail(one: Sequence[str], other: Sequence[str]) -> int:
    """How many folders the ends of two paths have in common; an equal file name counts for less than a folder."""
    count = 0
    for a, b in zip(reversed(one[:-1]), reversed(other[:-1]), strict=False):
        if a != b:
            break
        count += 1
    return 2 * count + (one[-1:] == other[-1:])


def _starts(name: str) -> list[str]:
    """What stands before each word that may have been put behind a name, the longest first."""
    return [name[: ending.start()] for ending in _ENDING.finditer(name)][::-1]


@dataclass(frozen=True)
class Match:
    """What a name means.

    Attributes
    ----------
    micrographs
        One when all is well; none, or several that the name cannot tell apart.
    laxness
        How much had to be left out: 0 nothing.
    tail
        How much of the path is common.
    """

    micrographs: tuple[str, ...] = ()
    laxness: int = 0
    tail: int = 0


class NameIndex:
    """Micrographs, looked up by what programs make of their names.

    Parameters
    ----------
    names
        Of the micrographs.
    paths
        Where the file of each is, as far as that is known: its folders count like those of the name.
    """

    def __init__(self, names: Iterable[str], paths: Mapping[str, Path] | None = None) -> None:
        self._whole = {_parts(name): name for name in reversed(list(dict.fromkeys(names)))}
        self._paths = {name: _parts(path.as_posix()) for name, path in (paths or {}).items()}
        self._known: list[dict[str, list[str]]] = [{} for _ in range(_SHORTER + 1)]
        for name in reversed(self._whole.values()):
            keys = [key(name) for key in _LIKENESS]
            for known, key in zip(self._known, keys, strict=False):
                known.setdefault(key, []).append(name)
            for key in dict.fromkeys(keys):
                self._known[_LONGER].setdefault(key, []).append(name)
                for start in _starts(key):
                    self._known[_SHORTER].setdefault(start, []).append(name)

    def match(self, name: str) -> Match:
        """The micrographs that ``name`` is most like."""
        parts = _parts(name)
        if whole := self._whole.get(parts):
            return Match((whole,), 0, 2 * len(parts))
        keys, uid = [key(name) for key in _LIKENESS], _uid(name)

        def known(laxness: int, key: str) -> list[str]:
            return [one for one in self._known[laxness].get(key, ()) if _same_uid(_uid(one), uid)]

        for laxness, key in enumerate(keys):
            if found := known(laxness, key):
                return self._nearest(found, parts, laxness + 1)
        for start in dict.fromkeys(start for key in keys for start in _starts(key)):
            if found := known(_LONGER, start):
                return self._nearest(found, parts, _LONGER + 1)
        found = list(dict.fromkeys(one for key in dict.fromkeys(keys) for one in known(_SHORTER, key)))
        return self._nearest(found, parts, _SHORTER + 1) if found else Match()

    def find(self, name: str) -> list[str]:
        """The micrographs that ``name`` is most like: one when all is well, none, or several that it cannot tell apart.

        >>> NameIndex(["Micrographs/a.mrc"]).find("000012345678901234567_a_patch_aligned_doseweighted.mrc")
        ['Micrographs/a.mrc']
        >>> NameIndex(["g1/a.mrc", "g2/a.mrc"]).find("labels/g2/a_topazpicks.star")
        ['g2/a.mrc']
        """
        return list(self.match(name).micrographs)

    def _nearest(self, names: Sequence[str], parts: Sequence[str], laxness: int) -> Match:
        """Those with the longest common tail of folders."""
        tails = {name: self._tail(name, parts) for name in names}
        longest = max(tails.values())
        return Match(tuple(name for name, tail in tails.items() if tail == longest), laxness, longest)

    def _tail(self, name: str, parts: Sequence[str]) -> int:
        return max(_common_tail(_parts(name), parts), _common_tail(self._paths.get(name, ()), parts))


def alike(names: Sequence[str], micrograph: str) -> list[str]:
    """Those of the names that mean a micrograph, whichever of the two has a prefix, a folder or a word more."""
    return NameIndex(names).find(micrograph)


def same_micrograph(one: str, other: str) -> bool:
    """Whether two names may be of one micrograph: full paths when they are equal, others when they are alike."""
    if Path(one).is_absolute() and Path(other).is_absolute():
        return _parts(one) == _parts(other)
    return bool(alike([one], other))


def own_name(name: str, file: Path) -> str:
    """What picks are called: ``name`` if their file tells it, or else the file's own, with all its folders."""
    return (file.absolute().parent / name).as_posix() if is_of_file(name, file) else name


def is_of_file(name: str, file: Path) -> bool:
    """Whether picks are called by the name of their file, which then does not tell their micrograph."""
    stem = micrograph_stem(file)
    return name in (stem, stem.removesuffix("_info"))


@dataclass(frozen=True)
class Owners:
    """Which micrograph each of some names means.

    Attributes
    ----------
    of
        The micrograph by the name.
    unknown
        Names that mean none of the micrographs.
    unclear
        Names that may mean several, or that mean one together with others, each with a sentence that says so.
    """

    of: dict[str, str]
    unknown: tuple[str, ...] = ()
    unclear: dict[str, str] = field(default_factory=dict)

    def settle(self, where: object) -> None:
        """Raise a `UserError` about ``where`` when a name is unclear, and warn of those taken by their beginning."""
        if self.unclear:
            raise UserError(
                f"{where}: {next(iter(self.unclear.values()))}",
                "Name the micrographs with their folders, or rename them.",
            )
        if guessed := [f"{name!r} for {one!r}" for name, one in self.of.items() if _is_guess(name, one)]:
            more = f" and {len(guessed) - _SHOWN} more" if len(guessed) > _SHOWN else ""
            warn(f"{where}: names were taken by their beginning: {', '.join(guessed[:_SHOWN])}{more}.", stacklevel=3)


def _is_guess(name: str, micrograph: str) -> bool:
    """Whether one of two names has a word more that no program is known for."""
    one, other = sorted((_as_imported(name), _as_imported(micrograph)), key=len)
    more = other.removeprefix(one)
    return more not in ("", other) and not _USUAL.fullmatch(more)


def owners(names: Iterable[str], index: NameIndex) -> Owners:
    """Which micrograph each name means, each micrograph being meant by one name at most.

    Where several names mean one micrograph, the one with the longest common tail of folders has it, and the others mean
    micrographs that are not there; so does one with a word that no program is known for, beside one without. Any other
    names that mean one micrograph are unclear.
    """
    matches = {name: index.match(name) for name in names}
    unknown = [name for name, match in matches.items() if not match.micrographs]
    unclear = {
        name: f"{name!r} may be {some(match.micrographs, 'or')}."
        for name, match in matches.items()
        if len(match.micrographs) > 1
    }
    claims: dict[str, list[str]] = {}
    for name, match in matches.items():
        if len(match.micrographs) == 1:
            claims.setdefault(match.micrographs[0], []).append(name)
    of: dict[str, str] = {}
    for micrograph, claimants in claims.items():
        folders = max(matches[name].tail // 2 for name in claimants)
        near = [name for name in claimants if matches[name].tail // 2 == folders]
        nearest = [name for name in near if not _is_guess(name, micrograph)] or near
        unknown += [name for name in claimants if name not in nearest]
        if len(nearest) == 1:
            of[nearest[0]] = micrograph
        else:
            unclear |= dict.fromkeys(nearest, f"{some(nearest, 'and')} may all be {micrograph}.")
    return Owners(of, tuple(unknown), unclear)


def some(names: Sequence[str], word: str) -> str:
    """The first few names, and how many more there are."""
    more = f" {word} {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(repr, names[:_SHOWN])) + more


def places(names: Iterable[str]) -> dict[str, PurePosixPath]:
    """Where the files of each micrograph go below an output folder: under its stem, with folders where stems are equal.

    Raises
    ------
    UserError
        When two names would have one place, or one cannot be that of a file.
    """
    names = list(dict.fromkeys(names))
    uses = Counter(map(micrograph_stem, names))
    found: dict[PurePosixPath, str] = {}
    for name in names:
        stem = micrograph_stem(name)
        place = safe_place(stem if uses[stem] == 1 else name)
        if place in found:
            raise UserError(
                f"The files of {found[place]} and {name} would have one name, {place}.", "Do them apart, or rename one."
            )
        found[place] = name
    return {name: place for place, name in found.items()}


def safe_place(name: str) -> PurePosixPath:
    """Folders and stem of a name, as a place that cannot leave the output folder.

    Raises
    ------
    UserError
        When the name cannot be that of a file; see `safe_names.safe_name`.
    """
    *folders, last = [part for part in _parts(name) if part != ".."] or [""]
    return PurePosixPath(*map(safe_name, (*folders, micrograph_stem(last))))
