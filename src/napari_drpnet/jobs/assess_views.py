"""What the angles of refined particles tell, from files: views, efficiency, and the B-factor of several refinements."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_drpnet.assessment.bfactor import BFactor, fit_b_factor
from napari_drpnet.assessment.directional import DirectionalCorrelation, directional_correlation
from napari_drpnet.assessment.efficiency import Efficiency, efficiency
from napari_drpnet.assessment.orientations import point_group
from napari_drpnet.assessment.sphere import centres
from napari_drpnet.assessment.views import SIDE, ViewCounts, count_views
from napari_drpnet.data import FloatArray
from napari_drpnet.drawing.correlations import draw_growth
from napari_drpnet.drawing.sphere import draw_views
from napari_drpnet.errors import UserError
from napari_drpnet.io.alignments import Alignments, read_alignments
from napari_drpnet.io.files import atomic_write, write_text
from napari_drpnet.io.half_maps import read_half_maps
from napari_drpnet.io.postprocessing import read_postprocessing
from napari_drpnet.jobs.assess_maps import MapAssessment
from napari_drpnet.settings.assessment import ConeSettings, ViewSettings
from napari_drpnet.simulation.orientations import directions


@dataclass(frozen=True, eq=False)
class ViewReport:
    """The views of the particles of one file.

    Attributes
    ----------
    path
        The file.
    symmetry
        The point group that they were counted with.
    counts
        Particles from each side.
    efficiency
        How evenly they resolve the structure.
    """

    path: Path
    symmetry: str
    counts: ViewCounts
    efficiency: Efficiency

    @property
    def in_words(self) -> str:
        """All of it in one line."""
        counts, found = self.counts, self.efficiency
        return (
            f"{counts.particles:,} particles from {counts.different:,} of {counts.possible:,} views "
            f"(random orientations: {counts.expected:,.0f}); "
            f"efficiency {found.value:.2f} ± {max(found.error, 0.005):.2f}"
        )


def assess_alignments(path: Path, settings: ViewSettings) -> ViewReport:
    """Count the views of refined particles, and how evenly they resolve the structure.

    Parameters
    ----------
    path
        A particles STAR of RELION or particles of cryoSPARC (.cs), of a 3D refinement.
    settings
        Symmetry and the like.

    Raises
    ------
    UserError
        As `io.alignments.read_alignments`; for a point group that is none, and for fewer than 10 particles.
    """
    group = point_group(settings.symmetry)
    views = _views(read_alignments(path))
    counts = count_views(views, group, mirrored=settings.mirrored)
    found = efficiency(views, group, settings.diameter, settings.b_factor, settings.seed)
    return ViewReport(path, settings.symmetry.upper(), counts, found)


def _views(found: Alignments) -> FloatArray:
    return directions(found.rot, found.tilt)


def write_views(report: ViewReport, out: Path, most: int | None = None) -> tuple[Path, Path]:
    """Write ``<name>_views.png``, the map of the views, and ``<name>_views.csv``, those that have particles.

    Parameters
    ----------
    report
        What was found.
    out
        The folder.
    most
        Where the colours end (`drawing.sphere.draw_views`).

    Raises
    ------
    UserError
        When a file cannot be written.
    """
    picture, table = (out / f"{report.path.stem}_views{suffix}" for suffix in (".png", ".csv"))
    title = f"{report.path.name}, {report.symmetry}"
    with atomic_write(picture) as temporary:
        draw_views(report.counts.counts, title, report.in_words, most).save(temporary, "PNG")
    seen = np.flatnonzero(report.counts.counts)
    x, y, z = centres(SIDE)[seen].T
    rot, tilt = np.rad2deg(np.arctan2(y, x)), np.rad2deg(np.arccos(z))
    rows = zip(np.round(rot, 3).tolist(), np.round(tilt, 3).tolist(), report.counts.counts[seen].tolist(), strict=True)
    write_text(_table(("rot", "tilt", "particles"), rows), table)
    return picture, table


def assess_directions(found: MapAssessment, settings: ConeSettings) -> DirectionalCorrelation:
    """The correlation of half maps by direction, within the mask that they were judged in.

    Parameters
    ----------
    found
        What `assess_half_maps` found of them; they are read once more.
    settings
        The cones.

    Raises
    ------
    UserError
        When a map is no longer there.
    """
    maps = read_half_maps(found.paths, found.pixel_size)
    mask = 1 if found.mask is None else found.mask
    return directional_correlation(maps.first * mask, maps.second * mask, maps.pixel_size, settings.cone)


def b_factor_of_files(files: Sequence[tuple[int, Path]]) -> BFactor:
    """The B-factor of refinements of several numbers of particles.

    Parameters
    ----------
    files
        For each how many particles there were, and its ``postprocess.star``.

    Raises
    ------
    UserError
        When a file cannot be read, or there are fewer than three.
    """
    if not files:
        raise UserError(
            "There are no resolutions.", "Give numbers of particles with the files of RELION's PostProcess."
        )
    read = [read_postprocessing(path) for _, path in files]
    numbers = np.array([number for number, _ in files], np.float64)
    return fit_b_factor(numbers, np.array([one.resolution for one in read]), np.array([one.limit for one in read]))


def write_growth(fits: Mapping[str, BFactor], out: Path) -> tuple[Path, Path]:
    """Write ``rosenthal_henderson.png``, the plot of several sets of particles, and its pairs as ``.csv``.

    Raises
    ------
    UserError
        When a file cannot be written.
    """
    picture, table = (out / f"rosenthal_henderson{suffix}" for suffix in (".png", ".csv"))
    with atomic_write(picture) as temporary:
        draw_growth(fits).save(temporary, "PNG")
    rows = [
        (name, f"{number:.0f}", f"{resolution:.4f}", int(used), f"{fit.value:.1f}", f"{fit.error:.1f}")
        for name, fit in fits.items()
        for number, resolution, used in zip(fit.particles, fit.resolution, fit.used, strict=True)
    ]
    write_text(_table(("name", "particles", "resolution", "fitted", "b_factor", "error"), rows), table)
    return picture, table


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerows([head, *rows])
    return text.getvalue()
