"""What picks of every format go through."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from napari_drpnet import Frame, Picks, UserError, read_picks
from napari_drpnet.io.picks.rows import checked, class_numbers, scaled, within

HERE = Path("p.star")
FRAME = Frame("M/a.mrc", (100, 200), 1.5)


@pytest.mark.parametrize(
    ("yx", "message"),
    [
        ([[1, np.nan]], "not a finite number"),
        ([[np.inf, 1]], "not a finite number"),
        ([[1, 2], [5, 1e30]], "1 of 2 picks lie beyond any image, the first at x 1e[+]30, y 5"),
        ([[-2e6, 1]], "beyond any image"),
    ],
)
def test_coordinates_that_cannot_be_are_refused(yx: list[list[float]], message: str) -> None:
    with pytest.raises(UserError, match=message):
        checked(Picks(FRAME, np.array(yx)), HERE)


@pytest.mark.parametrize("name", ["", "a\0b.mrc", "\ud800"])
def test_names_that_no_file_can_have_are_refused(name: str) -> None:
    with pytest.raises(UserError, match="a micrograph cannot be called"):
        checked(Picks(Frame(name), [[1, 2]]), HERE)


def test_numbers_that_cannot_be_are_read_as_unknown_with_a_word() -> None:
    wrong = Picks(
        FRAME,
        np.ones((4, 2)),
        score=[np.inf, 1, np.nan, -np.inf],
        diameter=[-1, 0, np.inf, 5],
        psi=[np.nan, 1, 2, 3],
        box=[[1, 2], [0, 2], [2, np.inf], [np.nan] * 2],
    )
    with pytest.warns(UserWarning, match="2 scores, 3 diameters, 2 boxes, 1 angles that cannot be are read as unknown"):
        right = checked(wrong, HERE)
    np.testing.assert_array_equal(right.score, [np.nan, 1, np.nan, np.nan])
    np.testing.assert_array_equal(right.diameter, [1.5, np.nan, np.nan, 5], "that of the box is known")
    np.testing.assert_array_equal(right.psi, [0, 1, 2, 3])
    np.testing.assert_array_equal(right.box[:, 0], [1, np.nan, np.nan, np.nan])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert checked(right, HERE) is right


def test_every_format_is_checked(tmp_path: Path) -> None:
    for name, text in {
        "a.star": "data_\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n1e30 5\n",
        "a.csv": "x,y\n1e30,5\n",
        "a.box": "1e30 5 10 10\n",
        "a.txt": "image_name\tx_coord\ty_coord\na\t1e30\t5\n",
    }.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(UserError, match="beyond any image"):
            read_picks(tmp_path / name)


def test_classes_are_whole_numbers_that_programs_can_count() -> None:
    assert class_numbers(np.array([1.0, np.nan, 3.0]), HERE).tolist() == [1, 0, 3]
    with pytest.raises(UserError, match="class number"):
        class_numbers(np.array([1e300]), HERE)


def test_scaling_multiplies_centres_and_lengths_in_pixels() -> None:
    helix = {"rlnHelicalTrackLength": 4, "rlnHelicalTrackLengthAngst": 6}
    picks = scaled(Picks(FRAME, [[0, 100], [3, 7]], diameter=8, box=[6, 10], score=0.5, helix=helix), 2.5)
    np.testing.assert_array_equal(picks.yx, [[0, 250], [7.5, 17.5]])
    assert picks.diameter.tolist() == [20, 20]
    assert picks.box.tolist() == [[15, 25]] * 2
    assert {name: values.tolist() for name, values in picks.helix.items()} == {
        "rlnHelicalTrackLength": [10, 10],
        "rlnHelicalTrackLengthAngst": [6, 6],
    }


def many(outside: int, inside: int, frame: Frame = FRAME) -> Picks:
    return Picks(frame, np.array([[500.0, 5.0]] * outside + [[5.0, 5.0]] * inside).reshape(-1, 2))


@pytest.mark.parametrize(
    ("counts", "refused"),
    [
        ([(0, 3)], False),
        ([(1, 1)], False),
        ([(2, 1)], True),  # most of the file
        ([(2, 0), (0, 9)], False),  # two of one micrograph tell little
        ([(3, 2), (0, 9)], True),  # most of a micrograph
        ([(3, 4), (1, 9)], False),
        ([(1, 0)], True),
        ([(0, 0)], False),
    ],
)
def test_a_few_outside_are_left_out_and_many_are_of_another_micrograph(
    counts: list[tuple[int, int]], refused: bool
) -> None:
    found = [many(out, inside) for out, inside in counts]
    lost = sum(out for out, _ in counts)
    if refused:
        with pytest.raises(UserError, match=r"picks of M/a\.mrc lie outside its 100 x 200 pixels, as x .*--scale"):
            within(found, HERE)
    elif lost:
        with pytest.warns(UserWarning, match=f"{lost} of .* picks are left out, as they lie outside"):
            kept = within(found, HERE)
        assert [len(picks) for picks in kept] == [inside for _, inside in counts]
    else:
        assert within(found, HERE) == found


def test_without_a_size_only_negative_places_are_outside() -> None:
    (picks,) = within([many(3, 2, Frame("a"))], HERE)
    assert len(picks) == 5
    with pytest.warns(UserWarning, match="1 of 3 picks"):
        (picks,) = within([Picks(Frame("a"), [[5, 5], [-4, 5], [6, 6]])], HERE)
    assert picks.yx.tolist() == [[5, 5], [6, 6]]
