"""Small networks of "another group", as ONNX files: dark blobs become hills of a map at half the size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

DIAMETER = 16.0  # network pixels


def _kernel() -> np.ndarray:
    """How much darker than around it a disc of the diameter is, ``(1, 1, 32, 32)``."""
    axis = np.arange(32) - 15.5
    inside = np.hypot(axis[:, None], axis[None]) < DIAMETER / 2
    kernel = np.where(inside, -1 / inside.sum(), 1 / (~inside).sum())
    return kernel.astype(np.float32)[None, None]


def blob_network(
    path: Path,
    says: dict[str, Any] | None = None,
    *,
    sides: tuple[Any, Any] = ("h", "w"),
    batch: Any = "n",
    channels: int = 1,
    probability: bool = True,
    padded: bool = True,
    out_channels: int = 1,
    kind: int = TensorProto.FLOAT,
    twice: bool = False,
    bad: bool = False,
) -> Path:
    """Write a network, and what its file ``says`` of it; the rest is what may be wrong with one."""
    weight = np.repeat(np.repeat(_kernel(), channels, axis=1), out_channels, axis=0)
    pads = [15, 15, 15, 15] if padded else [0, 0, 0, 0]
    nodes = [helper.make_node("Conv", ["image", "weight"], ["answer"], strides=[2, 2], pads=pads)]
    if kind != TensorProto.FLOAT:
        nodes = [helper.make_node("Cast", ["image"], ["real"], to=TensorProto.FLOAT)]
        nodes += [helper.make_node("Conv", ["real", "weight"], ["answer"], strides=[2, 2], pads=pads)]
    # Of standard grey levels, a disc stands out by about 2.5.
    constants = {"weight": weight, "slope": np.float32(6), "middle": np.float32(0.9), "none": np.float32(0)}
    nodes += [
        helper.make_node("Sub", ["answer", "middle"], ["above"]),
        helper.make_node("Mul", ["above", "slope"], ["logit"]),
        helper.make_node("Sigmoid" if probability else "Identity", ["logit"], ["sure"]),
        helper.make_node("Div", ["sure", "none"], ["map"]) if bad else helper.make_node("Identity", ["sure"], ["map"]),
    ]
    image = helper.make_tensor_value_info("image", kind, [batch, channels, *sides])
    other = [helper.make_tensor_value_info("other", TensorProto.FLOAT, [1])] if twice else []
    made = helper.make_tensor_value_info("map", TensorProto.FLOAT, None)
    numbers = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "blobs", [image, *other], [made], numbers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if says is not None:
        helper.set_model_props(model, {"napari_drpnet": json.dumps(says)})
    onnx.save(model, path)
    return path
