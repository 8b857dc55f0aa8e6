"""The files of class averages: for RELION, for a table, for the eye."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from napari_drpnet.data import ImageArray
from napari_drpnet.drawing.class_sheet import class_sheet
from napari_drpnet.drawing.overlay import save_png
from napari_drpnet.io.class_files import ClassRow, Members, write_classes
from napari_drpnet.io.ctf import KnownCTF
from napari_drpnet.io.files import write_text
from napari_drpnet.jobs.averaging.result import Averages, ClassFigures

CLASSES, PICTURE = "classes.tsv", "averages.png"
_COLUMNS = ("class", "picks", "evidence", "error", "share_of_evidence", "resolution", "micrographs")


def write_averages(
    averages: Averages,
    out: Path,
    ctf: KnownCTF | None = None,
    lenses: Mapping[str, Mapping[str, str]] | None = None,
    root: Path | None = None,
) -> Path:
    """Write ``averages.mrcs``, RELION's ``run_model.star`` and ``run_data.star``, ``classes.tsv`` and ``averages.png``.

    Particles are white in the files for RELION, as it shows them.

    Parameters
    ----------
    averages
        What to write.
    out
        The folder; it is made where it is missing.
    ctf, lenses, root
        See `io.class_files.write_classes`.

    Returns
    -------
    The folder.

    Raises
    ------
    UserError
        When a file cannot be written.
    """
    total = max(averages.picks, 1)
    write_classes(
        out,
        white_particles(averages),
        averages.pixel_size,
        [ClassRow(one.picks / total, one.resolution) for one in averages.classes],
        [Members(one.picks, one.mirrored, one.shift) for one in averages.members],
        diameter=averages.diameter,
        ctf=ctf,
        lenses=lenses,
        root=root,
    )
    write_text(_table(averages), out / CLASSES)
    disc = averages.diameter / averages.pixel_size
    captions = [caption(number, one, averages.diameter) for number, one in enumerate(averages.classes, 1)]
    save_png(class_sheet(averages.images, disc, captions), out / PICTURE)
    return out


def caption(number: int, figures: ClassFigures, diameter: float) -> tuple[str, str, str]:
    """What is known of a class, in three short lines."""
    known = math.isfinite(figures.evidence)
    evidence = f"evidence {figures.evidence:.1f} ± {figures.error:.1f}" if known else "evidence not measured"
    return f"{number}: {figures.picks} picks", evidence, resolution_words(figures.resolution, diameter)


def resolution_words(resolution: float, diameter: float) -> str:
    """A resolution in words; nothing is proved at the frequencies that align particles."""
    return f"{resolution:.0f} Å" if math.isfinite(resolution) else f"coarser than {diameter / 4:.0f} Å"


def white_particles(averages: Averages) -> ImageArray:
    """The averages with particles brighter than what surrounds them."""
    side, across = averages.images.shape[1], averages.diameter / averages.pixel_size
    y, x = np.ogrid[:side, :side]
    away = np.hypot(y - side // 2, x - side // 2) / across
    weight = np.array([one.picks for one in averages.classes], np.float64)
    mean = np.tensordot(weight, averages.images, 1)
    bright = mean[away < 0.4].mean() > mean[(away > 0.55) & (away < 0.7)].mean()
    return averages.images if bright else -averages.images


def _table(averages: Averages) -> str:
    text = io.StringIO()
    table = csv.writer(text, delimiter="\t", lineterminator="\n")
    table.writerow(_COLUMNS)
    for number, one in enumerate(averages.classes, 1):
        numbers = (one.evidence, one.error, one.share, one.resolution, one.micrographs)
        table.writerow((number, one.picks, *(f"{value:.4g}" if math.isfinite(value) else "" for value in numbers)))
    return text.getvalue()
