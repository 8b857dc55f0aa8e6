"""A map in which nothing stands out has no picks, and that is said."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import blobs
from napari_drpnet import Micrograph, load_picker
from napari_drpnet.io.weights import read_weights, write_weights
from onnx_networks import DIAMETER, blob_network

OURS = [
    ("drpnet", "detector", "detector"),
    ("drpnet-paper", "detector", "fcrn"),
    ("pixer", "segmenter", "pixer-segmenter"),
    ("centerpicker", "weights", "centerpicker"),
]


def micrograph() -> Micrograph:
    return Micrograph.from_array(blobs.grid_of_blobs()[0][:320, :256], blobs.PIXEL_SIZE, "seen.mrc")


def with_filters(name: str, value: float, folder: Path) -> str:
    """Weights of ours whose filters are all as large as this, and have their signs."""
    card, tensors = read_weights(name)
    filters = {key: value * tensor.sign() for key, tensor in tensors.items() if tensor.ndim == 4}
    return str(write_weights(folder / f"{name}.safetensors", card, tensors | filters))


def picks(name: str, **more: Any) -> tuple[Any, int]:
    loaded = load_picker(name, diameter=blobs.DIAMETER, device="cpu", threshold=0.0, **more)
    score_map = loaded.score(micrograph())
    return score_map.values, len(loaded.picks_from(score_map))


@pytest.mark.parametrize(("name", "field", "network"), OURS)
def test_a_network_of_ours_that_says_the_same_everywhere_picks_nothing(
    tmp_path: Path, name: str, field: str, network: str
):
    broken = with_filters(network, 0.0, tmp_path)
    with pytest.warns(UserWarning, match=rf"seen\.mrc: .* {name} .*{network}\.safetensors.*is the same everywhere"):
        values, count = picks(name, **{field: broken})
    assert np.ptp(values) < 1e-5
    assert count == 0


@pytest.mark.parametrize(("name", "field", "network"), [OURS[0], OURS[-1]])
def test_what_is_no_number_picks_nothing_and_a_window_can_show_the_map(
    tmp_path: Path, name: str, field: str, network: str
):
    broken = with_filters(network, 6e4, tmp_path)
    with pytest.warns(UserWarning, match=r"seen\.mrc: .*holds what is no number.*\(--device cpu\)"):
        values, count = picks(name, **{field: broken})
    assert np.isfinite(values).all()
    assert count == 0


def test_a_network_of_another_program_that_says_the_same_everywhere_picks_nothing(tmp_path: Path):
    path = blob_network(tmp_path / "same.onnx", {"diameter": DIAMETER, "grey": "standard", "multiple": 2})
    model = onnx.load(path)
    del model.graph.node[-1]
    node = onnx.helper.make_node
    model.graph.node.extend([node("Sub", ["sure", "sure"], ["zero"]), node("Exp", ["zero"], ["map"])])
    onnx.save(model, path)
    with pytest.warns(UserWarning, match=r"seen\.mrc: .* drpnet \(detector .*same\.onnx\) is the same everywhere"):
        values, count = picks("drpnet", detector=str(path))
    assert values.min() > 0.99
    assert count == 0


def test_a_broken_network_is_told_of_once_and_not_with_each_micrograph(tmp_path: Path):
    broken = load_picker(
        "drpnet", diameter=blobs.DIAMETER, device="cpu", detector=with_filters("detector", 0, tmp_path)
    )
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        for number in range(4):
            broken.score(replace(micrograph(), frame=replace(micrograph().frame, micrograph=f"{number}.mrc")))
    first, others = (str(one.message) for one in heard)
    assert first.startswith("0.mrc: the score map of drpnet")
    assert "other micrographs" in others


def test_a_map_in_which_something_stands_out_is_no_cause_for_words():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert picks("drpnet")[1] > 3
