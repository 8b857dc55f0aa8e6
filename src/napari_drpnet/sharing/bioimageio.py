"""A package of the BioImage Model Zoo: a zip file of a model, its description, and an image to test it with."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from typing import Any

import numpy as np

from napari_drpnet.data import ImageArray
from napari_drpnet.io.fields import dump
from napari_drpnet.settings import ExportSettings
from napari_drpnet.sharing.example import EPSILON
from napari_drpnet.sharing.onnx_model import IMAGE, MAP, OPSET
from napari_drpnet.sharing.score_map import MEANINGS, SharedMap
from napari_drpnet.sharing.words import PAPERS, authors_of, model_card, summary

# Of the format of the description; newer programs read it as well.
_FORMAT = "0.5.4"
_WEIGHTS, _CARD, _IN, _OUT = "weights.onnx", "README.md", "test_image.npy", "test_map.npy"
_DESCRIPTION = "rdf.yaml"
_LONGEST = 128  # a description of a tensor or an axis
_HOME = "https://pypi.org/project/napari-drpnet/"
# What a name may not have in it.
_ODD = re.compile(r"[^\w +()-]", re.ASCII)
# Files of a zip are as old as the format allows, so that the same network is the same file.
_WHEN = (1980, 1, 1, 0, 0, 0)


def package(shared: SharedMap, settings: ExportSettings, model: bytes, tensors: tuple[ImageArray, ImageArray]) -> bytes:
    """The zip file of a network.

    Parameters
    ----------
    shared, settings
        The network, and whose it is.
    model
        The network as ONNX.
    tensors
        See `example`.
    """
    files = {
        _WEIGHTS: model,
        _CARD: model_card(shared, settings).encode(),
        _IN: _npy(tensors[0]),
        _OUT: _npy(tensors[1]),
    }
    described = description(shared, settings, {name: hashlib.sha256(data).hexdigest() for name, data in files.items()})
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {_DESCRIPTION: dump(described, allow_unicode=True).encode(), **files}.items():
            archive.writestr(zipfile.ZipInfo(name, _WHEN), data, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def description(shared: SharedMap, settings: ExportSettings, sums: dict[str, str]) -> dict[str, Any]:
    """The model description, by the specification of the format.

    Parameters
    ----------
    shared, settings
        See `package`.
    sums
        SHA-256 of each file.
    """

    def file(name: str) -> dict[str, str]:
        return {"source": name, "sha256": sums[name]}

    text, doi = PAPERS[shared.card.role]
    card = shared.card.model_dump(mode="json")
    people = [{"name": name} for name in authors_of(shared, settings)]
    return {
        "type": "model",
        "format_version": _FORMAT,
        "name": _ODD.sub("-", f"Particles in cryo-EM micrographs - {shared.name}")[:_LONGEST],
        "description": summary(shared),
        "authors": people,
        "cite": [{"text": text, "doi": doi}],
        "license": settings.license,
        "documentation": _CARD,
        "tags": ["cryo-EM", "particle-picking", "single-particle", "2d", "onnx", "napari-drpnet"],
        "links": [_HOME],
        "inputs": [_input(shared) | {"test_tensor": file(_IN)}],
        "outputs": [_output(shared) | {"test_tensor": file(_OUT)}],
        "weights": {"onnx": {**file(_WEIGHTS), "opset_version": OPSET, "authors": people}},
        "config": {"napari_drpnet": {name: value for name, value in card.items() if value}},
    }


def _input(shared: SharedMap) -> dict[str, Any]:
    size = {"min": shared.least, "step": shared.multiple}
    said = (
        f"micrograph, {shared.card.diameter:g} px a particle diameter, grey levels {shared.card.grey}, particles dark"
    )
    return {
        "id": IMAGE,
        "description": said[:_LONGEST],
        "axes": [
            {"type": "batch"},
            {"type": "channel", "channel_names": ["density"]},
            *({"type": "space", "id": axis, "size": size} for axis in "yx"),
        ],
        "data": {"type": "float32"},
        "preprocessing": _steps(shared),
    }


def _steps(shared: SharedMap) -> list[dict[str, Any]]:
    """Of the preparation what the format can express: `as_described` does the same."""
    steps: list[dict[str, Any]] = [{"id": "ensure_dtype", "kwargs": {"dtype": "float32"}}]
    if shared.card.grey == "percentiles":
        levels = {"axes": ["channel", "y", "x"], "min_percentile": 1.0, "max_percentile": 99.0, "eps": EPSILON}
        steps += [
            {"id": "scale_range", "kwargs": levels},
            {"id": "clip", "kwargs": {"min": 0.0, "max": 1.0}},
            {"id": "scale_linear", "kwargs": {"gain": 1.0, "offset": -0.5}},
        ]
    return steps


def _output(shared: SharedMap) -> dict[str, Any]:
    halo = {"halo": -(-shared.reach // shared.stride)} if shared.reach else {}
    return {
        "id": MAP,
        "description": MEANINGS[shared.card.role][:_LONGEST],
        "axes": [
            {"type": "batch"},
            {"type": "channel", "channel_names": ["particle"]},
            *(
                {
                    "type": "space",
                    "id": axis,
                    "scale": float(shared.stride),
                    "size": {"tensor_id": IMAGE, "axis_id": axis, "offset": 0},
                    **halo,
                }
                for axis in "yx"
            ),
        ],
        "data": {"type": "float32"},
    }


def _npy(values: ImageArray) -> bytes:
    file = io.BytesIO()
    np.save(file, values, allow_pickle=False)
    return file.getvalue()
