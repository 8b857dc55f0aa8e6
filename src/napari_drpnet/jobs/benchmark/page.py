"""Results as one HTML page that needs nothing beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np

from napari_drpnet.drawing.colours import colour, dashed
from napari_drpnet.drawing.pages import document, notes, section
from napari_drpnet.drawing.svg import STYLE, Chart
from napari_drpnet.jobs.benchmark.figures import pooled_curve
from napari_drpnet.jobs.benchmark.files import value_of
from napari_drpnet.jobs.benchmark.join import (
    Difference,
    Joined,
    Named,
    Table,
    differences,
    lost_in_words,
    rules_in_words,
)
from napari_drpnet.jobs.benchmark.tables import NONE, columns, overview, told_apart
from napari_drpnet.settings import BenchmarkResult

_MOST_ROWS, _MOST_COLUMNS = 300, 40
_STYLE = """
.swatch { display: inline-block; width: 13px; height: 13px; margin-right: 8px; border-radius: 3px;
  vertical-align: -1px; }
svg { max-width: 620px; } table { font-size: 14px; } th, td { padding: 6px; }
td:first-child, tbody th { white-space: nowrap; } .e { font-size: 12px; color: var(--pale); }
td small { display: block; color: var(--pale); } pre { font-size: 13px; }
.pale { color: var(--pale); } .curve { fill: none; stroke-width: 2.5; }
"""
_READING = (
    "± is the standard error over micrographs (bootstrap: they are drawn anew, 1,000 times). It says how far a figure "
    "would be off with other micrographs of this kind, and nothing of other proteins. For differences both entries are "
    "drawn together, on the micrographs that both have; what chance alone would make in one case of a hundred, by "
    "Student's t, may be chance, and is pale. The best F1 is found with the labels themselves: nobody gets it without."
)


def page(joined: Joined, failed: Sequence[tuple[str, str]]) -> str:
    """The whole page."""
    colours = {
        name: i for i, name in enumerate(dict.fromkeys(one.name for table in joined.tables for one in table.entries))
    }
    parts = [
        _head(joined),
        notes("What failed", "fail", [f"{name}: {reason}" for name, reason in failed]),
        notes("What to know before reading on", "warn", joined.warnings),
        section("All together", _overview(joined)) if len(joined.tables) > 1 else "",
    ]
    parts += [section(table.title, _table(joined, table, colours)) for table in joined.tables]
    parts += [section("How to read this", _reading(joined)), section("Who was scored", _settings(joined))]
    return document("Particle pickers by the same rules", parts, STYLE + _STYLE + _strokes(colours))


def _strokes(colours: dict[str, int]) -> str:
    dash = {True: " stroke-dasharray: 7 5;", False: ""}
    return "\n".join(
        f".c{i} {{ stroke: {colour(i)};{dash[dashed(i)]} }} .d{i} {{ fill: {colour(i)}; }}" for i in colours.values()
    )


def _head(joined: Joined) -> str:
    entries = {one.name for table in joined.tables for one in table.entries}
    days = sorted({one.result.made for table in joined.tables for one in table.entries if one.result.made})
    when = "" if not days else f" · {days[0]}" if len(days) == 1 else f" · {days[0]} to {days[-1]}"
    n, m = len(entries), len(joined.tables)
    facts = f"<b>{n}</b> entr{'ies' if n > 1 else 'y'} · <b>{m}</b> set{'s' * (m > 1)}{escape(when)}"
    return f'<p class="facts">{facts}</p>\n<p class="lead">{_summary(joined)}</p>'


def _summary(joined: Joined) -> str:
    """The result in a few words."""
    return " ".join(filter(None, (_best(joined, table) for table in joined.tables[:4])))


def _best(joined: Joined, table: Table) -> str:
    """Who is best on a set, and whether it is ahead of the next."""
    best, *others = table.entries
    value, error = value_of(best.result, joined.key("f1"))
    if math.isnan(value):
        return ""
    known = "" if math.isnan(error) else f" ± {error:.3f}"
    said = f"{escape(table.title)}: <b>{escape(best.name)}</b> has F1 <b>{value:.3f}{known}</b>"
    if len(best.result.micrographs) < table.first.set.micrographs:
        return f"{said}, on {len(best.result.micrographs)} of {table.first.set.micrographs} micrographs."
    rivals = [one for one in others if len(one.result.micrographs) == table.first.set.micrographs]
    if not rivals:
        return f"{said}{', the only one on all micrographs' if others else ''}."
    leads = [told_apart(lead) for lead in differences(Table(table.title, (best, rivals[0])), joined.key("f1"))]
    apart = f" ({escape(leads[0])})" if leads else ""  # where the F1 of the other is not defined
    return f"{said}, {escape(rivals[0].name)} is the next{apart}."


def _overview(joined: Joined) -> str:
    parts = []
    for said, (head, *rows) in overview(joined).items():
        parts.append(f"<h3>{escape(said)}</h3>\n{_html_table(head, rows)}")
    return "\n".join(parts)


def _html_table(head: Sequence[str], rows: Sequence[Sequence[str]], marks: Sequence[str] = ()) -> str:
    """A table of plain texts, numbers to the right; ``marks`` are HTML before each row."""
    first, *others = head
    top = f"<th>{escape(first)}</th>" + "".join(f"<th class=n>{escape(text)}</th>" for text in others)
    body = "\n".join(
        f"<tr><td>{marks[i] if marks else ''}{escape(row[0])}</td>"
        + "".join(f"<td class=n>{_small_error(text)}</td>" for text in row[1:])
        + "</tr>"
        for i, row in enumerate(rows)
    )
    return f'<div class="wide"><table>\n<thead><tr>{top}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'


def _small_error(text: str) -> str:
    value, sign, error = text.partition(" ± ")
    return f"{escape(value)}<span class=e>{sign}{escape(error)}</span>" if sign else escape(text)


def _table(joined: Joined, table: Table, colours: dict[str, int]) -> str:
    found = columns(joined, table)
    rows = list(zip(*(column.cells for column in found), strict=True))
    marks = [f'<span class="swatch" style="background:{colour(colours[one.name])}"></span>' for one in table.entries]
    parts = [
        _facts(table.first),
        _html_table([column.head for column in found], rows, marks),
        _curves(table, colours),
        _differences(joined, table),
        _told(table),
        _micrographs(table),
    ]
    return "\n".join(filter(None, parts))


def _facts(result: BenchmarkResult) -> str:
    known = result.set
    complete = {
        True: "every particle is labelled",
        False: "not every particle is labelled, so that precision is a lower bound",
        None: "whether every particle is labelled is not said",
    }[known.complete]
    facts = (
        known.protein,
        known.source,
        f"{known.micrographs} micrographs, {known.particles:,} labels",
        f"labels: {known.labelled_by}" if known.labelled_by else "",
        complete,
        f"diameter {known.diameter:g} Å, pixel size {known.pixel_size:g} Å",
        f"right is {rules_in_words(result)}",
        f"a band of {known.edge:.0f} px along the border is not scored",
        f"digest {known.digest}",
    )
    return f'<p class="facts">{" · ".join(escape(fact) for fact in facts if fact)}</p>'


def _differences(joined: Joined, table: Table) -> str:
    """F1 and average precision of each two entries, the row's less the column's."""
    parts = []
    for key, said in (("f1", "F1, the row's less the column's"), ("ap", "Average precision, likewise")):
        found = {(one.first, one.second): one for one in differences(table, joined.key(key))}
        rows = list(dict.fromkeys(first for first, _ in found))
        columns = list(dict.fromkeys(second for _, second in found))
        if not rows or max(len(rows), len(columns)) > _MOST_COLUMNS:
            continue
        head = "".join(f"<th class=n>{escape(name)}</th>" for name in columns)
        body = "".join(
            f"<tr><th>{escape(row)}</th>{''.join(_apart(table, found.get((row, column))) for column in columns)}</tr>\n"
            for row in rows
        )
        parts.append(
            f'<h3>{said}</h3>\n<div class="wide"><table><thead><tr><th></th>{head}</tr></thead>{body}</table></div>'
        )
    return "\n".join(parts)


def _apart(table: Table, one: Difference | None) -> str:
    """A cell: what may be chance is pale."""
    if one is None:
        return "<td></td>"
    error = "" if math.isnan(one.error) else f" ± {one.error:.3f}"
    fewer = one.micrographs < table.first.set.micrographs
    below = f"on {one.micrographs}" if fewer else "" if one.clear else "may be chance"
    kind = "n" if one.clear else "n pale"
    return f'<td class="{kind}">{one.value:+.3f}<span class=e>{error}</span><small>{below}</small></td>'


def _curves(table: Table, colours: dict[str, int]) -> str:
    """Precision over recall, the threshold in force as a dot."""
    chart = Chart(f"Precision over recall on {table.title}", "recall", "precision", (0, 1), (0, 1))
    for one in reversed(table.entries):
        curve = pooled_curve(one.result.micrographs)
        if curve is not None:
            step = max(1, len(curve.recall) // 400)
            at = np.unique(np.append(np.arange(0, len(curve.recall), step), len(curve.recall) - 1))
            chart.line(curve.recall[at], curve.precision[at], f"curve c{colours[one.name]}")
    for one in table.entries:
        recall, precision, f1 = (value_of(one.result, name)[0] for name in ("recall", "precision", "f1"))
        if not math.isnan(recall + precision):
            chart.dot(recall, precision, f"{one.name}: F1 {f1:.3f}", f"d{colours[one.name]}")
    return (
        f"<h3>Precision and recall</h3>\n{chart.drawing()}\n"
        '<p class="small">A dot is the threshold in force. Picks without scores have a dot and no curve.</p>'
    )


def _told(table: Table) -> str:
    """What is odd about entries, and the micrographs that do not count."""
    lines = [f"{one.name}: {note}" for one in table.entries for note in one.result.notes]
    lines += [f"{one.name}, {said}" for one in table.entries for said, _ in lost_in_words(one.result)]
    return notes(f"About {table.title}", "warn", list(dict.fromkeys(lines)))


def _micrographs(table: Table) -> str:
    """True, false and missed of each entry on each micrograph."""
    names = list(dict.fromkeys(found.micrograph for one in table.entries for found in one.result.micrographs))
    each = [{found.micrograph: found for found in one.result.micrographs} for one in table.entries]
    rows = []
    for name in names[:_MOST_ROWS]:
        cells = [" / ".join(map(str, known[name].in_force)) if name in known else NONE for known in each]
        rows.append([name, *cells])
    more = f'<p class="small">The other {len(names) - _MOST_ROWS} are in the JSON files.</p>'
    head = ["micrograph", *(one.name for one in table.entries)]
    said = '<p class="small">Right / wrong / missed, at the threshold in force.</p>'
    return f"<h3>Micrograph by micrograph</h3>\n{said}\n{_html_table(head, rows)}{more * (len(names) > _MOST_ROWS)}"


def _reading(joined: Joined) -> str:
    """What the columns mean."""
    every = [column for table in joined.tables for column in columns(joined, table)]
    known = {column.head: column.help for column in every if column.help}
    keys = "".join(f"<dt>{escape(head)}</dt><dd>{escape(said)}</dd>" for head, said in known.items())
    return f'<dl class="keys">{keys}</dl>\n<p class="small">{_READING}</p>'


def _settings(joined: Joined) -> str:
    """Everything that was set, once for each entry and set."""
    rows = [_used(table.title, one) for table in joined.tables for one in table.entries]
    head = "".join(f"<th>{text}</th>" for text in ("entry", "set", "made by", "threshold", "settings and digests"))
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _used(title: str, one: Named) -> str:
    entry, result = one.result.entry, one.result
    options = {**entry.options, **{f"{name} (digest)": digest for name, digest in entry.digests.items()}}
    told = ", ".join(f"{key} {value}" for key, value in options.items() if value is not None)
    programs = ", ".join(f"{name} {number}" for name, number in result.versions.items())
    cells = (one.name, title, entry.made_by, entry.threshold)
    plain = "".join(f"<td>{escape(text)}</td>" for text in cells)
    return f"<tr>{plain}<td>{escape(told)}<small>{escape(programs)}; {escape(result.made)}</small></td></tr>\n"
