"""What a few labelled micrographs can say: parts to test on, and a calibration that leans on an earlier one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from napari_drpnet.data import FloatArray
from napari_drpnet.pickers.context import margin
from napari_drpnet.training.example import Example

# How many candidates the earlier calibration is worth: with fewer it decides, with many more the new ones do.
_TRUST = 20.0

Labelled = TypeVar("Labelled")


def halves(
    micrographs: Sequence[Labelled],
    sides: Callable[[Labelled], tuple[Labelled, Labelled]],
    particles: Callable[[Labelled], int],
    fewest: int = 1,
) -> list[tuple[list[Labelled], list[Labelled]]]:
    """Labelled micrographs in two parts, each once to learn from and once to test on.

    Parameters
    ----------
    micrographs
        Every other one is a part, or one side of the only one.
    sides
        The two sides of a micrograph.
    particles
        How many it holds.
    fewest
        How many each part must hold; with fewer there are no parts.
    """
    if not micrographs:
        return []
    if len(micrographs) > 1:
        one, other = list(micrographs[::2]), list(micrographs[1::2])
    else:
        one, other = ([side] for side in sides(micrographs[0]))
    if min(sum(map(particles, part)) for part in (one, other)) < fewest:
        return []
    return [(one, other), (other, one)]


def example_halves(examples: Sequence[Example]) -> list[tuple[list[Example], list[Example]]]:
    """The `halves` of examples; none where a part would hold no particle."""
    return halves(examples, example_sides, lambda example: len(example.yx))


def example_sides(example: Example) -> tuple[Example, Example]:
    """The left and the right side of an example."""
    middle = example.image.shape[1] // 2
    left = example.yx[:, 1] < middle
    return (
        replace(example, image=example.image[:, :middle], yx=example.yx[left], mask=None),
        replace(example, image=example.image[:, middle:], yx=example.yx[~left] - (0, middle), mask=None),
    )


def recalibrate(
    earlier: tuple[float, ...],
    terms: Sequence[FloatArray],
    hit: npt.NDArray[np.bool_],
    weight: FloatArray,
) -> tuple[float, ...]:
    """An earlier calibration, shifted and made steeper or flatter as far as new candidates ask for it.

    With ``m`` the margin of a candidate under the earlier calibration, its probability becomes ``expit(a m + b)``
    (Platt 1999). ``a`` and ``b`` are the most likely ones given the candidates and a Gaussian belief that ``a`` is 1
    and ``b`` is 0, which counts as much as `_TRUST` candidates: a handful of them hardly moves the calibration,
    hundreds fix it.

    Parameters
    ----------
    earlier
        Slopes and offset, as from `calibration.fit_logistic`.
    terms
        One ``(n,)`` array per slope.
    hit
        ``(n,)`` whether it was a particle.
    weight
        ``(n,)`` weight of each candidate.
    """
    *slopes, offset = earlier
    known = margin(earlier, *terms)
    sign, share = np.where(hit, 1.0, -1.0), weight * (len(hit) / weight.sum())

    def loss(c: FloatArray) -> float:
        likelihood = share @ np.logaddexp(0, -sign * (c[0] * known + c[1]))
        return float(likelihood + _TRUST / 8 * ((c[0] - 1) ** 2 * float(np.mean(known**2)) + c[1] ** 2))

    a, b = minimize(loss, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=[(0.1, 10), (None, None)]).x
    return tuple(float(round(c, 5)) for c in (*(a * slope for slope in slopes), a * offset + b))
