"""What RELION's postprocessing found of two half maps: the resolution and the curves (``postprocess.star``)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_drpnet.data import FloatArray
from napari_drpnet.errors import UserError
from napari_drpnet.io.star_table import Table, read_tables

_FINAL, _FREQUENCY = "rlnFinalResolution", "rlnResolution"
_CORRECTED, _UNMASKED = "rlnFourierShellCorrelationCorrected", "rlnFourierShellCorrelationUnmaskedMaps"
_MASKED = "rlnFourierShellCorrelationMaskedMaps"
_HINT = "Give the postprocess.star of RELION."


@dataclass(frozen=True, eq=False)
class PostProcessing:
    """One ``postprocess.star``.

    Attributes
    ----------
    path
        The file.
    resolution
        RELION's final resolution in Angstrom, where the corrected correlation falls below 0.143.
    frequency
        ``(n,)`` of each shell in 1/Angstrom, the first one 0.
    corrected, unmasked, masked
        ``(n,)`` Fourier shell correlation; NaN where the file has none.
    """

    path: Path
    resolution: float
    frequency: FloatArray
    corrected: FloatArray
    unmasked: FloatArray
    masked: FloatArray

    @property
    def limit(self) -> float:
        """The finest resolution in Angstrom that its pixels allow."""
        return float(1 / self.frequency[-1])


def read_postprocessing(path: Path) -> PostProcessing:
    """A ``postprocess.star``.

    Raises
    ------
    UserError
        When the file cannot be read, has no final resolution or no curve, or a number in it is none.
    """
    tables = read_tables(path)
    finals = [table for table in tables if _FINAL in table and len(table)]
    curves = [table for table in tables if _FREQUENCY in table and _CORRECTED in table and len(table) > 1]
    if not finals or not curves:
        missing = "final resolution" if not finals else "curve of Fourier shell correlation"
        raise UserError(f"{path}: it has no {missing}.", _HINT)
    resolution = float(finals[0].numbers(_FINAL)[0])
    # RELION writes 0.001 for the first shell, whose resolution is infinite.
    frequency = np.where(np.arange(len(curves[0])) == 0, 0.0, curves[0].numbers(_FREQUENCY))
    corrected, unmasked, masked = (_curve(curves[0], name) for name in (_CORRECTED, _UNMASKED, _MASKED))
    rising = np.isfinite(frequency).all() and (np.diff(frequency) > 0).all()
    if not (0 < resolution < np.inf and rising and np.isfinite(corrected).all()):
        raise UserError(f"{path}: a resolution or a correlation in it is no number that can be.", _HINT)
    return PostProcessing(path, resolution, frequency, corrected, unmasked, masked)


def _curve(table: Table, name: str) -> FloatArray:
    return table.numbers(name) if name in table else np.full(len(table), np.nan)
