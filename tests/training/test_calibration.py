"""Probabilities that are right on a usual micrograph."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import expit

from napari_drpnet.pickers.context import calibrated
from napari_drpnet.training.calibration import fit_logistic, typical
from napari_drpnet.training.run import Evidence, calibrate


def drawn(seed, micrographs, each=200, mean=(-0.5, 1.4), spread=(1.0, 0.3)):
    """Margins of candidates of micrographs that each have an offset and a slope of their own; which are particles."""
    chance = np.random.default_rng(seed)
    margins = [chance.normal(-1, 2, each) for _ in range(micrographs)]
    offset, slope = (chance.normal(m, s, micrographs) for m, s in zip(mean, spread, strict=True))
    hits = [chance.random(each) < expit(b + a * m) for m, b, a in zip(margins, offset, slope, strict=True)]
    return margins, hits


def test_the_usual_offset_and_slope_and_how_much_they_vary_come_back():
    mean, spread = typical(*drawn(0, 300))
    assert mean == pytest.approx((-0.5, 1.4), abs=0.15)
    assert spread == pytest.approx((1.0, 0.3), abs=0.12)


def test_a_fit_to_all_candidates_together_is_too_flat_for_each_micrograph():
    margins, hits = drawn(1, 200, spread=(2.0, 0.1))
    together, _ = fit_logistic([np.concatenate(margins)], np.concatenate(hits), np.ones(200 * 200))
    assert together < 1.1
    assert typical(margins, hits)[0][1] == pytest.approx(1.4, abs=0.15)


def test_a_micrograph_of_one_candidate_is_no_harm():
    margins, hits = drawn(2, 50)
    (offset, slope), _ = typical([*margins, np.array([30.0])], [*hits, np.array([False])])
    assert (offset, slope) == pytest.approx((-0.5, 1.4), abs=0.5)


def found(margin, hit, structure):
    """Candidates of a micrograph, as far as a calibration looks at them."""
    return SimpleNamespace(terms=[margin], hit=hit, example=SimpleNamespace(structure=structure, weight=1.0))


def test_detectors_are_calibrated_for_a_usual_micrograph_where_there_are_many_of_several_proteins():
    margins, hits = drawn(3, 60)
    usual = calibrate(
        Evidence([found(m, h, f"{i % 9}.pdb") for i, (m, h) in enumerate(zip(margins, hits, strict=True))])
    )
    assert usual == pytest.approx((1.4, -0.5), abs=0.3)
    together = fit_logistic([np.concatenate(margins)], np.concatenate(hits), np.ones(60 * 200))
    for structures in ([""] * 60, ["one.pdb"] * 60):
        given = [found(m, h, s) for m, h, s in zip(margins, hits, structures, strict=True)]
        assert calibrate(Evidence(given)) == pytest.approx(together, abs=0.01)


def test_micrographs_without_a_particle_say_nothing_of_a_usual_one():
    margins, hits = drawn(4, 60)
    some = [found(m, h, f"{i % 9}.pdb") for i, (m, h) in enumerate(zip(margins, hits, strict=True))]
    empty = [found(m, np.zeros(200, bool), f"{i}.pdb") for i, m in enumerate(drawn(5, 30)[0])]
    alone, beside = (calibrate(Evidence(each)) for each in (some, [*some, *empty]))
    at = np.linspace(-2, 4, 20)
    assert calibrated(beside, at) == pytest.approx(calibrated(alone, at), abs=0.02)
