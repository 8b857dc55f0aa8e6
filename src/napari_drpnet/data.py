"""The nouns of particle picking, each carrying its own units.

Conventions, the same everywhere in the package:

* images are ``(h, w)`` float32 arrays, indexed ``[y, x]`` as mrcfile reads them, row 0 first;
* points are ``(n, 2)`` arrays in ``(y, x)`` order, 0-based, the centre of the first pixel at 0;
* a *micrograph pixel* is a pixel of the unbinned file, a *working pixel* one of the rescaled image;
* pixel sizes are in Angstrom per micrograph pixel.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from napari_drpnet.errors import UserError

FloatArray = npt.NDArray[np.float64]
ImageArray = npt.NDArray[np.float32]
MaskArray = npt.NDArray[np.bool_]

# The source of a pick that a person answers for.
MANUAL = "manual"


@dataclass(frozen=True)
class Frame:
    """The one place where pixels change meaning.

    Attributes
    ----------
    micrograph
        Name of the micrograph, as its project writes it (``Micrographs/a.mrc``).
    shape
        ``(h, w)`` of the unbinned micrograph in micrograph pixels; None when only coordinates are known.
    pixel_size
        Angstrom per micrograph pixel; None when unknown.
    scale
        Working pixels per micrograph pixel: 1 for the file itself, 0.25 for a four times smaller image.
        Rescaled images keep the outer edges in place, so that pixel *centres* move by half a pixel.
    """

    micrograph: str
    shape: tuple[int, int] | None = None
    pixel_size: float | None = None
    scale: float = 1.0

    def to_micrograph(self, yx: npt.ArrayLike) -> FloatArray:
        """Working pixels to micrograph pixels, ``(n, 2)`` in (y, x) order."""
        return (np.asarray(yx, dtype=np.float64) + 0.5) / self.scale - 0.5

    def from_micrograph(self, yx: npt.ArrayLike) -> FloatArray:
        """Micrograph pixels to working pixels, ``(n, 2)`` in (y, x) order."""
        return (np.asarray(yx, dtype=np.float64) + 0.5) * self.scale - 0.5

    def rescaled(self, factor: float) -> Frame:
        """The frame of an image ``factor`` times the size of this one."""
        return replace(self, scale=self.scale * factor)

    @property
    def unbinned(self) -> Frame:
        """The frame of the file itself."""
        return replace(self, scale=1.0)

    def known_pixel_size(self) -> float:
        """Angstrom per micrograph pixel.

        Raises
        ------
        UserError
            When the pixel size is unknown.
        """
        if self.pixel_size is None:
            raise UserError(
                f"{self.micrograph}: the pixel size is not known (its header says 0, 1 or nothing).",
                "Give the pixel size in Angstrom (--pixel-size).",
            )
        return self.pixel_size

    def micrograph_pixels(self, length: float) -> float:
        """A length in Angstrom as micrograph pixels."""
        return length / self.known_pixel_size()

    def working_pixels(self, length: float) -> float:
        """A length in Angstrom as working pixels."""
        return self.micrograph_pixels(length) * self.scale


@dataclass(frozen=True, eq=False)
class Micrograph:
    """One image with its frame.

    Attributes
    ----------
    image
        ``(h, w)`` float32 in working pixels, finite everywhere.
    frame
        Where the image stands: the name, the unbinned shape, the pixel size and the scale.
    valid
        ``(h, w)`` bool, False where the file held NaN or infinite pixels; None when all pixels are good.
    path
        The file it came from, None for an image made in memory.
    """

    image: ImageArray
    frame: Frame
    valid: MaskArray | None = None
    path: Path | None = None

    @classmethod
    def from_array(cls, image: npt.ArrayLike, pixel_size: float | None = None, name: str = "micrograph") -> Micrograph:
        """A micrograph from an ``(h, w)`` array; ``pixel_size`` in Angstrom.

        Non-finite pixels become the median of the rest and are marked in ``valid``.

        Raises
        ------
        UserError
            When the array is not two-dimensional, empty, or without one finite pixel.
        """
        array = np.asarray(image, dtype=np.float32)
        if array.ndim != 2 or array.size == 0:
            raise UserError(
                f"{name}: a micrograph is one two-dimensional image, not an array of shape {array.shape}.",
                "Choose one frame of the stack.",
            )
        frame = Frame(name, (array.shape[0], array.shape[1]), pixel_size)
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(array.sum()):  # quicker than a look at each; beyond single precision it tells nothing
                return cls(array, frame)
        good = np.isfinite(array)
        if good.all():
            return cls(array, frame)
        if not good.any():
            raise UserError(f"{name}: no pixel is a finite number.", "Make the micrograph anew.")
        return cls(np.where(good, array, np.median(array[good])), frame, valid=good)


@dataclass(frozen=True, eq=False)
class Candidates:
    """Possible particles of one micrograph, before any threshold.

    Attributes
    ----------
    yx
        ``(n, 2)`` centres in micrograph pixels.
    detection
        ``(n,)`` height of the detector's map at the centre, 1 = the centre of a clear particle.
    level
        ``(n,)`` 2 for candidates at the usual distance from each other, 1 for those between them; by the authors' rules
        the confidence of the extended maximum, 1 low, 2 normal, 3 high.
    probability
        ``(n,)`` calibrated probability that this is a particle.
    diameter
        ``(n,)`` in micrograph pixels, of a picker that finds it out; None of one that was told.
    box
        ``(n, 2)`` height and width in micrograph pixels, of a picker that finds out both; None of all others.
    class_number, psi
        ``(n,)`` as in `Picks`, of a picker that tells them; None of one that does not.
    evidence
        ``(n,)`` that averages of other particles give each (`averaging.evidence`), NaN where it was not measured; None
        where nothing was.
    """

    yx: FloatArray
    detection: FloatArray
    level: npt.NDArray[np.int64]
    probability: FloatArray
    diameter: FloatArray | None = None
    class_number: npt.NDArray[np.int64] | None = None
    psi: FloatArray | None = None
    evidence: FloatArray | None = None
    box: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.yx)


@dataclass(frozen=True, eq=False)
class ScoreMap:
    """A picker's view of one micrograph, from which picks follow without running a network again.

    Attributes
    ----------
    values
        ``(h, w)`` float32 in working pixels of ``frame``; None of a picker that has candidates but no map.
    frame
        Maps working pixels back to the micrograph.
    candidates
        Every possible particle, in micrograph pixels.
    """

    values: ImageArray | None
    frame: Frame
    candidates: Candidates

    def usual_diameter(self, threshold: float = 0.5) -> float | None:
        """Median diameter of the candidates at least so probable, in micrograph pixels; None where none tells one."""
        found = self.candidates
        passed = found.probability >= threshold
        if found.diameter is None or not passed.any():
            return None
        return float(np.median(found.diameter[passed]))


def _column(values: Any, n: int, dtype: Any) -> Any:
    """One value per pick, from a scalar or an array."""
    array = np.asarray(values, dtype=dtype)
    return np.full(n, array) if array.ndim == 0 else array.reshape(n)


@dataclass(frozen=True, eq=False)
class Picks:
    """Particle positions on one micrograph, always in unbinned micrograph pixels.

    Scalars given for a column are repeated for every pick.

    Attributes
    ----------
    frame
        The micrograph they belong to (scale 1).
    yx
        ``(n, 2)`` float64 centres in micrograph pixels, (y, x).
    score
        ``(n,)`` figure of merit, a probability for our own pickers; NaN when unknown.
    diameter
        ``(n,)`` in micrograph pixels; NaN when unknown, unless ``box`` tells it.
    box
        ``(n, 2)`` height and width in micrograph pixels, whose mean the diameter is, but for the truth of simulations;
        NaN where only that is known.
    class_number
        ``(n,)`` RELION's class, 0 when unknown.
    psi
        ``(n,)`` in-plane angle in degrees, 0 when unknown.
    label
        ``(n,)`` ``"particle"`` or ``"background"``.
    source
        ``(n,)`` name of the picker, program or person each pick comes from.
    helix
        ``(n,)`` numbers by the name of their column: what RELION says of segments of helical tubes; only its STAR
        files keep them. Empty for other particles.
    """

    frame: Frame
    yx: FloatArray
    score: FloatArray = field(default_factory=lambda: np.array(np.nan))
    diameter: FloatArray = field(default_factory=lambda: np.array(np.nan))
    class_number: npt.NDArray[np.int64] = field(default_factory=lambda: np.array(0))
    psi: FloatArray = field(default_factory=lambda: np.array(0.0))
    label: npt.NDArray[np.str_] = field(default_factory=lambda: np.array("particle"))
    source: npt.NDArray[np.str_] = field(default_factory=lambda: np.array(""))
    helix: Mapping[str, FloatArray] = field(default_factory=dict)
    box: FloatArray = field(default_factory=lambda: np.array(np.nan))

    def __post_init__(self) -> None:
        yx = np.asarray(self.yx, dtype=np.float64).reshape(-1, 2)
        n = len(yx)
        object.__setattr__(self, "frame", self.frame.unbinned)
        object.__setattr__(self, "yx", yx)
        box = np.asarray(self.box, dtype=np.float64)
        object.__setattr__(self, "box", box if box.shape == (n, 2) else np.broadcast_to(box, (n, 2)).copy())
        for name, dtype in _PICK_COLUMNS:
            object.__setattr__(self, name, _column(getattr(self, name), n, dtype))
        if (unknown := np.isnan(self.diameter)).any():
            mean = (self.box[:, 0] + self.box[:, 1]) / 2
            object.__setattr__(self, "diameter", np.where(unknown, mean, self.diameter))
        helix = {name: _column(values, n, np.float64) for name, values in self.helix.items()}
        object.__setattr__(self, "helix", helix)

    def __len__(self) -> int:
        return len(self.yx)

    def __iter__(self) -> Iterator[FloatArray]:
        return iter(self.yx)

    @property
    def sides(self) -> FloatArray:
        """``(n, 2)`` height and width of each box in micrograph pixels; a square where only the diameter is known."""
        return np.where(np.isnan(self.box), self.diameter[:, None], self.box)

    @property
    def by_hand(self) -> MaskArray:
        """``(n,)`` True for labelled picks: those that a person answers for."""
        return np.asarray(self.source == MANUAL, dtype=np.bool_)

    def select(self, which: npt.ArrayLike) -> Picks:
        """The picks at a boolean mask or an index array, in that order."""
        index = np.asarray(which)
        columns = {name: getattr(self, name)[index] for name in _PICK_ARRAYS}
        return replace(self, helix={k: v[index] for k, v in self.helix.items()}, **columns)

    @staticmethod
    def joined(parts: Sequence[Picks], frame: Frame | None = None) -> Picks:
        """The picks of all parts, in the frame of the first where none is given; of ``helix`` what all parts have."""
        columns: dict[str, Any] = {n: np.concatenate([getattr(part, n) for part in parts]) for n in _PICK_ARRAYS}
        filled = [part for part in parts if len(part)] or parts
        shared = [name for name in filled[0].helix if all(name in part.helix for part in filled)]
        helix = {name: np.concatenate([part.helix[name] for part in filled]) for name in shared}
        return Picks(frame or parts[0].frame, helix=helix, **columns)


_PICK_COLUMNS: tuple[tuple[str, Any], ...] = (
    ("score", np.float64),
    ("diameter", np.float64),
    ("class_number", np.int64),
    ("psi", np.float64),
    ("label", np.str_),
    ("source", np.str_),
)
_PICK_ARRAYS = ("yx", "box", *(name for name, _ in _PICK_COLUMNS))


@dataclass(frozen=True, eq=False)
class PatchSet:
    """Small images of particles and of background, each with where it comes from: what a classifier learns from.

    Scalars given for a column are repeated for every patch.

    Attributes
    ----------
    images
        ``(n, side, side)`` float32, as the network sees them: particles dark.
    pixel_size
        Angstrom per patch pixel.
    diameter
        Of the particle, in Angstrom.
    particle
        ``(n,)`` whether it is one; else it is background.
    micrograph
        ``(n,)`` names.
    yx
        ``(n, 2)`` centres in micrograph pixels.
    split
        ``(n,)`` ``"training"`` or ``"validation"``.
    origin
        ``(n,)`` who says so: ``label`` (a person), ``region`` (painted), ``random``, ``candidate`` (of a micrograph
        all of whose particles are labelled), ``agreement``, ``difference`` (of several sets of picks), ``level`` or
        ``deviation`` (of the detector's confidence, and of the patch).
    score
        ``(n,)`` probability by the detector, NaN when unknown.
    grey
        How their grey levels were brought to the network: ``robust``, or as of older networks ``percentiles``.
    """

    images: ImageArray
    pixel_size: float
    diameter: float
    particle: MaskArray
    micrograph: npt.NDArray[np.str_]
    yx: FloatArray
    split: npt.NDArray[np.str_] = field(default_factory=lambda: np.array("training"))
    origin: npt.NDArray[np.str_] = field(default_factory=lambda: np.array("label"))
    score: FloatArray = field(default_factory=lambda: np.array(np.nan))
    grey: Literal["percentiles", "robust"] = "percentiles"

    def __post_init__(self) -> None:
        n = len(self.images)
        object.__setattr__(self, "yx", np.asarray(self.yx, dtype=np.float64).reshape(n, 2))
        for name, dtype in _PATCH_COLUMNS:
            object.__setattr__(self, name, _column(getattr(self, name), n, dtype))

    def __len__(self) -> int:
        return len(self.images)

    def select(self, which: npt.ArrayLike) -> PatchSet:
        """The patches at a boolean mask or an index array, in that order."""
        index = np.asarray(which)
        columns = {name: getattr(self, name)[index] for name, _ in _PATCH_COLUMNS}
        return replace(self, images=self.images[index], yx=self.yx[index], **columns)

    def counts(self) -> dict[tuple[str, str, str], int]:
        """How many patches there are of each label, split and origin."""
        label = np.where(self.particle, "particle", "background")
        keys = zip(label.tolist(), self.split.tolist(), self.origin.tolist(), strict=True)
        return dict(sorted(Counter(keys).items()))

    @staticmethod
    def joined(parts: Sequence[PatchSet]) -> PatchSet:
        """The patches of all parts, which are at one scale."""
        names = ["images", "yx", *(name for name, _ in _PATCH_COLUMNS)]
        columns: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        return replace(parts[0], **columns)


_PATCH_COLUMNS: tuple[tuple[str, Any], ...] = (
    ("particle", np.bool_),
    ("micrograph", np.str_),
    ("split", np.str_),
    ("origin", np.str_),
    ("score", np.float64),
)
