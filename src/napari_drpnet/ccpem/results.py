"""The results of a job as the pipeliner shows them: words, picks on micrographs, histograms, particles, averages."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pipeliner.display_tools import create_results_display_object
from pipeliner.results_display_objects import ResultsDisplayObject

from napari_drpnet.ccpem.outcome import Outcome, picks_of
from napari_drpnet.data import Micrograph, Picks
from napari_drpnet.drawing import cutouts
from napari_drpnet.drawing.overlay import TRUE, Rings, draw_rings, save_png
from napari_drpnet.errors import UserError
from napari_drpnet.io.averages import AVERAGES
from napari_drpnet.io.files import atomic_write
from napari_drpnet.io.images import read_micrograph
from napari_drpnet.io.star_lists import find_in_project
from napari_drpnet.jobs.pick_report import LIST, SUMMARY
from napari_drpnet.jobs.run_page.averages import decided_by
from napari_drpnet.jobs.run_page.keep import PAGE
from napari_drpnet.jobs.run_page.scores import Scores

_PICTURES = "Thumbnails"
_SIDE = 1000  # pixels of a picture
_PATIENCE = 2.0  # seconds that files of scores are read
_COLUMNS, _ROWS = 8, 5  # of particles
_LISTED = 50  # micrographs in a table


def displays(folder: Path) -> Sequence[ResultsDisplayObject]:
    """What the pipeliner shows of a job; its names are from the project's folder, which is the working folder.

    Parameters
    ----------
    folder
        Of the job. Pictures are written below it.
    """
    outcome = Outcome.read(folder)
    if not outcome.results:
        return [_shown("pending", message="No micrograph is picked yet.", reason="The job has just begun, or failed.")]
    found = [_words(outcome, folder)]
    if outcome.picks:
        found += [_carousel(outcome, folder), _counts(outcome, folder), *_scores(outcome, folder)]
        found += _pictures(outcome, folder)
    found += _averages(outcome, folder) + _odd(outcome, folder)
    if (folder / PAGE).is_file():
        page = str(folder / PAGE)
        found.append(_shown("html", title="The whole report", html_file=page, associated_data=[page]))
    return found


def _shown(kind: str, **attributes: Any) -> ResultsDisplayObject:
    return create_results_display_object(kind, **attributes)


def _words(outcome: Outcome, folder: Path) -> ResultsDisplayObject:
    text = "\n".join(outcome.words())
    return _shown("text", title="What was found", display_data=text, associated_data=[str(folder / SUMMARY)])


def _carousel(outcome: Outcome, folder: Path) -> ResultsDisplayObject:
    names = [result.micrograph for result in outcome.picked]
    title = f"{outcome.picks:,} picked particles"
    file = str(folder / LIST)
    return _shown("carousel", title=title, image_names=names, image_index_file=file, associated_data=[file])


def _counts(outcome: Outcome, folder: Path) -> ResultsDisplayObject:
    return _shown(
        "histogram",
        title="Particles on a micrograph",
        data_to_bin=[result.picks for result in outcome.picked],
        xlabel="Number of particles",
        ylabel="Micrographs",
        associated_data=[str(folder / SUMMARY)],
    )


def _scores(outcome: Outcome, folder: Path) -> list[ResultsDisplayObject]:
    """The probabilities of the picks, where the picker gives some."""
    found = Scores().histogram(outcome.results, time.monotonic() + _PATIENCE)
    if not found.counts.any():
        return []
    some = f", on {found.micrographs:,} micrographs" if found.micrographs < len(outcome.picked) else ""
    histogram = _shown(
        "histogram",
        title=f"Probability of the picks{some}",
        bins=found.counts.tolist(),
        bin_edges=np.linspace(0, 1, len(found.counts) + 1).tolist(),
        xlabel="Probability of being a particle",
        ylabel="Picks",
        associated_data=[str(folder / LIST)],
    )
    return [histogram]


def _pictures(outcome: Outcome, folder: Path) -> list[ResultsDisplayObject]:
    """The picks on a usual micrograph, and some of its particles; nothing where it cannot be read."""
    result = outcome.usual
    picks = None if result is None else picks_of(result)
    if result is None or picks is None or not np.isfinite(picks.diameter).any():
        return []
    try:
        micrograph = read_micrograph(find_in_project(result.micrograph, folder / LIST))
        # Sizes of picks are in pixels, whatever these are.
        micrograph = replace(micrograph, frame=replace(micrograph.frame, pixel_size=1.0))
        diameter = float(np.nanmean(picks.diameter))
        files = [result.micrograph, str(result.coordinates)]
        return [_ringed(micrograph, picks, diameter, folder, files), _particles(micrograph, picks, diameter, folder)]
    except UserError:
        return []


def _ringed(
    micrograph: Micrograph, picks: Picks, diameter: float, folder: Path, files: list[str]
) -> ResultsDisplayObject:
    rings = draw_rings(micrograph, [Rings(picks.yx, TRUE)], diameter, _SIDE)
    picture = save_png(rings, folder / _PICTURES / "picks.png")
    return _shown(
        "image",
        title="Picks on a usual micrograph",
        image_path=str(picture),
        image_desc=f"{files[0]}: {len(picks)} particles",
        associated_data=files,
    )


def _particles(micrograph: Micrograph, picks: Picks, diameter: float, folder: Path) -> ResultsDisplayObject:
    """Particles from the surest to the least sure, evenly."""
    order = np.argsort(-np.nan_to_num(picks.score), kind="stable")
    chosen = picks.select(order[np.unique(np.linspace(0, len(order) - 1, _COLUMNS * _ROWS).astype(int))])
    grey = cutouts.grey(
        cutouts.cut(micrograph.image, chosen.yx, diameter), cutouts.contrast(micrograph.image, diameter)
    )
    columns = min(_COLUMNS, len(grey))
    rows = -(-len(grey) // columns)
    sheet = np.zeros((rows * columns, *grey.shape[1:]), np.uint8)
    sheet[: len(grey)] = grey
    side = grey.shape[1]
    sheet = sheet.reshape(rows, columns, side, side).swapaxes(1, 2).reshape(rows * side, columns * side)
    picture = save_png(Image.fromarray(sheet), folder / _PICTURES / "particles.png")
    labels = [f"{score:.2f}" if np.isfinite(score) else "" for score in chosen.score]
    return _shown(
        "montage",
        title="Particles on it, from the surest to the least sure",
        img=str(picture),
        # The pipeliner counts rows from the bottom.
        xvalues=list(range(columns)) * rows,
        yvalues=[row for row in reversed(range(rows)) for _ in range(columns)],
        labels=labels + [""] * (rows * columns - len(labels)),
        associated_data=[str(folder / LIST)],
    )


def _averages(outcome: Outcome, folder: Path) -> list[ResultsDisplayObject]:
    """The averages that the threshold was chosen by, where there are some."""
    picture = decided_by(folder, outcome.decision)
    if picture is None:
        return []
    path = folder / _PICTURES / "averages.jpg"
    with atomic_write(path) as temporary:
        temporary.write_bytes(picture)
    desc = "Class averages of the surest candidates, by which the threshold was chosen"
    file = str(folder / AVERAGES)
    return [_shown("image", title="Class averages", image_path=str(path), image_desc=desc, associated_data=[file])]


def _odd(outcome: Outcome, folder: Path) -> list[ResultsDisplayObject]:
    """Micrographs that could not be picked, or whose picks are in doubt."""
    if not outcome.odd:
        return []
    rows = [[one.micrograph, str(one.picks), one.error or one.doubt] for one in outcome.odd[:_LISTED]]
    more = f" (the first {_LISTED} of {len(outcome.odd)})" if len(outcome.odd) > _LISTED else ""
    table = _shown(
        "table",
        title=f"Micrographs to look at{more}",
        headers=["Micrograph", "Picks", "Why"],
        table_data=rows,
        associated_data=[str(folder / SUMMARY)],
    )
    return [table]
