"""The window classifier of DeepCryoPicker: AlexNet, run over a whole image at once."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

# Kernel and channels of the convolutions, whether a max-pool follows, and channels of each dense layer (table 9).
_CONVOLUTIONS = ((11, 96, True), (5, 256, True), (3, 384, False), (3, 384, False), (3, 256, True))
_DENSE = 4096
_STRIDE = 4  # of the first convolution
_POOL = 3
# Width on every side of the window that the paper's network fills with zeros and ours with what is there.
MARGIN = 64
# A window is so many pixels and a whole number of steps of the network: 67, 99, ... 227.
SMALLEST, STEP = 67, 32
# Beyond it, a network out of a file could take any memory.
LARGEST = 259


class AlexNet(nn.Module):
    """Image to the logits of every window's class, in one pass.

    Convolutions 96@11x11 with stride 4, 256@5x5, 384@3x3, 384@3x3 and 256@3x3, max-pools 3x3 with stride 2 after the
    first, second and fifth, dense layers of 4096, 4096 and the classes (table 9 of the DeepCryoPicker paper). The dense
    layers are convolutions too, so that one pass over an image gives what the window slid over it would.

    Three deviations. The paper's network pads its features with zeros, which one pass cannot do for every window; ours
    sees the image's own `MARGIN` pixels around the window instead, and all layers have the paper's sizes. The image has
    one channel, as three equal ones have nothing to add. Activations are rectified, as in AlexNet; with the sigmoids of
    equation 8 five layers hardly learn.

    Parameters
    ----------
    side
        Of the window that is classified, in pixels: `SMALLEST` and any number of `STEP`, up to `LARGEST`; 227 in the
        paper.
    percent
        Width of the convolutions: the paper's channels times this.
    classes
        Background first.
    dense
        Channels of each dense layer.

    Attributes
    ----------
    side, view
        Of the window, and of what is seen: the window and `MARGIN` pixels around it.
    """

    def __init__(self, side: int = 227, percent: int = 100, classes: int = 4, dense: int = _DENSE) -> None:
        if not (SMALLEST <= side <= LARGEST and 1 <= percent <= 100 and 2 <= classes <= 100 and 1 <= dense <= _DENSE):
            raise ValueError(
                f"no AlexNet has a window of {side} px, {percent} % of its channels, {dense} of its dense ones and "
                f"{classes} classes"
            )
        super().__init__()
        self.side, self.view = side, side + 2 * MARGIN
        kernels = [kernel for kernel, _, _ in _CONVOLUTIONS]
        channels = [1, *(max(1, round(n * percent / 100)) for _, n, _ in _CONVOLUTIONS), dense, dense]
        layers = [nn.Conv2d(*sizes) for sizes in zip(channels, channels[1:], [*kernels, _cells(side), 1], strict=False)]
        for layer in layers:
            _begin(layer)
        self.convolutions = nn.ModuleList(layers[: len(kernels)])
        self.dense = nn.ModuleList(layers[len(kernels) :])
        self.output = nn.Conv2d(channels[-1], classes, 1)

    def forward(self, image: torch.Tensor, step: int = STEP) -> torch.Tensor:
        """``(b, 1, h, w)`` to ``(b, classes, (h - view) // step + 1, ...)`` logits of windows ``step`` pixels apart.

        ``step`` is `STEP`, the network's own, or 16, 8 or 4: then the pools that would take more have stride 1 and what
        follows them is dilated, which gives the same windows and those between them.
        """
        stride, spread, x = _STRIDE, 1, image
        for i, (layer, (_, _, pooled)) in enumerate(zip(self.convolutions, _CONVOLUTIONS, strict=True)):
            x = F.relu(_applied(layer, x, _STRIDE if i == 0 else 1, spread))
            if pooled:
                by = 2 if 2 * stride <= step else 1
                x = F.max_pool2d(x, _POOL, by, dilation=spread)
                stride, spread = stride * by, spread * 2 // by
        for layer in self.dense:
            x = F.relu(_applied(layer, F.dropout(x, 0.5, self.training), 1, spread))
        out: torch.Tensor = self.output(x)
        return out


def _cells(side: int) -> int:
    """Kernel of the first dense layer: side of the features of a window."""
    return (side - SMALLEST) // STEP + 1


def _begin(layer: nn.Conv2d) -> None:
    """Weights for rectified activations."""
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def _applied(layer: nn.Module, x: torch.Tensor, stride: int, spread: int) -> torch.Tensor:
    assert isinstance(layer, nn.Conv2d)
    return F.conv2d(x, layer.weight, layer.bias, stride=stride, dilation=spread)


class SlidingWindow(nn.Module):
    """An `AlexNet` as a fully convolutional network for tiling: image to the log-odds of a particle in every window.

    The first channel is these, the others are the logits of the shapes, which are the last classes.

    Map pixel ``i`` is the window centred on image coordinate ``step * i + step / 2``, half a pixel after the centre of
    the pixels it stands for, since a window has an odd number of them.

    Parameters
    ----------
    network, step
        The classifier, and the distance of its windows in pixels.
    shapes
        So many of its last classes are particles.

    Attributes
    ----------
    stride, reach, beyond, multiple, floats
        See `FCRN`.
    """

    def __init__(self, network: AlexNet, step: int, shapes: int) -> None:
        super().__init__()
        self.network, self.shapes = network, shapes
        self.stride = self.multiple = step
        self.reach = self.beyond = network.view // 2 + 1
        widths = [layer.out_channels for layer in (*network.convolutions, *network.dense)]
        # Input and output of a layer live at once: those of the first, or of the dense ones.
        self.floats = 2 + 2 * widths[0] // _STRIDE**2 + 2 * max(widths[1:]) // step**2

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """``(b, 1, h, w)``, sides multiples of the stride, to ``(b, 1 + shapes, h / stride, w / stride)``."""
        before = (self.network.view - self.stride) // 2
        after = self.network.view - self.stride - before
        logits = self.network(F.pad(image, (before, after, before, after)), self.stride)
        others, particle = logits[:, : -self.shapes], logits[:, -self.shapes :]
        odds = torch.logsumexp(particle, 1, keepdim=True) - torch.logsumexp(others, 1, keepdim=True)
        return torch.cat([odds, particle], 1)
