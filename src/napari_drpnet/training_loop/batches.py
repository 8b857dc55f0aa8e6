"""Batches drawn by threads while the network learns from the earlier ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from napari_drpnet.settings import TrainSettings
from napari_drpnet.training_loop.parallel import Processes

Tensors = tuple[torch.Tensor, ...]


@dataclass(frozen=True, eq=False)
class Batch:
    """What a network learns from in one step, and the micrographs it comes from."""

    tensors: Tensors
    origins: tuple[str, ...] = ()


# Size of a batch, step, source of randomness -> batch.
Draw = Callable[[int, int, np.random.Generator], Batch]


def random_of(*numbers: int) -> np.random.Generator:
    """Randomness that depends on these numbers and on nothing else."""
    return np.random.default_rng(numbers)


def drawn_ahead(draw: Draw, settings: TrainSettings, team: Processes, steps: range) -> Iterator[tuple[int, Batch]]:
    """The batch of every step, in order, drawn by threads while the network learns."""

    def drawn(step: int) -> Batch:
        return draw(settings.batch, step, random_of(settings.seed, team.rank, step))

    threads = 1 if settings.workers is None else settings.workers
    if threads == 0:
        yield from ((step, drawn(step)) for step in steps)
        return
    waiting: deque[tuple[int, Future[Batch]]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for step in steps:
            waiting.append((step, pool.submit(drawn, step)))
            if len(waiting) > 2 * threads:
                number, batch = waiting.popleft()
                yield number, batch.result()
        for number, batch in waiting:
            yield number, batch.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
