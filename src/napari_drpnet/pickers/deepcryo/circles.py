"""Round particles by their outline: a circular Hough transform in which every edge votes for the centre of its circle.

Al-Azzawi et al. (BMC Bioinformatics 20:326, 2019) find round particles so. A hollow particle is a ring, which clusters
of grey levels break into pieces; its outline is a circle all the same.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from napari_drpnet.candidates import inside, peaks
from napari_drpnet.data import FloatArray, ImageArray

# Radii that edges vote for, and smoothing of the image before and of the votes after, in diameters.
_RADII, _BEFORE, _AFTER = (0.38, 0.56), 0.06, 0.08
# Centres are so many diameters apart, and from the border.
_APART, _BORDER = 0.7, 0.6
# A circle has more votes than this part of those that an image without any has, in per cent.
_CHANCE = 99


def votes(image: ImageArray, diameter: float) -> ImageArray:
    """How strongly edges vote for a dark disc or ring centred on each pixel, ``(h, w)``.

    Every pixel votes, by the steepness there, for the centres that lie towards the darker side of its edge
    (Kimme, Ballard, Sklansky, Commun. ACM 18:120, 1975).

    Parameters
    ----------
    image
        ``(h, w)``, particles dark.
    diameter
        Of a particle, in pixels.
    """
    smooth = ndimage.gaussian_filter(image, _BEFORE * diameter)
    dy, dx = np.gradient(smooth)
    steep = np.hypot(dy, dx) + np.finfo(np.float32).tiny
    y, x = np.indices(image.shape)
    total = np.zeros(image.size)
    for radius in np.arange(_RADII[0] * diameter, _RADII[1] * diameter):
        to_y, to_x = (np.rint(at - along / steep * radius).astype(int) for at, along in ((y, dy), (x, dx)))
        there = (to_y >= 0) & (to_x >= 0) & (to_y < image.shape[0]) & (to_x < image.shape[1])
        total += np.bincount((to_y * image.shape[1] + to_x)[there], steep[there], image.size)
    return np.asarray(ndimage.gaussian_filter(total.reshape(image.shape), _AFTER * diameter), np.float32)


def circles(image: ImageArray, diameter: float, seed: int) -> tuple[FloatArray, float]:
    """Centres of dark discs and rings that stand out from chance.

    Chance is what the same transform finds in an image of the same power spectrum and random phases.

    Parameters
    ----------
    image, diameter
        See `votes`.
    seed
        Of the phases.

    Returns
    -------
    yx
        ``(n, 2)`` centres in pixels, best first.
    share
        Of all centres that were voted for: near 0 where particles are not round.
    """
    yx, found = _centres(votes(image, diameter), diameter)
    _, chance = _centres(votes(_scrambled(image, seed), diameter), diameter)
    if not len(found) or not len(chance):
        return np.empty((0, 2)), 0.0
    certain = found > np.percentile(chance, _CHANCE)
    return yx[certain], float(certain.mean())


def _centres(voted: ImageArray, diameter: float) -> tuple[FloatArray, FloatArray]:
    """Places ``(n, 2)`` with the most votes, and these in parts of the mean of all pixels."""
    yx, most = peaks(voted, _APART * diameter, 0.0)
    within = inside(yx, (voted.shape[0], voted.shape[1]), _BORDER * diameter)
    return yx[within], most[within] / float(voted.mean())


def _scrambled(image: ImageArray, seed: int) -> ImageArray:
    """An image of the same power spectrum, its phases random."""
    spectrum = np.abs(np.fft.rfft2(image - image.mean()))
    phase = np.random.default_rng(seed).uniform(0, 2 * np.pi, spectrum.shape)
    return np.asarray(np.fft.irfft2(spectrum * np.exp(1j * phase), s=image.shape), np.float32)
