"""What the columns of RELION's tables of particles are to us: read, kept, of no concern here, or not understood."""

from __future__ import annotations

import re
from collections.abc import Iterable

from napari_drpnet.data import FloatArray
from napari_drpnet.errors import UserError
from napari_drpnet.io.star_table import Table

X, Y, SCORE = "rlnCoordinateX", "rlnCoordinateY", "rlnAutopickFigureOfMerit"
CLASS, PSI = "rlnClassNumber", "rlnAnglePsi"
ORIGINS_ANGSTROM = ("rlnOriginXAngst", "rlnOriginYAngst")
ORIGINS_PIXELS = ("rlnOriginX", "rlnOriginY")
IMAGE = "rlnImageName"
# Our own, in the labels of a project and in patch sets.
LABEL, ORIGIN = "drpnetLabel", "drpnetOrigin"
# Our own, in the truth of simulations, in pixels of the micrograph.
BOX = ("drpnetBoxHeight", "drpnetBoxWidth")

_HELIX = re.compile(r"rln(Helical\w+|Angle(Rot|Tilt|Psi)(Prior|Flip|FlipRatio))")
_WHOLE = "rlnHelicalTubeID"
_DEPTH = "rlnCoordinateZ"
_TOMOGRAM = re.compile(r"rlnTomo\w+|rlnCenteredCoordinate[XYZ]Angst")
# Of the images of particles, not of their places: nobody expects them in a file of picks.
_USUAL = re.compile(
    r"rln(MicrographName|ImageName|ImageOriginalName|ImageId|MicrographId|ParticleName|ParticleSelectionType"
    r"|OpticsGroup\w*|Group(Name|Number)|RandomSubset|NormCorrection\w*|LogLikeliContribution"
    r"|MaxValueProbDistribution|NrOfSignificantSamples|Angle(Rot|Tilt)|Origin[XYZ](Angst)?"
    r"|Ctf\w+|Defocus\w+|PhaseShift|Voltage|SphericalAberration|AmplitudeContrast|BeamTilt\w+|MagMat\w+"
    r"|\w*PixelSize|Magnification|AccumMotion\w+|OddZernike|EvenZernike|BodyName|GroupScaleCorrection"
    r"|MicrographCoordinates)|drpnet(Label|Origin|Split|Diameter|BoxHeight|BoxWidth)"
)
_READ = {X, Y, SCORE, CLASS, PSI}


def unread(tables: Iterable[Table]) -> list[str]:
    """Columns that nothing is made of, each once."""
    names = dict.fromkeys(name for table in tables for name in table.columns)
    return [name for name in names if name not in _READ and not _USUAL.fullmatch(name) and not _HELIX.fullmatch(name)]


def refuse_tomograms(table: Table) -> None:
    """Raise a `UserError` when the particles are of tomograms, whose positions are in three dimensions."""
    named = next((name for name in table.columns if _TOMOGRAM.fullmatch(name)), None)
    deep = _DEPTH in table and bool(table.numbers(_DEPTH).any())
    if named or deep:
        raise UserError(
            f"{table.path}: its particles are of tomograms ({named or _DEPTH}), not of micrographs.",
            "Choose particles that were picked on micrographs.",
        )


def helical(table: Table) -> dict[str, FloatArray]:
    """What is said of segments of helical tubes, by the names of the columns."""
    return {name: table.numbers(name) for name in table.columns if _HELIX.fullmatch(name)}


def helical_texts(name: str, values: FloatArray) -> list[str]:
    """A column of `helical` as RELION writes it."""
    return [f"{value:.0f}" if name == _WHOLE else f"{value:.6f}" for value in values.tolist()]
