"""Fourier shell correlation of two half maps: how far they agree, shell by shell of spatial frequency."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import fft

from napari_drpnet.data import FloatArray, MaskArray
from napari_drpnet.errors import UserError

VolumeArray = npt.NDArray[np.float32]
Transform = npt.NDArray[np.complex64]

GOLD_STANDARD = 0.143
HALF = 0.5
# Where the unmasked correlation drops below this, phases are randomised: relion_postprocess does so, too.
RANDOMISED_BELOW = 0.8
# Shells after the first randomised one in which the mask still mixes in what was not randomised (Chen et al. 2013).
MIXED = 2
_LEAST_SIDE = 16
# Of grey levels whose squares single precision holds.
_LEAST_RANGE, _MOST_RANGE = 1e-12, 1e9
_CHUNK = 2**20  # elements that are summed at once, so that large maps need no copies


@dataclass(frozen=True, eq=False)
class ShellCorrelation:
    """How two half maps agree at each spatial frequency.

    Attributes
    ----------
    frequency
        ``(n,)`` of each shell in 1/Angstrom, the first one 0, the last one that of Nyquist.
    unmasked
        ``(n,)`` correlation of the maps as they are. Shell 0, the mean of the maps, is 1 in all curves.
    masked
        ``(n,)`` within the mask; None without one.
    randomised
        ``(n,)`` the same with random phases beyond `randomised_from`: what the mask alone makes agree. None where
        there is no mask, or the maps agree at all frequencies.
    corrected
        ``(n,)`` ``masked`` without what the mask makes agree (Chen et al., Ultramicroscopy 135 (2013) 24); None
        without a mask.
    randomised_from
        Resolution in Angstrom from which phases were randomised.
    """

    frequency: FloatArray
    unmasked: FloatArray
    masked: FloatArray | None = None
    randomised: FloatArray | None = None
    corrected: FloatArray | None = None
    randomised_from: float | None = None

    @property
    def best(self) -> FloatArray:
        """``(n,)`` the curve that resolution is read off: the corrected one where there is a mask."""
        return self.unmasked if self.corrected is None else self.corrected

    def resolution(self, threshold: float = GOLD_STANDARD) -> float:
        """Angstrom where the best curve first crosses the threshold, between two shells; see `crossing`."""
        return crossing(self.frequency, self.best, threshold)

    def shell_resolution(self, threshold: float = GOLD_STANDARD) -> float:
        """Angstrom of the last shell before the best curve first drops below the threshold, as RELION tells it."""
        return last_shell(self.frequency, self.best, threshold)

    @property
    def reaches_nyquist(self) -> bool:
        """Whether the maps agree in all shells, so that only their pixels limit the resolution."""
        return not bool((self.best[1:] < GOLD_STANDARD).any())

    @property
    def ssnr(self) -> FloatArray:
        """``(n,)`` spectral signal-to-noise ratio of the map from all particles, 2 FSC / (1 - FSC)."""
        return 2 * self.ssnr_of_half

    @property
    def ssnr_of_half(self) -> FloatArray:
        """``(n,)`` spectral signal-to-noise ratio of a half map, FSC / (1 - FSC); 0 where nothing agrees."""
        return signal_to_noise(self.best)

    @property
    def by_mask_alone(self) -> float:
        """Correlation with random phases at the resolution that is told, or 0: above 0.1 the mask is too tight."""
        last = _last(self.best, GOLD_STANDARD)
        return float(self.randomised[last]) if self.randomised is not None and last else 0.0


class Shells:
    """The shells of a half-complex transform, one pixel of the longest axis thick.

    Parameters
    ----------
    shape
        ``(z, y, x)`` of the maps, even or odd.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        longest = max(shape)
        axes = [fft.fftfreq(side, 1 / longest) for side in shape[:-1]]
        axes.append(fft.rfftfreq(shape[-1], 1 / longest))
        z, y, x = (np.square(axis).astype(np.float32) for axis in axes)
        self._squares = z, y[:, None] + x
        self.count = longest // 2 + 1
        self.index = np.empty((len(z), len(y), len(x)), np.uint16)
        for number, square in enumerate(z):
            self.index[number] = np.minimum(np.rint(np.sqrt(square + self._squares[1])), self.count)

    def randomise(self, values: Transform, noise: Transform, start: int) -> None:
        """Give all elements at least as far out as shell ``start`` the phases of ``noise``, in place."""
        z, plane = self._squares
        for number, square in enumerate(z):
            beyond = square + plane >= start**2
            other = noise[number][beyond]
            size = np.maximum(np.abs(other), np.finfo(np.float32).tiny)
            values[number][beyond] = np.abs(values[number][beyond]) * (other / size)

    def correlation(self, first: Transform, second: Transform) -> FloatArray:
        """``(count,)`` real part of the normalised correlation in each shell; 0 where a transform is 0.

        Each element of the half-complex transform counts once, as in RELION, although those off the plane x = 0 stand
        for two.
        """
        step = max(1, _CHUNK // max(1, self.index[0].size))
        sums = np.zeros((3, self.count + 1))
        for start in range(0, len(self.index), step):
            part = slice(start, start + step)
            index, a, b = self.index[part].ravel(), first[part].ravel(), second[part].ravel()
            products = (a.real * b.real + a.imag * b.imag, a.real**2 + a.imag**2, b.real**2 + b.imag**2)
            for total, product in zip(sums, products, strict=True):
                total += np.bincount(index, product, self.count + 1)
        cross, one, other = sums[:, : self.count]
        norm = np.sqrt(one * other)
        found: FloatArray = np.divide(cross, norm, out=np.zeros(self.count), where=norm > 0)
        return found


@lru_cache(1)
def shells_of(shape: tuple[int, ...]) -> Shells:
    """The `Shells` of maps of this size, kept for the next ones of it."""
    return Shells(shape)


def correlate(
    first: VolumeArray, second: VolumeArray, pixel_size: float, mask: VolumeArray | None = None, seed: int = 0
) -> ShellCorrelation:
    """Fourier shell correlation of two half maps.

    Parameters
    ----------
    first, second
        ``(z, y, x)`` each, of one size with sides of at least 16 pixels; even or odd, cubic or not.
    pixel_size
        Angstrom.
    mask
        ``(z, y, x)`` from 0, solvent, to 1, particle, with a soft edge.
    seed
        Of the random phases.

    Raises
    ------
    UserError
        When the maps are no two half maps of one size, or the mask has another size.
    """
    check_halves(first, second)
    if mask is not None and mask.shape != first.shape:
        raise UserError(f"The mask is {_size(mask)} px, the half maps {_size(first)} px.", "Give a mask of their size.")
    shells = shells_of(first.shape)
    frequency = np.arange(shells.count) / (max(first.shape) * pixel_size)
    unmasked = _from_one(shells.correlation(transformed(first), transformed(second)))
    if mask is None:
        return ShellCorrelation(frequency, unmasked)
    masked = _masked_correlation(shells, first, second, mask)
    below = np.flatnonzero(unmasked[1:] < RANDOMISED_BELOW)
    if not below.size:
        return ShellCorrelation(frequency, unmasked, masked, corrected=masked)
    start = int(below[0]) + 1
    phases = np.random.default_rng(seed)
    randomised = _masked_correlation(
        shells, with_random_phases(first, start, phases), with_random_phases(second, start, phases), mask
    )
    corrected = without_mask(masked, randomised, np.arange(shells.count) >= start + MIXED)
    return ShellCorrelation(frequency, unmasked, masked, randomised, corrected, float(1 / frequency[start]))


def check_halves(first: VolumeArray, second: VolumeArray) -> None:
    """Refuse what cannot be two half maps.

    Raises
    ------
    UserError
        When they are no volumes, differ in size, are too small, empty, or the same map twice, or their
        grey levels are too large or too small to be counted with.
    """
    if first.ndim != 3 or first.shape != second.shape:
        raise UserError(
            f"The half maps are {_size(first)} and {_size(second)} px.",
            "Give two volumes of one size, of one refinement.",
        )
    if min(first.shape) < _LEAST_SIDE:
        raise UserError(f"The half maps are {_size(first)} px.", f"Give maps of at least {_LEAST_SIDE} px a side.")
    if not (np.ptp(first) > 0 and np.ptp(second) > 0):
        raise UserError("A half map has the same value everywhere.", "Check how it was made.")
    for half in (first, second):
        if not _LEAST_RANGE < np.ptp(half) < _MOST_RANGE:
            raise UserError(
                f"The grey levels of a half map span {np.ptp(half):.1g}, which cannot be counted with.",
                "Scale both half maps alike, to levels of about 1.",
            )
    if np.array_equal(first, second):
        raise UserError("Both half maps are the same.", "Give the maps of the two halves of the particles.")


def transformed(volume: VolumeArray) -> Transform:
    """``(z, y, x // 2 + 1)`` half-complex Fourier transform."""
    return np.asarray(fft.rfftn(volume), np.complex64)


def with_random_phases(volume: VolumeArray, start: int, rng: np.random.Generator) -> VolumeArray:
    """The volume with the same amplitudes, but random phases from shell ``start`` on."""
    values = transformed(volume)
    # Phases of a real volume, so that those of opposite frequencies stay opposite.
    noise = transformed(rng.standard_normal(volume.shape, np.float32))
    shells_of(volume.shape).randomise(values, noise, start)
    return np.asarray(fft.irfftn(values, volume.shape, overwrite_x=True), np.float32)


def without_mask(masked: FloatArray, randomised: FloatArray, where: MaskArray) -> FloatArray:
    """``(n,)`` correlation within a mask without what the mask makes agree.

    Parameters
    ----------
    masked, randomised
        ``(n,)`` each: within the mask, and the same of maps with random phases.
    where
        ``(n,)`` shells that hold nothing but random phases, `MIXED` shells after the first such.
    """
    kept = np.minimum(randomised, 1 - np.finfo(np.float32).eps)
    return np.where(where, np.maximum((masked - kept) / (1 - kept), 0.0), masked)


def signal_to_noise(correlation: FloatArray, most: float = 1.0) -> FloatArray:
    """Of a half map, power by power, from the correlation ``c`` of both: ``c / (1 - c)``, 0 where nothing agrees.

    That of the map of all particles is twice it. Halves are taken to agree by at most ``most``; where that is 1, the
    ratio may be infinite.
    """
    agreed = np.clip(correlation, 0.0, most)
    with np.errstate(divide="ignore"):
        return np.asarray(np.divide(agreed, 1 - agreed))


def crossing(frequency: FloatArray, curve: FloatArray, threshold: float) -> float:
    """Resolution in Angstrom where a curve first crosses a threshold, on the line between two shells.

    Infinite where already the first shell is below it; that of Nyquist where none is.
    """
    last = _last(curve, threshold)
    if last == 0:
        return float("inf")
    if last == len(curve) - 1:
        return float(1 / frequency[last])
    above, below = curve[last], curve[last + 1]
    part = (above - threshold) / (above - below)
    return float(1 / (frequency[last] + part * (frequency[last + 1] - frequency[last])))


def last_shell(frequency: FloatArray, curve: FloatArray, threshold: float) -> float:
    """Resolution in Angstrom of the last shell before a curve first drops below a threshold; infinite without one."""
    last = _last(curve, threshold)
    return float(1 / frequency[last]) if last else float("inf")


def _last(curve: FloatArray, threshold: float) -> int:
    """The last shell before the first that is below a threshold; shell 0 says nothing of agreement."""
    below = np.flatnonzero(curve[1:] < threshold)
    return int(below[0]) if below.size else len(curve) - 1


def _masked_correlation(shells: Shells, first: VolumeArray, second: VolumeArray, mask: VolumeArray) -> FloatArray:
    return _from_one(shells.correlation(*(transformed(_within(half, mask)) for half in (first, second))))


def _within(volume: VolumeArray, mask: VolumeArray) -> VolumeArray:
    """A volume whose solvent is its mean there, so that the mask's edge is no edge of grey levels."""
    outside = 1 - mask
    weight = float(outside.sum(dtype=np.float64))
    mean = float(np.vdot(outside, volume)) / weight if weight > 0 else 0.0
    return np.asarray((volume - np.float32(mean)) * mask, np.float32)


def _from_one(curve: FloatArray) -> FloatArray:
    curve[0] = 1.0
    return curve


def _size(volume: npt.NDArray[np.float32]) -> str:
    return " x ".join(map(str, volume.shape))
