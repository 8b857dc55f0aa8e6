"""RELION itself extracts from what we write: every particle centred, none lost.

The micrograph is black but for marks of one pixel, each of its own brightness, off centre and without any
symmetry. RELION puts a particle's centre on the box's pixel ``size // 2``, so each extracted box must have
its own mark there, and any flip, swap or shift puts another pixel there. That the test sees those is a test
too.
"""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
import tifffile

from napari_drpnet import Frame, Picks, read_micrograph, read_picks, write_picks
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.io.star_lists import read_micrographs
from napari_drpnet.io.star_table import star_row
from napari_drpnet.jobs.conversion import convert
from napari_drpnet.settings import ConversionSettings
from napari_drpnet.steps import drive

BOX = 32
SHAPE = (150, 230)
PIXEL_SIZE = 1.77
MICROGRAPH = "MotionCorr/job002/Micrographs/a.frames.mrc"
COORDINATES = "AutoPick/job006/Micrographs/a.frames_autopick.star"

OPTICS_31 = f"""
# version 30001

data_optics

loop_
_rlnOpticsGroup #1
_rlnOpticsGroupName #2
_rlnMicrographPixelSize #3
_rlnVoltage #4
_rlnSphericalAberration #5
_rlnAmplitudeContrast #6
1 opticsGroup1 {PIXEL_SIZE} 300 2.7 0.1

data_micrographs

loop_
_rlnMicrographName #1
_rlnOpticsGroup #2
{MICROGRAPH} 1
"""

TABLE_30 = f"""
data_

loop_
_rlnMicrographName #1
_rlnMagnification #2
_rlnDetectorPixelSize #3
_rlnVoltage #4
_rlnSphericalAberration #5
_rlnAmplitudeContrast #6
{MICROGRAPH} {14e4 / PIXEL_SIZE} 14 300 2.7 0.1
"""


HARMLESS = ("micrographs.star seems to be from a previous version", "no particles on micrograph")


@pytest.fixture
def marks() -> np.ndarray:
    """Whole pixels, (y, x), each further from the next than a box is wide in neither axis; the corners are in."""
    rng = np.random.default_rng(3)
    inner = rng.integers([1, 1], np.array(SHAPE) - 1, (20, 2))
    corners = [[0, 0], [0, SHAPE[1] - 1], [SHAPE[0] - 1, 0], [SHAPE[0] - 1, SHAPE[1] - 1]]
    return np.unique(np.vstack([inner, corners]), axis=0)


@pytest.fixture
def image(marks: np.ndarray) -> np.ndarray:
    """The micrograph with its marks, row 0 first."""
    image = np.zeros(SHAPE, np.float32)
    image[tuple(marks.T)] = brightness(marks)
    return image


@pytest.fixture
def project(tmp_path: Path, image: np.ndarray) -> Path:
    """A RELION project with one micrograph."""
    path = tmp_path / MICROGRAPH
    path.parent.mkdir(parents=True)
    with mrcfile.new(path) as mrc:
        mrc.set_data(image)
        mrc.voxel_size = PIXEL_SIZE
    (tmp_path / "micrographs.star").write_text(OPTICS_31)
    return tmp_path


def brightness(marks: np.ndarray) -> np.ndarray:
    return 1000 + np.arange(len(marks), dtype=np.float32)


def beside(marks: np.ndarray, reach: float = 0.45) -> Picks:
    """Picks next to the marks by fractions of a pixel, as a picker finds them."""
    offset = np.random.default_rng(4).uniform(-reach, reach, marks.shape)
    frame = Frame(MICROGRAPH, SHAPE, PIXEL_SIZE)
    return Picks(frame, marks + offset, score=0.75, diameter=60.5, source="drpnet # 1")


def extract(program: str, project: Path, stem: str = "a.frames") -> np.ndarray:
    """Particles, ``(n, BOX, BOX)``, that RELION cuts out of the micrograph."""
    command = [
        program,
        "--i",
        "micrographs.star",
        "--coord_dir",
        "AutoPick/job006/",
        "--coord_suffix",
        "_autopick.star",
    ]
    command += ["--part_dir", "Extract/job007/", "--part_star", "Extract/job007/particles.star"]
    command += ["--extract", "--extract_size", str(BOX)]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    warnings = [line for line in done.stdout.splitlines() + done.stderr.splitlines() if "WARNING" in line]
    assert all(any(harmless in line for harmless in HARMLESS) for line in warnings), warnings
    return mrcfile.read(project / f"Extract/job007/Micrographs/{stem}.mrcs").reshape(-1, BOX, BOX)


def centred(particles: np.ndarray, marks: np.ndarray) -> bool:
    """Whether each box has its own mark in the middle, and none is missing."""
    middle = particles[:, BOX // 2, BOX // 2]
    return middle.shape == (len(marks),) and bool(np.allclose(middle, brightness(marks)))


@pytest.mark.parametrize("micrographs", [OPTICS_31, TABLE_30], ids=["3.1", "3.0"])
def test_every_particle_is_centred_and_none_is_lost(
    relion: str, project: Path, marks: np.ndarray, micrographs: str
) -> None:
    (project / "micrographs.star").write_text(micrographs)
    write_picks(beside(marks), project / COORDINATES)
    assert centred(extract(relion, project), marks)


def test_a_micrograph_without_picks_does_not_stop_relion(relion: str, project: Path, marks: np.ndarray) -> None:
    empty = MICROGRAPH.replace("a.frames", "b")
    shutil.copy(project / MICROGRAPH, project / empty)
    with (project / "micrographs.star").open("a") as file:
        file.write(f"{empty} 1\n")
    write_picks(beside(marks), project / COORDINATES)
    write_picks(Picks(Frame(empty, SHAPE), np.empty((0, 2))), project / COORDINATES.replace("a.frames", "b"))
    assert centred(extract(relion, project), marks)


# What RELION 3.1.3 reads of TIFF: neither tiles nor floats of 16 or 64 bits.
TIFFS: dict[str, dict[str, Any]] = {
    "plain": {},
    "big-endian": {"byteorder": ">"},
    "strips": {"rowsperstrip": 7},
    "BigTIFF": {"bigtiff": True},
    "LZW": {"compression": "lzw"},
    "Deflate": {"compression": "zlib"},
    "white is 0": {"photometric": "miniswhite"},
    **{f"orientation {n}": {"extratags": [(274, "H", 1, n, True)]} for n in range(2, 9)},
}


@pytest.fixture
def tiff(project: Path) -> Path:
    """The project's micrograph as a TIFF, in the place of the MRC, for RELION to find."""
    path = (project / MICROGRAPH).with_suffix(".tif")
    (project / MICROGRAPH).unlink()
    (project / "micrographs.star").write_text(OPTICS_31.replace(".frames.mrc", ".frames.tif"))
    return path


@pytest.mark.parametrize("kind", TIFFS)
def test_every_particle_of_a_tiff_is_centred(
    relion: str, project: Path, tiff: Path, image: np.ndarray, marks: np.ndarray, kind: str
) -> None:
    """The marks are looked for in the TIFF as we read it, so that both programs must agree on its rows."""
    tifffile.imwrite(tiff, image, **TIFFS[kind])
    seen = read_micrograph(tiff).image
    places = np.argwhere(seen)[np.argsort(seen[seen > 0])]
    np.testing.assert_array_equal(places, np.column_stack([SHAPE[0] - 1 - marks[:, 0], marks[:, 1]]))
    picks = beside(places)
    write_picks(replace(picks, frame=replace(picks.frame, micrograph=tiff.name)), project / COORDINATES)
    assert centred(extract(relion, project), marks)


def test_rows_of_a_tiff_that_are_not_turned_would_be_seen(
    relion: str, project: Path, tiff: Path, image: np.ndarray, marks: np.ndarray
) -> None:
    tifffile.imwrite(tiff, image)
    write_picks(beside(marks), project / COORDINATES)
    assert not centred(extract(relion, project), marks)


@pytest.mark.parametrize("suffix", [".mrc", ".tif"])
def test_a_mark_at_row_120_of_600_is_where_relion_finds_it(relion: str, tmp_path: Path, suffix: str) -> None:
    """By numbers: RELION has it at row 120 of an MRC, and at row 479 of a TIFF."""
    image = np.zeros((600, 400), np.float32)
    image[120, 100] = 1000
    path = tmp_path / MICROGRAPH.replace(".mrc", suffix)
    path.parent.mkdir(parents=True)
    write_mrc(image, path) if suffix == ".mrc" else tifffile.imwrite(path, image)
    (tmp_path / "micrographs.star").write_text(OPTICS_31.replace(".frames.mrc", f".frames{suffix}"))
    micrograph = read_micrograph(path)
    at = np.argwhere(micrograph.image)
    np.testing.assert_array_equal(at, [[120 if suffix == ".mrc" else 479, 100]])
    write_picks(Picks(micrograph.frame, at), tmp_path / COORDINATES)
    assert extract(relion, tmp_path)[0, BOX // 2, BOX // 2] == 1000


Wrong = Callable[[np.ndarray], np.ndarray]
MISTAKES: dict[str, Wrong] = {
    "flip of y": lambda yx: np.column_stack([SHAPE[0] - 1 - yx[:, 0], yx[:, 1]]),
    "flip of x": lambda yx: np.column_stack([yx[:, 0], SHAPE[1] - 1 - yx[:, 1]]),
    "swap of x and y": lambda yx: np.clip(yx[:, ::-1], 0, np.array(SHAPE) - 1),
    "shift by one pixel": lambda yx: np.clip(yx + np.array([0, 1]), 0, np.array(SHAPE) - 1),
    "shift by minus one pixel": lambda yx: np.clip(yx - np.array([1, 0]), 0, np.array(SHAPE) - 1),
    "shift by half a pixel": lambda yx: np.clip(yx + 0.5, 0, np.array(SHAPE) - 1),
    "shift by minus half a pixel": lambda yx: np.clip(yx - 0.5, 0, np.array(SHAPE) - 1),
    "one particle lost": lambda yx: yx[:-1],
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_coordinates_would_be_seen(
    relion: str, project: Path, marks: np.ndarray, mistake: str
) -> None:
    picks = beside(marks)
    yx = MISTAKES[mistake](picks.yx)
    write_picks(Picks(picks.frame, yx, score=0.75), project / COORDINATES)
    assert not centred(extract(relion, project), marks)


def test_relion_cuts_off_fractions_which_is_why_we_round(relion: str, project: Path, marks: np.ndarray) -> None:
    path = write_picks(beside(marks), project / COORDINATES)
    header = path.read_text().split("_rlnAnglePsi #5\n")[0] + "_rlnAnglePsi #5\n"
    rows = [f"{x:.3f} {y:.3f} 0.75 0 0.0\n" for y, x in np.clip(beside(marks).yx, 0, None)]
    path.write_text(header + "".join(rows))
    assert not centred(extract(relion, project), marks)


def test_picks_outside_the_micrograph_do_not_stop_relion(relion: str, project: Path, marks: np.ndarray) -> None:
    """A box wholly outside makes RELION give up the whole job, so such picks must not reach it."""
    far = np.array([[-40.0, 50.0], [50.0, SHAPE[1] + 40.0], [SHAPE[0] + 40.0, 50.0]])
    picks = beside(marks)
    picks = Picks(picks.frame, np.vstack([picks.yx, far]), score=0.75)
    with pytest.warns(UserWarning, match="3 picks outside the micrograph are left out"):
        write_picks(picks, project / COORDINATES)
    assert centred(extract(relion, project), marks)
    write_picks(replace(picks, frame=Frame(MICROGRAPH)), project / COORDINATES)  # of unknown shape: all are written
    with pytest.raises(AssertionError, match="lies completely outside micrograph"):
        extract(relion, project)


def test_relions_particles_read_back_where_the_marks_are(relion: str, project: Path, marks: np.ndarray) -> None:
    write_picks(beside(marks), project / COORDINATES)
    extract(relion, project)
    (picks,) = read_picks(project / "Extract/job007/particles.star")
    assert picks.frame == Frame(MICROGRAPH)  # the particles might be binned
    np.testing.assert_array_equal(picks.yx, marks)
    np.testing.assert_array_equal(picks.score, 0.75)


@pytest.mark.parametrize("micrographs", [OPTICS_31, TABLE_30], ids=["3.1", "3.0"])
def test_one_particles_file_for_all_is_extracted_again(
    relion: str, project: Path, marks: np.ndarray, micrographs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    second, last = MICROGRAPH.replace("a.frames", "b"), micrographs.splitlines()[-1]
    shutil.copy(MICROGRAPH, second)
    Path("micrographs.star").write_text(f"{micrographs}{last.replace(MICROGRAPH, second)}\n")
    for name in ("a.frames", "b"):
        write_picks(beside(marks), f"picks/{name}.csv")
    drive(
        convert([Path("picks")], Path("p.star"), ConversionSettings(to="particles"), Path("micrographs.star")),
        lambda _: None,
    )
    Path("micrographs.star").write_text(f"{OPTICS_31}{second} 1\n")
    command = [relion, "--i", "micrographs.star", "--reextract_data_star", "p.star", "--part_dir", "Extract/job007/"]
    command += ["--part_star", "Extract/job007/particles.star", "--extract", "--extract_size", str(BOX)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("a.frames", "b"):
        boxes = mrcfile.read(f"Extract/job007/Micrographs/{name}.mrcs").reshape(-1, BOX, BOX)
        assert centred(boxes, marks)


@pytest.mark.parametrize("stem", ["with space", "it's here"])
def test_relion_reads_words_in_quotes_as_we_write_them(
    relion: str, project: Path, marks: np.ndarray, stem: str
) -> None:
    other = MICROGRAPH.replace("a.frames", stem)
    shutil.copy(project / MICROGRAPH, project / other)
    (project / "micrographs.star").write_text(OPTICS_31.replace(f"{MICROGRAPH} 1", star_row(other, "1")))
    write_picks(beside(marks), project / COORDINATES.replace("a.frames", stem))
    assert centred(extract(relion, project, stem), marks)


def test_the_micrograph_is_read_as_relion_reads_it(project: Path, marks: np.ndarray) -> None:
    (entry,) = read_micrographs(project / "micrographs.star")
    micrograph = read_micrograph(entry.path, name=entry.name)
    assert micrograph.frame == Frame(MICROGRAPH, SHAPE, PIXEL_SIZE)
    np.testing.assert_array_equal(micrograph.image[tuple(marks.T)], brightness(marks))
