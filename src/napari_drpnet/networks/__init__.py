"""Network definitions, and nothing but: `build` makes one by the name its weights file carries."""

from __future__ import annotations

import torch
from torch import nn

from napari_drpnet.errors import UserError
from napari_drpnet.networks.alexnet import AlexNet
from napari_drpnet.networks.centernet import CenterNet
from napari_drpnet.networks.classifier import Classifier
from napari_drpnet.networks.fcrn import FCRN
from napari_drpnet.networks.pixer import PixerSegmenter, PixerSorter
from napari_drpnet.networks.unet import UNet

__all__ = ["AlexNet", "CenterNet", "Classifier", "PixerSegmenter", "PixerSorter", "build", "channels_last"]

_NETWORKS: dict[str, type[nn.Module]] = {
    "fcrn": FCRN,
    "unet": UNet,
    "classifier": Classifier,
    "pixer segmenter": PixerSegmenter,
    "pixer sorter": PixerSorter,
    "centernet": CenterNet,
    "alexnet": AlexNet,
}


def build(name: str, **options: int) -> nn.Module:
    """An untrained network of the architecture called ``name``, of the sizes that it leaves open.

    Raises
    ------
    UserError
        For a name that is none of ours, as in weights made by a newer version.
    """
    if name not in _NETWORKS:
        raise UserError(f"There is no network architecture {name!r}.", f"Known ones: {', '.join(_NETWORKS)}.")
    return _NETWORKS[name](**options)


def channels_last(network: nn.Module) -> nn.Module:
    """The network with its weights laid out channels last, which halves the time of a pass on a CPU."""
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # torch's stubs miss this form
    return network
