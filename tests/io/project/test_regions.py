"""Painted regions on disk: what no longer is a picture of one is one sentence, and takes no memory."""

import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_drpnet import UserError
from napari_drpnet.io.project.regions import read_region, write_region

MASK = np.indices((30, 40))[1] < 12


def png(side: int, rows: int) -> bytes:
    """A picture that says it is ``side`` pixels high and wide, and has fewer rows."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(side + 1) * rows)) + chunk(b"IEND", b"")


def test_a_region_comes_back(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_region(write_region(MASK, tmp_path / "a.png")), MASK)


@pytest.mark.parametrize("mode", ["L", "1", "RGB", "P", "LA"])
def test_a_region_that_another_program_saved_anew_is_read(tmp_path: Path, mode: str) -> None:
    Image.fromarray(MASK.astype("u1") * np.uint8(255)).convert("RGB").convert(mode).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_region(tmp_path / "a.png"), MASK)


@pytest.mark.parametrize("side", [30_000, 17_000, 2**31 - 1])
def test_a_picture_that_says_it_is_huge_takes_no_memory(tmp_path: Path, side: int) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(side, 1) if side < 2**16 else png(16, 16).replace(struct.pack(">II", 16, 16), b"\x7f" * 8))
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match=r"a\.png.* Delete a\.png, and paint the region anew\."):
            read_region(path)
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("content", [b"", b"no picture", png(64, 64)[:48]], ids=["empty", "text", "cut"])
def test_what_is_no_picture_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.png cannot be read: .* Delete a\.png, and paint the region anew\."):
        read_region(tmp_path / "a.png")
