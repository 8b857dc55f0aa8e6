"""TIFF, PNG and JPEG micrographs: every pixel type, stacks, colours, damage."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_drpnet import UserError, read_micrograph
from napari_drpnet.io import is_image, open_image

IMAGE = np.arange(24 * 40).reshape(24, 40) % 251
STACK = np.stack([IMAGE, IMAGE + 1, IMAGE + 2])


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "f2", "f4", "f8", "i4"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_of_every_pixel_type_is_mapped_and_read(tmp_path: Path, dtype: str, order: Any) -> None:
    path = tmp_path / "a.tif"
    image = (IMAGE % 100).astype(dtype)
    tifffile.imwrite(path, image, byteorder=order)
    file = open_image(path)
    assert isinstance(file.array, np.memmap)
    assert file.pixel_size is None
    micrograph = read_micrograph(path)
    np.testing.assert_array_equal(micrograph.image, image)
    assert micrograph.image.dtype == np.float32
    assert micrograph.image.dtype.isnative
    assert micrograph.frame.pixel_size is None


def test_the_resolution_of_a_tiff_is_no_pixel_size(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, IMAGE.astype("u1"), resolution=(300, 300), resolutionunit="INCH")
    assert read_micrograph(path).frame.pixel_size is None


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_tiff_stack_is_lazy_and_gives_its_frames(tmp_path: Path, compression: str | None) -> None:
    path = tmp_path / "a.tiff"
    tifffile.imwrite(path, STACK.astype("u2"), compression=compression, photometric="minisblack")
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


def test_a_compressed_tiff_image_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, IMAGE.astype("f4"), compression="zlib", tile=(16, 16))
    np.testing.assert_array_equal(read_micrograph(path).image, IMAGE)


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("frames", [1, 3])
def test_a_colour_tiff_becomes_its_luminance(tmp_path: Path, planar: str, frames: int) -> None:
    path = tmp_path / "a.tif"
    colour = np.stack([IMAGE, IMAGE * 0, IMAGE * 0], axis=-1).astype("u1")
    for i in range(frames):
        frame = colour if planar == "contig" else np.moveaxis(colour, -1, 0)
        tifffile.imwrite(path, frame, photometric="rgb", planarconfig=planar, append=i > 0, metadata=None)
    assert open_image(path).frames == frames
    np.testing.assert_allclose(read_micrograph(path, index=frames - 1).image, 0.299 * IMAGE, rtol=1e-5)


@pytest.mark.parametrize(("suffix", "dtype"), [(".png", "u1"), (".PNG", "u2"), (".jpg", "u1"), (".jpeg", "u1")])
def test_a_picture_is_read(tmp_path: Path, suffix: str, dtype: str) -> None:
    path = tmp_path / f"a{suffix}"
    smooth = (np.hypot(*np.indices((24, 40))) * (5 if dtype == "u1" else 1300)).astype(dtype)
    Image.fromarray(smooth).save(path, **({"quality": 95} if suffix.startswith(".j") else {}))
    assert is_image(path)
    assert open_image(path).array.dtype == np.dtype(dtype)
    tolerance = 3 if suffix.startswith(".j") else 0
    np.testing.assert_allclose(read_micrograph(path).image, smooth, atol=tolerance)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "LA", "CMYK", "1", "YCbCr"])
def test_a_picture_in_any_colour_mode_becomes_grey(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.jpg" if mode in ("CMYK", "YCbCr") else "a.png")
    grey = np.where(np.indices((24, 40))[1] < 16, 0, 255).astype("u1")
    Image.fromarray(grey).convert("RGB").convert(mode).save(path)
    array = open_image(path).array
    assert array.shape == (24, 40)
    np.testing.assert_allclose(array, grey, atol=3)


def test_red_counts_less_than_green(tmp_path: Path) -> None:
    for value, name in (((200, 0, 0), "red"), ((0, 200, 0), "green")):
        Image.new("RGB", (8, 8), value).save(tmp_path / f"{name}.png")
    assert open_image(tmp_path / "red.png").array[0, 0] == pytest.approx(0.299 * 200, abs=1)
    assert open_image(tmp_path / "green.png").array[0, 0] == pytest.approx(0.587 * 200, abs=1)


def test_a_picture_of_100_million_pixels_is_no_attack(tmp_path: Path) -> None:
    Image.new("L", (11520, 8184)).save(tmp_path / "a.png", compress_level=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_image(tmp_path / "a.png").array.shape == (8184, 11520)


@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg"])
@pytest.mark.parametrize("part", [0.0, 0.02, 0.5, 0.9])
def test_a_truncated_file_is_one_sentence(tmp_path: Path, suffix: str, part: float) -> None:
    path = tmp_path / f"a{suffix}"
    noise = np.random.default_rng(0).integers(0, 255, (64, 64)).astype("u1")
    if suffix == ".tif":
        tifffile.imwrite(path, noise)
    else:
        Image.fromarray(noise).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(UserError, match=rf"a\{suffix} cannot be read: .*\. "):
        read_micrograph(path)


@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg"])
@pytest.mark.parametrize(
    "content", [b"not an image", b"\x89PNG\r\n\x1a\nbroken", b"II*\0\x08\0\0\0", b"\xff\xd8\xff\xe0junk"]
)
def test_what_is_no_image_is_one_sentence(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"a\{suffix} cannot be read"):
        read_micrograph(path)


@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg"])
def test_missing_files_and_folders_are_one_sentence(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(UserError, match="there is no such file"):
        read_micrograph(tmp_path / f"no{suffix}")
    (tmp_path / f"folder{suffix}").mkdir()
    with pytest.raises(UserError, match="is a folder"):
        read_micrograph(tmp_path / f"folder{suffix}")


def test_numbers_beyond_single_precision_are_masked(tmp_path: Path) -> None:
    image = IMAGE.astype("f8")
    image[0, 0] = 1e300
    tifffile.imwrite(tmp_path / "a.tif", image)
    with pytest.warns(UserWarning, match="1 pixels are not finite"):
        assert np.isfinite(read_micrograph(tmp_path / "a.tif").image).all()


def test_the_real_micrographs_are_read(shared: Path) -> None:
    for name, shape in (("10017/Falcon_2012_06_12-14_33_35_0.jpg", (4096, 4096)), ("10146/May08_03.05.02.png", None)):
        micrograph = read_micrograph(shared / "data" / name)
        assert shape is None or micrograph.image.shape == shape
        assert micrograph.image.std() > 0
    path = next((shared / "data" / "contaminated").glob("*.mrc"))
    assert read_micrograph(path).frame.pixel_size is None, "its header says 1.0, which means nothing"
