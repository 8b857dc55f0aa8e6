"""File > Open Sample > DRPnet: the built-in micrograph, with and without its true centres."""

from __future__ import annotations

from functools import cache

from napari_drpnet.data import Micrograph, Picks
from napari_drpnet.layers import TRUTH_COLOUR, LayerTuple, image_layer, points_layer, show_scale_bar


@cache
def _sample() -> tuple[Micrograph, Picks]:
    from napari_drpnet.simulation.sample import sample_micrograph  # slow to load

    return sample_micrograph()


def sample() -> list[LayerTuple]:
    """A simulated micrograph of 4096 x 4096 pixels with a carbon edge and ice contamination."""
    micrograph, _ = _sample()
    show_scale_bar()
    return [image_layer(micrograph.image, micrograph.frame)]


def sample_with_truth() -> list[LayerTuple]:
    """The same, with a circle around every particle."""
    micrograph, truth = _sample()
    show_scale_bar()
    return [
        image_layer(micrograph.image, micrograph.frame),
        points_layer(truth, name="true centres", colour=TRUTH_COLOUR),
    ]
