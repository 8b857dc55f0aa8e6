"""The colours of picks: one for all, or by their score or class; background and a person's labels always stand out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import MANUAL, FloatArray
from napari_drpnet.drawing.colours import colour as colour_of_class

if TYPE_CHECKING:
    from napari.layers import Points

PICK_COLOUR = "#00e5ff"
TRUTH_COLOUR = "#ffb000"
BACKGROUND_COLOUR = "#ff4d6d"
LABELLED_COLOUR = "#ffe14d"

NOTHING, SCORE, CLASS = "nothing", "score", "class"
COLOUR_BY = (NOTHING, SCORE, CLASS)
# From the lowest to the highest score: told apart by colour-blind people, and bright on the grey of a micrograph.
_RAMP = ("#ff7a1a", "#f4f0e0", "#2f9bff")

_BY, _LABELS = "colour_by", "labels_stand_out"  # of a layer's metadata


def colour_by(layer: Points, what: str) -> None:
    """Colour the picks of a layer by one of `COLOUR_BY`, from now on; main thread only."""
    if layer.metadata.get(_BY, NOTHING) != what:
        layer.metadata = {**layer.metadata, _BY: what}
        recolour(layer)


def let_labels_stand_out(layer: Points) -> None:
    """Colour the picks that a person labelled, too, from now on."""
    if _LABELS not in layer.metadata:
        layer.metadata = {**layer.metadata, _LABELS: True}


def recolour(layer: Points) -> None:
    """Give the circles the colours that the table of the layer asks for; main thread only."""
    if len(layer.data):
        layer.border_color = _colours(layer)


def legend(layer: Points) -> list[tuple[str, str]]:
    """What the colours of a layer mean, each as ``#rrggbb`` and in words; empty where they mean nothing."""
    by, plain = layer.metadata.get(_BY, NOTHING), layer.metadata["colour"]
    if by == SCORE:
        score = _scores(layer)
        known = score[np.isfinite(score)]
        ends = [] if not len(known) else [(_RAMP[0], f"{known.min():.2f}"), (_RAMP[-1], f"{known.max():.2f}")]
        return ends + ([(plain, "no score")] if len(known) < len(score) else [])
    if by == CLASS:
        numbers, counts = np.unique(_classes(layer), return_counts=True)
        return [
            (_class_colour(int(number), plain), f"{f'class {number}' if number else 'no class'} ({count})")
            for number, count in zip(numbers, counts, strict=True)
        ]
    return []


def plain_colours(background: npt.NDArray[np.bool_], colour: str) -> FloatArray:
    """``(n, 4)`` colours of circles, those of background red."""
    both = np.array([rgba(colour), rgba(BACKGROUND_COLOUR)])
    chosen: FloatArray = both[background.astype(int)]
    return chosen


def _colours(layer: Points) -> FloatArray:
    by, plain = layer.metadata.get(_BY, NOTHING), layer.metadata["colour"]
    background = np.asarray(layer.features["label"] == "background")
    found = plain_colours(background, plain)
    if by == SCORE:
        score = _scores(layer)
        here = np.isfinite(score) & ~background
        found[here] = _ramp(score[here])
    elif by == CLASS:
        classes = _classes(layer)
        for number in set(classes[~background].tolist()):
            found[(classes == number) & ~background] = rgba(_class_colour(number, plain))
    if layer.metadata.get(_LABELS):
        found[np.asarray(layer.features["source"] == MANUAL) & ~background] = rgba(LABELLED_COLOUR)
    return found


def _scores(layer: Points) -> FloatArray:
    score: FloatArray = layer.features["score"].to_numpy(dtype=np.float64)
    return score


def _classes(layer: Points) -> npt.NDArray[np.int64]:
    classes: npt.NDArray[np.int64] = layer.features["class"].to_numpy(dtype=np.int64)
    return classes


def _ramp(score: FloatArray) -> FloatArray:
    """``(n, 4)`` colours, spread between the lowest and the highest score."""
    if not len(score):
        return np.empty((0, 4))
    low, high = float(score.min()), float(score.max())
    at = (score - low) / (high - low) if high > low else np.ones(len(score))
    stops = np.linspace(0, 1, len(_RAMP))
    return np.stack([np.interp(at, stops, channel) for channel in np.array([rgba(c) for c in _RAMP]).T], axis=1)


def _class_colour(number: int, plain: str) -> str:
    return colour_of_class(number) if number else plain  # the first, a blue, is near the plain one


def rgba(code: str) -> list[float]:
    """A colour written as ``#rrggbb``."""
    return [int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)] + [1.0]
