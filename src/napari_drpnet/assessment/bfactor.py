"""How resolution grows with the number of particles: the plot of Rosenthal and Henderson (JMB 333 (2003) 721).

Signal falls with ``exp(-B / (4 d**2))`` in amplitude, so that ``exp(B / (2 d**2))`` times as many particles are needed
for a resolution of ``d``: ``1 / d**2`` grows with the logarithm of their number, by ``2 / B``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_drpnet.data import FloatArray
from napari_drpnet.errors import UserError

_FEWEST = 3
# Of the finest resolution that pixels allow: what is nearer to it is limited by them.
_AT_LIMIT = 1.05


@dataclass(frozen=True, eq=False)
class BFactor:
    """A straight line through ``1 / d**2`` against the logarithm of the number of particles.

    Attributes
    ----------
    particles, resolution
        ``(n,)`` each, resolution in Angstrom.
    used
        ``(n,)`` whether a pair is in the fit: not where pixels limit the resolution.
    slope, slope_error
        In 1/Angstrom^2 for each factor of e in number, and its standard error.
    intercept
        ``1 / d**2`` of one particle, in 1/Angstrom^2.
    value, error
        The B-factor ``2 / slope`` in Angstrom^2 and its standard error.
    """

    particles: FloatArray
    resolution: FloatArray
    used: npt.NDArray[np.bool_]
    slope: float
    slope_error: float
    intercept: float
    value: float
    error: float

    def resolution_of(self, particles: FloatArray) -> FloatArray:
        """``(n,)`` Angstrom on the line; infinite where it says that there is none."""
        inverse = self.intercept + self.slope * np.log(particles)
        return np.where(inverse > 0, 1 / np.sqrt(np.where(inverse > 0, inverse, 1)), np.inf)


def fit_b_factor(particles: FloatArray, resolution: FloatArray, limit: FloatArray | float = 0.0) -> BFactor:
    """The B-factor of pairs of particle number and resolution.

    Parameters
    ----------
    particles, resolution
        ``(n,)`` each, resolution in Angstrom.
    limit
        The finest resolution in Angstrom that the pixels allow, of all or ``(n,)``; pairs within 5 % of it are left out
        of the fit.

    Raises
    ------
    UserError
        When a number is none, fewer than three numbers of particles are left, or resolution does not grow with them.
    """
    if not (np.isfinite(particles).all() and np.isfinite(resolution).all() and (resolution > 0).all()):
        raise UserError("A resolution or a number of particles is no positive number.", "Check the pairs.")
    if (particles < 1).any():
        raise UserError("A resolution is of less than one particle.", "Check the pairs.")
    used = resolution > np.asarray(limit) * _AT_LIMIT
    x, y = np.log(particles[used]), resolution[used] ** -2.0
    if len(np.unique(x)) < _FEWEST:
        left_out = f"; {int((~used).sum())} more are limited by the pixels" if not used.all() else ""
        raise UserError(
            f"A B-factor needs resolutions of three numbers of particles, and there are {len(np.unique(x))}{left_out}.",
            "Add some of other sizes.",
        )
    spread = float(((x - x.mean()) ** 2).sum())
    slope = float(((x - x.mean()) * y).sum() / spread)
    intercept = float(y.mean() - slope * x.mean())
    scatter = float(((y - intercept - slope * x) ** 2).sum() / (len(x) - 2))
    slope_error = float(np.sqrt(scatter / spread))
    if slope <= 0:
        raise UserError(
            "The resolution does not grow with the number of particles: there is no B-factor.",
            "Take smaller numbers of particles, or look whether all are right.",
        )
    value = 2 / slope
    return BFactor(particles, resolution, used, slope, slope_error, intercept, value, value * slope_error / slope)
