"""Noise has no evidence, particles have."""

from __future__ import annotations

import numpy as np
import pytest

from napari_drpnet.averaging.evidence import Evidence, Sample, measure_steps
from napari_drpnet.averaging.halves import Halves
from napari_drpnet.data import MaskArray
from napari_drpnet.steps import drained
from views import ACROSS, SIDE, particles, view


def sample(true: int, false: int, noise: float, micrographs: int = 6) -> tuple[Sample, MaskArray]:
    """Particles of two views, and noise, with probabilities that overlap; which are particles."""
    rng = np.random.default_rng(5)
    images = rng.standard_normal((true + false, SIDE, SIDE)).astype(np.float32)
    if true:
        seen, *_ = particles([view(11), view(12)], true, noise=0.0, seed=6)
        images[:true] += seen.numpy() / noise
    is_true = np.arange(true + false) < true
    probability = np.where(is_true, rng.uniform(0.3, 1.0, len(is_true)), rng.uniform(0.0, 0.6, len(is_true)))
    order = rng.permutation(true + false)
    where = rng.integers(0, micrographs, true + false)
    made = Sample(images[order], probability[order], where, rng.uniform(0, 20, (len(order), 2)), ACROSS)
    return made, is_true[order]


def test_particles_have_evidence_and_what_is_beside_them_has_none() -> None:
    made, true = sample(500, 500, noise=4.0)
    found = drained(measure_steps(made))
    assert found.values[true].mean() > 1.0
    assert abs(found.values[~true].mean()) < 4 / np.sqrt(500)
    assert found.values[~true].std() == pytest.approx(1.0, abs=0.12)
    assert len(found.judges) == 2
    for name in ("0", "1"):  # as it was measured, micrograph by micrograph
        mine = made.micrograph == int(name)
        again = found.of(made.images[mine], name, made.yx[mine])
        np.testing.assert_allclose(again, found.values[mine], atol=1e-3)
    other = found.of(made.images[:50], "another", made.yx[:50])
    assert np.corrcoef(other, found.values[:50])[0, 1] > 0.5


@pytest.mark.parametrize("micrographs", [1, 2])
def test_one_or_two_micrographs_are_enough(micrographs: int) -> None:
    made, true = sample(500, 500, noise=3.0, micrographs=micrographs)
    found = drained(measure_steps(made, surest=0.5)).values
    known = np.isfinite(found)
    assert known.mean() > 0.8  # of one micrograph, what lies between its sides is left out
    assert found[true & known].mean() > 0.5
    assert abs(found[~true & known].mean()) < 4 / np.sqrt(400)


def test_noise_has_no_evidence_however_sure_the_picker_is() -> None:
    made, _ = sample(0, 1500, noise=1.0)
    found = drained(measure_steps(made))
    for part in np.array_split(np.argsort(made.probability), 3):
        assert abs(found.values[part].mean()) < 4 / np.sqrt(500)


def test_the_same_seed_gives_the_same_evidence() -> None:
    made, _ = sample(100, 200, noise=3.0)
    one, two = (drained(measure_steps(made, seed=4)).values for _ in range(2))
    assert np.array_equal(one, two)


def test_halves_are_whole_micrographs_of_as_many_candidates() -> None:
    where = np.repeat([0, 1, 2, 3], [400, 100, 100, 200])
    yx = np.zeros((800, 2))
    half = Halves.of(where, yx).of_all(where, yx)
    assert [len(set(half[where == m].tolist())) for m in range(4)] == [1, 1, 1, 1]
    assert np.bincount(half).tolist() == [400, 400]


def test_halves_of_one_micrograph_are_its_sides_without_what_lies_between() -> None:
    yx = np.stack([np.zeros(101), np.linspace(0, 20, 101)], axis=1)
    half = Halves.of(np.zeros(101, np.int64), yx).where("0", yx)
    assert (half[0], half[-1]) == (0, 1)
    assert (half[abs(yx[:, 1] - 10) < 0.74] == -1).all()


def test_too_few_candidates_have_no_evidence_rather_than_some() -> None:
    made, _ = sample(20, 20, noise=2.0)
    found = drained(measure_steps(made))
    assert np.isnan(found.values).all()
    assert not found.judges
    assert np.isnan(found.of(made.images, "0", made.yx)).all()


def test_nothing_measured_of_nothing() -> None:
    nothing = Sample(np.empty((0, SIDE, SIDE)), np.empty(0), np.empty(0, np.int64), np.empty((0, 2)), ACROSS)
    assert isinstance(drained(measure_steps(nothing)), Evidence)


def test_dirt_of_many_times_the_power_of_ice_has_evidence_no_further_from_0_than_ice() -> None:
    made, true = sample(500, 500, noise=4.0)
    dirt = np.flatnonzero(~true)[:200]
    made.images[dirt] *= 6
    found = drained(measure_steps(made))
    assert found.values[true].mean() > 1.0
    assert found.values[dirt].std() == pytest.approx(1.0, abs=0.15)
