"""Whose pixels picks are in, whatever the file and the micrographs say of it."""

from __future__ import annotations

import warnings
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_drpnet import Frame, Picks, UserError
from napari_drpnet.io.picks.binning import Binning, binning, on_micrograph
from napari_drpnet.io.picks.known_micrographs import KnownMicrographs
from napari_drpnet.io.picks.rows import within
from napari_drpnet.io.star_lists import MicrographEntry

HERE = Path("p.star")


@pytest.mark.parametrize(
    ("there", "known", "decides", "scale", "expected"),
    [
        (None, None, True, None, (1, None, "")),
        (2.0, None, True, None, (1, 2.0, "")),
        (None, 1.0, True, None, (1, 1.0, "")),
        (1.0, 1.001, True, None, (1, 1.001, "")),
        (1.0, 1.05, True, None, (1, 1.05, "two calibrations")),
        (1.0, 1.05, False, None, (1, 1.0, "two calibrations")),
        (2.0, 1.0, True, None, (2, 1.0, "multiplied by 2 (--scale 1")),
        (0.5, 1.0, True, None, (0.5, 1.0, "multiplied by 0.5")),
        (2.0, 1.0, False, None, (1, 2.0, "stay as they are")),
        (2.0, 1.0, True, 2.0, (2, 1.0, "")),
        (2.0, 1.0, True, 1.0, (1, 1.0, "multiplied by 1, as was asked for (--scale)")),
        (2.0, None, True, 4.0, (4, 0.5, "")),
        (None, None, True, 4.0, (4, None, "")),
    ],
)
def test_who_decides(
    there: float | None,
    known: float | None,
    decides: bool,
    scale: float | None,
    expected: tuple[float, float | None, str],
) -> None:
    how = binning(Frame("a", pixel_size=there), Frame("a", pixel_size=known), decides, scale)
    factor, size, said = expected
    assert (how.factor, how.pixel_size) == (factor, size)
    assert said in how.said
    assert bool(said) == bool(how.said)


def test_images_of_one_size_are_not_binned_whatever_their_pixel_sizes() -> None:
    how = binning(Frame("a", (10, 20), 2.0), Frame("a", (10, 20), 1.0), True, None)
    assert how.factor == 1
    assert "equally large" in how.said


def test_sizes_must_fit_but_for_what_binning_crops() -> None:
    picks = Picks(Frame("a", (50, 99)), [[10, 20]])
    placed = on_micrograph(picks, Frame("M/a.mrc", (101, 200)), Binning(2, None), HERE)
    assert placed.frame == Frame("M/a.mrc", (101, 200))
    np.testing.assert_allclose(placed.yx, [[10 * 101 / 50, 20 * 200 / 99]])  # all of it is seen
    for factor in (1, 3):
        with pytest.raises(UserError, match=r"of 50 x 99 pixels, but M/a\.mrc has 101 x 200\. Check .*--scale 2.02"):
            on_micrograph(picks, Frame("M/a.mrc", (101, 200)), Binning(factor, None), HERE)


def entry(name: str, pixel_size: float | None) -> MicrographEntry:
    return MicrographEntry(name, Path("/nowhere") / name, pixel_size)


STAR_30 = "data_\nloop_\n_rlnMicrographName\n_rlnMagnification\n_rlnDetectorPixelSize\n"
XY = "_rlnCoordinateX\n_rlnCoordinateY\n"


@st.composite
def recentred(draw: st.DrawFn) -> tuple[float, float, float, np.ndarray, np.ndarray]:
    """Pixel size of a micrograph, its binning when picked, that of the particles, places, and whole shifts there."""
    size = draw(st.floats(0.3, 5).map(lambda x: round(x, 3)))
    picked = draw(st.sampled_from([1.0, 1.5, 2.0, 3.0, 4.0]))
    extracted = draw(st.sampled_from([1.0, 1.25, 2.0, 4.0, 6.0]))
    n = draw(st.integers(1, 4))
    whole = st.lists(st.tuples(st.integers(60, 900), st.integers(60, 900)), min_size=n, max_size=n)
    moved = st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=n, max_size=n)
    return size, picked, extracted, np.array(draw(whole), float), np.array(draw(moved), float)


@given(recentred(), st.booleans(), st.booleans())
def test_places_are_right_for_any_binning_and_version(
    tmp_path_factory: pytest.TempPathFactory, case: tuple, relion_30: bool, by_entry: bool
) -> None:
    size, picked, extracted, xy, moved = case
    image = size * extracted
    angstrom = moved * size * picked
    if relion_30:  # which does not say that picks are of a binned image: somebody must
        origins, columns = angstrom / image, "_rlnOriginX\n_rlnOriginY\n"
        head, lead, scale = STAR_30, f"a.mrc {1e4 * 5 / image!r} 5.0", picked
    else:
        origins, columns = angstrom, "_rlnOriginXAngst\n_rlnOriginYAngst\n"
        sizes = f"1 {size * picked!r} {image!r}"
        head = f"data_optics\nloop_\n_rlnOpticsGroup\n_rlnMicrographPixelSize\n_rlnImagePixelSize\n{sizes}\n\n"
        head += "data_particles\nloop_\n_rlnMicrographName\n_rlnOpticsGroup\n"
        lead, scale = "Binned/a.mrc 1.000000", None
    rows = "".join(
        f"{lead} {x!r} {y!r} {ox!r} {oy!r}\n" for (x, y), (ox, oy) in zip(xy.tolist(), origins.tolist(), strict=True)
    )
    path = tmp_path_factory.getbasetemp() / "binned.star"
    path.write_text(head + XY + columns + rows)
    entries = [entry("M/a.mrc", size)] if by_entry else []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (picks,) = KnownMicrographs(entries, None if by_entry else size, scale).read(path)
    np.testing.assert_allclose(picks.yx[:, ::-1], (xy - moved) * picked, rtol=1e-6)
    assert picks.frame.pixel_size == pytest.approx(size)


def test_sizes_that_differ_are_said_once_a_file(tmp_path: Path) -> None:
    rows = "".join(f"B/{name}.mrc 2.0 10 20\n" for name in "abc")
    path = tmp_path / "p.star"
    path.write_text("data_\nloop_\n_rlnMicrographName\n_rlnMicrographPixelSize\n" + XY + rows)
    known = KnownMicrographs([entry(f"M/{name}.mrc", 1.0) for name in "abc"])
    with pytest.warns(UserWarning, match=r"sizes of 2 A in it and of 1 A .* \(B/a.mrc and 2 more\)") as told:
        found = known.read(path)
    assert len(told) == 1
    assert [picks.yx.tolist() for picks in found] == [[[40, 20]]] * 3
    known = KnownMicrographs([MicrographEntry(f"M/{name}.mrc", write_mrc(tmp_path, name), 1.0) for name in "abc"])
    with pytest.raises(UserError, match=r"rows are to be turned\. Say how many times smaller"):
        known.read(path, flip_y=True)


def write_mrc(folder: Path, name: str = "x") -> Path:
    path = folder / f"{name}.mrc"
    with mrcfile.new(path) as file:
        file.set_data(np.zeros((60, 80), np.int8))
        file.voxel_size = 3.0
    return path


def test_the_header_of_the_very_micrograph_does_not_scale_what_names_it(tmp_path: Path) -> None:
    path = tmp_path / "p.star"
    path.write_text("data_\nloop_\n_rlnMicrographName\n_rlnMicrographPixelSize\n" + XY + "M/a.mrc 1.5 10 20\n")
    image = write_mrc(tmp_path)
    for name, expected in (("M/a.mrc", [20, 10]), ("N/a.mrc", [10, 5])):
        with pytest.warns(UserWarning, match="pixel sizes of 1.5 A in it and of 3 A"):
            (picks,) = KnownMicrographs([MicrographEntry(name, image, None)]).read(path)
        assert picks.yx.tolist() == [expected]


def test_what_is_of_another_size_is_said_in_one_line() -> None:
    path, name = Path("p" * 140), "m" * 140
    with pytest.raises(UserError) as size:
        on_micrograph(Picks(Frame(name, (4096, 4096)), [[1, 2]]), Frame(name, (5760, 4092)), Binning(1, None), path)
    picks = Picks(Frame(name, (4096, 4096)), np.full((1000, 2), 12345.5))
    with pytest.raises(UserError) as outside:
        within([picks], path)
    assert [len(str(one.value)) <= 300 for one in (size, outside)] == [True, True]
