"""Build the documentation site: ``python docs/build_site.py``, or ``make docs``.

Pages of the repository are gathered in ``build/pages``, with the reference that is made of the program itself; then
Zensical makes ``build/site`` of them, which needs no network to be read. Whatever is broken ends it: a link, an anchor,
a picture, a page that is in no menu.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import make_reference

ROOT = Path(__file__).resolve().parents[1]
BUILT = ROOT / "build"
PAGES, SITE = BUILT / "pages", BUILT / "site"
CONFIGURATION = ROOT / "zensical.toml"
# Pages that lie elsewhere in the repository, where people look for them on GitHub.
ELSEWHERE = {
    ROOT / "README.md": "index.md",
    ROOT / "benchmarks" / "README.md": "benchmarks.md",
    ROOT / "CHANGELOG.md": "changes.md",
    ROOT / "CONTRIBUTING.md": "contributing.md",
    ROOT / "SECURITY.md": "security.md",
}
MADE = {
    "commands.md": make_reference.commands,
    "settings.md": make_reference.settings_page,
    "python.md": make_reference.python,
}
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_FENCED = re.compile(r"(^ *```.*?^ *```)", re.MULTILINE | re.DOTALL)


def main() -> None:
    gather()
    print(f"{check_menu()} pages")
    build = [sys.executable, "-m", "zensical", "build", "--clean", "--strict", "--config-file", str(CONFIGURATION)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(_COLOURS.sub("", done.stdout + done.stderr.partition("Traceback")[0]))
    broken = broken_in(SITE)
    if broken:
        raise SystemExit("\n".join(["error: the site is not whole:", *broken]))
    print(f"Open {SITE / 'index.html'}; for the search: {sys.executable} -m http.server --directory {SITE}")


def gather(into: Path = PAGES) -> None:
    """Write all pages and pictures into one folder, with links that hold there."""
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    for folder in ("images", "style"):
        shutil.copytree(ROOT / "docs" / folder, into / folder)
    sources = {page: page.name for page in sorted((ROOT / "docs").glob("*.md"))} | ELSEWHERE
    for page, name in sources.items():
        (into / name).write_text(relinked(page), encoding="utf-8")
    for name, make in MADE.items():
        (into / name).write_text(make(), encoding="utf-8")


def relinked(page: Path) -> str:
    """A page whose links to other pages and pictures hold in the one folder; files that are no pages are only named."""

    def moved(match: re.Match[str]) -> str:
        picture, text, link = match.groups()
        if "://" in link or link.startswith(("#", "mailto:")):
            return match[0]
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve()
        docs = ROOT / "docs"
        if target in ELSEWHERE:
            name = ELSEWHERE[target]
        elif target.parent in (docs, docs / "images"):
            name = target.relative_to(docs).as_posix()
        elif target.is_relative_to(docs):
            return match[0]
        else:
            return text
        return f"{picture}[{text}]({name}{'#' * bool(anchor)}{anchor})"

    parts = _FENCED.split(page.read_text(encoding="utf-8"))
    return "".join(part if i % 2 else _LINK.sub(moved, part) for i, part in enumerate(parts))


def check_menu(pages: Path = PAGES) -> int:
    """Compare the menu with the pages; how many there are."""
    listed = _named(tomllib.loads(CONFIGURATION.read_text(encoding="utf-8"))["project"]["nav"])
    there = {page.name for page in pages.glob("*.md")}
    if there != set(listed):
        raise SystemExit(
            f"error: in the menu of {CONFIGURATION.name} and not there, or the other way: {sorted(there ^ set(listed))}"
        )
    return len(there)


def _named(menu: list[dict[str, object] | str]) -> list[str]:
    found: list[str] = []
    for entry in menu:
        for value in entry.values() if isinstance(entry, dict) else (entry,):
            found += _named(value) if isinstance(value, list) else [str(value)]
    return found


def broken_in(site: Path) -> list[str]:
    """What built pages name and is not there, or is fetched from the network: pages, anchors, pictures, scripts."""
    # The page for addresses that are not there may be shown under any of them, so that its links begin at the server.
    pages = {page: page.read_text(encoding="utf-8") for page in site.rglob("*.html") if page.name != "404.html"}
    anchors = {page: set(re.findall(r'\bid="([^"]+)"', text)) for page, text in pages.items()}
    broken = []
    for page, text in pages.items():
        for tag, link in re.findall(r'<(\w+)[^>]*?\s(?:href|src)="([^"]+)"', text):
            where = page.relative_to(site).as_posix()
            if "://" in link or link.startswith(("mailto:", "data:", "//")):
                if tag in ("link", "script", "img") and "canonical" not in text[: text.find(link)][-40:]:
                    broken.append(f"{where}: fetches {link}")
                continue
            name, _, anchor = link.partition("#")
            target = (page.parent / name.split("?")[0]).resolve() if name else page
            target = target / "index.html" if target.is_dir() else target
            if not target.exists():
                broken.append(f"{where}: {link} is not there")
            elif anchor and target in anchors and anchor not in anchors[target] and anchor != "__skip":
                broken.append(f"{where}: {link} has no such place")
    return sorted(set(broken))


if __name__ == "__main__":
    main()
