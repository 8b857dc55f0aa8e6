"""What is on the page of a run, as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from statistics import median
from typing import Any

from napari_drpnet.drawing.pages import document, image, made_with, notes, section
from napari_drpnet.drawing.svg import STYLE as CHARTS
from napari_drpnet.jobs.pick_report import SUMMARY, PickResult, remarks
from napari_drpnet.jobs.prospect import in_words
from napari_drpnet.jobs.run_page.charts import SPAN, picks_in_order, scores
from napari_drpnet.jobs.run_page.command import command
from napari_drpnet.jobs.run_page.scores import Histogram
from napari_drpnet.jobs.run_page.thumbnails import BEST, RANDOM, WORST, Chosen, by_evidence
from napari_drpnet.settings import AUTO, Decision

_STYLE = (
    CHARTS
    + """
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); gap: 12px; margin: 20px 0 0; }
.tiles div { padding: 10px 14px; background: var(--ground); color: var(--pale); font-size: 14px; }
.tiles b { display: block; color: var(--ink); font-size: 24px; line-height: 1.3; }
.tiles .fails b { color: var(--red); } .tiles .doubts b { color: var(--orange); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(440px, 100%), 1fr)); gap: 8px 28px; }
.thumbs { display: grid; grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); gap: 12px; }
.thumbs figure { margin: 0; cursor: zoom-in; } .thumbs figure:focus { grid-column: 1 / -1; outline: none; }
figcaption { overflow-wrap: anywhere; line-height: 1.35; padding-top: 4px; }
figcaption b { color: var(--ink); }
.averages { background: #ffffff; } td:first-child { white-space: nowrap; }
"""
)
_CHOSEN = {
    True: "by the evidence of their picks: about 1 where they are as usual in this data set, 0 where there are no "
    "particles.",
    False: "by their number of picks.",
}
_ABOUT_AVERAGES = (
    "The averages that the threshold was decided by, made of the surest candidates of each half of the sample; those "
    "of one half judge the candidates of the other. If they do not show your particle, the threshold means nothing."
)


@dataclass(frozen=True, eq=False)
class RunFacts:
    """All that the page tells.

    Attributes
    ----------
    folder
        Of the run.
    results
        In the order of the data set.
    total
        Micrographs of the run, with those that are not picked yet.
    fields
        Of `PickRun`, as its settings file has them.
    decision
        About the threshold.
    histogram
        Of the scores.
    pictures
        Micrographs as JPEG files.
    not_drawn
        Why micrographs that were chosen are not among these; empty where all are.
    averages
        Pictures of class averages as JPEG files: what they are, and the file.
    """

    folder: Path
    results: Sequence[PickResult]
    total: int
    fields: Mapping[str, Any]
    decision: Decision | None
    histogram: Histogram
    pictures: Sequence[tuple[Chosen, bytes]]
    not_drawn: str
    averages: Sequence[tuple[str, bytes]]


def page(facts: RunFacts) -> str:
    """The whole page."""
    failed = [result.error for result in facts.results if result.error]
    parts = [
        _head(facts),
        _tiles(facts),
        notes("What failed", "fail", failed, f"; all are in {SUMMARY}"),
        notes("What to look at", "warn", remarks(facts.results)),
        section("Picks", _charts(facts)),
        section("Micrographs", _pictures(facts)),
        section("Class averages", _averages(facts)),
        section("How this was made", _making(facts)),
    ]
    return document(f"Particle picking: {facts.folder.absolute().name}", parts, _STYLE)


def _head(facts: RunFacts) -> str:
    fields = facts.fields
    options = fields.get("options", {})
    said = [
        f"picker <b>{escape(str(fields.get('picker', '')))}</b>",
        f"particle diameter <b>{_length(options.get('diameter'))}</b>" if options.get("diameter") else "",
        f"pixel size <b>{_length(fields['pixel_size'])}</b>" if fields.get("pixel_size") else "",
        f"part {escape(str(fields['part']))}" if fields.get("part") else "",
        f"{datetime.now(UTC):%d %B %Y, %H:%M} UTC",
    ]
    lead = f"<b>{_picks(facts.results)}</b> picks on {_counted(len(_picked(facts)))}. {escape(_threshold(facts))}"
    if facts.total > len(facts.results):
        lead = f"<b>{len(facts.results):,} of {facts.total:,}</b> micrographs so far. {lead}"
    return f'<p class="facts">{" · ".join(filter(None, said))}</p>\n<p class="lead">{lead}</p>'


def _length(value: Any) -> str:
    """A length as the settings have it."""
    return f"{value:g} Å" if isinstance(value, int | float) else escape(str(value))


def _picks(results: Sequence[PickResult]) -> str:
    return f"{sum(result.picks for result in results):,}"


def _picked(facts: RunFacts) -> list[PickResult]:
    return [result for result in facts.results if not result.error]


def _counted(count: int) -> str:
    return f"{count:,} micrograph{'s' * (count != 1)}"


def _threshold(facts: RunFacts) -> str:
    """What the threshold is and why, in words."""
    if facts.decision is not None:
        reason = facts.decision.reason if facts.decision.basis == "evidence" else ""
        return f"{in_words(facts.decision)} {reason}"
    given = facts.fields.get("options", {}).get("threshold")
    return f"Threshold {given}, as it was given." if isinstance(given, int | float) else ""


def _tiles(facts: RunFacts) -> str:
    picked = _picked(facts)
    failed, doubted = len(facts.results) - len(picked), [result for result in picked if result.doubt]
    left_out = sum(result.left_out for result in doubted)
    tiles = [("", f"{len(picked):,}", "micrographs picked"), ("", _picks(picked), "picks")]
    if picked:
        tiles.append(("", f"{median(result.picks for result in picked):,.0f}", "picks on a micrograph (median)"))
    if spent := [result.seconds for result in picked if result.seconds]:
        tiles.append(("", f"{median(spent):,.{1 if median(spent) >= 1 else 2}f} s", "each took (median)"))
    if doubted:
        tiles.append(("doubts", f"{len(doubted):,}", "in doubt"))
    if left_out:
        tiles.append(("doubts", f"{left_out:,}", "picks left out, since nothing proves them"))
    if failed:
        tiles.append(("fails", f"{failed:,}", "failed"))
    shown = "".join(f'<div class="{kind}"><b>{number}</b>{what}</div>' for kind, number, what in tiles)
    return f'<div class="tiles">{shown}</div>'


def _charts(facts: RunFacts) -> str:
    order = picks_in_order(facts.results)
    histogram = scores(facts.histogram.counts, _at(facts))
    if not order:
        return ""
    few = facts.histogram.micrographs < len(_picked(facts))
    of = f"{facts.histogram.micrographs:,} micrographs at random" if few else "all picks"
    keys = "In the order of the data set."
    if len(_picked(facts)) >= 2 * SPAN:
        keys += " The line is the median of neighbours."
    if any(result.doubt for result in facts.results):
        keys += " Orange: in doubt."
    if len(facts.results) > len(_picked(facts)):
        keys += " Red crosses: failed."
    scale = "data set's own probability" if facts.decision and facts.decision.shares else "picker's probability"
    figures = f"<figure>{order}<figcaption>{keys}</figcaption></figure>"
    if histogram:
        about = f"Scores of {of}: the {scale} of being a particle."
        figures += f"<figure>{histogram}<figcaption>{about}</figcaption></figure>"
    return f'<div class="charts">{figures}</div>'


def _at(facts: RunFacts) -> float | None:
    """The threshold in force, in the scale of the scores; None where a rule decides, or nobody knows."""
    if facts.decision is not None:
        return None if facts.decision.basis == "rule" else facts.decision.threshold
    given = facts.fields.get("options", {}).get("threshold", AUTO)
    return float(given) if isinstance(given, int | float) else None


def _pictures(facts: RunFacts) -> str:
    parts = []
    for kind in (BEST, WORST, RANDOM):
        figures = [_figure(chosen, data) for chosen, data in facts.pictures if chosen.kind == kind]
        if figures:
            title = "Some at random" if kind == RANDOM else f"The {kind}"
            parts.append(f'<h3>{title}</h3>\n<div class="thumbs">{"".join(figures)}</div>')
    if parts:
        chosen = f"Best and worst {_CHOSEN[by_evidence(facts.results)]}"
        parts.insert(
            0, f'<p class="small">{chosen} Rings are as wide as the diameter. Click a picture to enlarge it.</p>'
        )
    if facts.not_drawn:
        parts.append(f'<p class="small">{escape(facts.not_drawn)}</p>')
    return "\n".join(parts)


def _figure(chosen: Chosen, data: bytes) -> str:
    result = chosen.result
    said = f"<b>{result.picks:,} picks</b>"
    if result.evidence == result.evidence:
        said += f", evidence {result.evidence:.2f} ± {result.evidence_error:.2f}"
    if result.left_out:
        said += f", {result.left_out:,} left out"
    shown = image(data, f"Picks on {result.micrograph}", 'loading="lazy"')
    return (
        f"<figure tabindex=0>{shown}<figcaption>{said}<br>{escape(Path(result.micrograph).name)}</figcaption></figure>"
    )


def _averages(facts: RunFacts) -> str:
    told = []
    for name, data in facts.averages:
        about = f"From {name}, as <code>average</code> made it." if name else _ABOUT_AVERAGES
        shown = image(data, "Class averages", 'class="averages"')
        told.append(f"<figure>{shown}<figcaption>{about}</figcaption></figure>")
    return "\n".join(told)


def _making(facts: RunFacts) -> str:
    fields = {name: value for name, value in facts.fields.items() if name not in ("options", "decision", "inputs")}
    rows = {"inputs": ", ".join(map(str, facts.fields.get("inputs", ()))), **fields, **facts.fields.get("options", {})}
    told = "".join(
        f"<tr><td>{escape(str(name))}</td><td>{escape(str(value))}</td></tr>"
        for name, value in rows.items()
        if value not in (None, "")
    )
    table = f'<div class="wide"><table><thead><tr><th>setting</th><th>in force</th></tr></thead><tbody>{told}</tbody>'
    lines = f"<pre>{escape(command(facts.fields))}</pre>\n" if rows["inputs"] else ""
    return f'{lines}{table}</table></div>\n<p class="small">{escape(made_with())}.</p>'
