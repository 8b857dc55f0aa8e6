"""The same computation on the processor, by numpy and SciPy, and on a graphics card, by torch.

Operators and most functions are named alike in both. torch takes longer to load than a micrograph to be picked, so the
processor does without it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy import fft

from napari_drpnet import devices
from napari_drpnet.errors import UserError
from napari_drpnet.settings import Device


@dataclass(frozen=True)
class Arrays:
    """Where arrays are, and the functions that are named or called differently there.

    Attributes
    ----------
    of
        numpy or torch.
    rfft2, irfft2
        Fourier transforms of the last two axes: ``rfft2(array, shape)``. The second may spoil what it is given.
    put, get
        A numpy array to there, and back.
    on_card
        Whether that is a graphics card.
    """

    of: Any
    rfft2: Callable[..., Any]
    irfft2: Callable[..., Any]
    put: Callable[[Any], Any]
    get: Callable[[Any], Any]
    on_card: bool = False


PROCESSOR = Arrays(np, fft.rfft2, partial(fft.irfft2, overwrite_x=True), np.asarray, np.ascontiguousarray)


def arrays_on(name: Device) -> Arrays:
    """Arrays on the device that a setting stands for.

    Raises
    ------
    UserError
        When the device is not there.
    """
    if devices.is_processor(name):
        return PROCESSOR
    import torch  # slow to load

    device = devices.choose(name)
    return Arrays(
        torch,
        torch.fft.rfft2,
        torch.fft.irfft2,
        lambda array: torch.from_numpy(np.ascontiguousarray(array)).to(device),
        lambda tensor: tensor.contiguous().cpu().numpy(),
        on_card=device.type == "cuda",
    )


def out_of_memory(error: BaseException) -> UserError | None:
    """What to tell of an error of a graphics card that has too little memory; None for others."""
    if type(error).__name__ != "OutOfMemoryError":
        return None
    import torch  # it is loaded already

    torch.cuda.empty_cache()
    return UserError(
        "The graphics card has too little free memory for the templates.",
        "Close other programs on it, lower the memory setting, or choose the cpu device.",
    )
