"""Known poses come back, and averages show what was averaged."""

from __future__ import annotations

import pytest
import torch

from napari_drpnet.averaging.alignment import Bank, masked
from napari_drpnet.averaging.bands import TURNS, band, disc, posed, reduced, upright
from napari_drpnet.averaging.classes import Classes, aligned, averaged, classes_steps, reliability, ring_correlation
from napari_drpnet.steps import drained
from views import ACROSS, SIDE, particles, view

BAND = band(0.7, 6.0, SIDE, ACROSS)
HALF = torch.arange(1000) % 2


def likeness(one: torch.Tensor, two: torch.Tensor) -> float:
    mask = disc(SIDE, 0.5 * ACROSS, 2) > 0.5
    a, b = one[mask] - one[mask].mean(), two[mask] - two[mask].mean()
    return float((a * b).sum() / (a.norm() * b.norm()))


def laid(images: torch.Tensor, one: torch.Tensor) -> Classes:
    half = HALF[: len(images)]
    return averaged(images, half, aligned(BAND.of(images), half, torch.stack([one, one])[:, None], ACROSS, 6.0), 1)


def test_a_turn_is_counter_clockwise_as_displayed() -> None:
    image = torch.zeros(1, SIDE, SIDE)
    image[0, SIDE // 2, SIDE // 2 + 10] = 1.0
    turned = posed(image, torch.tensor([90.0]), torch.tensor([False]))[0]
    assert torch.nonzero(turned > 0.5).tolist() == [[SIDE // 2 - 10, SIDE // 2]]


def test_upright_undoes_a_pose_and_a_shift() -> None:
    one = view(1)
    images, _, psi, mirrored, shift = particles([one], 12, noise=0.0)
    for image in upright(images, psi, mirrored, shift.float()):
        assert likeness(image, one) > 0.98


def test_known_poses_come_back() -> None:
    views = [view(1), view(2), view(3)]
    images, number, psi, mirrored, shift = particles(views, 60, noise=0.5)
    found = Bank(torch.stack(views), ACROSS, 0.7, 6.0, reach=0.1).align(BAND.of(images))
    assert (found.number == number).all()
    assert (found.mirrored == mirrored).all()
    assert ((found.psi - psi + 180) % 360 - 180).abs().max() < 5
    assert (found.shift - shift).abs().max() <= 0.75


def test_likeness_is_in_standard_deviations_of_noise() -> None:
    noise = torch.randn(4000, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    spectra = BAND.of(noise)
    along = BAND.of(masked(view(1)[None], ACROSS))
    projected = (spectra * (along / along.norm()).conj()).real.sum(1)
    assert float(projected.std()) == pytest.approx(1.0, abs=0.05)


def test_a_class_of_one_view_gives_that_view() -> None:
    one = view(4)
    images, *_ = particles([one], 200, noise=1.0)
    found = laid(images, one)
    assert likeness(found.images[0], one) > 0.95
    assert found.count.tolist() == [200]
    assert torch.allclose(found.halves.mean(0), found.images, atol=1e-4)


def test_classes_find_the_views_from_single_particles() -> None:
    views = [view(5), view(6), view(7)]
    images, number, *_ = particles(views, 300, noise=1.5)
    found = drained(classes_steps(images, HALF[: len(images)], ACROSS, 6, seed=3))
    assert int(found.count.sum()) == 300
    pure = 0
    for c in range(6):
        members = number[found.poses.number == c]
        pure += int(torch.bincount(members, minlength=3).max()) if len(members) else 0
    assert pure > 285


def test_rings_agree_where_there_is_signal_only() -> None:
    one = view(8)
    images, *_ = particles([one], 400, noise=3.0)
    found = laid(images, one)
    rings = ring_correlation(found.halves, ACROSS)[0]
    assert rings[2:6].min() > 0.8
    assert rings[18:23].abs().mean() < 0.3
    trusted = reliability(found.halves, ACROSS)
    assert float(trusted.min()) >= 0
    assert float(trusted.max()) <= 1


def test_each_half_lies_on_averages_of_its_own() -> None:
    one, two = view(21), view(22)
    images, number, *_ = particles([one, two], 40, noise=0.5)
    half = torch.arange(40) // 2 % 2
    references = torch.stack([torch.stack([one, two]), torch.stack([two, one])])
    poses = aligned(BAND.of(images), half, references, ACROSS, 6.0)
    assert torch.equal(poses.number, torch.where(half == 0, number, 1 - number))


def test_classes_are_no_more_than_particles() -> None:
    images, *_ = particles([view(1)], 3, noise=0.1)
    found = drained(classes_steps(images, HALF[: len(images)], ACROSS, 8))
    assert len(found.images) == 3
    assert torch.isfinite(found.images).all()


def test_a_band_turns_as_pictures_do() -> None:
    images = masked(torch.stack([view(9), view(10)]), ACROSS)
    turned = BAND.turned(images, 0.65 * ACROSS)
    assert torch.allclose(turned[:, 0, 0], BAND.of(images), atol=1e-4)
    for mirrored in (False, True):
        for turn in (0, 1, 17, 18, 40, 71):
            psi, flag = torch.full((2,), turn * 360 / TURNS), torch.tensor([mirrored] * 2)
            expected = BAND.of(posed(images, psi, flag))
            error = (turned[:, int(mirrored), turn] - expected).abs().pow(2).sum()
            assert error < 0.004 * expected.abs().pow(2).sum(), (mirrored, turn)


def test_fewer_pixels_show_the_same() -> None:
    images = masked(torch.stack([view(9), view(10)]), ACROSS)
    small, across = reduced(images, 36), ACROSS * 36 // SIDE
    seen, before = band(0.7, 4.0, 36, across).of(small), band(0.7, 4.0, SIDE, ACROSS).of(images)
    assert torch.allclose(seen, before, atol=1e-3 * float(before.abs().max()))
    noise = torch.randn(50, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    assert float(reduced(noise, 36).std()) == pytest.approx(1.0, abs=0.06)


def test_no_particle_lies_on_no_average() -> None:
    images = torch.randn(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    bank = Bank(images, ACROSS, 0.7, 8.0, 0.1)
    assert len(bank.align(bank.band.of(images[:0]))) == 0
