"""What is lost when picks are written in a format that has no place for it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np

from napari_drpnet.data import MaskArray, Picks

BOX = "height and width"
# Whether there is something to lose, one answer for each pick.
_KNOWN: dict[str, Callable[[Picks], MaskArray]] = {
    "score": lambda picks: np.isfinite(picks.score),
    "diameter": lambda picks: np.isfinite(picks.diameter),
    BOX: lambda picks: np.isfinite(picks.box[:, 0]),
    "class": lambda picks: picks.class_number != 0,
    "psi": lambda picks: picks.psi != 0,
    "source": lambda picks: picks.source != "",
    "fractions of a pixel": lambda picks: (picks.yx != np.rint(picks.yx)).any(axis=1),
}
COLUMNS = frozenset(_KNOWN)
"""What CSV keeps."""
HELIX = "helical tubes"


def particles(picks: Picks) -> Picks:
    """The picks without those labelled background, which other programs would take for particles."""
    return picks.select(picks.label != "background")


def losses(found: Sequence[Picks], kept: Collection[str], shared: Collection[str] = ()) -> str:
    """What a format cannot keep of these picks, and which does, as the end of a sentence; empty when it keeps all.

    Parameters
    ----------
    found
        All that is to be written.
    kept
        Which of `COLUMNS`, `HELIX` and ``"label"`` the format has a place for.
    shared
        Which of them it keeps only where all picks of a micrograph have the same.
    """
    lost = [
        name
        for name, known in _KNOWN.items()
        if (name not in kept and any(known(picks).any() for picks in found))
        or (name in shared and any(_differs(picks, name) for picks in found))
    ]
    background = sum(int(np.sum(picks.label == "background")) for picks in found)
    if background and "label" not in kept:
        lost.append(f"{background} picks labelled background")
    told = [f"{', '.join(lost)}. CSV keeps them."] if lost else []
    if HELIX not in kept and any(len(picks) and picks.helix for picks in found):
        told.append(f"{HELIX}. RELION STAR keeps them.")
    return " Nor for: ".join(told)


def _differs(picks: Picks, name: str) -> bool:
    values = picks.diameter if name == "diameter" else picks.source
    return len(np.unique(values[_KNOWN[name](picks)])) > 1 or 0 < int(_KNOWN[name](picks).sum()) < len(picks)
