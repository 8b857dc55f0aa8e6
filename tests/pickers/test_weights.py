"""Weights that are damaged, or say what cannot be, are refused when they are loaded: never picks that mean nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from napari_drpnet.errors import UserError
from napari_drpnet.io.weights import read_card, read_weights, write_weights
from napari_drpnet.pickers import load_picker
from napari_drpnet.pickers.network import load_network

CPU = torch.device("cpu")
Tensors = dict[str, torch.Tensor]


def card_of(name: str) -> dict[str, Any]:
    return read_weights(name)[0].model_dump()


def written(path: Path, card: dict[str, Any], tensors: Tensors) -> str:
    path.write_bytes(save(tensors, metadata={"napari_drpnet": json.dumps(card)}))
    return str(path)


def first(tensors: Tensors, change: Callable[[torch.Tensor], torch.Tensor], end: str = "weight") -> Tensors:
    name = next(key for key in tensors if key.endswith(end))
    return {**tensors, name: change(tensors[name].clone())}


def filled(value: float) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda tensor: tensor.index_fill_(0, torch.tensor(0), value)


TENSORS = {
    "nan": lambda t: first(t, filled(float("nan"))),
    "infinite": lambda t: first(t, filled(float("inf"))),
    "too large to stay finite": lambda t: first(t, filled(1e38)),
    "a variance below 0": lambda t: first(t, filled(-1.0), "running_var"),
    "another shape": lambda t: first(t, lambda one: one[..., :-1].contiguous()),
    "no shape": lambda t: first(t, lambda one: one[:0].contiguous()),
    "whole numbers": lambda t: first(t, lambda one: one.int()),
    "yes and no": lambda t: first(t, lambda one: one > 0),
    "complex": lambda t: first(t, lambda one: one.to(torch.complex64)),
    "8 bits": lambda t: first(t, lambda one: one.to(torch.float8_e5m2)),
    "one too many": lambda t: {**t, "more": torch.zeros(2)},
    "one too few": lambda t: dict(list(t.items())[1:]),
    "none": lambda t: {},
}


@pytest.mark.parametrize("damage", TENSORS)
def test_tensors_that_are_no_network_are_refused(tmp_path: Path, damage: str):
    card, tensors = read_weights("detector")
    name = written(tmp_path / "a.safetensors", card.model_dump(), TENSORS[damage](tensors))
    with pytest.raises(UserError, match=r"a\.safetensors.*(no number|cannot be used|below 0)") as error:
        load_network(name, "detector", CPU)
    assert len(str(error.value).replace(str(tmp_path), "")) <= 300


@pytest.mark.parametrize(
    "fields",
    [
        {"calibration": [1.0]},
        {"calibration": []},
        {"calibration": [1.0] * 5},
        {"calibration": [1.0, 1.0, 1.0, float("nan")]},
        {"calibration": [1.0, 1.0, 1.0, float("inf")]},
        {"calibration": [1.0, 1.0, 1.0, "x"]},
        {"calibration": 3},
        {"diameter": float("nan")},
        {"diameter": -32},
        {"diameter": 0},
        {"diameter": 1e6},
        {"diameter": "x" * 1000},
        {"network": "x" * 1000},
        {"network": "fcrn"},
        {"role": "x" * 1000},
        {"options": {"width": 10**9}},
        {"options": {"name": 1}},
        {"options": {"self": 1}},
        {"network": "alexnet", "options": {"percent": 10**9}},
        {"network": "alexnet", "options": {"side": 0}},
        {"network": "alexnet", "options": {"classes": 10**30}},
        {"network": "alexnet", "options": {"dense": 10**30}},
        {"x" * 1000: 1},
    ],
)
def test_a_card_that_says_what_cannot_be_is_refused(tmp_path: Path, fields: dict[str, Any]):
    card, tensors = read_weights("detector")
    name = written(tmp_path / "a.safetensors", card.model_dump() | fields, tensors)
    with pytest.raises(UserError, match=r"a\.safetensors") as error:
        load_network(name, "detector", CPU)
    assert len(str(error.value).replace(str(tmp_path), "")) <= 300


def test_a_network_of_each_role_has_its_own_number_of_coefficients():
    for picker in ("drpnet", "pixer", "centerpicker"):
        load_picker(picker, diameter=180, device="cpu")
    load_picker("drpnet", diameter=180, device="cpu", classifier="classifier")


@pytest.mark.parametrize(
    "head",
    [
        (2**63).to_bytes(8, "little") + b"{}",
        (10**8).to_bytes(8, "little") + b"[" * 1000,
        (100_000).to_bytes(8, "little") + b"[" * 100_000,
        (2).to_bytes(8, "little") + b"{}",
        (4).to_bytes(8, "little") + b"null",
        (22).to_bytes(8, "little") + b'{"__metadata__": null}',
        b"",
        b"\0" * 7,
    ],
)
def test_a_header_that_lies_is_refused_by_both_readers(tmp_path: Path, head: bytes):
    path = tmp_path / "a.safetensors"
    path.write_bytes(head)
    for read in (read_card, lambda path: read_weights(str(path))):
        with pytest.raises(UserError, match=r"a\.safetensors: not a readable|a\.safetensors: (not a|these) weights"):
            read(path)


@pytest.mark.parametrize("calibration", [[float("nan"), 0], [1, float("inf")], [1], [1, 2, 3]])
def test_a_correction_that_is_no_number_is_refused(tmp_path: Path, calibration: list[float]):
    card = {"network": "", "role": "calibration", "diameter": 180, "calibration": calibration, "of": {"picker": "log"}}
    name = written(tmp_path / "c.safetensors", card, {})
    with pytest.raises(UserError, match=r"c\.safetensors"):
        load_picker("log", diameter=180, calibration=name)


@pytest.mark.parametrize("name", ["x" * 5000, "x" * 5000 + ".safetensors", "a\0b", "a\0b.safetensors", "../../x"])
def test_a_name_of_no_file_is_told(name: str):
    with pytest.raises(UserError, match=r"no weights named|there is no such weights file") as error:
        read_weights(name)
    assert len(str(error.value)) <= 300


def test_what_is_written_is_read(tmp_path: Path):
    card, tensors = read_weights("detector")
    again = read_weights(str(write_weights(tmp_path / "a.safetensors", card, tensors)))
    assert again[0] == card
    assert all(torch.equal(again[1][key], tensors[key]) for key in tensors)
