"""Network definitions, and nothing but: `build` makes one by the name its weights file carries."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature

import torch
from torch import nn

from napari_drpnet.errors import UserError, short
from napari_drpnet.networks.alexnet import AlexNet
from napari_drpnet.networks.centernet import CenterNet
from napari_drpnet.networks.classifier import Classifier
from napari_drpnet.networks.fcrn import FCRN
from napari_drpnet.networks.pixer import PixerSegmenter, PixerSorter
from napari_drpnet.networks.unet import UNet

__all__ = [
    "AlexNet",
    "CenterNet",
    "Classifier",
    "PixerSegmenter",
    "PixerSorter",
    "build",
    "channels_last",
    "with_tensors",
]

_UPDATE = "Update napari-drpnet, or train the weights anew."
_NETWORKS: dict[str, type[nn.Module]] = {
    "fcrn": FCRN,
    "unet": UNet,
    "classifier": Classifier,
    "pixer segmenter": PixerSegmenter,
    "pixer sorter": PixerSorter,
    "centernet": CenterNet,
    "alexnet": AlexNet,
}


def build(name: str, /, **options: int) -> nn.Module:
    """An untrained network of the architecture called ``name``, of the sizes that it leaves open.

    Raises
    ------
    UserError
        For a name or a size that is none of ours, as in weights made by a newer version.
    """
    if name not in _NETWORKS:
        raise UserError(f"There is no network architecture {short(name)}.", f"Known ones: {', '.join(_NETWORKS)}.")
    known = signature(_NETWORKS[name]).parameters
    if not options.keys() <= known.keys():
        raise UserError(f"The network {name} has other options: {', '.join(known) or 'none'}.", _UPDATE)
    try:
        return _NETWORKS[name](**options)
    except ValueError as error:
        raise UserError(f"The network {name} has no such size.", _UPDATE) from error


def with_tensors(name: str, options: Mapping[str, int], tensors: Mapping[str, torch.Tensor]) -> nn.Module:
    """The network with trained tensors.

    Raises
    ------
    UserError
        As `build`, or when the tensors are of another network.
    """
    network = build(name, **options)
    if _looks(network.state_dict()) != _looks(tensors):
        raise UserError(f"The tensors do not fit the network {name} of this version.", "Train the weights anew.")
    network.load_state_dict(tensors)
    return network


def _looks(tensors: Mapping[str, torch.Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {key: (value.shape, value.dtype) for key, value in tensors.items()}


def channels_last(network: nn.Module) -> nn.Module:
    """The network with its weights laid out channels last, which halves the time of a pass on a CPU."""
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # torch's stubs miss this form
    return network
