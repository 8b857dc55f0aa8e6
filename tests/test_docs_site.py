"""The site: its menu, the reference that is made of the program, its pictures, and what finds a broken one."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import markdown
import pytest
from markdown_it import MarkdownIt
from typer.main import get_command

from napari_drpnet.cli import app
from pages import PAGES, ROOT

sys.path.insert(0, str(ROOT / "docs"))
import build_site
import make_reference

IMAGES = sorted((ROOT / "docs" / "images").iterdir())


@pytest.fixture(scope="module")
def gathered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "pages"
    build_site.gather(folder)
    return folder


# ---------------------------------------------------------------- pages


def test_every_page_is_in_the_menu(gathered: Path) -> None:
    assert build_site.check_menu(gathered) > 30
    (gathered / "lost.md").write_text("# Lost\n")
    with pytest.raises(SystemExit, match=r"lost\.md"):
        build_site.check_menu(gathered)
    (gathered / "lost.md").unlink()


def test_links_hold_where_all_pages_are_in_one_folder(gathered: Path) -> None:
    pages = {page.name: page.read_text(encoding="utf-8") for page in gathered.glob("*.md")}
    assert "](start.md)" in pages["index.md"]
    assert "](benchmarks.md#" in pages["quality.md"]
    assert "](classical.md#" in pages["benchmarks.md"]
    named = {
        (page, link.partition("#")[0])
        for page, text in pages.items()
        for link in re.findall(r"\]\(([^()\s]+)\)", build_site._FENCED.sub("", text))
        if "://" not in link and not link.startswith("#")
    }
    assert len(named) > 150
    assert [pair for pair in named if not (gathered / pair[1]).is_file()] == []


def test_files_that_are_no_pages_are_named_without_a_link(tmp_path: Path) -> None:
    page = ROOT / "docs" / "adding-a-picker.md"
    assert "](../examples/" in page.read_text(encoding="utf-8")
    assert "examples/minimal-picker" in build_site.relinked(page)
    assert "](../" not in build_site.relinked(page)


def test_what_is_broken_in_a_site_is_found(tmp_path: Path) -> None:
    (tmp_path / "whole.html").write_text('<h1 id="here">A</h1><a href="#here">b</a><a href="https://example.org">c</a>')
    assert build_site.broken_in(tmp_path) == []
    links = (
        '<a href="gone.html">',
        '<a href="whole.html#gone">',
        '<img src="gone.png">',
        '<script src="https://a.b/c">',
    )
    (tmp_path / "broken.html").write_text("".join(links))
    found = build_site.broken_in(tmp_path)
    assert len(found) == 4
    assert all(line.startswith("broken.html: ") for line in found)


# ---------------------------------------------------------------- reference


def test_the_reference_of_commands_has_every_option_with_its_help() -> None:
    page = make_reference.commands()
    sections = {part.partition("\n")[0]: part for part in page.split("\n## ")[1:]}
    for name, command in get_command(app).commands.items():
        for parameter in command.params:
            for flag in parameter.opts if parameter.opts[0].startswith("--") else ():
                assert f"{flag} " in sections[name] or f"{flag}`" in sections[name], (name, flag)
    empty = [line for line in page.split("\n") if re.fullmatch(r"\| `.*` \|\s*\|", line)]
    assert empty == []


def test_the_reference_of_settings_says_what_each_is() -> None:
    page = make_reference.settings_page()
    rows = [row.split(" | ") for row in page.split("\n") if row.startswith("| `")]
    assert len(rows) > 300
    assert [row[0] for row in rows if not row[-1].strip(" |")] == []
    assert r"| `diameter` | number, \> 0, Å; must be given |" in page
    assert "| `memory` | whole number, ≥ 50, MB; default 600 |" in page


def test_names_of_the_python_reference_are_there() -> None:
    from importlib import import_module

    for name in (name for names in make_reference.PYTHON.values() for name in names):
        module, _, last = f"napari_drpnet.{name}".rpartition(".")
        found = getattr(import_module(module), last)
        assert found.__doc__, name


# ---------------------------------------------------------------- figures and pictures


def test_figures_of_the_readme_are_those_of_the_page() -> None:
    """Its small table has what the default threshold gives."""
    (told,) = re.findall(r"^\| drpnet \| (.+) \|$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    page = (ROOT / "docs" / "quality.md").read_text(encoding="utf-8")
    (measured,) = re.findall(r"^\| drpnet \| (.+->.+) \|$", page, re.MULTILINE)
    assert told.split(" | ") == [pair.split(" -> ")[1] for pair in measured.split(" | ")]


def _drawn() -> list[str]:
    """Patterns of the names that scripts write; of a name alone, what the script calls its pictures."""
    found = []
    for script in (ROOT / "docs").glob("make_*.py"):
        tree = ast.parse(script.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(re.escape(Path(node.value).name if "/" in node.value else node.value))
            elif isinstance(node, ast.JoinedStr):
                parts = [re.escape(str(p.value)) if isinstance(p, ast.Constant) else r"[\w-]+" for p in node.values]
                text = "".join(parts)
                found += [text] if not text.startswith(r"[\w-]+\.") else []
            elif isinstance(node, ast.FunctionDef):
                found.append(node.name.replace("_", "[-_]") + r"\.(png|jpg)")
    return found


DRAWN = _drawn()


@pytest.mark.parametrize("picture", IMAGES, ids=lambda path: path.name)
def test_every_picture_is_shown_and_made_by_a_script(picture: Path) -> None:
    shown = [page.name for page in PAGES if f"images/{picture.name}" in page.read_text(encoding="utf-8")]
    assert shown
    assert any(re.fullmatch(f"({pattern})" + r"(\.(png|jpg))?", picture.name) for pattern in DRAWN), (
        "no script makes it"
    )


# ---------------------------------------------------------------- on GitHub and on the site

TAGS = ("<li>", "<ol", "<ul", "<table", "<pre", "<img", "<h1", "<h2", "<h3", "<em>", "<strong>", "<a href")


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: f"{page.parent.name}-{page.name}")
def test_the_site_reads_a_page_as_github_does(page: Path) -> None:
    """Lists within lists, and tables within lists, are where the two differ: four spaces suit both."""
    text = page.read_text(encoding="utf-8")
    ours = markdown.markdown(text, extensions=["tables", "pymdownx.superfences"])
    theirs = MarkdownIt("commonmark").enable("table").render(text)
    assert {tag: ours.count(tag) for tag in TAGS} == {tag: theirs.count(tag) for tag in TAGS}
