"""The particle classifier of DRPnet, stage 2."""

import torch
from torch import nn


def _block(inputs: int, outputs: int, kernel: int, pool: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.MaxPool2d(pool, stride=2),
    )


class Classifier(nn.Module):
    """Patch to particle or background, as in figure 2c of the DRPnet paper.

    Convolutions 11x11x16, 7x7x16, 5x5x32 and 3x3x64, each with batch norm, ReLU and max-pool (4, 4, 2, 2);
    dropout 0.5; fully connected 128, then 1. Two deviations: the pools have stride 2 (with the authors' stride 1
    the first dense layer alone has 25 million weights), and one logit stands for the softmax over two classes,
    which is the same function.
    """

    patch = 64

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            _block(1, 16, 11, 4), _block(16, 16, 7, 4), _block(16, 32, 5, 2), _block(32, 64, 3, 2)
        )
        self.head = nn.Sequential(
            nn.Flatten(), nn.Dropout(0.5), nn.Linear(64 * 3 * 3, 128), nn.ReLU(), nn.Linear(128, 1)
        )

    def forward(self, patch: torch.Tensor) -> torch.Tensor:
        """``(b, 1, 64, 64)`` patches to ``(b,)`` logits of being a particle."""
        out: torch.Tensor = self.head(self.features(patch))
        return out[:, 0]
