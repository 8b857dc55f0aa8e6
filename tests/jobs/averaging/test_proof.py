"""What is said of the evidence of averages, and which class is which of those before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_drpnet.data import Frame, Picks
from napari_drpnet.jobs import evidence_in_words, same_classes
from napari_drpnet.jobs.averaging.result import AveragedPicks, Averages, ClassFigures


def averages(numbers: np.ndarray, evidence: np.ndarray, pixel_size: float = 2.0) -> Averages:
    """Of picks on one micrograph, by the class of each."""
    n, k = len(numbers), int(numbers.max())
    picks = Picks(Frame("a.mrc", (4000, 4000), pixel_size), np.arange(2.0 * n).reshape(n, 2) * 5, class_number=numbers)
    member = AveragedPicks(picks, np.zeros(n, bool), np.zeros((n, 2)), evidence)
    figures = []
    for c in range(1, k + 1):
        mine = evidence[numbers == c]
        error = mine.std(ddof=1) / np.sqrt(len(mine))
        figures.append(ClassFigures(len(mine), float(mine.mean()), float(error), 1 / k, np.nan, 1.0))
    return Averages(np.zeros((k, 8, 8), np.float32), 4.0, 100.0, tuple(figures), (member,))


def test_particles_noise_and_what_helps() -> None:
    rng = np.random.default_rng(0)
    numbers = np.repeat([1, 2], 300)
    noise = rng.normal(0, 1, 600)
    proved = evidence_in_words(averages(numbers, noise + 2.0 * (numbers == 1)))
    assert proved.startswith("Mean evidence of the picks: ")
    assert "Class 2 has none of its own" in proved
    assert "pick more micrographs" in evidence_in_words(averages(numbers, noise))
    assert "too coarse" in evidence_in_words(averages(numbers, noise, pixel_size=6.0))
    many = rng.normal(0, 1, 3000)
    assert "check the diameter" in evidence_in_words(averages(np.repeat([1, 2], 1500), many))
    unknown = evidence_in_words(averages(numbers, np.full(600, np.nan)))
    assert unknown.startswith("Evidence is not measured: ")
    assert "600" in unknown


def test_what_a_picker_sees_of_the_measured_frequencies_proves_nothing_however_many_picks_there_are() -> None:
    picked_from_noise = np.random.default_rng(1).normal(0.05, 1, 40_000)  # ten standard errors above 0
    said = evidence_in_words(averages(np.ones(40_000, np.int64), picked_from_noise))
    assert said.startswith("Nothing proves")


def test_classes_are_known_by_their_members() -> None:
    nothing = np.full(90, np.nan)
    before = averages(np.repeat([1, 2, 3], 30), nothing)
    mixed = np.repeat([3, 1, 2], 30)
    mixed[:8] = 1  # some went elsewhere
    assert same_classes(before, averages(mixed, nothing)).tolist() == [2, 0, 1]
    joined = averages(np.repeat([1, 2, 2], 30), nothing)
    assert same_classes(before, joined).tolist() == [0, 1, -1]  # two became one, and one of them goes on
    some = replace(before, members=tuple(replace(m, picks=m.picks.select(np.arange(20, 60))) for m in before.members))
    assert same_classes(some, averages(mixed, nothing)).tolist() == [2, 0, -1]  # of the third nothing was known
