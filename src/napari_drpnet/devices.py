"""Where networks run: the devices that are here, and the precision that they compute in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from napari_drpnet.errors import UserError
from napari_drpnet.settings import AUTO, Device

if TYPE_CHECKING:
    import torch  # slow to load: not everybody needs it

# What a driver of a graphics card that torch can use shows of it on Linux: of NVIDIA, under Windows, on Jetson, of AMD.
_CARD_FILES = ("/dev/nvidiactl", "/dev/dxg", "/dev/nvhost-gpu", "/dev/nvgpu", "/dev/kfd")

# Passes on one card that are under way at once.
_AT_ONCE = 2
_TURNS: dict[str, BoundedSemaphore] = {}

_HALF: ContextVar[bool | None] = ContextVar("half precision", default=None)


def offered() -> list[str]:
    """The devices that can be chosen on this machine, ``auto`` first; of several graphics cards each by its number."""
    return [AUTO, "cpu", *(_cards() if len(_cards()) > 1 else ["cuda"] * len(_cards())), *_apple()]


def choose(device: Device) -> torch.device:
    """The torch device a setting stands for; ``auto`` prefers CUDA, then MPS, then the CPU.

    Raises
    ------
    UserError
        When the device asked for is not there.
    """
    import torch

    cards, apple = _cards(), _apple()
    if device == AUTO:
        return torch.device("cuda" if cards else next(iter(apple), "cpu"))
    if device not in {"cpu", *(["cuda"] * bool(cards)), *cards, *apple}:
        hint = f"Choose one of: {', '.join(offered())}. More is told by:  napari-drpnet doctor"
        raise UserError(f"There is no {device} here{_why(device, cards)}.", hint)
    return torch.device(device)


def is_processor(device: Device) -> bool:
    """Whether a setting stands for the processor, found out without loading torch where that is possible."""
    if device == AUTO and "torch" not in sys.modules and sys.platform == "linux":
        if not any(Path(file).exists() for file in _CARD_FILES):
            return True
    return device == "cpu" or (device == AUTO and choose(device).type == "cpu")


@contextmanager
def forced(half: bool) -> Iterator[None]:
    """Within this block networks compute in half precision, or in full 32 bits, wherever they run.

    Else it is half precision on CUDA, and 32 bits elsewhere. A processor is slow in half precision; it shows what the
    rounding does.
    """
    import torch

    token, rounded = _HALF.set(half), torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = half and rounded
    try:
        yield
    finally:
        _HALF.reset(token)
        torch.backends.cudnn.allow_tf32 = rounded


def precision(device: torch.device, exact: bool = False) -> torch.autocast:
    """The block for a pass of a network on a device: in half precision on CUDA, unless `forced` says otherwise.

    ``exact``: in 32 bits everywhere.
    """
    import torch

    forced_to = _HALF.get()
    half = device.type == "cuda" if forced_to is None else forced_to
    return torch.autocast(device.type, dtype=torch.float16, enabled=half and not exact)


@contextmanager
def turn(device: torch.device) -> Iterator[None]:
    """The block for a pass of a network on a device, when it is its turn.

    On a card few passes are under way at once, so that the memory it needs does not grow with the threads that prepare
    images for it: while one computes, another's image comes. A processor has a thread a core.
    """
    if device.type != "cuda":
        yield
        return
    with _TURNS.setdefault(str(device), BoundedSemaphore(_AT_ONCE)):
        yield


def _cards() -> list[str]:
    import torch

    return [f"cuda:{n}" for n in range(torch.cuda.device_count())] if torch.cuda.is_available() else []


def _apple() -> list[str]:
    import torch

    return ["mps"] if torch.backends.mps.is_available() else []


def _why(device: str, cards: list[str]) -> str:
    """What keeps a device of CUDA from being used, as the end of a sentence."""
    if not device.startswith("cuda"):
        return ""
    if cards:
        return f": cards are numbered from 0 to {len(cards) - 1}"
    import torch

    if torch.version.cuda or torch.version.hip:
        return ": torch finds no graphics card, or no driver of one"
    return ": this torch is made without CUDA"
