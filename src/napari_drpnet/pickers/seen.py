"""The micrograph as pickers see it: the image, whether a particle fits, and which places lie on good pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_drpnet.candidates import IndexArray
from napari_drpnet.data import FloatArray, MaskArray, Micrograph
from napari_drpnet.errors import UserError
from napari_drpnet.pickers.contrast import within_noise
from napari_drpnet.pickers.grey import robust, standard
from napari_drpnet.preprocess import evened, finished
from napari_drpnet.settings import AnyGrey, PreprocessSettings

# Smoothing of the micrograph, in particle diameters: at 32 px the authors' sigma of 2.
BLUR = 0.05
# Wide Gaussian of the illumination correction, in particle diameters.
ILLUMINATION = 3.0
# Fewer pixels across show no particle.
_SMALLEST = 4


def network_image(
    micrograph: Micrograph,
    diameter: float,
    network_diameter: float,
    invert: bool,
    grey: AnyGrey = "percentiles",
    add_noise: bool = True,
) -> Micrograph:
    """The micrograph as our networks see it, in training as in picking.

    Bad pixels replaced, rescaled so that a particle of ``diameter`` Angstrom spans ``network_diameter`` working pixels,
    illumination evened out, fine noise smoothed, grey levels brought to those that the network knows, particles dark.

    Parameters
    ----------
    micrograph
        Any scale.
    diameter
        Of a particle, in Angstrom.
    network_diameter
        Of a particle, in pixels of the result.
    invert
        Particles are bright.
    grey
        robust, standard: see `grey`. percentiles, for networks of the first generation: levels between the 1st and 99th
        percentile become -0.5..0.5.
    add_noise
        With percentiles: add noise where the particles are too clear for these networks (`contrast.within_noise`).

    Raises
    ------
    UserError
        When the image is constant, or the pixel size is not known.
    """
    scale = network_diameter / micrograph.frame.working_pixels(diameter)
    between = grey == "percentiles"
    steps = PreprocessSettings(
        rescale=scale,
        illumination=ILLUMINATION * diameter,
        smoothing=BLUR * diameter,
        stretch=between,
        invert=invert and between,
    )
    even = evened(micrograph, steps)
    if between and add_noise:
        even = replace(even, image=within_noise(even.image, network_diameter, BLUR * network_diameter, even.valid))
    prepared = finished(even, steps)
    if between:
        return replace(prepared, image=prepared.image - np.float32(0.5))
    try:
        image = (robust if grey == "robust" else standard)(prepared.image, prepared.valid)
    except UserError as error:
        raise UserError(f"{micrograph.frame.micrograph}: {error.message}", error.hint) from None
    return replace(prepared, image=-image if invert else image)


def check_size(micrograph: Micrograph, diameter: float) -> None:
    """Refuse a particle of ``diameter`` Angstrom that the image cannot show.

    Raises
    ------
    UserError
        When it is larger than the image, smaller than a few pixels, or the pixel size is not known.
    """
    frame, side = micrograph.frame, min(micrograph.image.shape)
    wanted = frame.working_pixels(diameter)
    if wanted > side:
        raise UserError(
            f"{frame.micrograph}: a particle of {diameter:g} A is {wanted:.0f} px, more than the image's {side} px.",
            "Check the diameter and the pixel size.",
        )
    if wanted < _SMALLEST:
        raise UserError(
            f"{frame.micrograph}: a particle of {diameter:g} A is only {wanted:.1f} px.",
            "Check the diameter and the pixel size.",
        )


def on_good_pixels(yx: FloatArray, valid: MaskArray | None) -> MaskArray:
    """Which places, in pixels of the mask ``valid``, lie on a good one; ``(n,)``."""
    return np.ones(len(yx), bool) if valid is None else np.asarray(valid[nearest_pixels(yx, valid.shape)])


def nearest_pixels(yx: FloatArray, shape: tuple[int, ...]) -> tuple[IndexArray, IndexArray]:
    """Rows and columns, ``(n,)`` each, of the pixels of an image of ``shape`` that places ``(n, 2)`` lie in."""
    at = np.clip(np.rint(yx).astype(np.int64), 0, np.array(shape) - 1)
    return at[:, 0], at[:, 1]
