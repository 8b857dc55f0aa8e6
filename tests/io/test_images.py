"""Image files of any kind: pictures, what is damaged or no file at all, and files that change while they are open."""

import os
import warnings
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_drpnet import UserError, read_micrograph
from napari_drpnet.io import is_image, open_image
from napari_drpnet.io.images import read_frame
from napari_drpnet.io.mrc import write_mrc

IMAGE = np.arange(24 * 40).reshape(24, 40) % 251


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
    with pytest.raises(UserError, match=rf"a\{suffix} (cannot be read: .*|is truncated: .*)\. "):
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


# What is no file, and what is cut while it is open


PIPES = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes among its files")


@PIPES
@pytest.mark.parametrize("name", ["a.mrc", "a.mrc.gz", "a.tif", "a.png", "a.jpg"])
def test_a_pipe_is_refused_and_does_not_wait(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(
        UserError, match=rf"{name} is no regular file, but a pipe or a device\. Write it to a file first"
    ):
        read_micrograph(tmp_path / name)


@PIPES
@pytest.mark.parametrize("name", ["a.mrc", "a.tif", "a.png"])
def test_a_device_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to("/dev/zero")
    with pytest.raises(UserError, match="is no regular file, but a pipe or a device"):
        read_micrograph(tmp_path / name)


@pytest.mark.parametrize("name", ["a\0.mrc", "a\0.tif", f"{'x' * 300}.mrc", f"{'x' * 300}.png"])
def test_an_impossible_name_is_one_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"cannot be read|no file has a NUL character"):
        read_micrograph(tmp_path / name)


@pytest.mark.parametrize("suffix", [".mrc", ".tif"])
@pytest.mark.parametrize("index", [0, 2])
def test_a_file_that_is_cut_after_it_was_opened_is_an_error(tmp_path: Path, suffix: str, index: int) -> None:
    path = tmp_path / f"a{suffix}"
    stack = np.stack([IMAGE] * 3).astype("f4")
    write_mrc(stack, path) if suffix == ".mrc" else tifffile.imwrite(path, stack, photometric="minisblack")
    file = open_image(path)
    os.truncate(path, 600)
    with pytest.raises(UserError, match=rf"a\{suffix} is truncated: of 960 pixels there are \d+\. Wait if"):
        read_frame(file, index=index)


def test_a_frame_too_large_for_any_memory_is_an_error(tmp_path: Path) -> None:
    """A file of four terabytes, nearly all of it a hole."""
    path = write_mrc(IMAGE, tmp_path / "a.mrc")
    with mrcfile.open(path, mode="r+", header_only=True) as file:
        file.header.nx = file.header.ny = file.header.mx = file.header.my = 2**20
    os.truncate(path, 1024 + 4 * 2**40)
    with pytest.raises(UserError, match=r"a\.mrc: 1048576 x 1048576 pixels are too many for memory"):
        read_micrograph(path)


def test_a_lack_of_memory_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: object, **__: object) -> None:
        raise MemoryError

    file = open_image(write_mrc(IMAGE, tmp_path / "a.mrc"))
    monkeypatch.setattr(np, "fromfile", none_left)
    with pytest.raises(UserError, match=r"a\.mrc: there is not enough memory to read it"):
        read_frame(file)


def test_the_real_micrographs_are_read(shared: Path) -> None:
    for name, shape in (("10017/Falcon_2012_06_12-14_33_35_0.jpg", (4096, 4096)), ("10146/May08_03.05.02.png", None)):
        micrograph = read_micrograph(shared / "data" / name)
        assert shape is None or micrograph.image.shape == shape
        assert micrograph.image.std() > 0
    path = next((shared / "data" / "contaminated").glob("*.mrc"))
    assert read_micrograph(path).frame.pixel_size is None, "its header says 1.0, which means nothing"
