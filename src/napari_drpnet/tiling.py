"""Run a fully convolutional network over an image of any size, in overlapping tiles that leave no seam.

Each tile is read with a margin as wide as the network's reach, and only its core is kept, so a pixel of the map
never depends on where tiles end. The image itself is reflected at its border.
"""

from __future__ import annotations

import copy
from collections.abc import Generator
from typing import Protocol
from warnings import warn

import numpy as np
import torch
from torch import nn

from napari_drpnet import devices
from napari_drpnet.data import ImageArray
from napari_drpnet.errors import UserError
from napari_drpnet.stages import stage

_MAX_TILE_PIXELS = 1 << 21


class FullyConvolutional(Protocol):
    """What tiling needs to know of a network; see `FCRN` for the meaning of the numbers."""

    stride: int
    reach: int
    beyond: int
    multiple: int
    floats: int

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        """``(1, 1, h, w)`` to ``(1, channels, h / stride, w / stride)``."""
        ...


def _round_up(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple


def _margins(network: FullyConvolutional) -> tuple[int, int]:
    """Image pixels around a tile, and of the reflected image around all of them."""
    return _round_up(network.reach, network.multiple), _round_up(network.beyond, network.multiple)


def tile_side(shape: tuple[int, int], network: FullyConvolutional, memory: int) -> int:
    """Side of a tile's core in image pixels, a multiple of the network's, that keeps a pass within ``memory`` MB.

    Raises
    ------
    UserError
        When the memory does not hold even the smallest tile.
    """
    pixels = min(_MAX_TILE_PIXELS, memory * 1_000_000 // (4 * network.floats))
    margin, beyond = _margins(network)
    if (shape[0] + 2 * beyond) * (shape[1] + 2 * beyond) <= pixels:
        return _round_up(max(shape), network.multiple)
    side = (int(pixels**0.5) - 2 * margin) // network.multiple * network.multiple
    if side < network.multiple:
        raise UserError(f"{memory} MB are too little for one tile of the network.", "Raise the memory setting.")
    return side


def score_steps(
    network: FullyConvolutional, image: ImageArray, device: torch.device, memory: int
) -> Generator[float, None, ImageArray]:
    """The network's map of a whole image, its first channel, yielding the fraction done after every tile.

    Parameters
    ----------
    network
        In evaluation mode, on ``device``.
    image
        ``(h, w)`` float32, ready for the network.
    device
        Where to compute. On CUDA in half precision.
    memory
        Budget of one pass in MB. When a graphics card runs out of memory all the same, the tile is halved, and then
        the processor computes, with a warning.

    Returns
    -------
    numpy.ndarray
        ``(h // stride, w // stride)`` float32.

    Raises
    ------
    UserError
        When the memory of the budget does not suffice.
    """
    channels = yield from channel_steps(network, image, device, memory)
    first: ImageArray = channels[0]
    return first


def channel_steps(
    network: FullyConvolutional, image: ImageArray, device: torch.device, memory: int, exact: bool = False
) -> Generator[float, None, ImageArray]:
    """`score_steps` with all of the network's channels: ``(channels, h // stride, w // stride)`` float32.

    ``exact``: in full precision on every device.
    """
    side = tile_side((image.shape[0], image.shape[1]), network, memory)
    for each in (side, _round_up(side // 2, network.multiple)):
        try:
            return (yield from _run_tiles(network, image, device, each, exact))
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
    warn(
        "The graphics card had too little free memory for the network, also in small tiles: the processor does the "
        "rest. Close other programs on the card, lower the memory setting, or choose the cpu device.",
        stacklevel=2,
    )
    return (yield from _run_tiles(_on_processor(network), image, torch.device("cpu"), side, exact))


def _on_processor(network: FullyConvolutional) -> FullyConvolutional:
    """A copy of a network that needs no memory of the card."""
    assert isinstance(network, nn.Module), "what runs out of the memory of a card is a network on it"
    here = {id(tensor): tensor.cpu() for tensor in (*network.parameters(), *network.buffers())}
    return copy.deepcopy(network, dict(here))


def _run_tiles(
    network: FullyConvolutional, image: ImageArray, device: torch.device, side: int, exact: bool
) -> Generator[float, None, ImageArray]:
    h, w = image.shape
    margin, beyond = _margins(network)
    core_h, core_w = _round_up(h, network.multiple), _round_up(w, network.multiple)
    padded = torch.from_numpy(
        np.pad(image, ((beyond, beyond + core_h - h), (beyond, beyond + core_w - w)), mode="symmetric")
    )
    stride = network.stride
    out = np.empty((0, core_h // stride, core_w // stride), np.float32)
    tiles = [(y, x) for y in range(0, core_h, side) for x in range(0, core_w, side)]
    for done, (y, x) in enumerate(tiles, start=1):
        bottom, right = min(y + side, core_h), min(x + side, core_w)
        top, left = max(0, y + beyond - margin), max(0, x + beyond - margin)
        tile = padded[top : bottom + beyond + margin, left : right + beyond + margin]
        scored = _forward(network, tile, device, exact)
        if not len(out):
            out = np.empty((len(scored), *out.shape[1:]), np.float32)
        first, second = (y + beyond - top) // stride, (x + beyond - left) // stride
        rows, columns = (bottom - y) // stride, (right - x) // stride
        core = scored[:, first : first + rows, second : second + columns]
        out[:, y // stride : bottom // stride, x // stride : right // stride] = core
        yield done / len(tiles)
    return out[:, : h // stride, : w // stride]


@stage("network")
@torch.inference_mode()
def _forward(network: FullyConvolutional, tile: torch.Tensor, device: torch.device, exact: bool) -> ImageArray:
    waiting = tile[None, None].contiguous()
    if device.type == "cuda":
        waiting = waiting.pin_memory()
    with devices.turn(device), devices.precision(device, exact):
        batch = waiting.to(device, non_blocking=True).contiguous(memory_format=torch.channels_last)
        scored = network(batch)
        return np.asarray(scored[0].float().cpu())
