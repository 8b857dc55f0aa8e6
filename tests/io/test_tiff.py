"""TIFF micrographs: rows as RELION turns them, every pixel type, layout and compression, stacks, colours, damage."""

import itertools
import struct
import time
import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_drpnet import UserError, read_micrograph
from napari_drpnet.io import open_image

IMAGE = np.arange(24 * 40).reshape(24, 40) % 251
STACK = np.stack([IMAGE, IMAGE + 1, IMAGE + 2])


def write(path: Path, rows_from_below: np.ndarray, **options: Any) -> Path:
    """A TIFF whose last row is row 0 of the array, as RELION and IMOD write one."""
    axis = -2 if options.get("photometric") != "rgb" or options.get("planarconfig") == "separate" else -3
    tifffile.imwrite(path, np.flip(rows_from_below, axis), **{"photometric": "minisblack", **options})
    return path


def set_tag(path: Path, tag: int, value: int, index: int = 0) -> None:
    """Write another value into a tag of the first image, without any of tifffile's checks."""
    with tifffile.TiffFile(path) as tiff:
        found = tiff.pages[0].tags[tag]
        code = {1: "B", 3: "H", 4: "I", 16: "Q"}[found.dtype]
        place = found.valueoffset + index * struct.calcsize(code)
    raw = bytearray(path.read_bytes())
    struct.pack_into(f"<{code}", raw, place, value)
    path.write_bytes(raw)


WIDTH, LENGTH, COMPRESSION, STARTS, COUNTS, RESOLUTION_UNIT, TILE_WIDTH = 256, 257, 259, 273, 279, 296, 322


# Rows


def test_the_last_row_of_the_file_is_row_0(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", IMAGE.astype("u1"))
    np.testing.assert_array_equal(read_micrograph(tmp_path / "a.tif").image, IMAGE[::-1])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_tag_is_passed_over_as_relion_does(tmp_path: Path, orientation: int) -> None:
    path = write(tmp_path / "a.tif", IMAGE.astype("f4"), extratags=[(274, "H", 1, orientation, True)])
    np.testing.assert_array_equal(read_micrograph(path).image, IMAGE)


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "f2", "f4", "f8", "i4"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_pixel_type_is_mapped_and_read(tmp_path: Path, dtype: str, order: Any) -> None:
    image = (IMAGE % 100).astype(dtype)
    path = write(tmp_path / "a.tif", image, byteorder=order)
    file = open_image(path)
    assert isinstance(file.array, np.memmap)
    assert file.pixel_size is None
    np.testing.assert_array_equal(file.array, image)
    micrograph = read_micrograph(path)
    np.testing.assert_array_equal(micrograph.image, image)
    assert micrograph.image.dtype == np.float32
    assert micrograph.image.dtype.isnative
    assert micrograph.image.flags.c_contiguous
    assert micrograph.frame.pixel_size is None


LAYOUTS: dict[str, dict[str, Any]] = {
    "one strip": {},
    "strips": {"rowsperstrip": 5},
    "tiles": {"tile": (16, 16)},
    "BigTIFF": {"bigtiff": True},
}
COMPRESSIONS: dict[str, dict[str, Any]] = {
    "LZW": {"compression": "lzw"},
    "LZW, differences": {"compression": "lzw", "predictor": True},
    "Deflate": {"compression": "zlib"},
    "Deflate, differences": {"compression": "zlib", "predictor": True},
    "ZSTD": {"compression": "zstd"},
    "PackBits": {"compression": "packbits"},
}


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "f2", "f4"])
@pytest.mark.parametrize(("layout", "compression"), [*itertools.product(LAYOUTS, COMPRESSIONS)])
def test_every_layout_and_compression_gives_the_same_image(
    tmp_path: Path, dtype: str, layout: str, compression: str
) -> None:
    image = (IMAGE % 100).astype(dtype)
    path = write(tmp_path / "a.tif", image, **LAYOUTS[layout], **COMPRESSIONS[compression])
    micrograph = read_micrograph(path)
    np.testing.assert_array_equal(micrograph.image, image)
    assert micrograph.image.flags.c_contiguous


@pytest.mark.parametrize("layout", [{}, {"tile": (16, 16)}, {"rowsperstrip": 8}, {"rowsperstrip": 24}])
def test_jpeg_inside_a_tiff_is_read(tmp_path: Path, layout: dict[str, Any]) -> None:
    smooth = (np.hypot(*np.indices((32, 48))) * 4).astype("u1")
    path = write(tmp_path / "a.tif", smooth, compression="jpeg", compressionargs={"level": 98}, **layout)
    np.testing.assert_allclose(read_micrograph(path).image, smooth, atol=3)


def test_the_micrograph_that_another_program_wrote_with_lzw_is_read(shared: Path) -> None:
    image = read_micrograph(shared / "cases" / "24" / "lzw.tif").image
    assert image.std() > 0


@pytest.mark.parametrize("compression", [None, "lzw"])
def test_one_bit_is_nought_or_one(tmp_path: Path, compression: str | None) -> None:
    path = write(tmp_path / "a.tif", IMAGE > 99, compression=compression)
    np.testing.assert_array_equal(read_micrograph(path).image, IMAGE > 99)


def test_the_resolution_is_no_pixel_size(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", IMAGE.astype("u1"), resolution=(300, 300), resolutionunit="INCH")
    assert read_micrograph(path).frame.pixel_size is None


# Stacks and colours


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"tile": (16, 16)}, {"metadata": None}])
def test_a_stack_is_lazy_and_gives_its_frames(tmp_path: Path, options: dict[str, Any]) -> None:
    path = write(tmp_path / "a.tiff", STACK.astype("u2"), **options)
    array = open_image(path).array
    assert type(array) is not np.ndarray
    assert (array.shape, array.ndim, array.dtype) == ((3, 24, 40), 3, np.uint16)
    np.testing.assert_array_equal(np.asarray(array), STACK)
    for key in (
        1,
        -1,
        np.int64(2),
        slice(0, 2),
        slice(3, 3),
        (1, slice(5, 9), 4),
        (slice(None), 3),
        (..., 3),
        (1, ..., 2),
    ):
        np.testing.assert_array_equal(array[key], STACK[key])
    with pytest.raises(IndexError):
        array[3]
    np.testing.assert_array_equal(read_micrograph(path, index=2).image, STACK[2])
    with pytest.raises(UserError, match=r"a\.tiff: there is no frame 3"):
        read_micrograph(path, index=3)


@pytest.mark.parametrize("compression", [None, "lzw"])
def test_frames_that_were_written_one_by_one_are_one_stack(tmp_path: Path, compression: str | None) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as tiff:
        for frame in STACK:
            tiff.write(frame[::-1].astype("u1"), compression=compression)
    assert open_image(path).frames == 3
    np.testing.assert_array_equal(open_image(path).array[:], STACK)
    np.testing.assert_array_equal(read_micrograph(path, index=1).image, STACK[1])


def test_images_of_another_size_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", IMAGE.astype("u1"))
    tifffile.imwrite(path, IMAGE[:8, :8].astype("u1"), append=True)
    with pytest.warns(UserWarning, match=r"a\.tif: 1 more images in it, of other sizes or kinds, are not read"):
        np.testing.assert_array_equal(read_micrograph(path).image, IMAGE)


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("compression", [None, "lzw"])
def test_colours_become_their_luminance(tmp_path: Path, planar: str, frames: int, compression: str | None) -> None:
    path = tmp_path / "a.tif"
    colour = np.stack([IMAGE, IMAGE * 0, IMAGE * 0], axis=-1 if planar == "contig" else 0).astype("u1")
    for i in range(frames):
        options: dict[str, Any] = {"photometric": "rgb", "planarconfig": planar, "compression": compression}
        write(path, colour, append=i > 0, metadata=None, **options)
    assert open_image(path).frames == frames
    np.testing.assert_allclose(read_micrograph(path, index=frames - 1).image, 0.299 * IMAGE, rtol=1e-5)


def test_numbers_of_colours_become_the_luminance_of_the_colours(tmp_path: Path) -> None:
    table = np.zeros((3, 256), "u2")
    table[1] = np.arange(256)[::-1] * 257  # green, the other way
    path = write(tmp_path / "a.tif", IMAGE.astype("u1"), photometric="palette", colormap=table)
    np.testing.assert_allclose(read_micrograph(path).image, 0.587 * 257 * (255 - IMAGE), rtol=1e-5)


# What is refused


@pytest.mark.parametrize("dtype", ["c8", "c16"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_complex_pixels_are_refused(tmp_path: Path, dtype: str, compression: str | None) -> None:
    path = write(tmp_path / "a.tif", IMAGE.astype(dtype), compression=compression)
    with pytest.raises(UserError, match=r"a\.tif: its pixels are complex, which are not read\. Save it with"):
        read_micrograph(path)


def refused(path: Path) -> str:
    """The sentence of a file that asks for too much; it takes neither time nor memory."""
    tracemalloc.start()
    start = time.perf_counter()
    try:
        with pytest.raises(UserError) as caught:
            read_micrograph(path)
        assert tracemalloc.get_traced_memory()[1] < 2**25
        assert time.perf_counter() - start < 5
    finally:
        tracemalloc.stop()
    assert len(str(caught.value)) < 300
    return str(caught.value)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
@pytest.mark.parametrize(("tag", "value"), [(LENGTH, 2**24), (WIDTH, 2**24), (LENGTH, 2**32 - 1)])
def test_a_size_that_lies_takes_neither_memory_nor_time(
    tmp_path: Path, layout: str, compression: str | None, tag: int, value: int
) -> None:
    path = write(tmp_path / "a.tif", IMAGE.astype("u2"), compression=compression, metadata=None, **LAYOUTS[layout])
    set_tag(path, tag, value)
    said = refused(path)
    assert "asks for" in said or "parts of its image are missing" in said or "cannot be read" in said


def test_a_tile_that_lies_takes_neither_memory_nor_time(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", IMAGE.astype("u2"), compression="zlib", tile=(16, 16))
    set_tag(path, TILE_WIDTH, 2**20)
    set_tag(path, TILE_WIDTH + 1, 2**20)
    assert "its header asks for" in refused(path)


def test_a_small_file_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((2**14, 2**14 + 16), "u1"), compression="zlib")
    assert f"asks for {2**28 + 2**18} bytes of pixels, but the file has only" in refused(path)


@pytest.mark.parametrize("name", ["lie.tif", "raster-23a7104e.tif", "raster-6f0826af.tif"])
def test_damaged_files_that_people_sent_are_refused_at_once(shared: Path, name: str) -> None:
    assert name in refused(shared / "cases" / "damaged" / name)


@pytest.mark.parametrize(("tag", "index"), [(STARTS, 1), (COUNTS, 0)])
def test_missing_parts_are_not_filled_with_zeros(tmp_path: Path, tag: int, index: int) -> None:
    path = write(tmp_path / "a.tif", IMAGE.astype("u2"), compression="lzw", rowsperstrip=8)
    set_tag(path, tag, 0, index)
    with pytest.raises(UserError, match=r"a\.tif cannot be read: parts of its image are missing"):
        read_micrograph(path)


@pytest.mark.parametrize("compression", ["zlib", "zstd", "lzw", "packbits"])
def test_a_part_that_is_cut_is_not_filled_with_zeros(tmp_path: Path, compression: str) -> None:
    path = write(tmp_path / "a.tif", IMAGE.astype("u2"), compression=compression, rowsperstrip=8)
    set_tag(path, COUNTS, 20, 1)
    with pytest.raises(UserError, match=r"a\.tif cannot be read: "):
        read_micrograph(path)


def test_images_that_lead_back_to_themselves_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", STACK.astype("u1"), metadata=None)
    with tifffile.TiffFile(path) as tiff:
        first, last = tiff.pages[0].offset, tiff.pages[2]
        following = last.offset + 2 + 12 * len(last.tags if isinstance(last, tifffile.TiffPage) else tiff.pages[0].tags)
    raw = bytearray(path.read_bytes())
    struct.pack_into("<I", raw, following, first)
    path.write_bytes(raw)
    with pytest.raises(UserError, match=r"a\.tif cannot be read: its list of images leads back to itself"):
        read_micrograph(path)


@pytest.mark.parametrize(("number", "name"), [(4711, "4711"), (34712, "JPEG2000"), (50001, "WEBP"), (4, "CCITTFAX4")])
def test_compressions_for_other_images_are_refused(tmp_path: Path, number: int, name: str) -> None:
    path = write(tmp_path / "a.tif", IMAGE.astype("u1"), compression="zlib")
    set_tag(path, COMPRESSION, number)
    with pytest.raises(
        UserError, match=rf"a\.tif(: its compression \({name}\) is not read| cannot be read: .*{number})"
    ):
        read_micrograph(path)


@pytest.mark.parametrize("layout", [{}, {"tile": (16, 16)}, {"rowsperstrip": 8}])
def test_jpeg_inside_a_tiff_that_lies_about_its_size_takes_no_memory(tmp_path: Path, layout: dict[str, Any]) -> None:
    path = write(tmp_path / "a.tif", IMAGE.astype("u1"), compression="jpeg", **layout)
    raw = bytearray(path.read_bytes())
    at = raw.rfind(b"\xff\xc0")
    struct.pack_into(">HH", raw, at + 5, 2**15, 2**16 - 1)
    path.write_bytes(raw)
    assert "a part of its image has 32768 x 65535 pixels" in refused(path)


def test_what_tifffile_complains_of_is_a_warning(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "a.tif", IMAGE.astype("u1"), metadata=None)
    set_tag(path, RESOLUTION_UNIT, 77)  # a unit of resolution that does not exist
    with pytest.warns(UserWarning, match=r"a\.tif: .*77 is not a valid RESUNIT.*; read all the same"):
        np.testing.assert_array_equal(read_micrograph(path).image, IMAGE)
    assert capfd.readouterr().err == ""


def test_a_sound_file_gives_no_warning(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_micrograph(write(tmp_path / "a.tif", IMAGE.astype("u1"), compression="lzw"))


def test_numbers_beyond_single_precision_are_masked(tmp_path: Path) -> None:
    image = IMAGE.astype("f8")
    image[0, 0] = 1e300
    write(tmp_path / "a.tif", image)
    with pytest.warns(UserWarning, match="1 pixels are not finite"):
        assert np.isfinite(read_micrograph(tmp_path / "a.tif").image).all()
