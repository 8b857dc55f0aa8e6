"""PNG and JPEG micrographs, as they are seen: row 0 on top. They tell no pixel size that can be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_drpnet.io.files import reading
from napari_drpnet.io.limits import check_unpacked, file_size, undamaged

_PNG = b"\x89PNG\r\n\x1a\n"  # its first bytes
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg")


def open_picture(path: Path) -> npt.NDArray[Any]:
    """Pixels of a PNG or JPEG, ``(h, w)``, 8 or 16 bit; colours become luminance, transparency is dropped.

    Raises
    ------
    UserError
        For a missing or damaged file, or one that would need too much memory.
    """
    from PIL.JpegImagePlugin import JpegImageFile  # slow to load
    from PIL.PngImagePlugin import PngImageFile

    size = file_size(path)
    with reading(path), undamaged(path), path.open("rb") as file:
        kind = PngImageFile if file.peek(8).startswith(_PNG) else JpegImageFile
        # Not Image.open, which takes 100 million pixels for an attack; how many a file may have is checked here.
        with kind(file) as image:
            check_unpacked(path, image.width * image.height * len(image.getbands()), size)
            grey = image.mode in ("L", "I", "F") or image.mode.startswith("I;16")
            return np.array(image if grey else image.convert("L"))
