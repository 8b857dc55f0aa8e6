"""The network that finds particles for DRPnet: one of ours, or of another program in an ONNX file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

import torch

from napari_drpnet.errors import UserError, cut
from napari_drpnet.io.onnx_files import KEY, ONNX, read_onnx
from napari_drpnet.io.weights import locate
from napari_drpnet.networks.onnx_map import OnnxMap
from napari_drpnet.pickers.network import load_network
from napari_drpnet.settings import AnyGrey
from napari_drpnet.tiling import FullyConvolutional

ROLE = "detector"
# Where nobody calibrated it, the height of the map is the probability, whatever else is on the micrograph.
_AS_IT_IS = (1.0, 0.0, 0.0, 0.0)
# Where the file does not say how far a network sees: in particle diameters.
_REACH = 2.0
# Diameters, in network pixels, that a network can know.
_DIAMETERS = (4, 1000)

Said = TypeVar("Said")


@dataclass(frozen=True)
class DetectorCard:
    """What must be known of a detector to use it; see `WeightsCard`.

    Attributes
    ----------
    diameter
        Of a particle, in pixels of the image that it sees.
    grey
        How grey levels are brought to it.
    calibration
        What turns its map into a probability.
    start
        The weights that its training began from, empty for none; of another program what it is called, since no
        classifier of ours was made for it.
    calibrated
        Whether the probability is right on a usual data set.
    """

    diameter: float
    grey: AnyGrey
    calibration: tuple[float, ...]
    start: str
    calibrated: bool = True


def load_detector(
    name: str, diameter: float | None, grey: AnyGrey | None, device: torch.device
) -> tuple[DetectorCard, FullyConvolutional]:
    """A detector, ready to run on ``device``; one of another program runs on the processor.

    Parameters
    ----------
    name
        Of weights, or an ONNX file.
    diameter, grey
        What an ONNX file does not say of its network: see `DetectorCard`.
    device
        Where to compute.

    Raises
    ------
    UserError
        When it cannot be read or used, or what must be known of it is said by nobody, or differently by file and user.
    """
    path = locate(name)
    if path.suffix.lower() == ONNX:
        return _of_another_program(path, diameter, grey)
    if diameter is not None or grey is not None:
        raise UserError(
            f"What the detector {cut(name, 60)} knows is in its file; it is told for ONNX files only.",
            "Leave out detector_diameter and detector_grey.",
        )
    card, network = load_network(name, ROLE, device)
    known = DetectorCard(card.diameter, card.grey, card.calibration, card.start)
    return known, cast(FullyConvolutional, network)


def _of_another_program(
    path: Path, diameter: float | None, grey: AnyGrey | None
) -> tuple[DetectorCard, FullyConvolutional]:
    file = read_onnx(path)
    card, name = file.card, path.as_posix()
    if card.role != ROLE:
        raise UserError(f"{name} is a {cut(card.role, 30)}, not a {ROLE}.", f"Choose a {ROLE}.")
    pixels = _agreed(name, "diameter", card.diameter, diameter, "how many pixels a particle is across", "32")
    levels: AnyGrey = _agreed(name, "grey", card.grey, grey, "which grey levels its network knows", "standard")
    least, most = _DIAMETERS
    if not least <= pixels <= most or len(card.calibration) not in (0, len(_AS_IT_IS)):
        raise UserError(f"{name}: what it says of itself ({KEY}) does not fit a {ROLE}.", "Export it anew.")
    reach = round(_REACH * pixels) if card.reach is None else card.reach
    calibrated = bool(card.calibration)
    network = OnnxMap(name, file.sessions, reach, card.beyond, card.multiple, card.floats, probable=not calibrated)
    if network.stride > pixels:
        raise UserError(
            f"{name}: a pixel of its map is {network.stride} px of the image, more than a particle of {pixels:g} px.",
            "Export a network with a finer map, or tell the right diameter.",
        )
    start = card.start if calibrated else path.stem
    return DetectorCard(pixels, levels, card.calibration or _AS_IT_IS, start, calibrated), network


def _agreed(name: str, field: str, said: Said | None, told: Said | None, what: str, example: str) -> Said:
    """What the file says or its user; neither or different ones are refused."""
    if said is not None and told is not None and said != told:
        raise UserError(f"{name} says of itself: {field} {said}. It was told {told}.", f"Leave out detector_{field}.")
    known = told if said is None else said
    if known is None:
        raise UserError(
            f"{name} does not say {what}.",
            f"Give it in the settings of the picker: ONNX file, {field} (--option detector_{field}={example}).",
        )
    return known
