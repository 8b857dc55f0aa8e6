"""The fully convolutional regression network of DRPnet, stage 1."""

import torch
from torch import nn
from torch.nn import functional as F


class FCRN(nn.Module):
    """Image to distance map, as in figure 2b of the DRPnet paper (Nguyen et al., 2021).

    Four convolutions (9x9, 3x3, 1x7, 7x1, 32 channels each, ReLU), a 2x2 max-pool of stride 1 and a 3x3
    convolution to one channel: 26,561 parameters. The map has the size of the image.

    Attributes
    ----------
    stride
        Image pixels per map pixel.
    reach
        How far, in image pixels, an input pixel can act on the map.
    beyond
        How far the reflected image is shown beyond the border, in image pixels; further out there is nothing.
    multiple
        The image's sides must be multiples of this.
    floats
        Values a pass keeps in memory at its peak, per image pixel, as measured.
    bounded
        Whether the map cannot leave 0..1.
    """

    stride = 1
    reach = beyond = 12
    multiple = 1
    floats = 160
    bounded = False

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 9, padding=4),
            nn.ReLU(),
            nn.Conv2d(32, 32, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 32, (1, 7), padding=(0, 3)),
            nn.ReLU(),
            nn.Conv2d(32, 32, (7, 1), padding=(3, 0)),
            nn.ReLU(),
        )
        self.head = nn.Conv2d(32, 1, 3, padding=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """``(b, 1, h, w)`` image to ``(b, 1, h, w)`` map: 1 at a particle's centre, 0 from its edge outwards."""
        x = self.features(image)
        x = F.max_pool2d(F.pad(x, (0, 1, 0, 1)), 2, stride=1)
        out: torch.Tensor = self.head(x)
        return out
