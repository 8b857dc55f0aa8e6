"""Small pure functions on images, and `prepare`, which chains them.

Images are ``(h, w)`` float32; sigmas of the array functions are in pixels of that image.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from napari_drpnet.data import ImageArray, MaskArray, Micrograph
from napari_drpnet.defects import repaired
from napari_drpnet.errors import UserError
from napari_drpnet.rescaling import rescale
from napari_drpnet.settings import PreprocessSettings
from napari_drpnet.stages import stage

_PERCENTILE_SAMPLE = 1 << 18
_CONSTANT = 2e-6
# How far a bad area is seen, in pixels: of its neighbours, those that saw something of it are bad, too.
_RIM = 2
# Up to half of all pixels may be bad, in a pattern or at random: what is around a place then tells enough.
_USABLE = 0.4


def smooth(image: ImageArray, sigma: float) -> ImageArray:
    """Gaussian smoothing with ``sigma`` in pixels; 0 returns the image, one beyond its size sees no more of it."""
    if sigma <= 0:
        return image
    sigma = min(sigma, float(max(image.shape)))
    result: ImageArray = ndimage.gaussian_filter(image, sigma, mode="reflect", truncate=3.0)
    return result


def background(image: ImageArray, sigma: float) -> ImageArray:
    """The image under a wide Gaussian of ``sigma`` pixels, computed on a coarse grid.

    A Gaussian much wider than a pixel needs no fine grid: bins of ``sigma / 4`` leave its shape as it is at a
    small fraction of the work. One beyond the size of the image sees no more of it, but would take all memory.
    """
    sigma = min(sigma, float(max(image.shape)))
    bin_size = max(1, int(sigma / 4))
    if bin_size == 1:
        return smooth(image, sigma)
    h, w = image.shape
    padded = np.pad(image, ((0, -h % bin_size), (0, -w % bin_size)), mode="reflect" if min(h, w) > bin_size else "edge")
    bins = padded.reshape(padded.shape[0] // bin_size, bin_size, padded.shape[1] // bin_size, bin_size).mean((1, 3))
    coarse = smooth(bins, sigma / bin_size)
    return rescale(coarse, bin_size)[:h, :w]


def flatten(image: ImageArray, sigma: float) -> ImageArray:
    """Even out the illumination: ``I - G(I) + mean(G(I))`` with a Gaussian of ``sigma`` pixels.

    Equation 1 of the DRPnet paper.
    """
    if sigma <= 0:
        return image
    wide = background(image, sigma)
    level = np.float32(wide.mean(dtype=np.float64))
    flat: ImageArray = image - wide + level
    return flat


def limits(
    image: ImageArray, low: float = 1.0, high: float = 99.0, valid: MaskArray | None = None
) -> tuple[float, float]:
    """Grey levels at two percentiles, estimated on a regular sample of at least 250,000 pixels.

    Raises
    ------
    UserError
        When both are the same: a constant image holds no particles.
    """
    step = max(1, int((image.size / _PERCENTILE_SAMPLE) ** 0.5))
    sample = image[::step, ::step]
    if valid is not None and valid[::step, ::step].any():
        sample = sample[valid[::step, ::step]]
    bottom, top = (float(v) for v in np.percentile(sample, (low, high)))
    # Not 0: evening out a constant image leaves the rounding errors of single precision.
    if not top - bottom > _CONSTANT * max(abs(top), abs(bottom)):
        raise UserError("The image is constant: every pixel has the same value.", "Leave it out, or make it anew.")
    return bottom, top


def stretch(image: ImageArray, bottom: float, top: float) -> ImageArray:
    """Grey levels from ``bottom..top`` to 0..1, clipped there."""
    result: ImageArray = np.clip((image - np.float32(bottom)) * np.float32(1 / (top - bottom)), 0, 1)
    return result


def invert(image: ImageArray) -> ImageArray:
    """Dark to bright and bright to dark, within the same range."""
    result: ImageArray = image.max() + image.min() - image
    return result


def _usable(good: MaskArray | None, factor: float, sigma: float) -> MaskArray | None:
    """The good pixels of an image rescaled by ``factor`` and smoothed by ``sigma`` of its pixels; None for all.

    Single bad pixels cost nothing, for they were filled in. Bad is where well over half of what a pixel sees was, with
    its neighbours that saw something bad, so that nothing of a large bad area is left.
    """
    if good is None:
        return None
    share = rescale(good.astype(np.float32), factor)
    bad = smooth(share, max(sigma, _RIM)) < _USABLE
    if not bad.any():
        return None
    near = ndimage.binary_dilation(bad, iterations=_RIM + 1)
    return np.asarray(~(bad | (near & (share < 0.99))), np.bool_)


@stage("rescale")
def evened(micrograph: Micrograph, settings: PreprocessSettings) -> Micrograph:
    """The first steps of `prepare`: bad pixels replaced, rescaled, illumination evened out."""
    frame = micrograph.frame.rescaled(settings.rescale)
    if min(micrograph.image.shape) * settings.rescale < 1:
        raise UserError(
            f"{frame.micrograph}: nothing is left of the image at {settings.rescale:g} times its size.",
            "Choose a larger rescale factor.",
        )
    whole = repaired(micrograph)
    image = rescale(whole.image, settings.rescale)
    sigma = frame.working_pixels(settings.smoothing) if settings.smoothing > 0 else 0.0
    valid = _usable(whole.valid, settings.rescale, sigma)
    if settings.illumination > 0:
        image = flatten(image, frame.working_pixels(settings.illumination))
    return replace(micrograph, image=image, frame=frame, valid=valid)


@stage("rescale")
def finished(micrograph: Micrograph, settings: PreprocessSettings) -> Micrograph:
    """The last steps of `prepare`, of what `evened` gave: smoothed, stretched, inverted."""
    image = micrograph.image
    if settings.smoothing > 0:
        image = smooth(image, micrograph.frame.working_pixels(settings.smoothing))
    if settings.stretch:
        try:
            image = stretch(image, *limits(image, settings.low, settings.high, micrograph.valid))
        except UserError as error:
            raise UserError(f"{micrograph.frame.micrograph}: {error.message}", error.hint) from None
    if settings.invert:
        image = invert(image)
    return replace(micrograph, image=np.ascontiguousarray(image))


def prepare(micrograph: Micrograph, settings: PreprocessSettings) -> Micrograph:
    """Replace bad pixels, rescale, even out, smooth, stretch and invert a micrograph, keeping its place.

    Parameters
    ----------
    micrograph
        Any scale; lengths of the settings (Angstrom) are converted with its frame.
    settings
        Which steps, and how strong.

    Returns
    -------
    Micrograph
        The result in working pixels, with the frame that leads back to the file.

    Raises
    ------
    UserError
        For a constant image, a pixel size that is needed and unknown, or a result without a pixel.
    """
    return finished(evened(micrograph, settings), settings)
