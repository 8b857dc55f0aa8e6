"""Open a micrograph of any format."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import Micrograph
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import reading
from napari_drpnet.io.limits import LARGEST
from napari_drpnet.io.mrc import MRC_SUFFIXES, open_mrc, usual_header
from napari_drpnet.io.paths import exists
from napari_drpnet.io.pictures import PICTURE_SUFFIXES, open_picture
from napari_drpnet.io.tiff import TIFF_SUFFIXES, is_tiff, open_tiff
from napari_drpnet.io.volumes import is_volume
from napari_drpnet.stages import READ, stage

_MRC = MRC_SUFFIXES + tuple(suffix + packed for packed in (".gz", ".bz2") for suffix in MRC_SUFFIXES)
IMAGE_SUFFIXES = _MRC + TIFF_SUFFIXES + PICTURE_SUFFIXES


# How far calibrations of one magnification differ.
_CALIBRATION = 0.1


@dataclass(frozen=True, eq=False)
class ImageFile:
    """An image file that is read when its pixels are asked for.

    Attributes
    ----------
    array
        ``(h, w)``, or ``(n, h, w)`` for a stack, in the pixel type of the file: an array, a memory map, or
        anything else with ``shape``, ``dtype``, ``ndim`` and indexing. Row 0 is where RELION has it.
    pixel_size
        Angstrom per pixel; None when the file does not tell.
    path
        The file.
    """

    array: Any
    pixel_size: float | None
    path: Path

    @property
    def frames(self) -> int:
        """Number of images: 1 unless it is a stack."""
        return 1 if self.array.ndim == 2 else int(self.array.shape[0])

    @property
    def volume(self) -> bool:
        """Whether it is a 3D volume, in which there are no particles to pick."""
        return is_volume(self.path, self.array.shape)

    def read(self, index: int = 0) -> npt.NDArray[Any]:
        """One frame ``(h, w)``, in the pixel type of the file, for as long as it is needed.

        It is read from the file where that is mapped: when the file was cut meanwhile, that is an error, and not the
        end of the process.

        Raises
        ------
        UserError
            When the file is shorter now than when it was opened, cannot be read, or does not fit into memory.
        """
        array = self.array
        if not isinstance(array, np.memmap):
            return np.asarray(array if array.ndim == 2 else array[index])
        height, width = array.shape[-2:]
        count = height * width
        if count * array.itemsize > LARGEST:
            raise UserError(f"{self.path}: {height} x {width} pixels are too many for memory.", "Bin the micrograph.")
        with reading(self.path):
            pixels = np.fromfile(self.path, array.dtype, count, offset=array.offset + index * count * array.itemsize)
        if len(pixels) < count:
            raise UserError(
                f"{self.path} is truncated: of {count} pixels there are {len(pixels)}.",
                "Wait if it is still being written; else copy or make it anew.",
            )
        frame = pixels.reshape(height, width)
        return frame[::-1] if array.strides[-2] < 0 else frame


def is_image(path: str | Path) -> bool:
    """Whether the name ends like an image we read, in upper or lower case."""
    return str(path).lower().endswith(IMAGE_SUFFIXES)


def open_image(path: str | Path) -> ImageFile:
    """Open an image of any format without reading more than is needed.

    Raises
    ------
    UserError
        For a file that is missing, damaged, truncated, or of another format.

    Warns
    -----
    UserWarning
        When an MRC header breaks the standard but the pixels can be found.
    """
    path = Path(path)
    name = path.name.lower()
    if is_tiff(name):
        return ImageFile(open_tiff(path), None, path)
    if name.endswith(PICTURE_SUFFIXES):
        return ImageFile(open_picture(path), None, path)
    if name.endswith(_MRC):
        return ImageFile(*open_mrc(path), path)
    if not exists(path):
        raise UserError(f"{path}: there is no such file.", "Check the name and the folder.")
    plain = ", ".join(MRC_SUFFIXES + TIFF_SUFFIXES + PICTURE_SUFFIXES)
    raise UserError(
        f"{path}: not a kind of image that is read.", f"Those are: {plain}; of MRC also packed ones (.gz, .bz2)."
    )


def size_of(path: Path) -> tuple[tuple[int, int], float | None]:
    """Height and width of an image in pixels, and Angstrom per pixel where its file tells; else as `open_image`."""
    if told := usual_header(path) if path.name.lower().endswith(MRC_SUFFIXES) else None:
        return told
    image = open_image(path)
    height, width = image.array.shape[-2:]
    return (height, width), image.pixel_size


@stage(READ)
def read_micrograph(
    path: str | Path, pixel_size: float | None = None, index: int = 0, name: str | None = None
) -> Micrograph:
    """Read one micrograph, whatever its format.

    Parameters
    ----------
    path
        MRC (plain, gzip or bzip2), TIFF, PNG or JPEG.
    pixel_size
        Angstrom per pixel; goes before what the file says.
    index
        Which frame of a stack, from 0; only that one is read where the file is not compressed.
    name
        What the micrograph is called in its project; default: the file's name.

    Returns
    -------
    Micrograph
        ``(h, w)`` float32; the last row of a TIFF file is row 0. Colour images become their luminance. Pixels that are
        not finite are masked in ``valid``.

    Raises
    ------
    UserError
        For a file that is missing, damaged, truncated, of another format, or without one finite pixel; for
        a frame that the stack does not have; for a pixel size that is not positive.

    Warns
    -----
    UserWarning
        When pixels are masked, or when an MRC header breaks the standard.
    """
    return read_frame(open_image(path), pixel_size, index, name)


@stage(READ)
def read_single(path: Path, pixel_size: float | None = None, name: str | None = None) -> Micrograph:
    """`read_micrograph`, of a file that must not be a stack."""
    file = open_image(path)
    if file.volume:
        size = " x ".join(map(str, file.array.shape[::-1]))
        raise UserError(f"{path} is a 3D volume ({size}).", "Particles are picked on 2D micrographs.")
    if file.frames > 1:
        raise UserError(f"{path} is a stack of {file.frames} images.", "Give single micrographs: sum a movie's frames.")
    return read_frame(file, pixel_size, name=name)


def same_magnification(one: float, other: float) -> bool:
    """Whether two pixel sizes may be calibrations of one magnification; binning changes more."""
    return abs(one / other - 1) <= _CALIBRATION


def read_frame(file: ImageFile, pixel_size: float | None = None, index: int = 0, name: str | None = None) -> Micrograph:
    """`read_micrograph`, of a file that is open already."""
    if pixel_size is not None and not 0 < pixel_size < float("inf"):
        raise UserError(f"A pixel size of {pixel_size} A is not possible.", "Give Angstrom per pixel, such as 1.06.")
    if not 0 <= index < file.frames:
        raise UserError(f"{file.path}: there is no frame {index}.", f"It has frames 0 to {file.frames - 1}.")
    try:
        frame = file.read(index)
        with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite, and is masked below
            image = np.array(frame, np.float32, copy=None, order="C")
    except MemoryError as error:
        raise UserError(f"{file.path}: there is not enough memory to read it.", "Close other programs.") from error
    if pixel_size and file.pixel_size and not same_magnification(pixel_size, file.pixel_size):
        # Without the file's name, so that it is shown once for all micrographs.
        warn(f"A header says {file.pixel_size:g} A per pixel, and {pixel_size:g} A is used.", stacklevel=2)
    micrograph = Micrograph.from_array(image, pixel_size or file.pixel_size, name or file.path.name)
    if micrograph.valid is not None:
        bad = int(micrograph.valid.size - np.count_nonzero(micrograph.valid))
        warn(f"{file.path}: {bad} pixels are not finite numbers; they are masked.", stacklevel=2)
    return replace(micrograph, path=file.path)
