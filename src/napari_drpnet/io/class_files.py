"""Class averages as RELION's 2D classification leaves them, so that its subset selection reads them.

In RELION a particle belongs to a class, and ``rlnAnglePsi`` and ``rlnOriginXAngst``, ``rlnOriginYAngst`` say how it is
brought onto the class's reference: moved by the origin, then turned back by psi. It has no word for a particle that is
the mirror image of its reference: tilted by 180 degrees, it is one in three dimensions, but in 2D classification RELION
looks at psi alone. So the members of a class that are mirrored become a class of their own here, whose reference is the
mirrored average. These classes follow all others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from warnings import warn

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray, ImageArray, MaskArray, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.ctf import CTF, KnownCTF
from napari_drpnet.io.ctf_files import DEFOCUS_ANGLE, DEFOCUS_U, DEFOCUS_V, PHASE_SHIFT
from napari_drpnet.io.files import write_text
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.io.names import some
from napari_drpnet.io.picks.star import are_extractable, note, star_columns, whole_pixels
from napari_drpnet.io.picks.star_fields import CLASS, IMAGE, ORIGINS_ANGSTROM
from napari_drpnet.io.picks.star_particles import optics_groups
from napari_drpnet.io.star_lists import MICROGRAPH
from napari_drpnet.io.star_optics import GROUP, IMAGE_PIXEL, LENS
from napari_drpnet.io.star_table import format_table, format_values

AVERAGES = "averages.mrcs"
MODEL, DATA, OPTIMISER = (f"run_{kind}.star" for kind in ("model", "data", "optimiser"))
# RELION's own value where an accuracy or a resolution is not known.
_UNKNOWN = 999.0
_GROUP_NUMBER, _DIMENSIONALITY = "rlnGroupNumber", "rlnImageDimensionality"


@dataclass(frozen=True)
class ClassRow:
    """What is said of one class.

    Attributes
    ----------
    share
        Of all particles, 0 to 1.
    resolution
        Estimated, in Angstrom; NaN where it is not known.
    """

    share: float
    resolution: float = np.nan


@dataclass(frozen=True, eq=False)
class Members:
    """Picks of one micrograph, and how each lies on the average of its class.

    Attributes
    ----------
    picks
        Their ``class_number`` counts from 1, 0 for those in no class. The average, mirrored where ``mirrored``, turned
        by their ``psi`` (counter-clockwise as displayed with row 0 on top), lies as the particle does.
    mirrored
        ``(n,)`` bool: left and right of the average are exchanged, about its pixel ``side // 2``, before it is turned.
    shift
        ``(n, 2)`` y, x in Angstrom by which the particle's centre is off the pick.
    images
        ``(n,)`` names of images of the particles, ``000001@stack.mrcs``, each with the pick's whole pixel on its pixel
        ``side // 2``, as RELION extracts them; empty where there are none.
    """

    picks: Picks
    mirrored: MaskArray
    shift: FloatArray
    images: Sequence[str] = ()

    def select(self, which: MaskArray) -> Members:
        """Those at a mask."""
        images = [name for name, kept in zip(self.images, which, strict=True) if kept] if self.images else ()
        return Members(self.picks.select(which), self.mirrored[which], self.shift[which], images)


@dataclass(frozen=True)
class Sampling:
    """Side in pixels and pixel size in Angstrom of square images."""

    side: int
    pixel_size: float


def write_classes(
    out: str | Path,
    averages: ImageArray,
    pixel_size: float,
    classes: Sequence[ClassRow],
    members: Sequence[Members],
    *,
    diameter: float,
    ctf: KnownCTF | None = None,
    lenses: Mapping[str, Mapping[str, str]] | None = None,
    images: Sampling | None = None,
    root: Path | None = None,
) -> Path:
    """Write ``averages.mrcs``, ``run_model.star``, ``run_data.star`` and ``run_optimiser.star`` into a folder.

    Picks in no class are left out. Coordinates are whole pixels, and the rest of a position is in the origin, so that
    nothing of it is lost. A class of which every written member is mirrored keeps its average, without members.

    Parameters
    ----------
    out
        The folder; it is made where it is missing.
    averages
        ``(k, side, side)`` float32, the particle on pixel ``side // 2``. As RELION displays and selects them, particles
        are best white.
    pixel_size
        Of the averages, in Angstrom.
    classes
        One for each average.
    members
        One for each micrograph.
    diameter
        Of the particle, in Angstrom.
    ctf
        Of the micrographs, by their names.
    lenses
        What `MicrographEntry.lens` tells, by the name of the micrograph; goes before what ``ctf`` tells of the lens.
    images
        Of the images that the members name; without such images, the averages' own.
    root
        The folder of the RELION project: names of files in it start there, as RELION writes them. Others, and without
        a root all, are full paths.

    Returns
    -------
    The path of ``run_model.star``.

    Raises
    ------
    UserError
        When no pick is in a class, the pixel size of a micrograph is not known, or a file cannot be written.

    Warns
    -----
    UserWarning
        For picks that are left out, as by `write_star`; when the lens or the CTF of micrographs is not known, so that
        there is none in the file.
    """
    out = Path(out)
    kept = [one.select(are_extractable(one.picks, out / DATA) & (one.picks.class_number > 0)) for one in members]
    kept = [one for one in kept if len(one.picks)]
    if not kept:
        raise UserError(f"{out}: none of the picks is in a class.", "Make fewer classes, or of more picks.")
    split = _split(averages, classes, kept)
    names = {name: name_in_project(out / name, root) for name in (AVERAGES, MODEL, DATA)}
    sampling = images or Sampling(averages.shape[1], pixel_size)
    write_mrc(split.averages, out / AVERAGES, pixel_size)
    write_text(_data(split, kept, sampling, ctf, lenses or {}, out / DATA), out / DATA)
    model = write_text(_model(split, kept, pixel_size, names[AVERAGES]), out / MODEL)
    write_text(_optimiser(diameter, names), out / OPTIMISER)
    return model


def mirror_image(image: ImageArray) -> ImageArray:
    """``(..., h, w)`` with left and right exchanged about pixel ``w // 2``; the first column of an even one stays."""
    other = image[..., ::-1]
    return np.roll(other, 1, axis=-1) if image.shape[-1] % 2 == 0 else other


@dataclass(frozen=True, eq=False)
class _Split:
    """Classes without mirrors: averages and rows, and the class of each member, for each micrograph."""

    averages: ImageArray
    classes: list[ClassRow]
    numbers: list[npt.NDArray[np.int64]]


def _split(averages: ImageArray, classes: Sequence[ClassRow], members: Sequence[Members]) -> _Split:
    count = len(averages)
    own = np.zeros((2, count + 1))
    for one in members:
        np.add.at(own, (one.mirrored.astype(np.int64), one.picks.class_number), 1)
    both = np.flatnonzero(own[1])  # numbers of classes with mirrored members
    number_of = np.zeros(count + 1, dtype=np.int64)
    number_of[both] = count + 1 + np.arange(len(both))
    mirrored = own[1, 1:] / np.maximum(own[:, 1:].sum(axis=0), 1)
    rows = [ClassRow(row.share * (1 - part), row.resolution) for row, part in zip(classes, mirrored, strict=True)]
    rows += [ClassRow(classes[i].share * mirrored[i], classes[i].resolution) for i in (both - 1).tolist()]
    numbers = [np.where(one.mirrored, number_of[one.picks.class_number], one.picks.class_number) for one in members]
    return _Split(np.concatenate([averages, mirror_image(averages[both - 1])]), rows, numbers)


def name_in_project(path: Path, root: Path | None) -> str:
    """A path as RELION's files name it, see ``root`` of `write_classes`."""
    full = path.absolute()
    if root is not None and full.is_relative_to(root.absolute()):
        return PurePath(full.relative_to(root.absolute())).as_posix()
    return full.as_posix()


def _data(
    split: _Split,
    members: Sequence[Members],
    images: Sampling,
    ctf: KnownCTF | None,
    lenses: Mapping[str, Mapping[str, str]],
    path: Path,
) -> str:
    """The text of ``run_data.star``."""
    found = [one.picks for one in members]
    names = [picks.frame.micrograph for picks in found]
    ctfs = [ctf.of(name) if ctf else None for name in names]
    told = {name: lens_columns(one) | dict(lenses.get(name, {})) for name, one in zip(names, ctfs, strict=True)}
    optics = optics_groups(found, path, told, "reads")
    number, together = np.repeat(np.arange(len(found)), [len(picks) for picks in found]), Picks.joined(found)

    def repeated(of_micrographs: Sequence[object]) -> list[str]:
        texts = list(map(str, of_micrographs))
        return [texts[i] for i in number.tolist()]

    columns = {MICROGRAPH: repeated(names)}
    if all(one.images for one in members):
        columns[IMAGE] = [name for one in members for name in one.images]
    columns |= star_columns(together)
    columns[CLASS] = list(map(str, np.concatenate(split.numbers).tolist()))
    y, x = np.concatenate([_origins(one) for one in members]).T
    columns |= dict(zip(ORIGINS_ANGSTROM, (_texts(x), _texts(y)), strict=True))
    columns |= dict.fromkeys(("rlnAngleRot", "rlnAngleTilt"), ["0.000000"] * len(together))
    columns |= {GROUP: repeated(optics.numbers), _GROUP_NUMBER: repeated(range(1, len(found) + 1))}
    columns["rlnNrOfSignificantSamples"] = ["1"] * len(together)
    columns |= {name: repeated(texts) for name, texts in ctf_columns(names, ctfs, path).items()}
    of_images = {
        IMAGE_PIXEL: f"{images.pixel_size:.6f}",
        "rlnImageSize": str(images.side),
        "rlnImageDimensionality": "2",
    }
    groups = optics.columns | {name: [text] * len(optics.columns[GROUP]) for name, text in of_images.items()}
    return format_table(groups, "optics", note(together)) + format_table(columns, "particles")


def lens_columns(ctf: CTF | None) -> dict[str, str]:
    """What a CTF tells for an optics group."""
    if ctf is None:
        return {}
    values = (ctf.voltage, ctf.cs, ctf.amplitude_contrast)
    return {name: f"{value:.6f}" for name, value in zip(LENS[1:], values, strict=True)}


def ctf_columns(names: Sequence[str], ctfs: Sequence[CTF | None], path: Path) -> dict[str, list[str]]:
    """Defocus and phase shift of each micrograph; nothing where not all are known, as RELION has no word for that."""
    known = [one for one in ctfs if one is not None]
    if len(known) < len(ctfs):
        if known:
            without = [name for name, one in zip(names, ctfs, strict=True) if one is None]
            warn(
                f"{path}: it has no CTF, as that of some micrographs is not known: {some(without, 'and')}.",
                stacklevel=4,
            )
        return {}
    return {
        DEFOCUS_U: [f"{one.defocus_u:.6f}" for one in known],
        DEFOCUS_V: [f"{one.defocus_v:.6f}" for one in known],
        DEFOCUS_ANGLE: [f"{one.angle:.6f}" for one in known],
        PHASE_SHIFT: [f"{one.phase_shift:.6f}" for one in known],
    }


def _origins(members: Members) -> FloatArray:
    """``(n, 2)`` y, x in Angstrom from the particle's centre to the whole pixel that is written as its coordinates."""
    picks = members.picks
    rest = (picks.yx - whole_pixels(picks.yx)) * picks.frame.known_pixel_size()
    return np.asarray(-(rest + members.shift), dtype=np.float64)


def _texts(values: FloatArray) -> list[str]:
    return [f"{value:.6f}" for value in values.tolist()]


def _model(split: _Split, members: Sequence[Members], pixel_size: float, stack: str) -> str:
    """The text of ``run_model.star``."""
    count, side = len(split.averages), split.averages.shape[1]
    shifts = np.concatenate([one.shift for one in members])
    spread = float(np.sqrt(np.mean(shifts**2)))
    known = [row.resolution for row in split.classes if np.isfinite(row.resolution)]
    general = {
        "rlnReferenceDimensionality": "2",
        "rlnDataDimensionality": "2",
        "rlnOriginalImageSize": str(side),
        "rlnCurrentResolution": f"{min(known, default=_UNKNOWN):.6f}",
        "rlnCurrentImageSize": str(side),
        "rlnIsHelix": "0",
        "rlnPixelSize": f"{pixel_size:.6f}",
        "rlnNrClasses": str(count),
        "rlnNrBodies": "1",
        "rlnNrGroups": str(len(members)),
        "rlnSigmaOffsetsAngst": f"{spread:.6f}",
    }
    resolutions = [row.resolution if np.isfinite(row.resolution) else _UNKNOWN for row in split.classes]
    classes = {
        "rlnReferenceImage": [f"{number:06d}@{stack}" for number in range(1, count + 1)],
        "rlnClassDistribution": [f"{row.share:.6f}" for row in split.classes],
        "rlnAccuracyRotations": [f"{_UNKNOWN:.6f}"] * count,
        "rlnAccuracyTranslationsAngst": [f"{_UNKNOWN:.6f}"] * count,
        "rlnEstimatedResolution": [f"{resolution:.6f}" for resolution in resolutions],
        "rlnOverallFourierCompleteness": ["1.000000"] * count,
        "rlnClassPriorOffsetX": ["0.000000"] * count,
        "rlnClassPriorOffsetY": ["0.000000"] * count,
    }
    groups = {
        _GROUP_NUMBER: list(map(str, range(1, len(members) + 1))),
        "rlnGroupName": [one.picks.frame.micrograph for one in members],
        "rlnGroupNrParticles": [str(len(one.picks)) for one in members],
        "rlnGroupScaleCorrection": ["1.000000"] * len(members),
    }
    return (
        format_values(general, "model_general")
        + format_table(classes, "model_classes")
        + format_table(groups, "model_groups")
    )


def _optimiser(diameter: float, names: Mapping[str, str]) -> str:
    """The text of ``run_optimiser.star``, by which RELION 4 and 5 find the other two."""
    values = {
        "rlnOutputRootName": names[MODEL].removesuffix("_model.star"),
        "rlnModelStarFile": names[MODEL],
        "rlnExperimentalDataStarFile": names[DATA],
        "rlnOrientSamplingStarFile": "None",
        "rlnCurrentIteration": "1",
        "rlnNumberOfIterations": "1",
        "rlnParticleDiameter": f"{diameter:.6f}",
    }
    return format_values(values, "optimiser_general")
