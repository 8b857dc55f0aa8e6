"""Cut-out particles of many micrographs, on disk, so that memory does not grow with their number."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from napari_drpnet.averaging.cutting import Cutter, restored
from napari_drpnet.data import FloatArray, ImageArray, Micrograph, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.ctf import CTF
from napari_drpnet.jobs.ctf_fit import Misfit

# Noise has standard deviation 1; one in so many parts of it is the smallest step, which adds 1 in 3000 to the noise.
STEPS = 16


def packed(images: ImageArray) -> npt.NDArray[np.int8]:
    """Pictures as a stack keeps them."""
    return np.clip(np.rint(images * STEPS), -127, 127).astype(np.int8)


def unpacked(images: npt.NDArray[np.int8]) -> ImageArray:
    """Pictures of a stack in standard deviations of noise, float32."""
    return np.asarray(images, np.float32) / np.float32(STEPS)


@dataclass(frozen=True, eq=False)
class Pieces:
    """Cut-out particles of one micrograph.

    Attributes
    ----------
    picks
        Where they were.
    images
        ``(n, side, side)``, packed.
    offset
        ``(n, 2)`` y, x in Angstrom from each pick to the centre of its picture.
    amplitude
        ``(r,)`` of the micrograph, see `averaging.cutting.Cutouts`.
    passed
        ``(r,)`` what its lens passes; None where no CTF was told.
    misfit
        Why the CTF that was told is not its own; None where it is, or none was told.
    """

    picks: Picks
    images: npt.NDArray[np.int8]
    offset: FloatArray
    amplitude: FloatArray
    passed: FloatArray | None = None
    misfit: Misfit | None = None

    def first(self, count: int) -> Pieces:
        """The first so many of them."""
        some = np.arange(min(count, len(self.picks)))
        return replace(self, picks=self.picks.select(some), images=self.images[some], offset=self.offset[some])


def cut_pieces(
    cutter: Cutter, micrograph: Micrograph, sets: Sequence[Picks], ctf: CTF | None = None
) -> tuple[Pieces, ...]:
    """Pieces of several sets of picks of one micrograph, which is made white once.

    Raises
    ------
    UserError
        When the pixel size is not known or too coarse.
    """
    yx = np.concatenate([picks.yx for picks in sets])
    found = cutter.cut(micrograph, yx, ctf)
    offset = (found.centres - yx) * micrograph.frame.known_pixel_size()
    passed = None if ctf is None else cutter.passed(ctf)
    misfit = None
    if ctf is not None and found.fit is not None and found.fit.misfit:
        misfit = Misfit(micrograph.frame.micrograph, ctf, found.fit)
    ends = np.cumsum([len(picks) for picks in sets])[:-1]
    parts = zip(sets, np.split(packed(found.images), ends), np.split(offset, ends), strict=True)
    return tuple(Pieces(*part, found.amplitude, passed, misfit) for part in parts)


class ParticleStack:
    """Particles of one size in a temporary file, which is gone when the stack is closed.

    Parameters
    ----------
    cutter
        Says how they look.

    Attributes
    ----------
    picks
        Of each micrograph that was added.
    misfits
        Micrographs whose power spectrum does not fit the CTF that was told.
    """

    def __init__(self, cutter: Cutter) -> None:
        self.cutter = cutter
        self.picks: list[Picks] = []
        self.misfits: list[Misfit] = []
        self._file = tempfile.TemporaryFile(prefix="napari-drpnet-")  # noqa: SIM115  # closed with the stack
        self._offsets: list[FloatArray] = []
        self._amplitudes: list[FloatArray] = []
        self._passed: list[FloatArray] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the file; the particles can no longer be read."""
        self._file.close()

    def add(self, micrograph: Micrograph, picks: Picks, ctf: CTF | None = None) -> None:
        """Cut the picks of a micrograph.

        Raises
        ------
        UserError
            When the pixel size is not known or too coarse, or the disk is full.
        """
        for pieces in cut_pieces(self.cutter, micrograph, [picks], ctf):
            self.put(pieces)

    def put(self, pieces: Pieces) -> None:
        """Take pieces that were cut out already, by a cutter like this one.

        Raises
        ------
        UserError
            When the disk is full.
        """
        try:
            self._file.seek(0, 2)
            self._file.write(pieces.images.tobytes())
            self._file.flush()
        except OSError as error:
            raise UserError(
                f"The pictures of particles cannot be kept: {error.strerror}.",
                f"Make room in {tempfile.gettempdir()}, or set TMPDIR to a folder with more.",
            ) from None
        self.picks.append(pieces.picks)
        self._offsets.append(pieces.offset)
        self._amplitudes.append(pieces.amplitude)
        if pieces.passed is not None:
            self._passed.append(pieces.passed)
        if pieces.misfit is not None:
            self.misfits.append(pieces.misfit)
        self._count += len(pieces.picks)

    def of(self, number: int) -> npt.NDArray[np.int8]:
        """``(n, side, side)`` of the picks with a number in ``picks``."""
        start = sum(map(len, self.picks[:number]))
        return self.images[start : start + len(self.picks[number])]

    @property
    def images(self) -> npt.NDArray[np.int8]:
        """``(n, side, side)``, of which only what is looked at is read."""
        shape = (self._count, self.cutter.side, self.cutter.side)
        return np.memmap(self._file, np.int8, "c", shape=shape) if self._count else np.empty(shape, np.int8)

    @property
    def micrograph(self) -> npt.NDArray[np.int64]:
        """``(n,)`` number in ``picks`` of the micrograph of each particle."""
        return np.repeat(np.arange(len(self.picks)), [len(picks) for picks in self.picks])

    @property
    def offset(self) -> FloatArray:
        """``(n, 2)`` y, x in Angstrom from each pick to the centre of its picture."""
        return np.concatenate([np.empty((0, 2)), *self._offsets])

    @property
    def amplitudes(self) -> tuple[FloatArray, ...]:
        """``(r,)`` of each micrograph, see `averaging.cutting.Cutouts`."""
        return tuple(self._amplitudes)

    @property
    def amplitude(self) -> FloatArray:
        """Of the micrographs, on average, for `averaging.cutting.coloured`.

        Where the CTF of all is known, what it took from each frequency is given back.
        """
        level = np.asarray(np.mean([one / np.sqrt((one**2).mean()) for one in self._amplitudes], axis=0), np.float64)
        known = len(self._passed) == len(self._amplitudes)
        return restored(level, np.asarray(np.mean(self._passed, axis=0))) if known else level

    @property
    def score(self) -> FloatArray:
        """``(n,)`` of the picks; 0 where it is not known."""
        known: FloatArray = np.concatenate([np.empty(0), *(picks.score for picks in self.picks)])
        return np.nan_to_num(known)

    @property
    def yx(self) -> FloatArray:
        """``(n, 2)`` of the picks in diameters."""
        parts = [p.yx * p.frame.known_pixel_size() / self.cutter.diameter for p in self.picks]
        return np.concatenate([np.empty((0, 2)), *parts])
