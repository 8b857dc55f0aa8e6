"""What an assessment leaves: a table, figures, the files of each refinement, and one page that shows all of it."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path

from PIL import Image

from napari_drpnet.drawing.correlations import draw_correlations, draw_local
from napari_drpnet.drawing.pages import document, image, jpeg, made_with, notes, section
from napari_drpnet.drawing.side_by_side import draw_side_by_side
from napari_drpnet.io.files import atomic_write, write_text
from napari_drpnet.io.safe_names import safe_name
from napari_drpnet.jobs.assess_maps import MASK, resolution_in_words, write_map_assessment
from napari_drpnet.jobs.assess_picks import COMPARED, picks_in_words, picks_written
from napari_drpnet.jobs.assess_views import write_growth, write_views
from napari_drpnet.jobs.assessing import Assessment, assessment_problems, figures
from napari_drpnet.jobs.compare.report.pictures import class_strips

PAGE, TABLE, PICTURE = "assessment.html", "assessment.csv", "assessment.png"
_STYLE = """
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(520px, 100%), 1fr)); gap: 16px 28px; }
.figures figure { margin: 0; } .figures img { background: #ffffff; }
"""
_QUALITY = 90
ABOUT = {
    "F1": "harmonic mean of precision and recall, against the truth",
    "AP": "average precision by distance: the area under the curve of precision over recall",
    "evidence": "how far picks agree with averages of the others, at details that aligned nothing; noise has 0",
    "good classes": "of at most 8 class averages, those with evidence of their own",
    "particles": "of the refinement",
    "resolution at 0.143": "the one to report: up to this detail the half maps agree",
    "local resolution, median": "half of the particle is resolved better",
    "worst direction": "of cones all around; far from the best one, views are missing",
    "sphericity": "1 where all directions are resolved alike",
    "views": "different ones, of 12,288 on the whole sphere; with a point group there are fewer",
    "views, of random orientations": "as many as the same number of particles would show that lie at random",
    "efficiency": "1: all directions are seen alike; below 0.5 some are missing, and the map is drawn out along them",
    "B-factor": "the smaller, the fewer particles it takes to see finer details",
}


def write_assessments(found: Sequence[Assessment], out: Path) -> Path:
    """Write all that was found into a folder; of each refinement into one below it, where there are several.

    Parameters
    ----------
    found
        Of `assessing.assess`.
    out
        The folder.

    Returns
    -------
    Path
        The page, ``assessment.html``. Beside it lie ``assessment.csv``, ``assessment.png``, and the figures.

    Raises
    ------
    UserError
        When a file cannot be written, or a refinement has a name that no folder can have.
    """
    names = [one.name for one in found]
    most = max((int(one.views.counts.counts.max()) for one in found if one.views is not None), default=None)
    views = []
    found = _with_picks_in(out, found)
    for one in found:
        own = out if len(found) == 1 else _folder(one.name, out)
        if one.maps is not None:
            write_map_assessment(one.maps, own)
        if one.views is not None:
            views.append((f"Views of {one.name}", write_views(one.views, own, most)[0]))
    written = []
    for title, picture in _pictures(found):
        written.append((title, out / (title.lower().replace(" ", "_") + ".png")))
        with atomic_write(written[-1][1]) as temporary:
            picture.save(temporary, "PNG")
    if grown := {one.name: one.growth for one in found if one.growth is not None}:
        written.append(("Resolution and number of particles", write_growth(grown, out, names)[0]))
    strips = class_averages(found)
    write_text(_table(found), out / TABLE)
    with atomic_write(out / PICTURE) as temporary:
        _sheet(found, (written, views), strips).save(temporary, "PNG")
    return write_text(_page(found, [*written, *views], strips), out / PAGE)


def _with_picks_in(out: Path, found: Sequence[Assessment]) -> Sequence[Assessment]:
    """The same refinements, whose picks and report are in the folder."""
    picked = next((one.picked for one in found if one.picked is not None), None)
    if picked is None:
        return found
    report = picks_written(picked, out)
    return [one if one.picked is None else replace(one, picked=one.picked.within(report)) for one in found]


def _folder(name: str, out: Path) -> Path:
    """Of the files of a refinement; that of the picks is for picks alone."""
    first, *others = map(safe_name, name.split("/"))
    return out.joinpath(f"{first}_" if first.casefold() == COMPARED else first, *others)


def in_words(found: Assessment) -> list[str]:
    """What is known of a refinement, a sentence each."""
    said = []
    if found.picked is not None:
        said.append(picks_in_words(found.picked))
    if found.maps is not None:
        said.append(resolution_in_words(found.maps))
    if found.views is not None:
        said.append(f"{found.views.in_words[:1].upper()}{found.views.in_words[1:]}.")
    if found.growth is not None:
        said.append(f"B-factor {found.growth.value:.0f} ± {found.growth.error:.0f} A^2.")
    return said


def assessment_rows(found: Sequence[Assessment]) -> tuple[list[str], list[list[str]]]:
    """A table to read: the heads, and a row for each figure that any refinement has; "-" where it has none."""
    each = [{name: (unit, value, error) for name, unit, value, error in figures(one)} for one in found]
    names = list(dict.fromkeys(name for one in each for name in one))
    body = []
    for name in names:
        unit = next(one[name][0] for one in each if name in one)
        cells = [_cell(*one[name][1:]) if name in one else "-" for one in each]
        body.append([f"{name} ({unit})" if unit else name, *cells])
    return ["", *(one.name for one in found)], body


def _cell(value: float, error: float) -> str:
    if not math.isfinite(value):
        return "-"
    whole = abs(value) >= 100 or isinstance(value, int)
    text = f"{value:,.0f}" if whole else f"{value:.2f}"
    if not math.isfinite(error):
        return text
    return f"{text} ± {error:,.0f}" if whole else f"{text} ± {max(error, 0.005):.2f}"


def _table(found: Sequence[Assessment]) -> str:
    """The figures, one a line, for other programs."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("refinement", "figure", "unit", "value", "error"))
    for one in found:
        for name, unit, value, error in figures(one):
            writer.writerow((one.name, name, unit, _number(value), _number(error)))
    return text.getvalue()


def _number(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else ""


def _pictures(found: Sequence[Assessment]) -> list[tuple[str, Image.Image]]:
    """The figures that show all refinements."""
    pictures, names = [], [one.name for one in found]
    correlations = {
        one.name: (one.maps.correlation.frequency, one.maps.correlation.best) for one in found if one.maps is not None
    }
    correlations |= {
        f"{one.name}, RELION": (one.postprocess.frequency, one.postprocess.corrected)
        for one in found
        if one.postprocess is not None
    }
    if correlations:
        pictures.append(("Fourier shell correlation", draw_correlations(correlations, order=names)))
    local = {one.name: one.maps.local.inside for one in found if one.maps is not None and one.maps.local is not None}
    if local:
        pictures.append(("Local resolution", draw_local(local, order=names)))
    return pictures


def doubts(found: Sequence[Assessment]) -> list[str]:
    """What makes one doubt the figures; what is not of all refinements says of which."""
    noted: dict[str, list[str]] = {}
    for one in found:
        for note in one.maps.notes if one.maps else ():
            noted.setdefault(note, []).append(one.name)
    told = [note if len(names) == len(found) else f"{', '.join(names)}: {note}" for note, names in noted.items()]
    reports = {id(one.picked.report): one.picked.report for one in found if one.picked is not None}
    for report in reports.values():
        told += report.warnings
    return told


def class_averages(found: Sequence[Assessment], most: int = 10) -> dict[str, Image.Image]:
    """Class averages of the picks, at most so many in a row, by the names of the refinements."""
    report = next((one.picked.report for one in found if one.picked is not None), None)
    strips = {} if report is None else dict(class_strips(report, most))
    each = {one.name: strips.get(one.picked.set_name) for one in found if one.picked is not None}
    return {name: strip for name, strip in each.items() if strip is not None}


def _sheet(
    found: Sequence[Assessment], groups: Sequence[Sequence[tuple[str, Path]]], strips: Mapping[str, Image.Image]
) -> Image.Image:
    """All of it as one picture."""
    drawn = [[(f"Class averages of {name}", strip) for name, strip in strips.items()]]
    drawn += [[(title, _opened(path)) for title, path in group] for group in groups]
    return draw_side_by_side(*assessment_rows(found), drawn)


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.convert("RGB")


def _page(found: Sequence[Assessment], pictures: Sequence[tuple[str, Path]], strips: Mapping[str, Image.Image]) -> str:
    head, body = assessment_rows(found)
    what = "refinements" if all(one.picked is None for one in found) else "pickers"
    lead = " ".join(in_words(found[0])) if len(found) == 1 else f"{len(found)} {what} side by side."
    figures_shown = "".join(
        f"<figure>{_figure(path, title)}<figcaption>{escape(title)}</figcaption></figure>" for title, path in pictures
    )
    parts = [
        f'<p class="lead">{escape(lead)}</p>',
        notes("What could not be measured", "fail", assessment_problems(found)),
        notes("What makes one doubt", "warn", doubts(found)),
        section("Figures", _html_table(head, body)),
        section("Picks", _picks(found, strips)),
        section("Pictures", f'<div class="figures">{figures_shown}</div>' if pictures else ""),
        section("Files", _files(found)),
        f'<p class="small">Made with {escape(made_with())}</p>',
    ]
    return document(f"Assessment: {', '.join(one.name for one in found)}", parts, _STYLE)


def _picks(found: Sequence[Assessment], strips: Mapping[str, Image.Image]) -> str:
    """What is known of the picks in words, over their class averages."""
    parts = []
    for one in found:
        if one.picked is not None:
            parts.append(f"<h3>{escape(one.name)}</h3>\n<p>{escape(picks_in_words(one.picked))}</p>")
        if one.name in strips:
            strip = strips[one.name]
            style = f'style="max-width:{strip.width}px"'
            parts.append(f"<figure>{image(jpeg(strip, _QUALITY), f'Class averages of {one.name}', style)}</figure>")
    more = f"Micrograph by micrograph, and with pictures of the picks: {COMPARED}/report.html."
    return "\n".join([*parts, f'<p class="small">{more}</p>']) if parts else ""


def _figure(path: Path, title: str) -> str:
    return image(jpeg(_opened(path), _QUALITY), title)


def _html_table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    heads = "".join(f'<th class="n">{escape(cell)}</th>' if i else "<th></th>" for i, cell in enumerate(head))
    lines = []
    for name, *cells in body:
        about = next((text for key, text in ABOUT.items() if name.split(" (")[0] == key), "")
        numbers = "".join(f'<td class="n">{escape(cell)}</td>' for cell in cells)
        lines.append(f'<tr><td>{escape(name)}</td>{numbers}<td class="small">{escape(about)}</td></tr>')
    table = f"<table><thead><tr>{heads}<th></th></tr></thead><tbody>{''.join(lines)}</tbody></table>"
    return f'<div class="wide">{table}</div>'


def _files(found: Sequence[Assessment]) -> str:
    lines = []
    for one in found:
        picks = None if one.picked is None else one.picked.source
        files = [picks, *(one.refinement.halves or ()), one.refinement.particles, one.refinement.postprocess]
        told = ", ".join(escape(str(file)) for file in files if file is not None)
        lines.append(f'<dt>{escape(one.name)}</dt><dd>{told}<br><span class="small">{_how(one)}</span></dd>')
    return f'<dl class="keys">{"".join(lines)}</dl>'


def _how(found: Assessment) -> str:
    """With which mask and point group."""
    said = []
    if found.maps is not None and found.maps.level is not None:
        said.append(f"The mask was made, at the grey level {found.maps.level:.3g}: see {MASK}.")
    elif found.maps is not None:
        said.append("The mask was given." if found.maps.mask is not None else "There is no mask.")
    if found.views is not None:
        said.append(f"Views are counted with the point group {found.views.symmetry}.")
    return escape(" ".join(said))
