"""Which micrograph is meant by a name that another program wrote: with or without folder, suffix, and number."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from napari_drpnet.io.files import micrograph_stem

# The 21 digits that cryoSPARC puts before the names of files it imports; dates and times are shorter.
_UID = re.compile(r"^\d{15,}_")
# What cryoSPARC's motion correction puts behind them.
_CORRECTED = re.compile(r"(_(patch|rigid|local))?_aligned(_doseweighted|_nodw)?$")


def without_uid(name: str) -> str:
    """The name without folder, suffix and the number that cryoSPARC put before it."""
    return _UID.sub("", micrograph_stem(name))


def _as_imported(name: str) -> str:
    return _CORRECTED.sub("", without_uid(name))


def _path(name: str) -> str:
    return name.replace("\\", "/").removeprefix("./")


def _file(name: str) -> str:
    return _path(name).rsplit("/", 1)[-1]


# From the strictest: a name is what it is most like.
_LIKENESS: tuple[Callable[[str], str], ...] = (_path, _file, micrograph_stem, without_uid, _as_imported)


class NameIndex:
    """Names of micrographs, looked up by what other programs make of them."""

    def __init__(self, names: Iterable[str]) -> None:
        self._known: list[dict[str, list[str]]] = [{} for _ in _LIKENESS]
        for name in dict.fromkeys(names):
            for key, known in zip(_LIKENESS, self._known, strict=True):
                known.setdefault(key(name), []).append(name)

    def find(self, name: str) -> list[str]:
        """The micrographs that ``name`` is most like: one when all is well, none, or several that it cannot tell apart.

        >>> NameIndex(["Micrographs/a.mrc"]).find("000012345678901234567_a_patch_aligned_doseweighted.mrc")
        ['Micrographs/a.mrc']
        """
        for key, known in zip(_LIKENESS, self._known, strict=True):
            if found := known.get(key(name)):
                return found
        return []


def alike(names: Sequence[str], micrograph: str) -> list[str]:
    """Those of the names that mean a micrograph, whichever of the two has a prefix or a folder more."""
    found = NameIndex(names).find(micrograph)
    return found or [name for name in names if NameIndex([micrograph]).find(name)]
