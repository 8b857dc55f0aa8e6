"""PNG and JPEG micrographs, as they are seen: row 0 on top. They tell no pixel size that can be trusted."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_drpnet.errors import UserError
from napari_drpnet.io.files import reading
from napari_drpnet.io.limits import check_unpacked, file_size, undamaged

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg")


def open_picture(path: Path) -> npt.NDArray[Any]:
    """Pixels of a PNG or JPEG, ``(h, w)``, 8 or 16 bit; colours become luminance, transparency is dropped.

    Raises
    ------
    UserError
        For a missing or damaged file, or one that would need too much memory.
    """
    from PIL import Image  # slow to load

    size = file_size(path)
    with reading(path), undamaged(path), warnings.catch_warnings():
        # A micrograph of 100 million pixels is no attack.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            with path.open("rb") as file, Image.open(file, formats=("PNG", "JPEG")) as image:
                check_unpacked(path, image.width * image.height * len(image.getbands()), size)
                grey = image.mode in ("L", "I", "F") or image.mode.startswith("I;16")
                return np.array(image if grey else image.convert("L"))
        except Image.DecompressionBombError as error:
            raise UserError(f"{path}: the picture is too large.", "Save it as MRC or as uncompressed TIFF.") from error
