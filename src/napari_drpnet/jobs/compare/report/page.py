"""A comparison as one HTML page that needs nothing beside it: no network, no other file, no program but a browser."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape

from PIL import Image

from napari_drpnet.averaging.shares import Estimate
from napari_drpnet.drawing.colours import colour
from napari_drpnet.drawing.pages import document, image, jpeg, made_with, notes, section
from napari_drpnet.evaluation.comparison import Comparison
from napari_drpnet.jobs.compare.report.command import command
from napari_drpnet.jobs.compare.report.curves import curves
from napari_drpnet.jobs.compare.report.pictures import overlay_files
from napari_drpnet.jobs.compare.report.style import STYLE
from napari_drpnet.jobs.compare.report.tables import (
    MICROGRAPHS,
    STANDINGS,
    Column,
    Row,
    by_micrograph,
    standings,
    texts,
)
from napari_drpnet.jobs.compare.result import ComparisonReport
from napari_drpnet.jobs.prospect import said

# Together they keep the page at about 10 MB, which can be sent by mail.
_PICTURE_WIDTH, _QUALITY, _PICTURES = 1800, 78, 7_000_000
_MOST_ROWS = 300
_STRIP_QUALITY = 88
_AHEAD = 3  # standard errors by which a set has to lead
_BLUE = (0, 114, 178)
_ABOUT_PROOF = (
    "Averages of half of the micrographs measure the picks on the other half, at frequencies that aligned nothing. "
    "What is no particle proves nothing there: so the part of the picks that are particles follows without labels. "
    "Recall is of the particles among a picker's own candidates, not of those that it cannot see: compare "
    "the numbers of true picks between pickers. Differences of less than three standard errors mean nothing. All "
    "averages have one scale; the one with most evidence comes first."
)


class Pictures:
    """The pictures of the page as JPEG, until they would make it too large."""

    def __init__(self) -> None:
        self.shown: dict[str, bytes] = {}
        self.left_out: list[str] = []

    def add(self, name: str, picture: Image.Image) -> None:
        """Keep a smaller copy."""
        size = min(_PICTURE_WIDTH, picture.width)
        small = picture.resize((size, round(picture.height * size / picture.width)), Image.Resampling.LANCZOS)
        data = jpeg(small, _QUALITY)
        if sum(map(len, self.shown.values())) + len(data) > _PICTURES:
            self.left_out.append(name)
        else:
            self.shown[name] = data


def page(report: ComparisonReport, pictures: Pictures, strips: Mapping[str, Image.Image]) -> str:
    """The whole page; ``strips`` are class averages by the name of their set."""
    parts = [
        _head(report),
        notes("What failed", "fail", [f"{name}: {reason}" for name, reason in report.failed]),
        notes("What to know before reading on", "warn", report.warnings),
        section("The sets", _standings(report)),
        section("What averages prove", _proofs(report, strips)),
        section("Precision and recall", curves(report.comparison)),
        section("How far they agree", _agreement(report.comparison, report.pixel_size)),
        section("Micrographs", _pictures(report, pictures)),
        section("Micrograph by micrograph", _micrographs(report)),
        section("How this was made", _making(report)),
    ]
    return document("Particle pickers compared", parts, STYLE)


def _head(report: ComparisonReport) -> str:
    settings, n = report.settings, len(report.tasks)
    first = report.tasks[0].micrograph.name
    where = escape(first) if n == 1 else f"{escape(first)} … {escape(report.tasks[-1].micrograph.name)}"
    facts = [
        f"<b>{n}</b> micrograph{'s' * (n > 1)} ({where})",
        f"particle diameter <b>{settings.diameter:g} Å</b>",
        f"pixel size <b>{report.pixel_size:g} Å</b>",
        f"{datetime.now(UTC):%d %B %Y}",
    ]
    return f'<p class="facts">{" · ".join(facts)}</p>\n<p class="lead">{_summary(report)}</p>'


def _summary(report: ComparisonReport) -> str:
    """The result in one or two sentences."""
    judged = {one.name: one.evaluation for one in report.comparison.standings if one.evaluation is not None}
    known = {name: result for name, result in judged.items() if result.counts.f1 == result.counts.f1}
    if known:
        name = max(known, key=lambda one: known[one].counts.f1)
        counts, n = known[name].counts, len(known[name].verdicts)
        said = "comes nearest" if len(judged) > 1 else "is judged"
        return (
            f"Against the {counts.true + counts.missed} particles of the truth on {n} micrograph{'s' * (n > 1)}, "
            f"<b>{escape(name)}</b> {said}: F1 <b>{counts.f1:.3f}</b>, precision {counts.precision:.3f}, "
            f"recall {counts.recall:.3f}."
        )
    pairs = [pair for pair in report.comparison.pairs if pair.f1 == pair.f1]
    if not pairs:
        return "There is nothing to compare: no two sets have picks."
    most, least = max(pairs, key=lambda pair: pair.f1), min(pairs, key=lambda pair: pair.f1)
    text = f"<b>{escape(most.first)}</b> and <b>{escape(most.second)}</b> agree most (F1 {most.f1:.3f})"
    if len(pairs) > 1:
        text += f", {escape(least.first)} and {escape(least.second)} least ({least.f1:.3f})"
    return f"{text}. {_most_true(report) or 'There is no truth, so nobody can say who is right.'}"


def _most_true(report: ComparisonReport) -> str:
    """Who has most particles, by what averages prove; empty where nothing does."""
    order = sorted(
        (name for name, one in report.proofs.items() if one.known), key=lambda n: -report.proofs[n].true.value
    )
    if not order:
        return ""
    first, *others = order
    best = report.proofs[first].true
    text = f"By what averages prove without a truth, <b>{escape(first)}</b> has about <b>{said(best.value, best.error)}"
    text += "</b> true picks"
    near = [name for name in others if _close(best, report.proofs[name].true)]
    if near:
        return f"{text}; {escape(', '.join(near))} cannot be told from it, within three standard errors."
    return f"{text}, more than any other by over three standard errors." if others else f"{text}."


def _close(one: Estimate, other: Estimate) -> bool:
    return one.value - other.value < _AHEAD * math.hypot(one.error, other.error)


def _proofs(report: ComparisonReport, strips: Mapping[str, Image.Image]) -> str:
    """What is known of each set in words, over its class averages."""
    picks = {standing.name: standing.picks for standing in report.comparison.standings}
    parts = [
        f"<h3>{escape(name)}</h3>\n<p>{escape(proof.in_words(picks[name]))}</p>\n{_strip(name, strips.get(name))}"
        for name, proof in report.proofs.items()
    ]
    return "\n".join([*parts, f'<p class="small">{_ABOUT_PROOF}</p>']) if parts else ""


def _strip(name: str, strip: Image.Image | None) -> str:
    if strip is None:
        return ""
    style = f'class="strip" style="max-width:{strip.width}px"'
    return f"<figure>{image(jpeg(strip, _STRIP_QUALITY), f'Class averages of {name}', style)}</figure>"


def _standings(report: ComparisonReport) -> str:

    rows = standings(report)
    swatches = [f'<span class="swatch" style="background:{colour(i)}"></span>' for i in range(len(rows))]
    used, cells = texts(STANDINGS, rows)
    keys = "".join(f"<dt>{column.head}</dt><dd>{column.help}</dd>" for column in used if column.help)
    return _table(used, cells, rows, swatches) + f'\n<dl class="keys">{keys}</dl>'


def _table(
    columns: Sequence[Column], cells: Sequence[Sequence[str]], rows: Sequence[Row], before: Sequence[str] = ()
) -> str:
    """A table with numbers to the right, and the best F1 in bold."""
    f1 = [row["f1"] for row in rows if isinstance(row.get("f1"), float)]
    best = f"{max(f1):.3f}" if len(f1) > 1 else None
    head = "".join(f"<th{' class=n' * bool(c.form)}>{escape(c.head)}</th>" for c in columns)
    lines = []
    for i, line in enumerate(cells):
        marks = [before[i] if before and not j else "" for j in range(len(line))]
        lines.append("".join(_cell(c, t, m, best) for c, t, m in zip(columns, line, marks, strict=True)))
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'


def _cell(column: Column, text: str, mark: str, best: str | None) -> str:
    shown = f"<b>{text}</b>" if column.key == "f1" and text == best else escape(text)
    return f"<td{' class=n' * bool(column.form)}>{mark}{shown}</td>"


def _agreement(comparison: Comparison, pixel_size: float) -> str:
    """F1 of each two sets, the darker the more alike, with the distance of their shared picks below."""
    names = [standing.name for standing in comparison.standings]
    pairs = {frozenset((pair.first, pair.second)): pair for pair in comparison.pairs}
    head = "".join(f"<th class=n>{escape(name)}</th>" for name in names)
    lines = []
    for row in names:
        cells = ""
        for column in names:
            pair = pairs.get(frozenset((row, column)))
            if pair is None or pair.f1 != pair.f1:
                cells += '<td class="n none">–</td>'
                continue
            style = f"background:{_tint(pair.f1)};color:{'white' if pair.f1 > 0.6 else 'black'}"
            apart = f"<small>{pair.distance * pixel_size:.1f} Å</small>" if pair.distance == pair.distance else ""
            cells += f'<td class="n" style="{style}">{pair.f1:.3f}{apart}</td>'
        lines.append(f"<tr><th>{escape(row)}</th>{cells}</tr>")
    table = f'<table class="matrix"><thead><tr><th></th>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table>'
    said = "F1 of each two sets: 1 where each pick of one has its counterpart in the other. Below it, how far apart "
    return f'<div class="wide">{table}</div>\n<p class="small">{said}the shared picks are (median).</p>'


def _tint(share: float) -> str:
    """From white at 0 to blue at 1."""
    return "rgb({},{},{})".format(*(round(255 - (255 - full) * share) for full in _BLUE))


def _pictures(report: ComparisonReport, pictures: Pictures) -> str:
    if not pictures.shown and not pictures.left_out:
        return ""
    judged = any(one.evaluation is not None for one in report.comparison.standings)
    chosen = "The first" if report.settings.overlay_order == "first" else "Those on which the sets differ most"
    colours = (
        ' <b class="found">Green</b> is found, <b class="false">orange</b> false, <b class="missed">yellow</b> missed.'
        if judged
        else ""
    )
    figures = "\n".join(
        f"<figure>{image(data, f'Picks on {name}')}<figcaption>{escape(name)}</figcaption></figure>"
        for name, data in pictures.shown.items()
    )
    files = overlay_files(report)
    left = [files[name].relative_to("overlays").as_posix() for name in pictures.left_out]
    more = f'<p class="small">In the folder overlays only: {escape(", ".join(left))}.</p>' if left else ""
    return f'<p class="small">{chosen}.{colours}</p>\n{figures}\n{more}'


def _micrographs(report: ComparisonReport) -> str:
    rows = by_micrograph(report)
    used, cells = texts(MICROGRAPHS, rows[:_MOST_ROWS])
    more = f'<p class="small">The other {len(rows) - _MOST_ROWS} rows are in micrographs.csv.</p>'
    return _table(used, cells, []) + more * (len(rows) > _MOST_ROWS)


def _making(report: ComparisonReport) -> str:
    settings = report.settings
    rules = [
        "Picks and particles are assigned one to one, as many as possible; a second pick on a particle is false.",
        f"A pair is at most {report.radius * report.pixel_size:.1f} Å apart ({settings.radius_fraction:g} of the "
        f"diameter, {report.radius:.1f} px).",
        f"A band of {report.edge:.0f} px along the border is not scored.",
        "Counts are summed over the micrographs before ratios are taken; a set is scored on those it answers for.",
        "Curves are over all candidates of a picker, and over all picks of a file.",
    ]
    used = "".join(_used(name, values) for name, values in report.used.items())
    return (
        f"<ul>{''.join(f'<li>{escape(rule)}</li>' for rule in rules)}</ul>\n"
        f"<pre>{escape(command(settings))}</pre>\n"
        f'<div class="wide"><table><thead><tr><th>picker</th><th>settings in force</th></tr></thead>'
        f"<tbody>{used}</tbody></table></div>\n"
        f'<p class="small">{escape(made_with())}.</p>'
    )


def _used(name: str, values: dict[str, object]) -> str:
    said = ", ".join(f"{key} {value}" for key, value in values.items() if value is not None)
    return f"<tr><td>{escape(name)}</td><td>{escape(said)}</td></tr>"
