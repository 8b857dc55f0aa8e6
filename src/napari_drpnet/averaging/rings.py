"""Whether a CTF is that of a micrograph: its zeros leave dark rings in the power spectrum, which fit it or do not.

The power spectrum and the square of the CTF are compared after what is smooth in either has been taken away. Where the
CTF that was told fits badly, all other defoci are tried: one that fits much better shows that rings are there, and are
others. Where none fits well, no rings are seen, and nothing is known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.fft

from napari_drpnet.data import FloatArray, ImageArray
from napari_drpnet.io.ctf import CTF
from napari_drpnet.lens import aberration, wavelength

# Angstrom: wider waves are those of the particles, and finer ones rarely have rings.
_WIDEST, _FINEST = 25.0, 6.5
# Above this part of the sampling frequency programs that bin have changed the power.
_SHARPEST = 0.45
# Angstrom: in tiles of this edge rings of 5 um are still apart.
_TILE = 900.0
_PIXELS = 4_000_000  # of a micrograph that are looked at; with more it takes long
_SECTORS = 8  # of half a turn, which astigmatism bends rings over
_SMOOTH = 4  # degree of the polynomial that is taken away
_FADING = 80.0  # square Angstrom, B of the power of rings
# Angstrom: defoci that are tried. Of weaker ones there are too few rings.
_LEAST, _MOST, _STEP = 3000.0, 50_000.0, 250.0
# A CTF may be off by so much, in Angstrom or as a part: the ice is tilted, and programs differ.
_OFF, _OFF_PART = 500.0, 0.05
# Correlation at which rings are there: of a few rings, and of so many that nothing else looks like them.
_FEW_SEEN, _MANY_SEEN, _MANY = 0.6, 0.35, 3.0
# Of the best correlation: what less than this fits badly.
_BADLY = 0.5


@dataclass(frozen=True)
class Rings:
    """How well the rings of a micrograph fit the CTF that was told.

    Attributes
    ----------
    told
        Correlation with the CTF that was told, or with one that is a little off, -1 to 1.
    best
        With the defocus that fits best.
    defocus
        That one, in Angstrom.
    seen
        Whether rings are clearly there.
    """

    told: float
    best: float
    defocus: float
    seen: bool

    @property
    def misfit(self) -> bool:
        """Whether rings are there, and are those of another CTF."""
        return self.seen and self.told < _BADLY * self.best


def rings(image: ImageArray, pixel_size: float, ctf: CTF) -> Rings:
    """Compare the power spectrum of a micrograph with its CTF.

    Parameters
    ----------
    image
        ``(h, w)`` of the whole micrograph, without bad pixels.
    pixel_size
        Angstrom.
    ctf
        That was told.
    """
    spectrum = _spectrum(image, pixel_size)
    if spectrum is None:
        return Rings(0.0, 0.0, 0.0, False)
    told = (ctf.defocus_u + ctf.defocus_v) / 2
    sign = -1.0 if told < 0 else 1.0
    others = sign * np.arange(_LEAST, max(_MOST, 1.5 * abs(told)), _STEP)
    off = max(_OFF, _OFF_PART * abs(told))
    near = told + np.linspace(-off, off, 2 * round(off / _STEP) + 1)
    values = spectrum.likeness(ctf, np.concatenate([near, others]))
    # Where programs took an astigmatism that is not there, other defoci shall not suffer from it.
    round_ = spectrum.likeness(replace(ctf, defocus_u=told, defocus_v=told), others)
    here, elsewhere = float(values[: len(near)].max()), np.maximum(values[len(near) :], round_)
    best = int(elsewhere.argmax())
    defocus, value = float(others[best]), float(max(elsewhere[best], here))
    count = wavelength(ctf.voltage) * abs(defocus) * (spectrum.highest**2 - spectrum.lowest**2)
    return Rings(here, value, defocus, value >= (_MANY_SEEN if count >= _MANY else _FEW_SEEN))


@dataclass(frozen=True, eq=False)
class _Spectrum:
    """A power spectrum in sectors, without what is smooth in it.

    Attributes
    ----------
    fy, fx
        ``(n,)`` middle of each place in it, in 1/Angstrom.
    weight
        ``(n,)`` root of how many frequencies are in each.
    smooth
        ``(n, m)`` orthonormal, what was taken away.
    power
        ``(n,)`` what is left, of norm 1.
    """

    fy: FloatArray
    fx: FloatArray
    weight: FloatArray
    smooth: FloatArray
    power: FloatArray

    @property
    def lowest(self) -> float:
        """In 1/Angstrom."""
        return float(np.hypot(self.fy, self.fx).min())

    @property
    def highest(self) -> float:
        """In 1/Angstrom."""
        return float(np.hypot(self.fy, self.fx).max())

    def likeness(self, ctf: CTF, defoci: FloatArray) -> FloatArray:
        """``(k,)`` correlation with the CTF at ``(k,)`` mean defoci, in Angstrom."""
        fy, fx = self.fy.astype(np.float32), self.fx.astype(np.float32)
        # The aberration is linear in the defocus.
        none, some = (aberration(replace(ctf.lens, defocus=value), fy, fx) for value in (0.0, 1e4))
        constant = none + ctf.lens.phase_shift + np.float32(np.arcsin(ctf.amplitude_contrast))
        phase = constant + defoci[:, None].astype(np.float32) * ((some - none) / np.float32(1e4))
        waves = np.sin(phase) ** 2 * (np.exp(-_FADING / 2 * (fy**2 + fx**2)) * self.weight).astype(np.float32)
        waves = waves - (waves @ self.smooth) @ self.smooth.T
        size = np.linalg.norm(waves, axis=1)
        return np.asarray((waves @ self.power) / np.maximum(size, 1e-12), np.float64)


def _spectrum(image: ImageArray, pixel_size: float) -> _Spectrum | None:
    """The power between the widest and the finest waves; None where the pixels are too coarse or too few."""
    side = min(scipy.fft.next_fast_len(round(_TILE / pixel_size), real=True), *image.shape)
    step, lowest = 1 / (side * pixel_size), 1 / _WIDEST
    highest = min(1 / _FINEST, _SHARPEST / pixel_size)
    count = int((highest - lowest) / step)
    if count <= 2 * _SMOOTH:
        return None
    power = _power(image, side)
    fy, fx = scipy.fft.fftfreq(side, pixel_size)[:, None], scipy.fft.rfftfreq(side, pixel_size)[None]
    away, angle = np.hypot(fy, fx), np.arctan2(fy, fx) % np.pi
    # Lines and columns of a detector lie on the axes.
    used = (away >= lowest) & (away < lowest + count * step) & (np.abs(fy) > step / 2) & (np.abs(fx) > step / 2)
    ring, sector = ((away - lowest) / step).astype(np.int64), (angle / np.pi * _SECTORS).astype(np.int64) % _SECTORS
    place = (sector * count + np.minimum(ring, count - 1))[used]
    many = np.bincount(place, minlength=_SECTORS * count)
    there = many > 0

    def mean(values: FloatArray) -> FloatArray:
        return np.bincount(place, values, _SECTORS * count)[there] / many[there]

    level, radius = mean(power[used]), mean(away[used])
    if not level.min() > 0:
        return None
    sector_of = np.asarray(np.flatnonzero(there) // count, np.float64)
    middle = (sector_of + 0.5) / _SECTORS * np.pi
    weight = np.sqrt(many[there].astype(np.float64))
    smooth = _smooth(2 * (radius - lowest) / (highest - lowest) - 1, sector_of, weight)
    rest = np.log(level) * weight
    rest = rest - smooth @ (smooth.T @ rest)
    rest /= max(float(np.linalg.norm(rest)), 1e-12)
    return _Spectrum(radius * np.sin(middle), radius * np.cos(middle), weight, smooth, rest)


def _power(image: ImageArray, side: int) -> FloatArray:
    """``(side, side // 2 + 1)`` mean power of tiles spread over an image."""
    corners = [
        (y, x) for y in range(0, image.shape[0] - side + 1, side) for x in range(0, image.shape[1] - side + 1, side)
    ]
    wanted = max(1, _PIXELS // side**2)
    chosen = corners[:: -(-len(corners) // wanted)]
    window = np.outer(*[np.hanning(side + 2)[1:-1].astype(np.float32)] * 2)
    total = np.zeros((side, side // 2 + 1))
    for y, x in chosen:
        tile = image[y : y + side, x : x + side]
        tile = tile - tile.mean()
        total += np.abs(scipy.fft.rfft2(tile / max(float(tile.std()), 1e-12) * window, workers=1)) ** 2
    return total / len(chosen)


def _smooth(radius: FloatArray, sector: FloatArray, weight: FloatArray) -> FloatArray:
    """``(n, m)`` orthonormal: a polynomial of the radius, from -1 to 1, and a level for each sector."""
    levels = (sector[:, None] == np.arange(1, _SECTORS)).astype(np.float64)
    columns = np.hstack([np.polynomial.chebyshev.chebvander(radius, _SMOOTH), levels])
    basis, _ = np.linalg.qr(columns * weight[:, None])
    return np.asarray(basis, np.float64)
