"""The pictures of a comparison: micrographs with everyone's picks side by side, and the curves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import PurePosixPath

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

from napari_drpnet.data import Micrograph, Picks
from napari_drpnet.drawing.charts import Panel
from napari_drpnet.drawing.class_sheet import class_sheet
from napari_drpnet.drawing.colours import colour
from napari_drpnet.drawing.overlay import FALSE, MISSED, TRUE, Rings, draw_rings, verdict_rings
from napari_drpnet.evaluation.agreement import agreement
from napari_drpnet.evaluation.comparison import Standing
from napari_drpnet.io.names import places
from napari_drpnet.jobs.averaging.write import caption
from napari_drpnet.jobs.compare.result import ComparisonReport
from napari_drpnet.jobs.inputs import PickTask
from napari_drpnet.jobs.picked_files import read_task
from napari_drpnet.rescaling import rescale

# Of one panel, in pixels; with the number of pictures and of panels this bounds what the pictures take on disk.
_SIDE, _TITLE, _GAP = 640, 34, 6
# Greys under a ring that is not fully drawn at its rim, and how much of its colour shows there.
_BLENDS = [(grey, share) for grey in (40, 110, 180, 240) for share in (0.35, 0.6, 0.85)]
_GROUND, _INK = "#202020", "#ffffff"
_MOST_POINTS = 400  # of a curve


def overlays(report: ComparisonReport) -> Iterator[tuple[str, Image.Image]]:
    """The micrographs that are drawn: name and picture of each, one panel for each set that is not the truth."""
    for task in _chosen(report):
        yield task.micrograph.name, _overlay(report, task)


def class_strips(report: ComparisonReport, most: int = 10) -> Iterator[tuple[str, Image.Image]]:
    """The averages of each set, those that are worth most first, in rows: name of the set and its picture."""
    for name, averages in report.averages.items():
        captions = [caption(number, one, averages.diameter) for number, one in enumerate(averages.classes, 1)]
        yield name, class_sheet(averages.images, averages.diameter / averages.pixel_size, captions, most)


def overlay_files(report: ComparisonReport) -> dict[str, PurePosixPath]:
    """Where the picture of each micrograph goes, below the folder of the comparison."""
    where = places(task.micrograph.name for task in report.tasks)
    return {name: "overlays" / place.with_name(f"{place.name}.png") for name, place in where.items()}


def flat(picture: Image.Image) -> Image.Image:
    """The picture in 256 colours, greys and the colours of rings on them: a third of the bytes."""
    inks = np.array(
        [ImageColor.getrgb(ink)[:3] for ink in dict.fromkeys([*map(colour, range(8)), TRUE, FALSE, MISSED])]
    )
    rims = [grey + (inks - grey) * share for grey, share in _BLENDS]
    greys = np.linspace(0, 255, 256 - len(inks) * (1 + len(rims)))
    shades = np.concatenate([np.repeat(greys[:, None], 3, axis=1), inks, *rims])
    palette = Image.new("P", (1, 1))
    palette.putpalette(shades.round().astype(int).ravel().tolist())
    return picture.quantize(palette=palette, dither=Image.Dither.NONE)


def draw_curves(report: ComparisonReport) -> Image.Image | None:
    """Precision over recall of each set, the threshold in force as a dot; None without a truth."""
    judged = [(i, one) for i, one in enumerate(report.comparison.standings) if one.evaluation is not None]
    if not judged:
        return None
    panel = Panel("Precision and recall", "recall", "precision", (0, 1), (0, 1), scale=2)
    for i, standing in judged:
        panel.line(curve_points(standing), colour(i))
    for i, standing in judged:
        if (point := at_threshold(standing)) is not None:
            panel.dots([point], colour(i), lambda _: 5.0)
    panel.legend([(standing.name, colour(i)) for i, standing in judged])
    return panel.image


def curve_points(standing: Standing) -> list[tuple[float, float]]:
    """Recall and precision along the curve of a set, thinned out; empty without one."""
    if standing.curve is None or not len(standing.curve.recall):
        return []
    keep = np.unique(np.linspace(0, len(standing.curve.recall) - 1, _MOST_POINTS).round().astype(int))
    return list(zip(standing.curve.recall[keep].tolist(), standing.curve.precision[keep].tolist(), strict=True))


def at_threshold(standing: Standing) -> tuple[float, float] | None:
    """Recall and precision of the picks themselves; None where they are not defined."""
    if standing.evaluation is None:
        return None
    counts = standing.evaluation.counts
    point = (counts.recall, counts.precision)
    return None if any(map(math.isnan, point)) else point


def _chosen(report: ComparisonReport) -> list[PickTask]:
    """The first micrographs, or those on which the sets differ most."""
    tasks = {task.micrograph.name: task for task in report.tasks}
    found = [name for name in tasks if any(_of(entries, name) is not None for entries in report.sets.values())]
    if report.settings.overlay_order == "disputed":
        found.sort(key=lambda name: -_dispute(report, name))
    return [tasks[name] for name in found[: report.settings.overlays]]


def _dispute(report: ComparisonReport, micrograph: str) -> float:
    """How far the sets differ on a micrograph: 0 where all are the same, 1 where no two share a pick."""
    here = {name: picks for name, entries in report.sets.items() if (picks := _of(entries, micrograph)) is not None}
    f1 = [agreement((a, [here[a]]), (b, [here[b]]), report.radius, report.edge).f1 for a, b in combinations(here, 2)]
    known = [value for value in f1 if not math.isnan(value)]
    return 1 - sum(known) / len(known) if known else 0.0


def _of(entries: Sequence[Picks], micrograph: str) -> Picks | None:
    return next((picks for picks in entries if picks.frame.micrograph == micrograph), None)


def _overlay(report: ComparisonReport, task: PickTask) -> Image.Image:

    micrograph = _reduced(read_task(task, report.settings.pixel_size))
    shown = [(i, one) for i, one in enumerate(report.comparison.standings) if one.name != report.comparison.truth]
    return _sheet([_panel(report, micrograph, standing, colour(i)) for i, standing in shown])


def _reduced(micrograph: Micrograph) -> Micrograph:
    """As large as its panels, once for all of them."""
    factor = min(1.0, _SIDE / max(micrograph.image.shape))
    return replace(micrograph, image=rescale(micrograph.image, factor), frame=micrograph.frame.rescaled(factor))


def _sheet(panels: Sequence[Image.Image]) -> Image.Image:
    """Panels side by side: up to three in a row, four as two by two."""
    columns = 2 if len(panels) == 4 else min(len(panels), 3)
    rows = math.ceil(len(panels) / columns)
    width, height = panels[0].size
    sheet = Image.new("RGB", (columns * (width + _GAP) - _GAP, rows * (height + _GAP) - _GAP), "white")
    for i, panel in enumerate(panels):
        sheet.paste(panel, (i % columns * (width + _GAP), i // columns * (height + _GAP)))
    return sheet


def _panel(report: ComparisonReport, micrograph: Micrograph, standing: Standing, colour: str) -> Image.Image:
    """One set's picks, right, wrong and missed where there is a truth, under its name and their numbers."""
    name = micrograph.frame.micrograph
    verdicts = standing.evaluation.verdicts if standing.evaluation is not None else ()
    verdict = next((one for one in verdicts if one.micrograph == name), None)
    picks = _of(report.sets[standing.name], name)
    if verdict is not None:
        rings = verdict_rings(verdict)
    elif picks is not None:
        rings = [Rings(picks.yx[picks.label != "background"], colour, "picks")]
    else:
        rings = []
    bare = [Rings(ring.yx, ring.colour) for ring in rings]
    picture = draw_rings(micrograph, bare, report.settings.diameter, _SIDE, width=2)
    said = [(f"{len(ring.yx)} {ring.label}", _INK if verdict is None else ring.colour) for ring in rings]
    return _titled(picture, standing.name, said or [("no answer", _INK)], colour)


def _titled(picture: Image.Image, name: str, said: Sequence[tuple[str, str]], colour: str) -> Image.Image:
    """The picture under a bar with a name on the left, and what is said from the right as far as there is room."""
    panel = Image.new("RGB", (picture.width, picture.height + _TITLE), _GROUND)
    panel.paste(picture, (0, _TITLE))
    pencil, font, middle = ImageDraw.Draw(panel), ImageFont.load_default(20), _TITLE / 2
    pencil.rectangle((10, middle - 7, 24, middle + 7), fill=colour)
    pencil.text((32, middle), name, fill=_INK, font=font, anchor="lm")
    room, right = 44 + pencil.textlength(name, font), panel.width - 10.0
    for text, ink in said:
        if right - pencil.textlength(text, font) < room:
            break
        pencil.text((right, middle), text, fill=ink, font=font, anchor="rm")
        right -= pencil.textlength(text, font) + 16
    return panel
