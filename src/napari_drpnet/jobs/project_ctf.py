"""What files tell of the CTF of a project's micrographs, for its list."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from napari_drpnet.errors import UserError
from napari_drpnet.io.ctf_files import fit_resolutions
from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs.averaging.sources import known_ctf, lists_among

_MICROMETRE = 1e4  # Angstrom


@dataclass(frozen=True)
class ToldCTF:
    """Of one micrograph.

    Attributes
    ----------
    defocus
        Mean, in micrometres; positive is underfocus.
    resolution
        To which its rings were fitted, in Angstrom; None where the file does not tell.
    """

    defocus: float
    resolution: float | None = None


def told_ctf(project: Project) -> dict[str, ToldCTF]:
    """The CTF of micrographs by name, from lists among the inputs or from files beside the micrographs.

    Those of which none is known are left out; a file that cannot be used counts as none, as it is needed for nothing
    but the list.

    Warns
    -----
    UserWarning
        As `io.ctf_files.read_ctf`.
    """
    lists = [project.root / path for path in lists_among(project.settings.inputs)]
    entries = {entry.listed or entry.name: entry for entry in project.micrographs}
    found: dict[str, ToldCTF] = {}
    try:
        known = known_ctf(None, [(listed, entry.path) for listed, entry in entries.items()], lists)
    except UserError:
        return {}
    resolutions = _resolutions([path for path in lists if path.suffix.lower() == ".star"])
    for listed, entry in entries.items() if len(known) else ():
        ctf = known.of(listed)
        if ctf is not None:
            defocus = (ctf.defocus_u + ctf.defocus_v) / 2 / _MICROMETRE
            found[entry.name] = ToldCTF(defocus, resolutions.get(listed))
    return found


def _resolutions(stars: list[Path]) -> dict[str, float]:
    found: dict[str, float] = {}
    for star in stars:
        try:
            found |= fit_resolutions(star)
        except UserError:
            continue
    return {name: value for name, value in found.items() if math.isfinite(value) and value > 0}
