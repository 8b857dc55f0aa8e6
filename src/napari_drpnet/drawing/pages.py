"""HTML pages that need nothing beside them: no network, no other file, no script, no program but a browser.

They are read on the screen, light or dark as the browser is set, and on paper.
"""

from __future__ import annotations

import base64
import io
import platform
from collections.abc import Iterable, Sequence
from html import escape
from importlib.metadata import version

from PIL import Image

_MOST_LINES = 40

STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --pale: #5d6675; --line: #d9dee6; --ground: #f5f7fa; --page: #ffffff;
  --blue: #0072b2; --orange: #c77700; --red: #c43b00; --warn: #fff8e8; --fail: #fff1e8; }
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ee; --pale: #a3adbb; --line: #39424f; --ground: #1f262f; --page: #14191f;
    --blue: #62b5e5; --orange: #f0a92e; --red: #ff7f45; --warn: #2c2614; --fail: #321f16; }
}
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; color: var(--ink);
  max-width: 1180px; margin: 0 auto; padding: 32px 24px 64px; background: var(--page); }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 20px; margin: 40px 0 12px; padding-bottom: 4px; border-bottom: 2px solid var(--line); }
h3 { font-size: 16px; margin: 20px 0 2px; } h3 + p { margin: 0 0 8px; }
.facts { color: var(--pale); margin: 0; }
.lead { font-size: 19px; margin: 18px 0 0; padding: 14px 18px; background: var(--ground);
  border-left: 5px solid var(--blue); }
.small, figcaption, dl.keys { font-size: 14px; color: var(--pale); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 15px; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 8px; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { border-bottom: 2px solid var(--ink); white-space: nowrap; }
th.n, td.n { text-align: right; white-space: nowrap; }
tbody tr:hover { background: var(--ground); }
dl.keys { display: grid; grid-template-columns: max-content 1fr; gap: 2px 14px; margin: 14px 0 0; }
dl.keys dt { font-weight: 600; } dl.keys dd { margin: 0; }
.warn, .fail { margin-top: 28px; padding: 2px 18px 6px; border-left: 5px solid #e69f00; background: var(--warn); }
.fail { border-color: #d55e00; background: var(--fail); }
.warn h2, .fail h2 { margin: 12px 0 4px; font-size: 17px; border: 0; }
.warn ul, .fail ul { margin: 4px 0 10px; padding-left: 20px; }
li, td { overflow-wrap: anywhere; } td { min-width: 4.5em; } td:first-child { min-width: 7em; }
td.n { overflow-wrap: normal; min-width: 0; }
figure { margin: 0 0 22px; } figure img { display: block; width: 100%; height: auto; }
pre { padding: 12px 16px; background: var(--ground); white-space: pre-wrap; overflow-wrap: anywhere; font-size: 14px; }
svg { width: 100%; height: auto; display: block; font: 14px system-ui, sans-serif; fill: currentColor; }
svg.paper { background: #ffffff; color: #1d2430; }
@page { margin: 16mm 14mm; }
@media print {
  body { max-width: none; padding: 0; font-size: 11pt; }
  table { font-size: 9pt; } th, td { padding: 3px 6px; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  h2, section > .small { break-after: avoid; } tr, figure, svg, .lead { break-inside: avoid; }
  thead { display: table-header-group; }
}
"""


def document(title: str, parts: Iterable[str], style: str = "") -> str:
    """A whole page.

    Parameters
    ----------
    title
        Plain text.
    parts
        HTML, below the title.
    style
        CSS, beside what all pages have.
    """
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n"
        + "\n".join(filter(None, parts))
        + "\n</body>\n</html>\n"
    )


def section(title: str, content: str) -> str:
    """HTML under a title of plain text; empty where there is none."""
    return f"<section>\n<h2>{escape(title)}</h2>\n{content}\n</section>" if content else ""


def notes(title: str, kind: str, lines: Sequence[str], rest: str = "") -> str:
    """A box of sentences, of kind ``warn`` or ``fail``; of many the first, and ``rest`` says where the others are."""
    if not lines:
        return ""
    more = [f"… and {len(lines) - _MOST_LINES} more{rest}."] if len(lines) > _MOST_LINES else []
    items = "".join(f"<li>{escape(line)}</li>" for line in [*lines[:_MOST_LINES], *more])
    return f'<section class="{kind}">\n<h2>{escape(title)}</h2>\n<ul>{items}</ul>\n</section>'


def jpeg(picture: Image.Image, quality: int) -> bytes:
    """A picture as a page keeps it."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality, optimize=True)
    return file.getvalue()


def image(data: bytes, alt: str, attributes: str = "") -> str:
    """An ``img`` with a JPEG file inside; ``alt`` is plain text, ``attributes`` are HTML."""
    source = base64.b64encode(data).decode("ascii")
    return f'<img{attributes and " "}{attributes} src="data:image/jpeg;base64,{source}" alt="{escape(alt)}">'


def made_with() -> str:
    """The programs that a result depends on, with their versions."""
    packages = ("napari-drpnet", "torch", "numpy", "scipy")
    return ", ".join([f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in packages)])
