"""The networks that can be shared: those that turn an image into a map that is high where particles are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from napari_drpnet.errors import UserError, cut
from napari_drpnet.io.project.networks import shipped
from napari_drpnet.io.weights import PACKAGED, WeightsCard, locate, read_card
from napari_drpnet.pickers.network import load_network

# What the first channel of a network's output is, by its role; no other role has a map.
MEANINGS = {
    "detector": "1 at the centre of a particle, falling to 0 away from it",
    "segmenter": "probability that a pixel lies in the core of a particle",
    "centre detector": "probability that the centre of a particle lies in the pixel",
}


class FirstChannel(nn.Module):
    """A network without the channels that are no score map."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """``(b, 1, h, w)`` image to ``(b, 1, h / stride, w / stride)`` map."""
        out: torch.Tensor = self.network(image)[:, :1]
        return out


@dataclass(frozen=True)
class SharedMap:
    """A network and what its users must know of it.

    Attributes
    ----------
    name
        Of the package's weights, or of the file without its suffix.
    own
        Whether somebody trained it; else it is the package's.
    card
        Of its weights.
    network
        ``(b, 1, h, w)`` to ``(b, 1, h / stride, w / stride)``, on the processor.
    stride, reach, beyond, multiple, floats
        See `FCRN`.
    """

    name: str
    own: bool
    card: WeightsCard
    network: nn.Module
    stride: int
    reach: int
    beyond: int
    multiple: int
    floats: int

    @property
    def least(self) -> int:
        """Smallest side of an image, in pixels, of which some of the map does not depend on its border."""
        return (2 * self.reach // self.multiple + 1) * self.multiple

    def map_of(self, image: torch.Tensor) -> torch.Tensor:
        """``(b, 1, h, w)`` to its map, in 32 bits."""
        with torch.inference_mode():
            out: torch.Tensor = self.network(image)
        return out.contiguous()


def shared_map(name: str) -> SharedMap:
    """The network of a weights name or file.

    Raises
    ------
    UserError
        When there is none, or it has no score map.
    """
    path = locate(name)
    card = read_card(path)
    if card.role not in MEANINGS:
        known = ", ".join(one for role in MEANINGS for one in shipped(role))
        raise UserError(
            f"{cut(name, 100)} is a {cut(card.role, 30)}, which has no score map: it judges what others found.",
            f"Networks that can be exported: {known}, and files that train-detector, train-pixer or "
            "train-centerpicker wrote.",
        )
    card, network = load_network(name, card.role, torch.device("cpu"))
    known_of: Any = network
    return SharedMap(
        path.stem,
        path.parent != PACKAGED,
        card,
        FirstChannel(network),
        known_of.stride,
        known_of.reach,
        known_of.beyond,
        known_of.multiple,
        known_of.floats,
    )
