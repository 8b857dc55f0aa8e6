"""The same micrograph in files of other programs gives the same picks, in RELION's rows."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_drpnet import Micrograph, Picks, load_picker, read_micrograph, read_picks
from napari_drpnet.evaluation import evaluate
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.jobs.sample import write_sample

PIXEL_SIZE, DIAMETER = 1.2, 180.0


def as_tiff(image: np.ndarray, path: Path, **options: Any) -> Path:
    """As RELION and IMOD write it: the last row first."""
    path = path.with_suffix(".tif")
    tifffile.imwrite(path, image[::-1].astype(np.float32), **options)
    return path


def as_bytes(image: np.ndarray, path: Path, unsigned: bool) -> Path:
    """Mode 0; bytes without a sign have IMOD's stamp, flags and statistics."""
    grey = np.clip((image - image.mean()) / image.std() * 25 + 128, 0, 255).astype(np.uint8)
    write_mrc(image, path, PIXEL_SIZE)
    head = bytearray(path.read_bytes()[:1024])
    struct.pack_into("<i", head, 12, 0)
    shift = 0 if unsigned else 128
    struct.pack_into("<2f", head, 76, int(grey.min()) - shift, int(grey.max()) - shift)
    if unsigned:
        struct.pack_into("<2i", head, 152, 1146047817, 0)
    path.write_bytes(bytes(head) + (grey if unsigned else grey ^ 128).tobytes())
    return path


KINDS: dict[str, Callable[[np.ndarray, Path], Path]] = {
    "TIFF": as_tiff,
    "LZW": lambda image, path: as_tiff(image, path, compression="lzw", predictor=True),
    "tiles": lambda image, path: as_tiff(image, path, compression="zstd", tile=(256, 256)),
    "bytes": lambda image, path: as_bytes(image, path, unsigned=False),
    "bytes of IMOD": lambda image, path: as_bytes(image, path, unsigned=True),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_gives_the_same_picks(
    tmp_path: Path, simulated: tuple[Micrograph, Picks, float], kind: str
) -> None:
    micrograph, _, diameter = simulated
    pixel_size = micrograph.frame.known_pixel_size()
    picker = load_picker("drpnet", diameter=diameter, device="cpu")
    path = KINDS[kind](micrograph.image, tmp_path / "a.mrc")
    found, right = picker.pick(read_micrograph(path, pixel_size)), picker.pick(micrograph)
    assert len(found) > 10
    if "bytes" not in kind:
        assert len(found) == len(right)
        np.testing.assert_array_equal(np.sort(found.yx, axis=0), np.sort(right.yx, axis=0))
        return
    # Grey levels are rounded: what is just a pick may be none then.
    same = Picks(found.frame, right.yx)
    assert evaluate([found], [same], 4 * pixel_size, pixel_size).counts.f1 > 0.97


@pytest.mark.slow
def test_the_picks_of_a_part_of_the_sample_lie_on_its_particles(tmp_path: Path, shared: Path) -> None:
    sample = read_micrograph(write_sample(tmp_path / "sample").micrograph).image[1500:2900, 1500:2900]
    path = write_mrc(sample, tmp_path / "m.mrc", PIXEL_SIZE)
    picks = load_picker("drpnet", diameter=DIAMETER, device="cpu").pick(read_micrograph(path, PIXEL_SIZE, name="m.mrc"))
    (truth,) = read_picks(shared / "cases" / "04" / "truth" / "m.csv")
    assert evaluate([picks], [truth], DIAMETER, PIXEL_SIZE).counts.f1 > 0.75  # 0.438 where rows are turned
