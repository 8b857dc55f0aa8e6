"""Random changes of geometry and looks, so that a network learns what a particle is and not what one set looks like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch.nn import functional as F

from napari_drpnet.data import FloatArray, ImageArray

HalfImage = np.ndarray[tuple[int, int], np.dtype[np.float16]]


@dataclass(frozen=True, eq=False)
class View:
    """A square crop of an image, turned, perhaps mirrored, and at another scale.

    Attributes
    ----------
    matrix
        ``(2, 2)``, from offsets in the crop to offsets in the image.
    centre
        ``(2,)`` of the crop, in image pixels.
    side
        Of the crop in its own pixels.
    """

    matrix: FloatArray
    centre: FloatArray
    side: int

    def from_image(self, yx: FloatArray) -> FloatArray:
        """Image pixels to crop pixels, ``(n, 2)``."""
        moved: FloatArray = (yx - self.centre) @ np.linalg.inv(self.matrix).T + (self.side - 1) / 2
        return moved

    def to_image(self, yx: FloatArray) -> FloatArray:
        """Crop pixels to image pixels, ``(..., 2)``."""
        moved: FloatArray = (yx - (self.side - 1) / 2) @ self.matrix.T + self.centre
        return moved

    @property
    def enlarged(self) -> float:
        """Crop pixels per image pixel."""
        return float(abs(np.linalg.det(self.matrix)) ** -0.5)

    def sides(self, box: FloatArray) -> FloatArray:
        """Heights and widths ``(n, 2)`` in image pixels to those in crop pixels, of a view by quarter turns."""
        turned: FloatArray = box @ np.abs(np.linalg.inv(self.matrix)).T
        return turned

    def of(self, image: HalfImage) -> ImageArray:
        """What the crop shows of ``image``, bilinear, reflected at the border."""
        reach = int(np.ceil(np.abs(self.matrix).sum(1).max() * self.side / 2)) + 2
        top, left = np.maximum(np.floor(self.centre).astype(int) - reach, 0)
        bottom, right = np.floor(self.centre).astype(int) + reach + 1
        window = torch.from_numpy(image[top:bottom, left:right].astype(np.float32))[None, None]
        h, w = window.shape[-2:]
        axis = torch.arange(self.side, dtype=torch.float32) - (self.side - 1) / 2
        turn = torch.from_numpy(self.matrix.T.astype(np.float32))
        grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1) @ turn
        y = (grid[..., 0] + float(self.centre[0] - top) + 0.5) * 2 / h - 1
        x = (grid[..., 1] + float(self.centre[1] - left) + 0.5) * 2 / w - 1
        sampled = F.grid_sample(
            window, torch.stack([x, y], -1)[None], mode="bilinear", padding_mode="reflection", align_corners=False
        )
        return np.asarray(sampled[0, 0])


def random_view(rng: np.random.Generator, centre: FloatArray, side: int, jitter: float, upright: bool = False) -> View:
    """A view at any angle, mirrored or not, at a scale wrong by up to ``jitter`` either way.

    ``upright``: turned by quarters only, so that boxes stay boxes.
    """
    angle, flip = rng.uniform(0, 2 * np.pi), rng.choice([-1.0, 1.0])
    if upright:
        angle = np.floor(angle / (np.pi / 2)) * np.pi / 2
    scale = np.exp(rng.uniform(-1, 1) * np.log1p(jitter))
    c, s = np.cos(angle), np.sin(angle)
    return View(np.array([[c, -s * flip], [s, c * flip]]) * scale, centre, side)


def bend_spectrum(image: ImageArray, rng: np.random.Generator) -> ImageArray:
    """The image with its power spectrum bent by a random smooth curve of spatial frequency, at the same contrast.

    Another defocus, detector, binning or filter does no more than this to the signal and to the noise alike.
    """
    knots = rng.normal(0, 0.5, 6)
    fy, fx = np.fft.fftfreq(image.shape[0])[:, None], np.fft.rfftfreq(image.shape[1])[None]
    place = np.minimum(np.hypot(fy, fx) / 0.5, 1) ** 0.5 * (len(knots) - 1)
    return _filtered(image, np.exp(np.interp(place, np.arange(len(knots)), knots)))


def denoise_by_spectrum(image: ImageArray, rng: np.random.Generator) -> ImageArray:
    """Wiener's filter for a signal whose power falls with frequency, as denoising programs apply it."""
    fy, fx = np.fft.fftfreq(image.shape[0])[:, None], np.fft.rfftfreq(image.shape[1])[None]
    signal_to_noise = (np.hypot(fy, fx) / rng.uniform(0.06, 0.25) + 1e-3) ** -rng.uniform(1, 3)
    return _filtered(image, signal_to_noise / (1 + signal_to_noise))


def _filtered(image: ImageArray, gain: FloatArray) -> ImageArray:
    bent = np.fft.irfft2(np.fft.rfft2(image) * gain, s=image.shape)
    return np.asarray((bent - bent.mean()) * (image.std() / max(bent.std(), 1e-6)) + image.mean(), np.float32)


def blur(image: ImageArray, rng: np.random.Generator) -> ImageArray:
    """A Gaussian, and the contrast that it takes partly given back."""
    image = ndimage.gaussian_filter(image, rng.uniform(0.3, 1.2), truncate=3)
    return image * np.float32(rng.uniform(1.0, 1.3))


def resample(image: ImageArray, rng: np.random.Generator) -> ImageArray:
    """Down to a coarser grid and up again, as of a micrograph that somebody binned too far."""
    h, w = image.shape
    coarse = tuple(max(8, int(n * rng.uniform(0.45, 0.9))) for n in (h, w))
    tensor = torch.from_numpy(image)[None, None]
    small = F.interpolate(tensor, coarse, mode="bilinear", antialias=True)
    return np.asarray(F.interpolate(small, (h, w), mode="bilinear")[0, 0])


def add_noise(image: ImageArray, rng: np.random.Generator) -> ImageArray:
    """White noise."""
    return image + rng.standard_normal(image.shape, np.float32) * np.float32(rng.uniform(0.02, 0.15))


def median(image: ImageArray, _: np.random.Generator) -> ImageArray:
    """The median of a pixel and its four neighbours."""
    padded = np.pad(image, 1, mode="edge")
    around = [padded[1:-1, :-2], padded[1:-1, 2:], padded[:-2, 1:-1], padded[2:, 1:-1], image]
    a, b, c, d, e = around
    # The middle of five numbers: the median of e and of the two middle ones of the four others.
    low = np.maximum(np.minimum(a, b), np.minimum(c, d))
    high = np.minimum(np.maximum(a, b), np.maximum(c, d))
    middle: ImageArray = np.maximum(np.minimum(low, high), np.minimum(np.maximum(low, high), e))
    return middle


def even_contrast(image: ImageArray, rng: np.random.Generator) -> ImageArray:
    """Local contrast normalisation: part of the local mean and spread taken out."""
    size, part = int(rng.integers(40, 100)), rng.uniform(0.3, 1.0)
    mean = ndimage.uniform_filter(image, size)
    spread = np.sqrt(np.maximum(ndimage.uniform_filter(image * image, size) - mean * mean, 1e-6))
    evened = (image - mean) / spread * image.std() + image.mean()
    return np.asarray(image + np.float32(part) * (evened - image), np.float32)


def shade(image: ImageArray, rng: np.random.Generator) -> ImageArray:
    """A slow gradient of brightness, straight or bent."""
    h, w = image.shape
    y, x = np.linspace(-1, 1, h, dtype=np.float32)[:, None], np.linspace(-1, 1, w, dtype=np.float32)[None]
    a, b, c, d = rng.uniform(-0.12, 0.12, 4).astype(np.float32)
    return np.asarray(image + a * y + b * x + c * x * y + d * (y * y - np.float32(1 / 3)), np.float32)


def quantise(image: ImageArray, rng: np.random.Generator) -> ImageArray:
    """Few grey levels, as of an 8-bit picture whose range was badly chosen."""
    levels = np.float32(rng.integers(12, 48))
    return np.asarray(np.rint(image * levels) / levels, np.float32)


# What may happen to an image, in this order, and how often.
_CHANGES: tuple[tuple[float, Callable[[ImageArray, np.random.Generator], ImageArray]], ...] = (
    (0.5, bend_spectrum),
    (0.15, shade),
    (0.3, blur),
    (0.1, resample),
    (0.3, add_noise),
    (0.1, denoise_by_spectrum),
    (0.08, median),
    (0.1, even_contrast),
)


def change_looks(image: ImageArray, rng: np.random.Generator) -> ImageArray:
    """Other people's microscopes and processing, each now and then; grey levels stay within -0.5..0.5."""
    for probability, change in _CHANGES:
        if rng.random() < probability:
            image = change(image, rng)
    image = image * np.float32(np.exp(rng.uniform(-0.35, 0.35))) + np.float32(rng.uniform(-0.1, 0.1))
    if rng.random() < 0.1:
        image = quantise(image, rng)
    return np.asarray(np.clip(image, -0.5, 0.5), np.float32)
