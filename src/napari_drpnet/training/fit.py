"""The one training loop."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from napari_drpnet.settings import TrainSettings
from napari_drpnet.tiling import choose_device

Batch = tuple[torch.Tensor, ...]


@dataclass(frozen=True)
class Step:
    """Where a training run stands: steps done and in all, and the mean loss since the last report."""

    done: int
    total: int
    loss: float


def fit(
    network: nn.Module,
    draw: Callable[[int], Batch],
    loss: Callable[[nn.Module, Batch], torch.Tensor],
    settings: TrainSettings,
    report_every: int = 100,
) -> Generator[Step, None, nn.Module]:
    """Optimise a network with AdamW, a one-cycle learning rate and a moving average of the weights.

    Parameters
    ----------
    network
        Trained in place.
    draw
        Size of a batch -> batch.
    loss
        Scalar loss of a network on a batch.
    settings
        Number of steps, size of a batch, highest learning rate, decay of the average, device.
    report_every
        A `Step` is yielded after so many steps, so that a caller can show it or stop.

    Returns
    -------
    torch.nn.Module
        The averaged network, in evaluation mode, on the CPU.
    """
    device, steps = choose_device(settings.device), settings.steps
    network.to(device)
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.rate, total_steps=max(steps, 2), pct_start=0.05)
    averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(settings.average), use_buffers=True)
    network.train()
    total = 0.0
    for step in range(1, steps + 1):
        value = loss(network, tuple(part.to(device) for part in draw(settings.batch)))
        optimiser.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        averaged.update_parameters(network)
        total += value.item()
        if step % report_every == 0 or step == steps:
            yield Step(step, steps, total / ((step - 1) % report_every + 1))
            total = 0.0
    result: nn.Module = averaged.module
    return result.eval().cpu()
