"""A U-Net that regresses the same map as FCRN with a wider view, in several sizes."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

# Channels of each level; a level has half the pixels across of the one before. The first is of the first generation.
WIDTHS = {
    0: (24, 40, 64, 64),
    1: (24, 40, 64, 96, 96),
    2: (32, 56, 96, 128, 128),
    3: (40, 80, 128, 192, 192),
    4: (56, 112, 176, 272, 272),
}
# Input pixels that a pixel of the map is told of on either side.
_REACH = {4: 112, 5: 224}
# Two particles of 32 px. The wide view of more levels costs nothing so: beyond, there is nothing as around the crops of
# training.
_BEYOND = 64


def _conv(inputs: int, outputs: int, kernel: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class UNet(nn.Module):
    """Image to centre map at half the image's resolution.

    FCRN sees about 20 px, less than one particle; this network sees several, so that it can tell a particle
    from the edge of a carbon film. Every step keeps pixel *areas* in place (an even kernel for the stem, average
    pooling, bilinear enlargement), so map pixel ``i`` is centred on image coordinate ``2 i + 0.5``.

    Parameters
    ----------
    size
        Which of `WIDTHS`.

    Attributes
    ----------
    stride, reach, beyond, multiple, floats, bounded
        See `FCRN`.

    Raises
    ------
    ValueError
        For a size that is none of them.
    """

    stride = 2
    bounded = True

    def __init__(self, size: int = 0) -> None:
        super().__init__()
        if size not in WIDTHS:
            raise ValueError(f"there is no size {size}")
        widths = WIDTHS[size]
        self.reach, self.multiple = _REACH[len(widths)], 2 ** len(widths)
        self.beyond = min(self.reach, _BEYOND) if size else self.reach
        self.floats = widths[0] * 5 // 3
        self.stem = nn.Sequential(
            nn.Conv2d(1, widths[0], 6, stride=2, padding=2, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()
        )
        self.first = _conv(widths[0], widths[0])
        self.down = nn.ModuleList(nn.Sequential(nn.AvgPool2d(2), _conv(a, b), _conv(b, b)) for a, b in pairwise(widths))
        self.squeeze = nn.ModuleList(nn.Conv2d(b, a, 1, bias=False) for a, b in pairwise(widths))
        self.merge = nn.ModuleList(_conv(a, a) for a in widths[:-1])
        self.head = nn.Conv2d(widths[0], 1, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """``(b, 1, h, w)`` image, sides of the multiple, to ``(b, 1, h/2, w/2)`` map: 1 at a centre, 0 beyond it."""
        levels = [self.first(self.stem(image))]
        for down in self.down:
            levels.append(down(levels[-1]))
        x = levels.pop()
        for squeeze, merge in zip(reversed(self.squeeze), reversed(self.merge), strict=True):
            x = F.interpolate(squeeze(x), scale_factor=2.0, mode="bilinear", align_corners=False)
            x = merge(x + levels.pop())
        out = torch.sigmoid(self.head(x).float())  # 16 bits would round what is nearly sure to sure
        return out
