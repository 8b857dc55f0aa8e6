"""What every picker with a network does: prepare the image, load the weights, turn scores into probabilities."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from napari_drpnet import devices
from napari_drpnet.candidates import crop
from napari_drpnet.data import FloatArray, ImageArray
from napari_drpnet.errors import UserError, cut, short
from napari_drpnet.io.weights import WeightsCard, read_weights, sound
from napari_drpnet.networks import channels_last, with_tensors
from napari_drpnet.stages import stage

_BATCH = 128
_ANEW = "Copy or train them anew."
# What a network's own calibration has: a slope for each of its terms, and the offset.
_COEFFICIENTS = {"detector": 4, "classifier": 5, "segmenter": 4, "centre detector": 2, "window classifier": 2}
# Diameters, in network pixels, that a network can have been trained at.
_DIAMETERS = (4, 1000)


def fold(network: nn.Module) -> nn.Module:
    """The same function with every batch norm folded into the convolution before it, in less memory.

    For inference only.
    """
    for child in network.children():
        fold(child)
        if isinstance(child, nn.ReLU):
            child.inplace = True
    if isinstance(network, nn.Sequential):
        for i, (a, b) in enumerate(zip(list(network), list(network)[1:], strict=False)):
            if isinstance(a, nn.Conv2d) and isinstance(b, nn.BatchNorm2d):
                network[i], network[i + 1] = fuse_conv_bn_eval(a, b), nn.Identity()
    return network


def load_network(name: str, role: str, device: torch.device) -> tuple[WeightsCard, nn.Module]:
    """A trained network, ready to run on ``device``.

    Raises
    ------
    UserError
        When the weights are missing, damaged, of another role or network, or their card says what cannot be.
    """
    card, tensors = read_weights(name)
    if card.role != role:
        raise UserError(f"The weights {short(name)} are a {cut(card.role, 30)}, not a {role}.", f"Choose a {role}.")
    least, most = _DIAMETERS
    if len(card.calibration) != _COEFFICIENTS.get(role, len(card.calibration)) or not least <= card.diameter <= most:
        raise UserError(f"The card of the weights {short(name)} does not fit a {role}.", _ANEW)
    try:
        network = fold(with_tensors(card.network, card.options, tensors).eval())
    except UserError as error:
        raise UserError(f"The weights {short(name)} cannot be used. {error.message}", error.hint) from error
    if not sound(network.state_dict().values()):
        raise UserError(f"The weights {short(name)} hold a variance below 0.", _ANEW)
    return card, channels_last(network).to(device)


def classify_steps(
    network: nn.Module, image: ImageArray, yx: FloatArray, side: int, device: torch.device
) -> Generator[float, None, FloatArray]:
    """What a network says of the patches around places ``(n, 2)`` of an image, ``(n, ...)``; yields the part done."""
    said = []
    for start in range(0, max(len(yx), 1), _BATCH):
        said.append(classify(network, crop(image, yx[start : start + _BATCH], side), device))
        yield start / max(len(yx), 1)
    return np.concatenate(said)


@stage("network")
@torch.inference_mode()
def classify(network: nn.Module, patches: ImageArray, device: torch.device) -> FloatArray:
    """Logits of ``(n, 64, 64)`` patches, ``(n,)``."""
    with devices.turn(device), devices.precision(device):
        batch = torch.from_numpy(patches)[:, None].to(device, memory_format=torch.channels_last)
        return np.asarray(network(batch).float().cpu(), np.float64)
