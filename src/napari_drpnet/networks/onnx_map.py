"""A network of an ONNX file that makes a score map, run by onnxruntime on the processor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from napari_drpnet.data import ImageArray
from napari_drpnet.errors import UserError, cut

# Where the file does not say: what U-Nets of six levels need, and memory as of the FCRN.
_MULTIPLE, _FLOATS = 64, 160
# A window of fixed size keeps its middle: at most so much of its side is left out on either side.
_MARGIN = 3 / 8
# Images that are tried have at least so many pixels across.
_TRIED = 128
# What is taken for a probability is no further from 0..1 than this.
_NEAR = 0.5


class Session(Protocol):
    """What is asked of an `onnxruntime.InferenceSession`."""

    def get_inputs(self) -> list[Any]:
        """Names, shapes and types of inputs."""
        ...

    def run(self, output_names: list[str] | None, input_feed: dict[str, ImageArray]) -> list[Any]:
        """The outputs for these inputs."""
        ...


class OnnxMap(nn.Module):
    """A network ``(1, 1, h, w)`` to ``(1, 1, h / stride, w / stride)``; of fixed size, it works window by window.

    Parameters
    ----------
    name
        What messages call it.
    sessions
        What runs it on so many threads: as many as torch would take, where it is run.
    reach, beyond
        See `FCRN`.
    multiple, floats
        See `FCRN`; None: taken large enough for most networks.
    probable
        Its map is taken for a probability, so that one that is far from 0..1 is refused.

    Attributes
    ----------
    stride, reach, beyond, multiple, floats, bounded
        See `FCRN`.

    Raises
    ------
    UserError
        When it does not turn an image into a map, as it is tried on noise.
    """

    bounded = False

    def __init__(
        self,
        name: str,
        sessions: Callable[[int], Session],
        reach: int,
        beyond: int | None = None,
        multiple: int | None = None,
        floats: int | None = None,
        probable: bool = False,
    ) -> None:
        super().__init__()
        self.name, self.sessions, self.probable = name, sessions, probable
        self.input, self.window = _input(name, sessions(1))
        self.reach, self.beyond = reach, reach if beyond is None else beyond
        self.multiple, self.floats = multiple or _MULTIPLE, floats or _FLOATS
        # An odd number of multiples: a network that needs twice as much fails here, not on a micrograph.
        side = (-(-_TRIED // self.multiple) | 1) * self.multiple
        # Not a square: of one, a map whose rows and columns are exchanged would look right.
        self.stride = self._tried(self.window or (side, side + 2 * self.multiple))
        if self.window is not None:
            # Windows are placed here, so that a tile may have any size.
            self.multiple = self.stride

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """``(1, 1, h, w)`` image, sides of the multiple, to its map, on the processor."""
        pixels: ImageArray = image[0, 0].float().cpu().numpy()
        values = self._run(pixels) if self.window is None else self._by_windows(pixels, self.window)
        return torch.from_numpy(np.ascontiguousarray(values))[None, None]

    def __deepcopy__(self, memo: dict[int, Any]) -> OnnxMap:
        """Itself: it has no state, and is on the processor already."""
        return self

    def _tried(self, shape: tuple[int, int]) -> int:
        """Image pixels per map pixel, as the map of noise of this shape shows."""
        noise: ImageArray = np.random.default_rng(0).standard_normal(shape, np.float32) * np.float32(0.25)
        values = self._run(noise)
        strides = {side / max(1, made) for side, made in zip(shape, values.shape, strict=True)}
        stride = strides.pop()
        if strides or stride != int(stride):
            raise UserError(
                f"{self.name}: it makes a map of {_by(values.shape)} px of an image of {_by(shape)} px.",
                "A map must show all of the image, one pixel for so many of the image.",
            )
        return int(stride)

    def _run(self, pixels: ImageArray) -> ImageArray:
        """The map ``(h, w)`` of one image that is as large as the network takes them."""
        try:
            made = self.sessions(torch.get_num_threads()).run(
                None, {self.input: np.ascontiguousarray(pixels[None, None])}
            )[0]
        except Exception as error:  # onnxruntime has a class for each kind of failure, and no common one
            said = cut(" ".join(str(error).split()), 120)
            raise UserError(
                f"{self.name}: it cannot work on an image of {_by(pixels.shape)} px ({said}).",
                f"Say in the file what sides must be multiples of, here {self.multiple}, or export it for any size.",
            ) from error
        if not isinstance(made, np.ndarray) or made.dtype.kind not in "fiub":
            raise UserError(f"{self.name}: its output is no array of numbers.", "A score map is one.")
        values = made
        if values.ndim != 4 or values.shape[:2] != (1, 1) or not values.size:
            raise UserError(
                f"{self.name}: its output is {_by(values.shape) or 'one number'}.",
                "A score map is 1 x 1 x height x width.",
            )
        if not np.isfinite(values).all():
            raise UserError(f"{self.name}: its map holds what is no number.", "Export it anew.")
        if self.probable and not (values.min() >= -_NEAR and values.max() <= 1 + _NEAR):
            raise UserError(
                f"{self.name}: its map goes from {values.min():.3g} to {values.max():.3g}, so it is no probability.",
                "Export it with a sigmoid at its end.",
            )
        return np.asarray(values[0, 0], np.float32)

    def _by_windows(self, pixels: ImageArray, window: tuple[int, int]) -> ImageArray:
        """The map of an image of any size, from windows of which the middle is kept."""
        missing = [max(0, side - have) for side, have in zip(window, pixels.shape, strict=True)]
        padded = np.pad(pixels, [(0, more) for more in missing], mode="symmetric")
        (h, w), s = padded.shape, self.stride
        out = np.empty((h // s, w // s), np.float32)
        for top, first in _starts(h, window[0], self.reach, s):
            for left, begin in _starts(w, window[1], self.reach, s):
                made = self._run(padded[top : top + window[0], left : left + window[1]])
                # The windows that follow overwrite the margins at the other ends.
                rows, columns = slice(first // s, (top + window[0]) // s), slice(begin // s, (left + window[1]) // s)
                out[rows, columns] = made[(first - top) // s :, (begin - left) // s :]
        return out[: pixels.shape[0] // s, : pixels.shape[1] // s]


def _starts(length: int, window: int, reach: int, stride: int) -> list[tuple[int, int]]:
    """Where windows begin along a side, and from where on each is kept; all are multiples of the stride."""
    margin = min(reach, int(_MARGIN * window)) // stride * stride
    starts = [*range(0, length - window, window - 2 * margin), (length - window) // stride * stride]
    return [(start, start + margin if start else 0) for start in starts]


def _input(name: str, session: Session) -> tuple[str, tuple[int, int] | None]:
    """The name of the input, and its height and width where they are fixed."""
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise UserError(f"{name}: it has {len(inputs)} inputs.", "A network that makes a score map has one, the image.")
    shape: list[object] = inputs[0].shape
    fixed = [side for side in shape[2:] if isinstance(side, int)]
    if len(shape) != 4 or not all(map(_may_be_one, shape[:2])) or inputs[0].type != "tensor(float)":
        raise UserError(
            f"{name}: its input is {_by(shape) or 'a number'} of {inputs[0].type}.",
            "It must be one image, 1 x 1 x height x width of float32.",
        )
    if not fixed:
        return inputs[0].name, None
    return inputs[0].name, (fixed[0], fixed[-1])


def _may_be_one(size: object) -> bool:
    return size == 1 or not isinstance(size, int)


def _by(shape: tuple[object, ...] | list[object]) -> str:
    return " x ".join("any" if not isinstance(side, int) else str(side) for side in shape)
