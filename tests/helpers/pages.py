"""The pages of the documentation: their blocks of code, and the commands in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "napari-drpnet"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "benchmarks" / "README.md"]

_FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
# What stands for something else, and what is left out.
_PLACEHOLDER = re.compile(r"\b[A-Z]{1,9}\b|\.\.\.|\$\w+")


@dataclass(frozen=True)
class Command:
    """A command of a page, in its words, without comments."""

    page: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(self.words)

    @property
    def has_placeholder(self) -> bool:
        return any(_PLACEHOLDER.search(word) for word in self.words)


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page in a language, without their indent."""
    found = _FENCED.findall(page.read_text(encoding="utf-8"))
    return [
        "\n".join(line.removeprefix(indent) for line in text.split("\n"))
        for indent, name, text in found
        if name == language
    ]


def languages(page: Path) -> set[str]:
    return {name for _, name, _ in _FENCED.findall(page.read_text(encoding="utf-8"))}


def commands(page: Path) -> list[Command]:
    """Those in blocks, which a reader copies, in their order."""
    lines = (line for block in blocks(page, "sh") for line in block.replace("\\\n", " ").split("\n"))
    split = (shlex.split(line, comments=True) for line in lines)
    return [Command(page.name, (_of_environment(words[0]), *words[1:])) for words in split if words]


def _of_environment(program: str) -> str:
    """The name of a program that is called by its place in an environment, as ``env/bin/pip``."""
    return re.sub(r"^[\w.-]+/bin/", "", program)


def mentioned(page: Path) -> Iterator[Command]:
    """Those within sentences, with at least one argument."""
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    for code in _INLINE.findall(text):
        if re.match(rf"({PROGRAM}|python|make|pip install|torchrun) \S", code):
            yield Command(page.name, tuple(shlex.split(code)))
