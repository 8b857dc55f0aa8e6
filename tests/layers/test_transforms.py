"""Our matrices are napari's transforms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from napari.layers import Image, Points

from napari_drpnet.layers.transforms import apply, between, padded, to_world, transforms_of, units_agree
from transforms import TRANSFORMS

FEW = settings(max_examples=25)  # napari takes a while to make a layer
POINTS = np.array([[0.0, 0.0], [3.0, 7.5], [-20.0, 4000.0]])


@FEW
@given(TRANSFORMS)
def test_data_are_where_napari_draws_them(place: dict[str, Any]) -> None:
    layer = Points(POINTS, **place)
    matrix = to_world(transforms_of(layer), 2)
    np.testing.assert_allclose(apply(matrix, POINTS, 2), [layer.data_to_world(p) for p in POINTS], atol=1e-6)
    np.testing.assert_allclose(to_world(layer.as_layer_data_tuple()[1], 2), matrix)


@FEW
@given(TRANSFORMS, TRANSFORMS)
def test_from_one_layer_to_another_and_back(place: dict[str, Any], other: dict[str, Any]) -> None:
    one, two = Points(POINTS, **place), Image(np.zeros((4, 4)), **other)
    onto = between(to_world(transforms_of(one), 2), to_world(transforms_of(two), 2))
    there = apply(onto, POINTS, 2)
    np.testing.assert_allclose(there, [two.world_to_data(one.data_to_world(p)) for p in POINTS], rtol=1e-6, atol=1e-4)
    np.testing.assert_allclose(apply(np.linalg.inv(onto), there, 2), POINTS, rtol=1e-6, atol=1e-4)


def test_layers_share_their_last_axes() -> None:
    flat, stack = to_world({"scale": (2, 2)}, 2), to_world({"scale": (5, 4, 4)}, 3)
    np.testing.assert_allclose(apply(between(flat, stack), [[6, 8]], 3), [[0, 3, 4]])
    np.testing.assert_allclose(apply(between(stack, flat), [[1, 3, 4]], 2), [[6, 8]])
    np.testing.assert_array_equal(padded(flat, 3), np.diag([1, 2, 2, 1]))


@pytest.mark.parametrize(
    ("units", "factor"), [(("angstrom",) * 2, 1.0), (("nm",) * 2, 10.0), (("pixel",) * 2, 1.0), (None, 1.0)]
)
def test_lengths_are_in_angstrom(units: Any, factor: float) -> None:
    np.testing.assert_allclose(to_world({"units": units}, 2), np.diag([factor, factor, 1]))
    np.testing.assert_allclose(to_world({"units": units}, 2, by_units=False), np.eye(3))


def test_lengths_and_pixels_together_are_drawn_as_numbers() -> None:
    assert units_agree([("nm", "nm"), ("pixel", "angstrom", "angstrom")])
    assert units_agree([("pixel", "pixel")])
    assert units_agree([])
    assert not units_agree([("pixel", "pixel"), ("angstrom", "angstrom")])
