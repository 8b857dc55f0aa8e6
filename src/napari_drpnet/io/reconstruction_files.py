"""The files of a reconstruction, named and written as RELION's refinement leaves them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import mrcfile
import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray, ImageArray, Picks
from napari_drpnet.io.class_files import ctf_columns, lens_columns, name_in_project
from napari_drpnet.io.ctf import KnownCTF
from napari_drpnet.io.files import atomic_write, write_text
from napari_drpnet.io.picks.star import note, star_columns
from napari_drpnet.io.picks.star_fields import IMAGE, ORIGINS_ANGSTROM
from napari_drpnet.io.picks.star_particles import optics_groups
from napari_drpnet.io.picks.star_poses import ROT, TILT
from napari_drpnet.io.star_lists import MICROGRAPH
from napari_drpnet.io.star_optics import GROUP, IMAGE_PIXEL, PHASE_FLIPPED
from napari_drpnet.io.star_table import format_table, number_texts

HALVES = ("run_half1_class001_unfil.mrc", "run_half2_class001_unfil.mrc")
MAP, DATA, STACK = "run_class001.mrc", "run_data.star", "particles.mrcs"


@dataclass(frozen=True, eq=False)
class Lying:
    """The particles of one micrograph, and how each lies.

    Attributes
    ----------
    picks
        At whole pixels of the micrograph, with RELION's psi.
    rot, tilt
        ``(n,)`` RELION's other angles in degrees.
    shift
        ``(n, 2)`` y, x in Angstrom by which the particle's centre is off the pick.
    half
        ``(n,)`` 0 or 1.
    gain
        ``(n,)`` natural logarithm of how much likelier the picture is with the particle than without.
    """

    picks: Picks
    rot: FloatArray
    tilt: FloatArray
    shift: FloatArray
    half: npt.NDArray[np.int64]
    gain: FloatArray


def write_stack(parts: Iterable[ImageArray], count: int, side: int, path: Path, pixel_size: float) -> Path:
    """Write pictures ``(n, side, side)`` one part after the other, ``count`` in all, so that memory need not hold them.

    Raises
    ------
    UserError
        When the file cannot be written.
    """
    shape = (count, side, side)
    with atomic_write(path) as temporary, mrcfile.new_mmap(temporary, shape, mrc_mode=2, overwrite=True) as file:
        start, low, high, total, squares = 0, np.inf, -np.inf, 0.0, 0.0
        for part in parts:
            file.data[start : start + len(part)] = part
            start += len(part)
            low, high = min(low, float(part.min())), max(high, float(part.max()))
            total, squares = total + float(part.sum()), squares + float((part.astype(np.float64) ** 2).sum())
        mean = total / math.prod(shape)
        file.set_image_stack()
        file.voxel_size = pixel_size
        header = file.header
        header.dmin, header.dmax, header.dmean = low, high, mean
        header.rms = np.sqrt(max(squares / math.prod(shape) - mean**2, 0.0))
        header.label, header.nlabl = b"", 0
    return path


def write_poses(
    lying: Sequence[Lying],
    out: Path,
    side: int,
    pixel_size: float,
    ctf: KnownCTF,
    lenses: Mapping[str, Mapping[str, str]],
    root: Path | None = None,
) -> Path:
    """Write ``run_data.star``, whose pictures are those of ``particles.mrcs`` beside it, in their order.

    Parameters
    ----------
    lying
        One for each micrograph.
    out
        The folder.
    side, pixel_size
        Of the pictures, in pixels and Angstrom.
    ctf, lenses, root
        As of `class_files.write_classes`.

    Raises
    ------
    UserError
        When the file cannot be written.

    Warns
    -----
    UserWarning
        When the CTF or the lens of some micrographs is not known.
    """
    path, found = out / DATA, [one.picks for one in lying]
    names = [picks.frame.micrograph for picks in found]
    ctfs = [ctf.of(name) for name in names]
    told = {name: lens_columns(one) | dict(lenses.get(name, {})) for name, one in zip(names, ctfs, strict=True)}
    optics = optics_groups(found, path, told, "reads")
    together = Picks.joined(found)
    counts = [len(picks) for picks in found]

    def repeated(values: Sequence[object]) -> list[str]:
        return [str(value) for value, count in zip(values, counts, strict=True) for _ in range(count)]

    y, x = -np.concatenate([one.shift for one in lying]).T
    stack = name_in_project(out / STACK, root)
    numbers = {
        ROT: np.concatenate([one.rot for one in lying]),
        TILT: np.concatenate([one.tilt for one in lying]),
        **dict(zip(ORIGINS_ANGSTROM, (x, y), strict=True)),
        "rlnLogLikeliContribution": np.concatenate([one.gain for one in lying]),
    }
    columns = {MICROGRAPH: repeated(names), IMAGE: [f"{i:06d}@{stack}" for i in range(1, len(together) + 1)]}
    columns |= star_columns(together)
    columns |= {name: number_texts(values, "%.6f") for name, values in numbers.items()}
    columns["rlnRandomSubset"] = number_texts(np.concatenate([one.half for one in lying]) + 1, "%d")
    columns |= {GROUP: repeated(optics.numbers), "rlnGroupNumber": repeated(range(1, len(found) + 1))}
    columns |= {name: repeated(texts) for name, texts in ctf_columns(names, ctfs, path).items()}
    pictures = {IMAGE_PIXEL: f"{pixel_size:.6f}", "rlnImageSize": str(side), "rlnImageDimensionality": "2"}
    pictures[PHASE_FLIPPED] = "1"
    groups = optics.columns | {name: [text] * len(optics.columns[GROUP]) for name, text in pictures.items()}
    text = format_table(groups, "optics", note(together)) + format_table(columns, "particles")
    return write_text(text, path)
