"""Templates as the matcher compares them: at the scale of the image, dark, and at every in-plane rotation."""

from __future__ import annotations

from dataclasses import dataclass
from warnings import warn

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_drpnet.data import FloatArray, ImageArray
from napari_drpnet.errors import UserError
from napari_drpnet.io.templates import Templates, showing
from napari_drpnet.pickers.classical.maps import ACROSS
from napari_drpnet.pickers.classical.matching import disc, turned
from napari_drpnet.pickers.seen import BLUR
from napari_drpnet.preprocess import smooth
from napari_drpnet.rescaling import rescale
from napari_drpnet.settings import TemplateSettings

# The ball in the place of templates is this wide, in diameters: particles are less wide than they are long.
_BALL = 0.75
# A template whose turned pictures correlate better than this with itself is round.
_ROUND = 0.995


def ball(diameter: float) -> Templates:
    """The projection of a dark ball, as wide as most particles of this longest extent are on average."""
    side = 2 * int(ACROSS) + 1
    along = np.arange(side) - side // 2
    height = (_BALL * ACROSS / 2) ** 2 - along[:, None] ** 2 - along**2
    return Templates(-np.sqrt(np.maximum(height, 0)).astype(np.float32)[None], diameter / ACROSS)


def scaled(image: ImageArray, factor: float, side: int) -> ImageArray:
    """A template ``factor`` times its size, cut or padded to ``(side, side)``, its centre on pixel ``side // 2``.

    Parameters
    ----------
    image
        ``(n, n)`` float32, centre on pixel ``n // 2``.
    factor
        Above 0.
    side
        Of the result; beyond the template it is as its border is on average.
    """
    n = image.shape[0]
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]]).mean()
    # So much that no edge of the picture comes near the result.
    room = int(np.ceil(max(side / factor - n, 0) / 2 + 4 / factor))
    padded = np.full((n + 2 * room, n + 2 * room), border, np.float32)
    padded[room : room + n, room : room + n] = image
    small = rescale(padded, factor)
    centre = (room + n // 2 + 0.5) * factor - 0.5
    # The fraction of a pixel by which the centre is off is taken up by interpolation.
    return np.asarray(
        ndimage.affine_transform(small, np.ones(2), np.full(2, centre - side // 2), (side, side), mode="nearest")
    )


def is_bright(images: ImageArray, mask: float) -> bool:
    """Whether particles in templates of ``ACROSS`` px are brighter than what surrounds them within a ``mask`` in px."""
    side = images.shape[1]
    inner, whole, most = (disc(side, d) > 0 for d in (0.7 * ACROSS, mask, 0.9 * mask))
    even = images - images[:, whole].mean(axis=1)[:, None, None]
    even = even / np.maximum(even[:, whole].std(axis=1), np.finfo(np.float32).tiny)[:, None, None]
    return bool(even[:, inner].mean() > even[:, whole & ~most].mean())


@dataclass(frozen=True, eq=False)
class Turns:
    """Templates at their rotations, as the matcher compares them.

    Attributes
    ----------
    images
        ``(n, side, side)`` float32, dark particles `ACROSS` px wide.
    class_number
        ``(n,)`` which template of the stack each is, from 1.
    psi
        ``(n,)`` its rotation in degrees.
    mask
        Diameter of the mask in pixels.
    """

    images: ImageArray
    class_number: npt.NDArray[np.int64]
    psi: FloatArray
    mask: float


def turns(templates: Templates, settings: TemplateSettings) -> Turns:
    """All rotations of the templates that show anything, at the scale of `maps.seen`; round ones are not turned.

    Raises
    ------
    UserError
        When no template shows anything, or they show less than the particle.

    Warns
    -----
    UserWarning
        When they look bright and the settings leave it to their look: they are inverted.
    """
    which = showing(templates.images)
    if not len(which):
        raise UserError("The templates show nothing: every one is constant.", "Choose a stack with class averages.")
    if templates.extent < 0.8 * settings.diameter:
        raise UserError(
            f"The templates show {templates.extent:.0f} A, less than the particle of {settings.diameter:g} A.",
            "Check the diameter and the pixel size of the templates, or make larger ones.",
        )
    mask = min(settings.mask, templates.extent) * ACROSS / settings.diameter
    side = 2 * int(np.ceil(mask / 2)) + 1
    factor = ACROSS * templates.pixel_size / settings.diameter
    images = np.stack([smooth(scaled(templates.images[i], factor, side), BLUR * ACROSS) for i in which])
    bright = settings.template_contrast == "bright"
    if settings.template_contrast == "auto" and is_bright(images, mask):
        warn("The templates look brighter than their background, and are inverted (template_contrast).", stacklevel=2)
        bright = True
    inside = disc(side, mask)
    stack, number, psi = [], [], []
    for i, image in zip(which, -images if bright else images, strict=True):
        angles = _angles(image, inside, settings.angle_step)
        stack.append(turned(image, angles))
        number.append(np.full(len(angles), i + 1, np.int64))
        psi.append(angles)
    return Turns(np.concatenate(stack), np.concatenate(number), np.concatenate(psi), mask)


def _angles(image: ImageArray, mask: ImageArray, step: float) -> FloatArray:
    """Rotations that a template is compared at, in degrees, -180 to 180."""
    count = max(1, round(360 / step))
    angles: FloatArray = np.arange(count) * np.float64(360 / count)
    angles[angles > 180] -= 360
    tried = turned(image, np.array([0.0, 37.0, 45.0, 90.0, 180.0]))[:, mask > 0]
    likeness = np.asarray(np.corrcoef(tried))[0].min()
    return angles[:1] if likeness > _ROUND else angles
