"""Network definitions, and nothing but: `build` makes one by the name its weights file carries."""

from __future__ import annotations

from torch import nn

from napari_drpnet.errors import UserError
from napari_drpnet.networks.classifier import Classifier
from napari_drpnet.networks.fcrn import FCRN
from napari_drpnet.networks.unet import UNet

__all__ = ["FCRN", "Classifier", "UNet", "build"]

_NETWORKS: dict[str, type[nn.Module]] = {"fcrn": FCRN, "unet": UNet, "classifier": Classifier}


def build(name: str) -> nn.Module:
    """An untrained network of the architecture called ``name``.

    Raises
    ------
    UserError
        For a name that is none of ours, as in weights made by a newer version.
    """
    if name not in _NETWORKS:
        raise UserError(f"There is no network architecture {name!r}.", f"Known ones: {', '.join(_NETWORKS)}.")
    return _NETWORKS[name]()
