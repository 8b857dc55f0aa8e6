"""The network of CenterPicker: where particle centres are, how far from the middle of a cell, and how large."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Self, cast

import torch
from torch import nn
from torch.nn import functional as F

# Side of the cells over which channel attention takes its means, in image pixels: one pixel of the coarsest level.
_CELL = 32
# What an untrained network says of every cell (Lin et al., "Focal loss", 2017, section 4.1).
_PRIOR = float(torch.logit(torch.tensor(0.1)))


def _conv(inputs: int, outputs: int, kernel: int = 3, dilation: int = 1) -> nn.Sequential:
    padding = dilation * (kernel // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


class Block(nn.Module):
    """Two dilated 3x3 convolutions around which the input is passed on."""

    def __init__(self, inputs: int, outputs: int, dilation: int) -> None:
        super().__init__()
        self.first = _conv(inputs, outputs, dilation=dilation)
        self.second = _conv(outputs, outputs, dilation=dilation)[:2]
        self.past = nn.Identity() if inputs == outputs else _conv(inputs, outputs, kernel=1)[:2]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(b, inputs, h, w)`` to ``(b, outputs, h, w)``."""
        out: torch.Tensor = F.relu(self.second(self.first(x)) + self.past(x))
        return out


class Tree(nn.Module):
    """Blocks whose results a 1x1 convolution at the root joins (Yu et al., "Deep layer aggregation", 2018, figure 3).

    A tree of depth 1 has two blocks. A deeper one has two trees, and what the first gives goes to the root of the
    second too, so that a root sees all that came before it.

    Parameters
    ----------
    depth
        1 or more; there are ``2 ** depth`` blocks.
    inputs, outputs
        Channels.
    passed
        Channels from before that the root sees.
    dilation
        Of the 3x3 convolutions.
    """

    def __init__(self, depth: int, inputs: int, outputs: int, passed: int = 0, dilation: int = 2) -> None:
        super().__init__()
        self.first: nn.Module
        self.second: nn.Module
        if depth == 1:
            self.first, self.second = Block(inputs, outputs, dilation), Block(outputs, outputs, dilation)
            self.root: nn.Module | None = _conv(2 * outputs + passed, outputs, kernel=1)
        else:
            self.first = Tree(depth - 1, inputs, outputs, 0, dilation)
            self.second = Tree(depth - 1, outputs, outputs, passed + outputs, dilation)
            self.root = None

    def forward(self, x: torch.Tensor, passed: Sequence[torch.Tensor] = ()) -> torch.Tensor:
        """``(b, inputs, h, w)`` to ``(b, outputs, h, w)``."""
        first = self.first(x)
        if self.root is None:
            out: torch.Tensor = self.second(first, [*passed, first])
        else:
            out = self.root(torch.cat([self.second(first), first, *passed], 1))
        return out


class Down(nn.Module):
    """A tree at half the resolution, whose root sees its input too."""

    def __init__(self, depth: int, inputs: int, outputs: int, dilation: int) -> None:
        super().__init__()
        self.tree = Tree(depth, inputs, outputs, inputs, dilation)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(b, inputs, h, w)`` to ``(b, outputs, h / 2, w / 2)``."""
        # A 2-dilated convolution of stride 2 would never see every second row and column; the mean sees all.
        x = F.avg_pool2d(x, 2)
        out: torch.Tensor = self.tree(x, [x])
        return out


class Attention(nn.Module):
    """Weights for the channels, then for the places (after Woo et al., "CBAM", 2018).

    Channels are weighed by their means over the neighbourhood, 3 x 3 cells of 32 image pixels, in the place of the
    whole image: what a network says of a place then depends neither on the size of the image nor on tiles.
    """

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.cell = _CELL // stride
        hidden = max(4, channels // 8)
        self.channel = nn.Sequential(nn.Conv2d(channels, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, channels, 1))
        self.place = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(b, c, h, w)`` to the same shape."""
        cells = F.avg_pool2d(F.avg_pool2d(x, self.cell), 3, stride=1, padding=1, count_include_pad=False)
        weight = torch.sigmoid(self.channel(cells))
        x = x * F.interpolate(weight, scale_factor=float(self.cell), mode="bilinear", align_corners=False)
        looks = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        out: torch.Tensor = x * torch.sigmoid(self.place(looks))
        return out


class Fusion(nn.Module):
    """A coarser level enlarged and joined to a finer one: a 3x3 convolution of both, then attention if wanted."""

    def __init__(self, fine: int, coarse: int, stride: int, attention: bool) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(coarse, fine, 1, bias=False)
        self.merge = _conv(2 * fine, fine)
        self.attention = Attention(fine, stride) if attention else nn.Identity()

    def forward(self, fine: torch.Tensor, coarse: torch.Tensor) -> torch.Tensor:
        """``(b, fine, h, w)`` and ``(b, coarse, h / 2, w / 2)`` to ``(b, fine, h, w)``."""
        larger = F.interpolate(self.squeeze(coarse), scale_factor=2.0, mode="bilinear", align_corners=False)
        out: torch.Tensor = self.attention(self.merge(torch.cat([fine, larger], 1)))
        return out


class Triangle(nn.ModuleList):
    """Rows of fusions: in each every level but the coarsest is joined with the next coarser one, so that one is left.

    Parameters
    ----------
    widths
        Channels of the levels from fine to coarse.
    attention
        In every fusion.
    """

    def __init__(self, widths: Sequence[int], attention: bool) -> None:
        rows = (_fusions(widths[: fusions + 1], attention) for fusions in range(len(widths) - 1, 0, -1))
        super().__init__(nn.ModuleList(row) for row in rows)

    def forward(self, levels: Sequence[torch.Tensor]) -> torch.Tensor:
        """Levels from fine to coarse, to the finest."""
        for row in self:
            fusions = cast(nn.ModuleList, row)
            levels = [fuse(fine, coarse) for fuse, (fine, coarse) in zip(fusions, pairwise(levels), strict=True)]
        return levels[0]


class Ladder(nn.ModuleList):
    """Plain upsampling: the coarsest level is joined to the next finer one, what comes of it to the next, and so on."""

    def __init__(self, widths: Sequence[int], attention: bool) -> None:
        super().__init__(_fusions(widths, attention))

    def forward(self, levels: Sequence[torch.Tensor]) -> torch.Tensor:
        """Levels from fine to coarse, to the finest."""
        *finer, coarse = levels
        for fuse, fine in zip(reversed(self), reversed(finer), strict=True):
            coarse = fuse(fine, coarse)
        return coarse


def _fusions(widths: Sequence[int], attention: bool) -> list[Fusion]:
    """One for each two neighbouring levels, of ``widths`` channels, the finest of stride 4."""
    return [Fusion(fine, coarse, 4 * 2**i, attention) for i, (fine, coarse) in enumerate(pairwise(widths))]


def _head(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(_conv(inputs, inputs), nn.Conv2d(inputs, outputs, 1))


def _heat_head(inputs: int) -> nn.Sequential:
    head = _head(inputs, 1)
    nn.init.constant_(cast(nn.Conv2d, head[-1]).bias, _PRIOR)  # type: ignore[arg-type] # it has one
    return head


class CenterNet(nn.Module):
    """Image to centres, offsets and sizes at a quarter of its resolution (Ouyang et al., "CenterPicker", 2022).

    *Down* (section 3.1): deep layer aggregation of the shape of DLA-34, a fifth as wide, every 3x3 convolution
    2-dilated, to 1/32. *Up* (3.2, 3.3): a triangle of levels; in each of three rows every level is joined with the
    next coarser one, so that the finest is there from the first row to the last. *Heads*: one for each of the paper's
    results, and one more, the longest extent. Every step keeps pixel *areas* in place, so map pixel ``i`` is centred on
    image coordinate ``4 i + 1.5``.

    Parameters
    ----------
    dilation, attention, triangle
        The paper's three additions, each of which may be left out (section 4.2): convolutions on the way down are
        dilated, fusions have attention, and the way up is a triangle, without which it is `Ladder`.

    Attributes
    ----------
    stride, beyond, multiple, floats
        See `FCRN`.
    reach
        How far an input pixel acts on the map to speak of. In principle the dilated convolutions at 1/32 see hundreds
        of pixels farther; what lies there moves the heat of the trained network by less than a hundredth.
    """

    stride = 4
    reach = beyond = 192
    multiple = 32
    floats = 36

    def __init__(self, dilation: bool = True, attention: bool = True, triangle: bool = True) -> None:
        super().__init__()
        spread = 2 if dilation else 1
        # Multiples of 16: with 24 channels torch 2.13 gets a 16-bit gradient of a dilated convolution wrong (NaN).
        widths, depths = (32, 48, 80, 128), (1, 2, 2, 1)
        self.base = nn.Sequential(_conv(1, 8, kernel=7), _conv(8, 8, dilation=spread))
        self.second = _conv(8, 16, dilation=spread)
        self.down = nn.ModuleList(
            Down(depth, a, b, spread) for depth, (a, b) in zip(depths, pairwise((16, *widths)), strict=True)
        )
        self.up = (Triangle if triangle else Ladder)(widths, attention)
        self.heat, self.offset = _heat_head(widths[0]), _head(widths[0], 2)
        self.size, self.extent = _head(widths[0], 2), _head(widths[0], 1)
        self._sizes_only = False

    def learn_sizes_only(self) -> None:
        """Let nothing but the head of height and width learn; the rest says what it said."""
        self._sizes_only = True
        self.requires_grad_(False)
        self.size.requires_grad_(True)

    def train(self, mode: bool = True) -> Self:
        """As of every module; what does not learn keeps the statistics of its batch norms."""
        super().train(mode)
        if self._sizes_only:
            for child in self.children():
                child.train(mode and child is self.size)
        return self

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """What is where.

        Parameters
        ----------
        image
            ``(b, 1, h, w)``, sides multiples of 32.

        Returns
        -------
        torch.Tensor
            ``(b, 6, h / 4, w / 4)`` float32. Channel 0: probability of a centre in the cell, 0..1; 1 and 2: the
            centre less the middle of the cell, y and x, in cells; 3 and 4: logarithms of the height and width of the
            particle's box in cells; 5: that of the longest extent of its structure, however it lies.
        """
        levels = [self.second(F.avg_pool2d(self.base(image), 2))]
        for down in self.down:
            levels.append(down(levels[-1]))
        finest = self.up(levels[1:])
        # 16 bits would round what is nearly sure to sure.
        heat = torch.sigmoid(self.heat(finest).float())
        others = (head(finest).float() for head in (self.offset, self.size, self.extent))
        return torch.cat([heat, *others], 1)
