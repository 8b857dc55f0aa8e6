"""Random changes of looks, many crops at a time: other people's microscopes, detectors and processing.

Everything is done on numbers that grow in step with the grey levels of the micrograph (`linear`), in units
of their robust standard deviation. Which crops a change befalls, and how strongly, is drawn on the processor; the work
is done where the crops lie.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from torch.nn import functional as F

from napari_drpnet.data import FloatArray
from napari_drpnet.pickers.grey import FURTHEST, LEVEL
from napari_drpnet.settings import Grey

# Knots of the curve that bends a spectrum, over the square root of the frequency.
_KNOTS = 6
_JPEG = 8  # pixels of a block
# Percentiles of the grey levels are brought to -0.5..0.5.
_HALF = 0.5


class Chance:
    """Randomness of one batch: numbers for the processor, and noise where the crops lie.

    Parameters
    ----------
    rng
        Decides everything.
    device
        Where the crops lie.
    """

    def __init__(self, rng: np.random.Generator, device: torch.device) -> None:
        self.rng, self.device = rng, device
        self.generator = torch.Generator(device).manual_seed(int(rng.integers(2**62)))

    def some(self, n: int, probability: float) -> torch.Tensor | None:
        """Indices of those of ``n`` that something befalls; None where it is none."""
        found = np.flatnonzero(self.rng.random(n) < probability)
        return self.to(found) if len(found) else None

    def to(self, numbers: FloatArray | np.ndarray) -> torch.Tensor:
        """Numbers on the device, real ones as float32."""
        real = np.issubdtype(numbers.dtype, np.floating)
        there = torch.from_numpy(np.asarray(numbers, np.float32) if real else numbers)
        return there.to(self.device, non_blocking=True)

    def uniform(self, n: int, low: float, high: float) -> torch.Tensor:
        """``(n, 1, 1)`` numbers on the device."""
        return self.to(self.rng.uniform(low, high, (n, 1, 1)))

    def normal_like(self, x: torch.Tensor) -> torch.Tensor:
        """White noise of unit variance, of the shape of ``x``."""
        return torch.randn(x.shape, generator=self.generator, device=x.device)


def linear(levels: torch.Tensor, grey: Grey) -> torch.Tensor:
    """Grey levels of a network's image as numbers that grow in step with those of the micrograph."""
    return torch.sinh(levels.float() / LEVEL) if grey == "robust" else levels.float()


def shown(values: torch.Tensor, grey: Grey) -> torch.Tensor:
    """What `linear` gave, perhaps changed, as a network sees it."""
    if grey == "robust":
        return LEVEL * torch.asinh(values.clamp(-FURTHEST, FURTHEST))
    return values.clamp(-_HALF, _HALF)


def change_looks(levels: torch.Tensor, grey: Grey, rng: np.random.Generator) -> torch.Tensor:
    """Each crop as others may have taken and treated it.

    Parameters
    ----------
    levels
        ``(b, s, s)`` float32, as a network sees them; sides are multiples of 8.
    grey
        How these are to be understood.
    rng
        Decides everything.
    """
    chance = Chance(rng, levels.device)
    values = linear(levels, grey)
    middle, spread = _middle_and_spread(values)
    x = (values - middle) / spread
    for probability, change in _CHANGES:
        chosen = chance.some(len(x), probability)
        if chosen is not None:
            x = x.index_copy(0, chosen, change(x[chosen], chance))
    new_middle, new_spread = _middle_and_spread(x)
    n = len(x)
    gain, offset = chance.to(np.exp(rng.uniform(-0.3, 0.3, (n, 1, 1)))), chance.uniform(n, -0.4, 0.4)
    x = (x - new_middle) / new_spread * gain + offset
    return shown(x * spread + middle, grey)


def _middle_and_spread(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Median and robust standard deviation of each crop, ``(b, 1, 1)``, from every third pixel."""
    sample = x[:, ::3, ::3].flatten(1)
    middle = sample.median(1, keepdim=True).values
    spread = 1.4826 * (sample - middle).abs().median(1, keepdim=True).values
    # A crop may be flat: a hole, or grey levels that were cut off.
    floor = 0.05 * sample.std(1, keepdim=True) + 1e-3
    return middle[..., None], torch.maximum(spread, floor)[..., None]


@lru_cache(maxsize=8)
def _frequency(side: int, device: torch.device) -> torch.Tensor:
    """Spatial frequency in cycles a pixel, ``(s, s // 2 + 1)``."""
    fy, fx = torch.fft.fftfreq(side, device=device), torch.fft.rfftfreq(side, device=device)
    return torch.hypot(fy[:, None], fx[None])


@lru_cache(maxsize=8)
def _hats(side: int, device: torch.device) -> torch.Tensor:
    """Weights of the knots at each frequency, ``(knots, s, s // 2 + 1)``: linear in between."""
    place = (_frequency(side, device) / 0.5).clamp(max=1).sqrt() * (_KNOTS - 1)
    knots = torch.arange(_KNOTS, device=device)[:, None, None]
    return (1 - (place - knots).abs()).clamp(min=0)


def _filtered(x: torch.Tensor, gain: torch.Tensor) -> torch.Tensor:
    filtered: torch.Tensor = torch.fft.irfft2(torch.fft.rfft2(x) * gain, s=x.shape[-2:])
    return filtered


def bend_spectrum(x: torch.Tensor, chance: Chance) -> torch.Tensor:
    """A power spectrum bent by a smooth curve, as of another defocus, detector or binning."""
    knots = chance.to(chance.rng.normal(0, 0.5, (len(x), _KNOTS)))
    return _filtered(x, torch.exp(torch.einsum("bk,khw->bhw", knots, _hats(x.shape[-1], x.device))))


def denoise(x: torch.Tensor, chance: Chance) -> torch.Tensor:
    """Wiener's filter for a signal whose power falls with frequency, gently or so that nothing fine is left."""
    f = _frequency(x.shape[-1], x.device)
    power = chance.uniform(len(x), 1, 6)
    ratio = (f / chance.uniform(len(x), 0.05, 0.25) + 1e-3) ** -power
    return _filtered(x, ratio / (1 + ratio))


def blur(x: torch.Tensor, chance: Chance) -> torch.Tensor:
    """A Gaussian."""
    sigma = chance.uniform(len(x), 0.3, 2.5)
    return _filtered(x, torch.exp(-2 * (math.pi * sigma * _frequency(x.shape[-1], x.device)) ** 2))


def high_pass(x: torch.Tensor, chance: Chance) -> torch.Tensor:
    """Part of everything broad taken out, down to what is as broad as a particle."""
    sigma = chance.to(np.exp(chance.rng.uniform(np.log(8), np.log(80), (len(x), 1, 1))))
    part = chance.uniform(len(x), 0.5, 1.0)
    return _filtered(x, 1 - part * torch.exp(-2 * (math.pi * sigma * _frequency(x.shape[-1], x.device)) ** 2))


def even_contrast(x: torch.Tensor, chance: Chance) -> torch.Tensor:
    """Local contrast normalisation: part of the local mean and spread taken out."""
    sigma = chance.to(np.exp(chance.rng.uniform(np.log(10), np.log(50), (len(x), 1, 1))))
    gain = torch.exp(-2 * (math.pi * sigma * _frequency(x.shape[-1], x.device)) ** 2)
    mean = _filtered(x, gain)
    spread = _filtered((x - mean) ** 2, gain).clamp(min=1e-2).sqrt()
    return torch.lerp(x, (x - mean) / spread, chance.uniform(len(x), 0.3, 1.0))


def resample(x: torch.Tensor, chance: Chance) -> torch.Tensor:
    """Down to a coarser grid and up again, as of a micrograph that somebody binned too far."""
    side = x.shape[-1]
    coarse = max(8, int(side * chance.rng.uniform(0.3, 0.9)))
    small = F.interpolate(x[:, None], (coarse, coarse), mode="bilinear", antialias=True)
    return F.interpolate(small, (side, side), mode="bilinear")[:, 0]


def add_noise(x: torch.Tensor, chance: Chance) -> torch.Tensor:
    """White noise."""
    return x + chance.normal_like(x) * chance.uniform(len(x), 0.1, 0.8)


def add_smooth_noise(x: torch.Tensor, chance: Chance) -> torch.Tensor:
    """Noise as it is after the smoothing that networks are shown: all becomes fainter."""
    sigma = chance.uniform(len(x), 1.0, 2.0)
    noise = _filtered(chance.normal_like(x), torch.exp(-2 * (math.pi * sigma * _frequency(x.shape[-1], x.device)) ** 2))
    strength = chance.to(np.exp(chance.rng.uniform(np.log(0.2), np.log(2.0), (len(x), 1, 1))))
    return x + noise / noise.std((1, 2), keepdim=True) * strength


def median(x: torch.Tensor, _: Chance) -> torch.Tensor:
    """The median of a pixel and its four neighbours."""
    padded = F.pad(x[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    parts = (padded[:, 1:-1, :-2], padded[:, 1:-1, 2:], padded[:, :-2, 1:-1], padded[:, 2:, 1:-1], x)
    return torch.stack(parts).median(0).values


def shade(x: torch.Tensor, chance: Chance) -> torch.Tensor:
    """A slow gradient of brightness, straight or bent."""
    axis = torch.linspace(-1, 1, x.shape[-1], device=x.device)
    b, a = axis[None], axis[:, None]
    strengths = (chance.uniform(len(x), -0.6, 0.6) for _ in range(4))
    return x + sum(s * each for s, each in zip(strengths, (a, b, a * b, a * a - 1 / 3), strict=True))


def cut_off(x: torch.Tensor, chance: Chance) -> torch.Tensor:
    """The darkest and the brightest grey levels cut off."""
    low, high = -chance.uniform(len(x), 1.5, 6), chance.uniform(len(x), 1.5, 6)
    return torch.minimum(torch.maximum(x, low), high)


def bend_grey(x: torch.Tensor, chance: Chance) -> torch.Tensor:
    """Grey levels that do not grow in step with the electrons."""
    return torch.sign(x) * x.abs() ** chance.uniform(len(x), 0.75, 1.3)


def quantise(x: torch.Tensor, chance: Chance) -> torch.Tensor:
    """Few grey levels, as of an 8-bit picture whose range was badly chosen."""
    step = chance.uniform(len(x), 0.1, 0.8)
    return torch.round(x / step) * step


@lru_cache(maxsize=8)
def _cosines(device: torch.device) -> torch.Tensor:
    """The discrete cosine transform of a block's rows, orthonormal, ``(8, 8)``."""
    n = torch.arange(_JPEG, device=device, dtype=torch.float32)
    rows = torch.cos(math.pi / _JPEG * (n[None] + 0.5) * n[:, None]) * math.sqrt(2 / _JPEG)
    rows[0] /= math.sqrt(2)
    return rows


def jpeg(x: torch.Tensor, chance: Chance) -> torch.Tensor:
    """What is lost in a JPEG file: cosines of 8 x 8 pixels, rounded the more the finer they are."""
    b, side, _ = x.shape
    blocks = x.reshape(b, side // _JPEG, _JPEG, side // _JPEG, _JPEG)
    cosines = _cosines(x.device)
    n = torch.arange(_JPEG, device=x.device)
    step = chance.uniform(b, 0.1, 0.6)[..., None, None] * (1 + n[:, None, None] + n[None, None])
    found = torch.einsum("ui,bhiwj,vj->bhuwv", cosines, blocks, cosines)
    kept = torch.round(found / step) * step
    return torch.einsum("ui,bhuwv,vj->bhiwj", cosines, kept, cosines).reshape(b, side, side)


# What may happen to a crop, in this order, and how often.
_CHANGES: tuple[tuple[float, Callable[[torch.Tensor, Chance], torch.Tensor]], ...] = (
    (0.5, bend_spectrum),
    (0.15, shade),
    (0.12, add_smooth_noise),
    (0.25, blur),
    (0.12, resample),
    (0.2, add_noise),
    (0.12, denoise),
    (0.06, median),
    (0.12, high_pass),
    (0.08, even_contrast),
    (0.08, cut_off),
    (0.08, bend_grey),
    (0.08, quantise),
    (0.06, jpeg),
)
