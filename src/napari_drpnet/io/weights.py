"""Trained networks as safetensors files: numbers and a few words, never code.

The header of a file carries what the picker must know to use it, as JSON under the key ``napari_drpnet``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_drpnet.errors import UserError, cut, short
from napari_drpnet.io.files import atomic_write, reading
from napari_drpnet.io.onnx_files import ONNX
from napari_drpnet.io.paths import is_file
from napari_drpnet.settings import Grey

if TYPE_CHECKING:
    import torch  # slow to load

PACKAGED = Path(__file__).parent.parent / "weights"
_KEY = "napari_drpnet"
# Bytes; a network of a hundred layers needs a tenth of a percent of it.
_LONGEST_HEADER = 10_000_000
# No trained number is as large; beyond it, what is computed with it may have no end.
_LARGEST = 1e9


class WeightsCard(BaseModel):
    """What a weights file says of itself.

    Attributes
    ----------
    network
        Architecture, a name of `networks.build`.
    role
        What it does in the picker, as the settings of pickers mark their fields: ``detector``, ``classifier``, ...;
        ``calibration`` of a file without a network, which corrects the probabilities of a picker.
    diameter
        Particle diameter in network pixels that it was trained at.
    calibration
        Coefficients of the logistic model that turns scores into a probability, the offset last. Of the classifier's
        logit (in a classifier's file only), of the logit of the detector's peak, and of the micrograph's context.
    detector
        For a classifier: the detector whose candidates it was trained and calibrated on.
    start
        The weights that training began from, where it did not begin anew.
    options
        Sizes that the architecture leaves open, arguments of `networks.build`.
    classes
        What the outputs of a classifier after background stand for, where there are several.
    grey
        How grey levels are brought to the network, see `pickers.grey`; files that do not say it are older.
    of
        For a calibration: the picker that it corrects, and what its files held, by the field that names them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    network: str
    role: str
    diameter: float = Field(gt=0, le=_LARGEST)
    calibration: tuple[float, ...]
    detector: str = ""
    start: str = ""
    options: dict[str, int] = {}
    classes: tuple[str, ...] = ()
    grey: Grey = "percentiles"
    of: dict[str, str] = {}


def locate(name: str) -> Path:
    """The file of a weights name: one of the package's, or a path.

    Raises
    ------
    UserError
        When there is no such file.
    """
    if Path(name).suffix.lower() in (".safetensors", ONNX):
        path = Path(name)
        if not is_file(path):
            raise UserError(f"{cut(name, 200)}: there is no such weights file.", "Check the path.")
        return path
    path = PACKAGED / f"{name}.safetensors"
    if not is_file(path):
        known = ", ".join(sorted(p.stem for p in PACKAGED.glob("*.safetensors")))
        raise UserError(
            f"The package has no weights named {short(name)}.",
            f"Choose one of {known}, or a file that ends in .safetensors or {ONNX}.",
        )
    return path


def read_card(path: Path) -> WeightsCard:
    """What a weights file says of itself; its tensors are not read.

    Raises
    ------
    UserError
        When the file is missing, damaged, or not one of ours.
    """
    _refuse_onnx(path)
    try:
        with reading(path), path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if size > min(_LONGEST_HEADER, os.fstat(file.fileno()).st_size):
                raise ValueError("the header is longer than the file, or than any")
            words = json.loads(file.read(size))["__metadata__"][_KEY]
        return WeightsCard.model_validate_json(words)
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise UserError(f"{path}: not a weights file of napari-drpnet.", "Copy or train it anew.") from error


def read_weights(name: str) -> tuple[WeightsCard, dict[str, torch.Tensor]]:
    """The card and the tensors (float32) of a weights file.

    Raises
    ------
    UserError
        When the file is missing, damaged, or not one of ours, or a number in it is none.
    """
    import torch  # slow to load
    from safetensors import SafetensorError, safe_open  # torch

    path = locate(name)
    _refuse_onnx(path)
    try:
        with safe_open(path, framework="pt") as file:
            words = (file.metadata() or {}).get(_KEY)
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError, RuntimeError, ValueError, AttributeError) as error:
        reason = cut(" ".join(str(error).split()), 80)
        raise UserError(f"{path}: not a readable safetensors file ({reason}).", "Copy or train it anew.") from error
    if words is None:
        raise UserError(f"{path}: these weights are not of napari-drpnet.", "Choose a file written by its training.")
    try:
        card = WeightsCard.model_validate_json(words)
    except ValidationError as error:
        odd = ".".join(map(str, error.errors(include_url=False, include_input=False)[0]["loc"]))
        raise UserError(
            f"{path}: the weights are damaged, or of another version of napari-drpnet ({cut(odd or 'card', 30)}).",
            "Train them anew.",
        ) from error
    halves = (torch.float16, torch.bfloat16)
    tensors = {key: value.float() if value.dtype in halves else value for key, value in tensors.items()}
    if not sound(tensors.values()):
        raise UserError(f"{path}: its tensors hold what is no number.", "Copy or train it anew.")
    return card, tensors


def _refuse_onnx(path: Path) -> None:
    if path.suffix.lower() == ONNX:
        raise UserError(
            f"{path}: an ONNX file can find particles, as a detector, and nothing else; it cannot be trained.",
            "Choose a .safetensors file.",
        )


def sound(tensors: Iterable[torch.Tensor]) -> bool:
    """Whether all numbers are finite, and none so large that it would not stay so; 1 ms for a million."""
    import torch  # slow to load

    real = [value for value in tensors if value.dtype in (torch.float32, torch.float64) and value.numel()]
    return all(bool(value.abs().max() <= _LARGEST) for value in real)


def write_weights(path: Path, card: WeightsCard, tensors: dict[str, Any]) -> Path:
    """Write tensors and card to ``path``, complete or not at all."""
    from safetensors.torch import save  # torch

    flat = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    with atomic_write(path) as temporary:
        # Not save_file, whose files nobody but their owner can read.
        temporary.write_bytes(save(flat, metadata={_KEY: json.dumps(card.model_dump())}))
    return path
