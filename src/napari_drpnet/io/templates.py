"""Templates: small pictures of a particle in a stack, with the size of their pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from warnings import warn

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import ImageArray
from napari_drpnet.errors import UserError
from napari_drpnet.io.images import open_image

# A stack of as many images as each has rows is rare; a map is like this.
_LEAST_MAP = 32
_MOST_PIXELS = 2**28  # a gigabyte, 1000 pictures of 512 x 512


@dataclass(frozen=True, eq=False)
class Templates:
    """Pictures of a particle.

    Attributes
    ----------
    images
        ``(n, side, side)`` float32; the particle's centre is on pixel ``side // 2``, as RELION has it.
    pixel_size
        Angstrom per pixel.
    """

    images: ImageArray
    pixel_size: float

    @property
    def extent(self) -> float:
        """Side of the pictures in Angstrom."""
        return float(self.images.shape[1] * self.pixel_size)


def read_templates(path: Path, pixel_size: float | None = None) -> Templates:
    """The pictures of a stack that show anything; empty ones, as of a class without particles, are dark throughout.

    Parameters
    ----------
    path
        MRC stack, or any image for a single one.
    pixel_size
        Angstrom per pixel; goes before what the file says.

    Raises
    ------
    UserError
        When the file is missing or damaged, its images are not square, too many or show nothing, or their pixel size is
        unknown.

    Warns
    -----
    UserWarning
        When it looks like a map.
    """
    file = open_image(path)
    count, (height, width) = file.frames, file.array.shape[-2:]
    if height != width:
        raise UserError(f"{path}: templates are square, not {width} x {height} px.", "Cut them to a square.")
    if count * height * width > _MOST_PIXELS:
        raise UserError(f"{path}: {count} pictures of {width} x {height} px are no templates.", "Give class averages.")
    stack = np.stack([file.read(index).astype(np.float32) for index in range(count)])
    if not np.isfinite(stack).all():
        raise UserError(f"{path}: some pixels are not finite numbers.", "Make the templates anew.")
    if count == height >= _LEAST_MAP:
        warn(
            f"{path} has as many images as each has rows. If it is a map, project it (napari-drpnet templates --map).",
            stacklevel=2,
        )
    size = pixel_size or file.pixel_size
    if size is None:
        raise UserError(
            f"{path}: the pixel size of the templates is not known.", "Give it in Angstrom as template_pixel_size."
        )
    return Templates(stack, size)


def showing(images: ImageArray) -> npt.NDArray[np.intp]:
    """Indices of the images that are not constant."""
    spread = images.std(axis=(1, 2))
    return np.flatnonzero(spread > 1e-6 * np.abs(images).max(axis=(1, 2), initial=np.finfo(np.float32).tiny))
