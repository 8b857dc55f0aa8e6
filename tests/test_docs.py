"""The pages: links lead somewhere, files that are named exist, and each shipped network has a card."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from napari_drpnet.cli import app

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "benchmarks").glob("*.md")], key=lambda page: str(page)
)
TEXTS = [page for page in PAGES if page.name != "CHANGELOG.md"] + sorted(
    path
    for folder in ("benchmarks", "docs", "training", "src")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".py", ".sh", ".yaml")
)
LINK = re.compile(r"\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
# Files of the repository or the package, as commands and sentences name them; NAME stands for any.
NAMED = re.compile(r"(?<![\w/.])(?:training|benchmarks|docs|tests|examples|tools)/[a-z\d_/-]+\.(?:py|sh|yaml|txt|md)\b")
CARDS = ROOT / "docs" / "networks.md"


def _anchors(page: Path) -> set[str]:
    """Of its headings, as GitHub makes them."""
    headings = HEADING.findall(FENCED.sub("", page.read_text(encoding="utf-8")))
    words = (re.sub(r"\]\([^)]*\)", "", heading).lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", one).replace(" ", "-") for one in words}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8"))):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in _anchors(target)):
            broken.append(link)
    assert broken == []


def test_files_of_the_repository_that_are_named_are_there() -> None:
    named = {(name, text) for text in TEXTS for name in NAMED.findall(text.read_text(encoding="utf-8"))}
    assert len(named) > 50
    known = (ROOT, ROOT / "src" / "napari_drpnet")
    gone = [(name, text.name) for name, text in named if not any((place / name).exists() for place in known)]
    assert sorted(gone) == []


def test_every_command_is_in_the_pages() -> None:
    said = " ".join(page.read_text(encoding="utf-8") for page in PAGES if page.name != "CHANGELOG.md")
    commands = getattr(get_command(app), "commands", {})
    assert len(commands) > 20
    assert [name for name in commands if f"napari-drpnet {name}" not in said] == []


def test_every_network_has_a_card_that_says_what_it_must() -> None:
    files = [*ROOT.glob("src/napari_drpnet/weights/*.safetensors"), *ROOT.glob("benchmarks/networks/*.safetensors")]
    sections = re.split(r"^## ", CARDS.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    cards = {name: text for text in sections for name in text.partition("\n")[0].split(", ")}
    assert len(files) >= 8
    for file in files:
        for word in ("seed", "train", "step", "Learnt from|recipe of"):
            assert re.search(word, cards[file.stem], re.IGNORECASE), (file.stem, word)
