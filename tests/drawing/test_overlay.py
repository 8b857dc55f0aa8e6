"""The overlay picture: rings where the picks are, in their colours."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from napari_drpnet.data import Frame, Micrograph, Picks
from napari_drpnet.drawing.overlay import FALSE, MISSED, TRUE, Rings, draw_rings, draw_verdict, save_png
from napari_drpnet.evaluation import evaluate


def micrograph(height: int, width: int) -> Micrograph:
    noise = np.random.default_rng(0).normal(size=(height, width)).astype(np.float32)
    return Micrograph(noise, Frame("a.mrc", (height, width), pixel_size=2.0))


def coloured(picture: Image.Image) -> np.ndarray:
    """``(n, 2)`` pixels (y, x) that are not grey."""
    rgb = np.asarray(picture).astype(int)
    return np.argwhere(rgb.max(axis=2) - rgb.min(axis=2) > 60)


def test_a_ring_has_its_centre_at_the_pick_and_the_diameter_of_the_particle():
    rings = [Rings(np.array([[30.0, 120.0]]), "red")]
    pixels = coloured(draw_rings(micrograph(100, 200), rings, diameter=80))
    assert pixels.mean(axis=0) == pytest.approx([30, 120], abs=1)
    assert np.ptp(pixels, axis=0) == pytest.approx([40, 40], abs=3)


def test_a_large_micrograph_is_reduced_and_the_ring_with_it():
    picture = draw_rings(micrograph(800, 1200), [Rings(np.array([[400.0, 900.0]]), "red")], diameter=400, side=300)
    assert picture.size == (300, 200)
    pixels = coloured(picture)
    assert pixels.mean(axis=0) == pytest.approx([100, 225], abs=1)
    assert np.ptp(pixels, axis=0) == pytest.approx([50, 50], abs=3)


def test_right_wrong_and_missed_have_colours_of_their_own():
    image = micrograph(300, 300)
    picks = Picks(image.frame, np.array([[150.0, 150.0], [250.0, 60.0]]))
    truth = Picks(image.frame, np.array([[152.0, 150.0], [250.0, 250.0]]))
    verdict = evaluate([picks], [truth], diameter=60, pixel_size=2).verdicts[0]
    rgb = np.asarray(draw_verdict(image, verdict, diameter=60)).astype(int)
    for colour, (y, x) in ((TRUE, (150, 150)), (FALSE, (250, 60)), (MISSED, (250, 250))):
        wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        around = rgb[y - 18 : y + 19, x - 18 : x + 19]
        assert np.abs(around - wanted).max(axis=2).min() < 30


@pytest.mark.parametrize("level", [0.0, 7.0])
def test_a_constant_image_can_be_drawn(level: float, tmp_path):
    flat = Micrograph(np.full((50, 50), level, np.float32), Frame("a.mrc", (50, 50), 1.0))
    path = save_png(draw_rings(flat, [], diameter=10), tmp_path / "flat.png")
    with Image.open(path) as picture:
        assert picture.size == (50, 50)
