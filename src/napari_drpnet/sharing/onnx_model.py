"""A network as an ONNX model."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping

import torch

from napari_drpnet.errors import UserError
from napari_drpnet.io.onnx_files import KEY, OnnxCard
from napari_drpnet.sharing.score_map import SharedMap

OPSET = 17
IMAGE, MAP = "image", "map"
_PRODUCER = "napari-drpnet"


def onnx_model(shared: SharedMap, about: Mapping[str, str]) -> bytes:
    """The network as an ONNX model for images of any number and size, and what is known of it in its metadata.

    Parameters
    ----------
    shared
        The network.
    about
        For people, by key.

    Raises
    ------
    UserError
        When the package onnx is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise UserError(
            "The package onnx, which writes models, is not installed.",
            'Install it: pip install "napari-drpnet[onnx]".',
        ) from error
    model = onnx.load_from_string(_traced(shared))
    onnx.helper.set_model_props(model, {**about, KEY: _card(shared).model_dump_json(exclude_none=True)})
    model.producer_name, model.producer_version = _PRODUCER, ""
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def _card(shared: SharedMap) -> OnnxCard:
    card = shared.card
    return OnnxCard(
        diameter=card.diameter,
        grey=card.grey,
        role=card.role,
        calibration=card.calibration,
        start=card.start,
        reach=shared.reach,
        beyond=shared.beyond,
        multiple=shared.multiple,
        floats=shared.floats,
    )


def _traced(shared: SharedMap) -> bytes:
    """By the older of torch's two exporters, which needs no further packages and a tenth of the time."""
    file = io.BytesIO()
    side = -(-64 // shared.multiple) * shared.multiple
    axes = {0: "batch", 2: "height", 3: "width"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is the older one
        torch.onnx.export(
            shared.network,
            (torch.zeros(1, 1, side, side),),
            file,  # type: ignore[arg-type]  # torch's stubs miss files in memory
            dynamo=False,
            opset_version=OPSET,
            input_names=[IMAGE],
            output_names=[MAP],
            dynamic_axes={IMAGE: axes, MAP: {at: f"map {name}" if at else name for at, name in axes.items()}},
        )
    return file.getvalue()
