"""What is written comes back: all of it from CSV, what docs/file-formats.md promises from STAR."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_drpnet import Frame, Picks, UserError, read_picks, write_picks
from napari_drpnet.io import PICK_SUFFIXES

COLUMNS = ("yx", "score", "diameter", "class_number", "psi", "label", "source", "box")
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=12)


def column(n: int, elements: st.SearchStrategy[object], dtype: str = "f8") -> st.SearchStrategy[np.ndarray]:
    return st.lists(elements, min_size=n, max_size=n).map(lambda values: np.array(values, dtype=dtype))


@st.composite
def any_picks(draw: st.DrawFn) -> Picks:
    n = draw(st.integers(0, 8))
    unknown = st.just(float("nan"))
    return Picks(
        Frame("mic"),
        draw(hnp.arrays("f8", (n, 2), elements=st.floats(-1e5, 1e5))),
        score=draw(column(n, st.floats(0, 1) | unknown)),
        diameter=draw(column(n, st.floats(1, 1e4) | unknown)),
        class_number=draw(column(n, st.integers(0, 500), "i8")),
        psi=draw(column(n, st.floats(-360, 360))),
        label=draw(column(n, st.sampled_from(["particle", "background"]), "U10")),
        source=draw(column(n, NAMES, "U12")),
        box=draw(hnp.arrays("f8", (n, 2), elements=st.floats(1, 1e4) | unknown)),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("picks")


@pytest.mark.slow
@settings(deadline=None)
@given(picks=any_picks())
def test_csv_loses_nothing(folder: Path, picks: Picks) -> None:
    (back,) = read_picks(write_picks(picks, folder / "mic.csv"))
    assert back.frame == picks.frame
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(back, name), getattr(picks, name), err_msg=name)


@pytest.mark.slow
@settings(deadline=None)
@given(picks=any_picks())
@pytest.mark.filterwarnings("ignore:.*labelled background")
def test_star_keeps_particles_to_half_a_pixel(folder: Path, picks: Picks) -> None:
    (back,) = read_picks(write_picks(picks, folder / "mic_autopick.star"))
    kept = picks.select(picks.label == "particle")
    assert back.frame == picks.frame
    assert len(back) == len(kept)
    np.testing.assert_allclose(back.yx, kept.yx, rtol=0, atol=0.5)
    np.testing.assert_array_equal(back.yx, np.trunc(back.yx), "RELION would cut off what follows the point")
    np.testing.assert_allclose(back.score, kept.score, rtol=0, atol=5e-7)
    np.testing.assert_allclose(back.psi, kept.psi, rtol=0, atol=5e-7)
    np.testing.assert_array_equal(back.class_number, kept.class_number)


@given(diameter=st.floats(1, 1e4), source=st.from_regex(r"\A[\w.=# -]*\w\Z", fullmatch=True))
@settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
def test_star_keeps_the_diameter_and_the_source_that_all_share(folder: Path, diameter: float, source: str) -> None:
    source = " ".join(source.split())
    picks = Picks(Frame("mic"), np.array([[1, 2], [3, 4]]), diameter=diameter, source=source)
    (back,) = read_picks(write_picks(picks, folder / "mic.star"))
    np.testing.assert_array_equal(back.diameter, picks.diameter)
    np.testing.assert_array_equal(back.source, picks.source)


def test_star_does_not_make_up_what_picks_do_not_share(tmp_path: Path) -> None:
    picks = Picks(
        Frame("mic"), np.ones((2, 2)), diameter=np.array([9.0, np.nan]), source=np.array(["drpnet", "manual"])
    )
    (back,) = read_picks(write_picks(picks, tmp_path / "mic.star"))
    assert np.isnan(back.diameter).all()
    assert set(back.source) == {""}


@pytest.mark.parametrize("suffix", PICK_SUFFIXES)
def test_a_second_writing_changes_nothing_more(tmp_path: Path, suffix: str) -> None:
    rng = np.random.default_rng(0)
    picks = Picks(
        Frame("a"), rng.uniform(0, 4096, (50, 2)), score=rng.uniform(size=50), diameter=101.69, source="drpnet"
    )
    first = write_picks(picks, tmp_path / f"a{suffix}")
    (back,) = read_picks(first)
    assert write_picks(back, tmp_path / f"b{suffix}").read_text() == first.read_text()


@pytest.mark.parametrize("suffix", PICK_SUFFIXES)
def test_no_picks_are_a_file_too(tmp_path: Path, suffix: str) -> None:
    (back,) = read_picks(write_picks(Picks(Frame("a", (9, 9)), np.empty((0, 2))), tmp_path / f"a{suffix.upper()}"))
    assert len(back) == 0


def test_other_suffixes_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a\.pdf: not a kind of file for picks\. Those are: \.star, \.csv, \.box"):
        write_picks(Picks(Frame("a"), np.empty((0, 2))), tmp_path / "new" / "a.pdf")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UserError, match="not a kind of file for picks"):
        read_picks(tmp_path / "a")
