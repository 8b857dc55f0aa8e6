"""Trained networks as safetensors files: numbers and a few words, never code.

The header of a file carries what the picker must know to use it, as JSON under the key ``napari_drpnet``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from napari_drpnet.errors import UserError
from napari_drpnet.io.files import atomic_write

if TYPE_CHECKING:
    import torch  # slow to load

PACKAGED = Path(__file__).parent.parent / "weights"
_KEY = "napari_drpnet"
# Bytes; safetensors allows no more.
_LONGEST_HEADER = 100_000_000


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
    of
        For a calibration: the picker that it corrects, and what its files held, by the field that names them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: str
    role: str
    diameter: float
    calibration: tuple[float, ...]
    detector: str = ""
    start: str = ""
    options: dict[str, int] = {}
    of: dict[str, str] = {}


def locate(name: str) -> Path:
    """The file of a weights name: one of the package's, or a path.

    Raises
    ------
    UserError
        When there is no such file.
    """
    if Path(name).suffix == ".safetensors":
        path = Path(name)
        if not path.is_file():
            raise UserError(f"{path}: there is no such weights file.", "Check the path.")
        return path
    path = PACKAGED / f"{name}.safetensors"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in PACKAGED.glob("*.safetensors")))
        raise UserError(
            f"The package has no weights named {name!r}.", f"Choose one of {known}, or a .safetensors file."
        )
    return path


def read_card(path: Path) -> WeightsCard:
    """What a weights file says of itself; its tensors are not read.

    Raises
    ------
    UserError
        When the file is missing, damaged, or not one of ours.
    """
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            words = json.loads(file.read(min(size, _LONGEST_HEADER)))["__metadata__"][_KEY]
        return WeightsCard.model_validate_json(words)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UserError(f"{path}: not a weights file of napari-drpnet.", "Copy or train it anew.") from error


def read_weights(name: str) -> tuple[WeightsCard, dict[str, torch.Tensor]]:
    """The card and the tensors (float32) of a weights file.

    Raises
    ------
    UserError
        When the file is missing, damaged, or not one of ours.
    """
    import torch  # slow to load
    from safetensors import SafetensorError, safe_open  # torch

    path = locate(name)
    try:
        with safe_open(path, framework="pt") as file:
            words = (file.metadata() or {}).get(_KEY)
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path}: not a readable safetensors file ({error}).", "Copy or train it anew.") from error
    if words is None:
        raise UserError(f"{path}: these weights are not of napari-drpnet.", "Choose a file written by its training.")
    try:
        card = WeightsCard.model_validate_json(words)
    except ValidationError as error:
        raise UserError(f"{path}: the weights are of another version of napari-drpnet.", "Train them anew.") from error
    return card, {k: v.float() if v.dtype == torch.float16 else v for k, v in tensors.items()}


def write_weights(path: Path, card: WeightsCard, tensors: dict[str, Any]) -> Path:
    """Write tensors and card to ``path``, complete or not at all."""
    from safetensors.torch import save  # torch

    path.parent.mkdir(parents=True, exist_ok=True)
    flat = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    with atomic_write(path) as temporary:
        # Not save_file, whose files nobody but their owner can read.
        temporary.write_bytes(save(flat, metadata={_KEY: json.dumps(card.model_dump())}))
    return path
