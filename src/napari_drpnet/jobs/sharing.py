"""Write a network for other programs, after it was tried that they get the same map."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from napari_drpnet.data import ImageArray
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import atomic_write
from napari_drpnet.io.onnx_files import session_of
from napari_drpnet.io.paths import exists, shown
from napari_drpnet.settings import ExportSettings
from napari_drpnet.sharing.bioimageio import package
from napari_drpnet.sharing.example import as_described, example
from napari_drpnet.sharing.onnx_model import IMAGE, onnx_model
from napari_drpnet.sharing.score_map import SharedMap, shared_map
from napari_drpnet.sharing.words import PAPERS, authors_of, model_card, summary

_SUFFIX = {"bioimageio": ".zip", "onnx": ".onnx"}
# Maps of torch and of onnxruntime that differ by more are not of the same network.
_SAME = 1e-4


@dataclass(frozen=True)
class ExportReport:
    """What was written.

    Attributes
    ----------
    path
        The file.
    size
        In bytes.
    difference
        The largest between the maps that torch and onnxruntime make of the test image.
    diameter
        Of a particle, in pixels of the network's image.
    grey
        The grey levels that it knows.
    """

    path: Path
    size: int
    difference: float
    diameter: float
    grey: str


def export_model(name: str, settings: ExportSettings, out: Path | None = None) -> ExportReport:
    """Write the score map of a network as a file that other programs read.

    Parameters
    ----------
    name
        Of weights of the package, or a file of weights.
    settings
        What is written, and whose it is.
    out
        The file, which must not be there. None: the name of the network, in the working folder.

    Raises
    ------
    UserError
        When there is no such network, it has no score map, nobody says who made it, the file is there already or of
        another kind, or a package that is needed is not installed.
    """
    suffix = _SUFFIX[settings.format]
    shared = shared_map(name)
    path = Path(f"{shared.name}{suffix}") if out is None else out
    if path.suffix != suffix:
        raise UserError(
            f"{shown(path)}: a file of the format {settings.format} ends in {suffix}.", "Name it so (--out)."
        )
    if exists(path):
        raise UserError(f"{shown(path)} is there already.", "Remove it, or choose another name (--out).")
    if settings.format == "bioimageio" and not authors_of(shared, settings):
        raise UserError(
            f"A package names who made its network, and {shared.name} is not of napari-drpnet.",
            "Say who made it (--authors).",
        )
    model = onnx_model(shared, _about(shared, settings))
    tensors = example(shared)
    difference = _difference(shared, model, tensors)
    content = model if settings.format == "onnx" else package(shared, settings, model, tensors)
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)
    return ExportReport(path, len(content), difference, shared.card.diameter, shared.card.grey)


def _about(shared: SharedMap, settings: ExportSettings) -> dict[str, str]:
    """What an ONNX file tells people."""
    text, doi = PAPERS[shared.card.role]
    return {
        "description": summary(shared),
        "model_card": model_card(shared, settings),
        "license": settings.license,
        "authors": ", ".join(authors_of(shared, settings)),
        "cite": f"{text}, doi:{doi}",
        "exported_by": f"napari-drpnet {version('napari-drpnet')}",
    }


def _difference(shared: SharedMap, model: bytes, tensors: tuple[ImageArray, ImageArray]) -> float:
    """Between the map of the example and what onnxruntime makes of two, one of them wider than high."""
    image, expected = as_described(shared, tensors[0]), tensors[1]
    wide = np.concatenate([image, image[..., ::-1]], axis=3)
    session = session_of(model, shared.name, torch.get_num_threads())
    both = shared.map_of(torch.from_numpy(wide)).numpy()
    found = session.run(None, {IMAGE: np.repeat(wide, 2, axis=0)})[0], session.run(None, {IMAGE: image})[0]
    difference = max(float(np.abs(a - b).max()) for a, b in zip(found, (both, expected), strict=True))
    if not difference <= _SAME:
        raise UserError(
            f"onnxruntime makes another map than torch, by {difference:.2g}.", "Update torch, onnx and onnxruntime."
        )
    return difference
