"""Whatever is done to a file's bytes, reading gives data or a `UserError`: never a traceback."""

import bz2
import gzip
import io
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from napari_drpnet import Frame, Picks, UserError, read_micrograph, read_picks, write_picks
from napari_drpnet.io.star_lists import read_coordinate_list, read_micrographs

NOISE = np.random.default_rng(0).integers(0, 200, (16, 24)).astype(np.uint8)


def mrc() -> bytes:
    stream = io.BytesIO()
    file = mrcfile.mrcinterpreter.MrcInterpreter()
    file._iostream = stream
    file._create_default_attributes()
    file.set_data(NOISE.astype(np.float32))
    file.flush()
    return stream.getvalue()


def tiff(**options: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.stack([NOISE] * 2), photometric="minisblack", **options)
    return stream.getvalue()


def picture(kind: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(NOISE).save(stream, kind)
    return stream.getvalue()


def picks(suffix: str, folder: Path) -> bytes:
    yx = np.random.default_rng(0).uniform(0, 100, (5, 2))
    return write_picks(Picks(Frame("a"), yx, score=0.5, source="a b"), folder / f"a{suffix}").read_bytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damage")


@pytest.fixture(scope="module")
def sound(folder: Path) -> dict[str, bytes]:
    return {
        "a.mrc": mrc(),
        "a.mrc.gz": gzip.compress(mrc()),
        "a.mrc.bz2": bz2.compress(mrc()),
        "a.tif": tiff(),
        "zlib.tif": tiff(compression="zlib"),
        "a.png": picture("PNG"),
        "a.jpg": picture("JPEG"),
        "a.star": picks(".star", folder),
        "a.csv": picks(".csv", folder),
    }


READERS: dict[str, list[Callable[[Path], object]]] = {
    ".star": [read_picks, read_micrographs, read_coordinate_list],
    ".csv": [read_picks],
}


@pytest.mark.parametrize(
    "name", ["a.mrc", "a.mrc.gz", "a.mrc.bz2", "a.tif", "zlib.tif", "a.png", "a.jpg", "a.star", "a.csv"]
)
@settings(max_examples=40, deadline=None)
@given(
    edits=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=4)), max_size=6),
    keep=st.just(1.0) | st.floats(0, 1),
)
def test_damage_never_gives_a_traceback(
    sound: dict[str, bytes],
    folder: Path,
    name: str,
    edits: list[tuple[float, bytes]],
    keep: float,
) -> None:
    raw = bytearray(sound[name])
    head = min(len(raw), 1024)  # where the headers are
    for where, new in edits:
        at = int(where * head)
        raw[at : at + len(new)] = new
    path = folder / f"damaged-{name}"
    path.write_bytes(raw[: int(keep * len(raw))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for read in READERS.get(path.suffix, [read_micrograph]):
            with suppress(UserError):
                read(path)
