"""How the classifier is trained on the windows: our way, and the paper's."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from napari_drpnet.settings import TrainSettings
from napari_drpnet.training_loop.fit import Optimise, adamw


def plain_descent(
    network: nn.Module, settings: TrainSettings
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """Stochastic gradient descent at one rate, with the weights' squares in the loss (equations 10 and 11)."""
    optimiser = torch.optim.SGD(network.parameters(), lr=settings.rate, weight_decay=1e-4)
    return optimiser, torch.optim.lr_scheduler.ConstantLR(optimiser, factor=1.0)


@dataclass(frozen=True)
class Recipe:
    """What the settings do not say of the training.

    Attributes
    ----------
    optimise
        Optimiser and schedule.
    average
        Decay of the moving average of the weights.
    soft
        Label smoothing: no window is learnt to be surer than this leaves.
    jitter
        Standard deviation of a window's centre, in diameters.
    contrast, brightness
        How grey levels vary: by a factor's logarithm, and added.
    blur
        Largest standard deviation in pixels of a random smoothing, with masks of 3 or 5 px.
    """

    optimise: Optimise
    average: float
    soft: float
    jitter: float
    contrast: float
    brightness: float
    blur: float


# Labels come from clustering, some are wrong: so they are soft.
OURS = Recipe(adamw, average=0.97, soft=0.1, jitter=0.04, contrast=0.2, brightness=0.05, blur=0.0)
PAPER = Recipe(plain_descent, average=0.0, soft=0.0, jitter=0.0, contrast=0.0, brightness=0.0, blur=1.0)
