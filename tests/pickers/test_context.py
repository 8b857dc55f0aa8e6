"""What a micrograph says about its own candidates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_drpnet.pickers.context import LOGIT_LIMIT, bounded_logit, context, detector_terms


@given(st.floats(-1, 2), st.floats(0, 1))
def test_the_logit_is_finite_and_rises(p, step):
    low, high = bounded_logit(np.array([p, p + step]))
    assert abs(low) <= LOGIT_LIMIT + 1e-6
    assert low <= high


def test_a_higher_map_has_a_higher_context():
    values = np.random.default_rng(0).uniform(0.1, 0.3, (100, 120)).astype(np.float32)
    low, high = context(values, 10), context(2 * values, 10)
    assert all(a < b for a, b in zip(low, high, strict=True))
    assert list(low) == sorted(low)
    assert low[0] == pytest.approx(float(bounded_logit(np.array(0.2))), abs=0.1)


def test_the_border_is_left_out():
    values = np.full((60, 60), 0.2, np.float32)
    values[:8] = 0.9
    assert context(values, 8) == pytest.approx([float(bounded_logit(np.array(0.2)))] * 2)
    assert context(values, 40)[1] > context(values, 8)[1]


def test_every_candidate_has_all_terms():
    terms = detector_terms(np.array([0.5, 0.9]), (-3.0, -2.0))
    assert [t.shape for t in terms] == [(2,)] * 3
    assert terms[0][0] == pytest.approx(0)
    assert terms[2].tolist() == [-2, -2]
