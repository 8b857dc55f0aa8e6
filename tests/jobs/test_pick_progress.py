"""How far a run is, in words."""

from __future__ import annotations

import pytest

from napari_drpnet.jobs.pick_progress import PickProgress, progress_in_words, time_left


@pytest.mark.parametrize(
    ("part", "seconds", "told"),
    [
        (0.5, 1, ""),
        (0.001, 60, ""),
        (0.9, 60, "less than a minute left"),
        (0.25, 120, "about 6 min left"),
        (0.1, 3600, "about 9 h left"),
    ],
)
def test_the_time_left_is_told_when_it_is_known(part: float, seconds: float, told: str):
    assert time_left(part, seconds) == told


def test_micrographs_picks_and_time_are_told():
    step = PickProgress(83, 500, picks=24_120, count=83, of=500)
    assert progress_in_words(step, 72) == "83 of 500 · 24,120 picks so far · about 7 min left"
    sample = PickProgress(12, 500, of=500)
    assert progress_in_words(sample, 1) == "Looking at a sample first: 12 of 500 micrographs"
