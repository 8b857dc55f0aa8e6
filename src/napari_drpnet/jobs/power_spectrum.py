"""The power spectrum of one micrograph, with its CTF where that is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_drpnet.data import Micrograph
from napari_drpnet.defects import repaired
from napari_drpnet.errors import UserError
from napari_drpnet.io.ctf import CTF, KnownCTF
from napari_drpnet.jobs.averaging.sources import known_ctf
from napari_drpnet.spectrum import Spectrum, power_spectrum


@dataclass(frozen=True, eq=False)
class SeenSpectrum:
    """What is to be seen of a micrograph.

    Attributes
    ----------
    name
        Of the micrograph.
    spectrum
        Its power spectrum.
    ctf
        Its CTF; None where nobody knows it.
    said
        Where the CTF comes from, with its defocus, or why there is none.
    """

    name: str
    spectrum: Spectrum
    ctf: CTF | None
    said: str


def seen_spectrum(micrograph: Micrograph, file: Path | None = None, stars: Sequence[Path] = ()) -> SeenSpectrum:
    """The power spectrum of a micrograph.

    Parameters
    ----------
    micrograph
        At the scale of its file.
    file
        That tells the CTF; None: one of the STAR files that list the micrograph, or a file beside it.
    stars
        These STAR files; they need not tell a CTF.

    Raises
    ------
    UserError
        When the pixel size is not known.

    Warns
    -----
    UserWarning
        Of what the files tell wrongly of other micrographs, too; what is missing of this one is said.
    """
    frame = micrograph.frame
    spectrum = power_spectrum(repaired(micrograph).image, frame.known_pixel_size() / frame.scale)
    try:
        known = _known(micrograph, file, stars)
        ctf = known.of(frame.micrograph)
    except UserError as error:
        return SeenSpectrum(frame.micrograph, spectrum, None, str(error))
    if ctf is None:
        said = "The CTF of this micrograph is not known: no file beside it tells it."
        return SeenSpectrum(
            frame.micrograph, spectrum, None, said if file is None else f"{file.name} does not tell it."
        )
    return SeenSpectrum(frame.micrograph, spectrum, ctf, f"{_in_words(ctf)}, from {_source(known)}.")


def _known(micrograph: Micrograph, file: Path | None, stars: Sequence[Path]) -> KnownCTF:
    name, path = micrograph.frame.micrograph, micrograph.path
    if path is None and file is None:
        return KnownCTF({})
    return known_ctf(file, [(name, path or Path(name))], stars)


def _in_words(ctf: CTF) -> str:
    mean, apart = (ctf.defocus_u + ctf.defocus_v) / 2, abs(ctf.defocus_u - ctf.defocus_v)
    return f"Defocus {mean / 1e4:.2f} µm, astigmatism {apart / 10:.0f} nm"


def _source(known: KnownCTF) -> str:
    return known.where.name if isinstance(known.where, Path) else "a file beside the micrograph"
