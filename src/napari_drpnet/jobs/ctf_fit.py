"""What is said of micrographs whose power spectrum does not fit the CTF that was told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from napari_drpnet.averaging.rings import Rings
from napari_drpnet.errors import short
from napari_drpnet.io.ctf import CTF

_NAMED = 3


@dataclass(frozen=True)
class Misfit:
    """A micrograph with the CTF of another one, or a wrong one.

    Attributes
    ----------
    name
        Of the micrograph.
    ctf
        That was told.
    rings
        What its power spectrum says.
    """

    name: str
    ctf: CTF
    rings: Rings

    @property
    def said(self) -> str:
        """What was told and what fits, in Angstrom."""
        told = (self.ctf.defocus_u + self.ctf.defocus_v) / 2
        return f"{short(self.name)} (defocus {told:,.0f} A; its rings fit {self.rings.defocus:,.0f} A)"


def misfits_in_words(misfits: Sequence[Misfit], known: int, where: str = "") -> str:
    """One sentence or a few for all of them; empty where all fit.

    Parameters
    ----------
    misfits
        In the order of the micrographs.
    known
        Micrographs of which a CTF was told.
    where
        It comes from.
    """
    if not misfits:
        return ""
    more = f" and {len(misfits) - _NAMED} more" if len(misfits) > _NAMED else ""
    said = ", ".join(one.said for one in misfits[:_NAMED]) + more
    of = f" of {where}" if where else ""
    if known == 1:
        which, these = f"The power spectrum does not fit the CTF{of}", "this micrograph"
    else:
        which, these = f"The power spectra of {len(misfits)} of {known} micrographs do not fit the CTF{of}", "these"
    said += ". Phases are flipped as told all the same"
    return f"{which}: {said}. Check that the CTF is of {these}, and the pixel size."
