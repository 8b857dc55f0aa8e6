"""The two networks of PIXER, which share a trunk: one segments a micrograph, one sorts patches of it.

Zhang, Wang, Chen, Han, Liu, Sun, Zhang, "PIXER: an automated particle-selection method based on segmentation using a
deep neural network", BMC Bioinformatics 20:41 (2019).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

# Atrous rates of the parallel branches, in the order in which a network gets them; the paper's has the first four.
RATES = (2, 4, 6, 8, 10)
BRANCHES = 4
# Channels of the trunk's convolutions.
_WIDTHS = (24, 48, 64, 64, 64)
_DENSE = 128


def _convolution(inputs: int, outputs: int, kernel: int = 3, rate: int = 1, stride: int = 1) -> nn.Sequential:
    padding = rate * ((kernel - 1) // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding, rate, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class _ResponseNorm(nn.Module):
    """Local response normalisation over five channels: ``x / (1 + a mean(x^2))^b`` with the paper's a 1e-4 and b 0.75.

    The same as torch's own in a fifth of its time: the sum over neighbouring channels is a 1x1 convolution.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        index = torch.arange(channels)
        near = ((index[:, None] - index).abs() <= 2).float()
        self.register_buffer("share", 1e-4 / 5 * near[:, :, None, None], persistent=False)
        self.register_buffer("one", torch.ones(channels), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        root = torch.rsqrt(functional.conv2d(x * x, self.share, self.one))  # type: ignore[arg-type] # buffers
        return x * root * torch.sqrt(root)


def _trunk() -> nn.Sequential:
    """Image ``(b, 1, h, w)`` to features ``(b, 64, h / 4, w / 4)``: five convolutions, two of them normalised.

    As the green part of figure 2a of the paper. Deviations: a quarter of the authors' channels, and a stride of 4 in
    all instead of 16 or more, since every particle is brought to 32 px; and batch norm, without which it learns much
    more slowly.
    """
    a, b, c, d, e = _WIDTHS
    return nn.Sequential(
        _convolution(1, a, 6, stride=2),
        _ResponseNorm(a),
        _convolution(a, b),
        nn.MaxPool2d(2),
        _ResponseNorm(b),
        _convolution(b, c),
        _convolution(c, d),
        _convolution(d, e),
    )


class PixerSegmenter(nn.Module):
    """Image to the probability that a pixel belongs to a particle, at a quarter of the image's resolution.

    The classification trunk, and in the place of its fully connected layers parallel atrous branches of the first
    `RATES`, whose maps are summed. Map pixel ``i`` is centred on image coordinate ``4 i + 1.5``.

    Parameters
    ----------
    branches
        How many; the paper's network has four.

    Attributes
    ----------
    stride, reach, beyond, multiple, floats, bounded
        See `FCRN`.

    Raises
    ------
    ValueError
        When there are not so many rates.
    """

    stride = 4
    multiple = 4
    floats = 48
    bounded = True

    def __init__(self, branches: int = BRANCHES) -> None:
        super().__init__()
        if not 1 <= branches <= len(RATES):
            raise ValueError(f"{branches} branches, not 1 to {len(RATES)}")
        width = _WIDTHS[-1]
        self.reach = self.beyond = 20 + self.stride * RATES[branches - 1]
        self.trunk = _trunk()
        self.branches = nn.ModuleList(
            nn.Sequential(_convolution(width, width, rate=rate), nn.Conv2d(width, 1, 1)) for rate in RATES[:branches]
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """``(b, 1, h, w)`` image, sides multiples of 4, to ``(b, 1, h/4, w/4)`` probabilities."""
        features = self.trunk(image)
        total = torch.stack([branch(features) for branch in self.branches]).sum(0)
        return torch.sigmoid(total.float())  # 16 bits would round what is nearly sure to sure


class PixerSorter(nn.Module):
    """Patch to particle, contamination or background, the paper's three-way classification network.

    The trunk, a max-pool, and with dropout before each of them two fully connected layers, 128 and 3.

    Attributes
    ----------
    patch
        Side of a patch in pixels.
    classes
        What the logits stand for, in this order.
    """

    patch = 64
    classes = ("particle", "contamination", "background")

    def __init__(self) -> None:
        super().__init__()
        side = self.patch // 8
        self.trunk = _trunk()
        self.head = nn.Sequential(
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.5),
            nn.Linear(_WIDTHS[-1] * side * side, _DENSE),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(_DENSE, len(self.classes)),
        )

    def forward(self, patch: torch.Tensor) -> torch.Tensor:
        """``(b, 1, 64, 64)`` patches to ``(b, 3)`` logits of `classes`."""
        out: torch.Tensor = self.head(self.trunk(patch))
        return out
