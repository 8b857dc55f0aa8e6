"""Training in several processes that `torchrun` started, each on a share of the work."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from napari_drpnet import devices
from napari_drpnet.settings import Device

_LETTING_GO = 0.5  # seconds


@dataclass(frozen=True)
class Processes:
    """The processes of a run as one of them sees it.

    Attributes
    ----------
    rank, size
        Number of this process, and how many there are.
    device
        Where this one computes.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this is the process that validates, reports and writes."""
        return self.rank == 0

    def share(self, network: nn.Module) -> nn.Module:
        """The network with its gradients averaged over all processes."""
        if self.size == 1:
            return network
        where = [self.device.index] if self.device.type == "cuda" else None
        return DistributedDataParallel(network, device_ids=where)

    def told(self, value: float) -> float:
        """What the leading process has for ``value``."""
        if self.size == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64, device=self.device)
        distributed.broadcast(shared, 0)
        return float(shared)


@contextmanager
def crew(device: Device) -> Iterator[Processes]:
    """Join the other processes of the run: over NCCL on graphics cards, one each, else over Gloo.

    Within this block, another one means the same crew.
    """
    chosen = devices.choose(device)
    rank, size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    if size > 1 and chosen.type == "cuda":
        chosen = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(chosen)
    team = Processes(rank, size, chosen)
    if size == 1 or distributed.is_initialized():
        yield team
        return
    distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield team
    finally:
        distributed.destroy_process_group()
        # torch never ends the threads of a shared network. One that still waits for Python to let go of a tensor when
        # Python ends aborts the process.
        time.sleep(_LETTING_GO)
