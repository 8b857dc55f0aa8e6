"""A CTF is known by the rings that it leaves in the power spectrum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lenses import seen_with, told
from napari_drpnet.averaging.rings import rings

DEFOCI = (9000.0, 16000.0, 31000.0)


@pytest.mark.parametrize("defocus", DEFOCI)
def test_the_right_one_fits_and_others_do_not(defocus: float) -> None:
    image = seen_with(told(defocus))
    right = rings(image, 2.0, told(defocus))
    assert right.seen
    assert not right.misfit
    assert not rings(image, 2.0, told(1.03 * defocus)).misfit
    for wrong in (0.7 * defocus, 1.3 * defocus, *(d for d in DEFOCI if d != defocus)):
        found = rings(image, 2.0, told(wrong))
        assert found.misfit
        assert found.defocus == pytest.approx(defocus, abs=300)


def test_astigmatism_counts_on_both_sides() -> None:
    ctf = told(16000, 1500)
    image = seen_with(ctf)
    assert not rings(image, 2.0, ctf).misfit
    assert rings(image, 2.0, replace(ctf, angle=120.0)).told < 0.7 * rings(image, 2.0, ctf).told
    assert not rings(seen_with(told(16000)), 2.0, told(16000)).misfit


@pytest.mark.parametrize("pixel_size", [0.6, 2.0, 5.0])
def test_where_no_rings_are_seen_nothing_is_said(pixel_size: float) -> None:
    noise = seen_with(told(16000), pixel_size, rings_to_noise=0.0)
    found = rings(noise, pixel_size, told(16000))
    assert not found.seen
    assert not found.misfit


def test_pictures_too_small_or_pixels_too_coarse_for_rings_say_nothing() -> None:
    image = seen_with(told(16000))
    assert not rings(image[:20, :16], 2.0, told(9000)).misfit
    assert not rings(image, 12.0, told(9000)).misfit
    assert not rings(np.zeros((300, 300), np.float32), 2.0, told(9000)).misfit
