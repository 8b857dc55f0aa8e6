"""Picks become averages of what they are of, and every bad input is said."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from averaged import DIAMETER, VIEWS, field
from lenses import seen_with, told
from napari_drpnet.averaging.alignment import Bank
from napari_drpnet.averaging.bands import band
from napari_drpnet.data import Micrograph, Picks
from napari_drpnet.errors import UserError
from napari_drpnet.jobs.averaging.average import SHOWN, average
from napari_drpnet.jobs.averaging.picked import PickedMicrograph
from napari_drpnet.jobs.averaging.result import Averages, AveragingProgress
from napari_drpnet.jobs.averaging.write import white_particles
from napari_drpnet.settings import AveragingSettings
from napari_drpnet.steps import drained


def picked(*seeds: int, **options) -> list[PickedMicrograph]:
    return [PickedMicrograph(f"m{seed}", partial(field, seed, **options)) for seed in seeds]


def run(micrographs: list[PickedMicrograph], **options) -> Averages:
    return drained(average(micrographs, AveragingSettings(**({"diameter": DIAMETER, "classes": 4} | options))))


@pytest.fixture(scope="module")
def averages() -> Averages:
    return run(picked(0, 1, 2, 3, 4, 5))


def test_averages_show_what_was_picked(averages: Averages) -> None:
    """Each large class is one of the two views, at some turn, as the best pose of the true view on it says."""
    large = [i for i, one in enumerate(averages.classes) if one.picks >= 20]
    assert large
    fine = torch.nn.functional.interpolate(torch.stack(VIEWS)[:, None], scale_factor=SHOWN / 32, mode="bicubic")[:, 0]
    bank = Bank(fine, SHOWN, 0.7, 8.0, 0.1)
    seen = band(0.7, 8.0, fine.shape[1], SHOWN).of(-torch.from_numpy(averages.images[large]))
    likeness = bank.align(seen).likeness / seen.abs().pow(2).sum(1).sqrt()
    assert likeness.min() > 0.85


def test_every_pick_is_in_one_class_and_every_class_says_what_it_is_worth(averages: Averages) -> None:
    assert averages.picks == 150
    assert len(averages.members) == 6
    number = np.concatenate([one.picks.class_number for one in averages.members])
    assert np.bincount(number)[1:].tolist() == [one.picks for one in averages.classes]
    assert sum(one.share for one in averages.classes) == pytest.approx(1.0, abs=0.05)
    shares = [one.share for one in averages.classes]
    assert shares == sorted(shares, reverse=True)
    assert averages.classes[0].evidence > 5 * averages.classes[0].error
    assert averages.classes[0].resolution < DIAMETER / 4
    assert all(0 < one.micrographs <= 1 for one in averages.classes)
    assert averages.members[0].of_class(1).size == (averages.members[0].picks.class_number == 1).sum()


def test_shifts_lead_from_picks_to_particles() -> None:
    def off(seed: int) -> tuple[Micrograph, Picks]:
        micrograph, picks = field(seed, noise=0.4)
        moved = picks.yx + np.where(np.arange(len(picks))[:, None] % 2, [2.0, -1.0], [-2.0, 1.0])
        return micrograph, Picks(micrograph.frame, moved, picks.score)

    found = run([PickedMicrograph(f"m{seed}", partial(off, seed)) for seed in range(6)], classes=2)
    shift = np.concatenate([one.shift for one in found.members]) / 4.0
    even = np.concatenate([np.arange(25) % 2 == 0 for _ in found.members])
    # An average's centre is where its members agree; picks that were moved apart are brought together.
    assert shift[even].mean(0) - shift[~even].mean(0) == pytest.approx([4.0, -2.0], abs=0.4)


def test_noise_has_averages_without_evidence() -> None:
    found = run(picked(*range(10), particles=False))
    mean = sum(one.evidence * one.picks for one in found.classes) / found.picks
    assert abs(mean) < 4 / np.sqrt(found.picks)


def test_a_first_look_comes_before_the_end_and_the_last_averages_stay() -> None:
    steps = [step for step in average(picked(0, 1, 2), AveragingSettings(diameter=DIAMETER)) if step.so_far]
    assert len(steps) > 3
    assert all(isinstance(step, AveragingProgress) for step in steps)
    assert {len(step.so_far.images) for step in steps} <= set(range(1, 21))


def test_more_picks_than_are_looked_at_are_all_sorted() -> None:
    found = run(picked(0, 1, 2, 3), most=60, classes=3)
    assert found.picks == 100


def test_one_bad_micrograph_does_not_stop_the_rest() -> None:
    def gone() -> tuple[Micrograph, Picks]:
        raise UserError("m9: it is gone.")

    found = run([PickedMicrograph("m9", gone), *picked(0, 1)])
    assert found.failed == (("m9", "m9: it is gone."),)
    assert found.picks == 50
    with pytest.raises(UserError, match="it is gone"):
        run([PickedMicrograph("m9", gone)])


def test_all_picks_on_one_micrograph_are_averaged() -> None:
    found = run(picked(0), classes=2)
    assert found.picks == 25


def test_fewer_picks_than_classes_make_fewer_classes() -> None:
    assert len(run(picked(0), classes=20).classes) <= 2


def test_picks_at_the_border_and_bad_pixels_are_no_error() -> None:
    def bordering() -> tuple[Micrograph, Picks]:
        micrograph, picks = field(3)
        image = np.array(micrograph.image)
        image[:40, :40] = np.nan
        yx = np.concatenate([picks.yx, [[0.0, 0.0], [303.0, 303.0], [-4.0, 20.0]]])
        return Micrograph.from_array(image, 4.0, "m3"), Picks(micrograph.frame, yx)

    found = run([PickedMicrograph("m3", bordering), *picked(0)])
    assert found.picks == 53
    assert np.isfinite(found.images).all()


def test_several_pixel_sizes_are_said() -> None:
    def finer() -> tuple[Micrograph, Picks]:
        micrograph, picks = field(1)
        image = np.kron(micrograph.image, np.ones((2, 2), np.float32))
        fine = Micrograph.from_array(image, 2.0, "fine")
        return fine, Picks(fine.frame, (picks.yx + 0.5) * 2 - 0.5)

    found = run([PickedMicrograph("fine", finer), *picked(0)])
    assert any("Pixel sizes from 2 to 4 A" in note for note in found.notes)


def test_what_cannot_be_averaged_is_said() -> None:
    with pytest.raises(UserError, match=r"diameter .* not known"):
        run(picked(0), diameter=None)
    with pytest.raises(UserError, match=re.escape("There are 0 picks")):
        run(picked(0), threshold=2.0)
    with pytest.raises(UserError, match="spans"):
        run(picked(0), diameter=8.0)


def test_particles_are_white_for_relion_whatever_they_are_on_micrographs(averages: Averages) -> None:
    y, x = np.mgrid[:72, :72] - 36
    dark = -np.exp(-(y**2 + x**2) / 200).astype(np.float32)[None]
    one = replace(averages, images=dark, classes=averages.classes[:1])
    assert white_particles(one)[0, 36, 36] == 1
    assert white_particles(replace(one, images=-dark))[0, 36, 36] == 1


def test_the_ctf_is_missed_once(averages: Averages) -> None:
    assert sum("CTF" in note for note in averages.notes) == 1


def test_a_ctf_of_another_micrograph_is_said_once_for_all() -> None:
    image = seen_with(told(20000.0), 2.0)

    def load(name: str) -> tuple[Micrograph, Picks]:
        micrograph = Micrograph.from_array(image, 2.0, name)
        return micrograph, Picks(micrograph.frame, np.random.default_rng(0).uniform(100, 600, (10, 2)))

    def notes(*defoci: float) -> str:
        some = [
            PickedMicrograph(f"m{i}.mrc", partial(load, f"m{i}.mrc"), told(defocus), "ctf.star")
            for i, defocus in enumerate(defoci)
        ]
        return " ".join(run(some, diameter=100.0, classes=1).notes)

    said = notes(20000, 12000)
    assert "1 of 2 micrographs do not fit the CTF of ctf.star: 'm1.mrc' (defocus 12,000 A; its rings fit 20,0" in said
    assert "m0.mrc" not in said
    assert "do not fit" not in notes(20000, 20300)
