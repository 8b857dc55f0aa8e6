"""Plots of a run: what is drawn is what was measured."""

import numpy as np
import pytest

from napari_drpnet.drawing.charts import Panel, draw_reliability, draw_training, reliability
from napari_drpnet.drawing.svg import ticks
from napari_drpnet.training_loop.fit import Step


def test_reliability_of_honest_probabilities_is_the_diagonal():
    rng = np.random.default_rng(0)
    p = rng.random(50_000)
    mean, frequency, count = reliability(p, rng.random(50_000) < p)
    assert np.allclose(mean, np.arange(10) / 10 + 0.05, atol=0.01)
    assert np.allclose(frequency, mean, atol=0.02)
    assert count.sum() == 50_000


def test_bins_without_candidates_are_left_out():
    mean, frequency, count = reliability(np.array([0.05, 0.95, 1.0]), np.array([False, True, True]))
    assert mean.tolist() == pytest.approx([0.05, 0.975])
    assert frequency.tolist() == [0, 1]
    assert count.tolist() == [1, 2]


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 3000), (0.2, 0.23), (-3, 7)])
def test_ticks_are_few_round_and_inside(low, high):
    found = ticks(low, high)
    assert 3 <= len(found) <= 7
    assert low <= found.min() <= found.max() <= high


def test_a_point_is_drawn_where_it_belongs():
    panel = Panel("", "x", "y", (0, 10), (0, 1))
    panel.dots([(10, 0.5)], "#ff0000")
    red = np.argwhere((np.asarray(panel.image) == (255, 0, 0)).all(-1))
    assert red.mean(0).tolist() == pytest.approx([panel.image.height / 2, panel.image.width - 56], abs=1)


@pytest.mark.parametrize("f1", [None, 0.5])
def test_a_run_is_drawn_with_as_many_panels_as_it_has_measures(f1):
    checks = [Step(i, 3, 1 / i, 0.1, f1) for i in (1, 2, 3)]
    image = draw_training(checks, np.array([0.2, 0.8]), np.array([False, True]))
    assert image.width == image.height * (2 if f1 is None else 3)
    assert draw_training(checks[:1], np.empty(0), np.empty(0, bool)).size == image.size
    assert draw_reliability(np.empty(0), np.empty(0, bool)).width == image.height
