"""Files of labelled micrographs at the scale of the networks: made once, learnt from by all of them.

A safetensors file: all images after each other, and for each its shape, centres and what else an `Example` says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from napari_drpnet.errors import UserError, cut
from napari_drpnet.io.files import atomic_write
from napari_drpnet.io.paths import is_file
from napari_drpnet.settings import Grey, PreparedSet
from napari_drpnet.training.example import Example

_KEY = "napari_drpnet_prepared"
_ANEW = "Make it anew (napari-drpnet prepare)."


class _Head(BaseModel):
    """What a file says beside its numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    diameter: float
    grey: Grey
    names: tuple[str, ...]
    pixels: tuple[str, ...]
    structures: tuple[str, ...]


def write_prepared(path: Path, examples: Sequence[Example], diameter: float, grey: Grey) -> None:
    """Write examples, complete or not at all.

    Parameters
    ----------
    path
        The ``.safetensors`` file.
    examples
        With masks, all or none of them.
    diameter, grey
        How they were brought to the networks.
    """
    from safetensors.numpy import save_file

    head = _Head(
        diameter=diameter,
        grey=grey,
        names=tuple(e.name for e in examples),
        pixels=tuple(e.pixels for e in examples),
        structures=tuple(e.structure for e in examples),
    )
    tensors = {
        "images": np.concatenate([e.image.ravel() for e in examples]),
        "shape": np.array([e.image.shape for e in examples], np.int64),
        "centres": np.concatenate([e.yx for e in examples]).astype(np.float32),
        "count": np.array([len(e.yx) for e in examples], np.int64),
        "border": np.array([e.border for e in examples], np.float32),
        "scale": np.array([e.scale for e in examples], np.float64),
    }
    masks = [e.mask.ravel() for e in examples if e.mask is not None]
    if masks:
        tensors["masks"] = np.concatenate(masks)
    with atomic_write(path) as temporary:
        save_file(tensors, temporary, metadata={_KEY: json.dumps(head.model_dump())})


def read_prepared(data: PreparedSet, diameter: float, grey: Grey) -> Iterator[Example]:
    """The examples of a file, which share the weight of their set.

    Raises
    ------
    UserError
        When it is missing or none of these files, or was made for networks of another diameter or grey levels.
    """
    from safetensors import SafetensorError, safe_open

    path = data.prepared
    if not is_file(path):
        raise UserError(f"{path}: there is no such file.", "Make it first (napari-drpnet prepare).")
    try:
        # As torch's, tensors stay in the file, which several trainings then share, until somebody looks at them.
        with safe_open(path, framework="pt") as file:
            head = _Head.model_validate_json((file.metadata() or {})[_KEY])
            numbers = {key: file.get_tensor(key).numpy() for key in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError, KeyError, ValidationError) as error:
        reason = cut(" ".join(str(error).split()), 80)
        raise UserError(f"{path}: not a file of prepared micrographs ({reason}).", _ANEW) from error
    if (head.diameter, head.grey) != (diameter, grey):
        raise UserError(
            f"{path}: prepared for {head.diameter:g} px and {head.grey} grey levels, not {diameter:g} px and {grey}.",
            _ANEW,
        )
    sizes = numbers["shape"].prod(axis=1)
    cuts, parts = np.cumsum(sizes)[:-1], np.cumsum(numbers["count"])[:-1]
    images, centres = np.split(numbers["images"], cuts), np.split(numbers["centres"].astype(np.float64), parts)
    masks = np.split(numbers["masks"], cuts) if "masks" in numbers else [None] * len(sizes)
    for i, shape in enumerate(numbers["shape"].tolist()):
        mask = masks[i]
        yield Example(
            images[i].reshape(shape),
            centres[i],
            float(numbers["border"][i]),
            data.weight / len(sizes),
            head.names[i],
            head.pixels[i],
            float(numbers["scale"][i]),
            head.structures[i],
            None if mask is None else mask.reshape(shape),
        )
