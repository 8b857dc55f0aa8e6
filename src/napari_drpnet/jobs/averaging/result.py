"""Class averages of a set of picks, and what each class is worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray, ImageArray, MaskArray, Picks
from napari_drpnet.steps import Progress


@dataclass(frozen=True)
class ClassFigures:
    """What is known of one class.

    Attributes
    ----------
    picks
        Members.
    evidence, error
        Mean of its members, and its standard error; NaN where it is not measured. What is no particle has 0.
    share
        Of all evidence, 0 to 1; NaN where it is not measured.
    resolution
        In Angstrom, from the Fourier ring correlation of two halves; NaN where nothing is proved.
    micrographs
        Part of the micrographs that it has members of, 0 to 1.
    """

    picks: int
    evidence: float
    error: float
    share: float
    resolution: float
    micrographs: float


@dataclass(frozen=True, eq=False)
class AveragedPicks:
    """The picks of one micrograph, and how each lies on the average of its class.

    Attributes
    ----------
    picks
        ``class_number`` is the class from 1, 0 for picks in none; ``psi`` the turn, see `averaging.bands.posed`.
    mirrored
        ``(n,)`` whether left and right of the average are exchanged before it is turned.
    shift
        ``(n, 2)`` y, x in Angstrom by which the particle is off the pick.
    evidence
        ``(n,)`` that it is the particle; NaN where it is not measured.
    """

    picks: Picks
    mirrored: MaskArray
    shift: FloatArray
    evidence: FloatArray

    @property
    def name(self) -> str:
        """Of the micrograph."""
        return self.picks.frame.micrograph

    def of_class(self, number: int) -> npt.NDArray[np.int64]:
        """Which of the picks are in a class, best evidence first."""
        members = np.flatnonzero(self.picks.class_number == number)
        return members[np.argsort(-np.nan_to_num(self.evidence[members]), kind="stable")]


@dataclass(frozen=True, eq=False)
class Averages:
    """Class averages, the one that is worth most first.

    Attributes
    ----------
    images
        ``(k, side, side)`` float32, the particle on pixel ``side // 2``, as dark or bright as on the micrographs.
    pixel_size
        Of the images, in Angstrom.
    diameter
        Of the particle, in Angstrom.
    classes
        What is known of each.
    members
        The picks of each micrograph.
    failed
        Micrographs that could not be used, and why.
    notes
        What a user should know, a sentence each.
    """

    images: ImageArray
    pixel_size: float
    diameter: float
    classes: tuple[ClassFigures, ...]
    members: tuple[AveragedPicks, ...]
    failed: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def picks(self) -> int:
        """How many are in a class."""
        return sum(one.picks for one in self.classes)


@dataclass(frozen=True)
class AveragingProgress(Progress):
    """How far averaging is.

    Attributes
    ----------
    so_far
        The averages as they are now, each time there are better ones; None in between.
    """

    so_far: Averages | None = None
