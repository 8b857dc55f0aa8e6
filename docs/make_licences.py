"""Make the table of licences: ``python docs/make_licences.py``.

What the package depends on, and what these depend on in turn, with the licence that each one's metadata tells. Of
packages that are not installed here the table keeps what it says; all are where the package is installed with all its
extras.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

PAGE = Path(__file__).parent / "licences.md"
PROJECT = PAGE.parents[1] / "pyproject.toml"
# What extras are for; each package is listed under the first that needs it.
USES = {"": "everything", "all": "the window", "cluster": "clusters", "ccpem": "CCP-EM", "onnx": "ONNX"}
# Where the metadata has a text, or a name that stands for several.
_KNOWN = {
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD",
    "BSD 3-Clause": "BSD-3-Clause",
    "BSD 3-Clause License": "BSD-3-Clause",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "BSD-3": "BSD-3-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "ISC License": "ISC",
    "ISC license": "ISC",
    "ISC License (ISCL)": "ISC",
    "LGPL v3": "LGPL-3.0-only",
}
_CLASSIFIER = re.compile(r"License :: (?:OSI Approved :: )?(.+)")
_BESIDE = """
## What is in the package

| what | licence |
| --- | --- |
| the program, its pages and its networks | BSD-3-Clause ([LICENSE](../LICENSE)) |
| data that the networks learnt from | [not part of the package](networks.md#data-and-licences) |

PyQt6 is under the GPL: who hands on a program that contains it, such as an installer of napari with this plugin, does
so under the GPL, or takes PySide6 (LGPL) in its place. The package itself contains no part of either.
"""


def plain(name: str) -> str:
    """A name as indices of packages compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def asked_for() -> dict[str, list[str]]:
    """What the package asks for itself, by its extra."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    return {"": project["dependencies"], **project["optional-dependencies"]}


def dependencies(lines: Iterable[str]) -> tuple[dict[str, Distribution], set[str]]:
    """What requirements and what these ask for in turn come to on this system, and what of it is not here."""
    found: dict[str, Distribution] = {}
    absent: set[str] = set()
    todo, seen = list(map(Requirement, lines)), set()
    while todo:
        asked = todo.pop()
        key = plain(asked.name), frozenset(asked.extras)
        if key in seen:
            continue
        seen.add(key)
        try:
            one = distribution(asked.name)
        except PackageNotFoundError:
            absent.add(plain(asked.name))
            continue
        found[plain(asked.name)] = one
        extras = [{"extra": name} for name in ("", *asked.extras)]
        inner = map(Requirement, one.requires or ())
        todo += [each for each in inner if each.marker is None or any(map(each.marker.evaluate, extras))]
    return found, absent


def licence(one: Distribution) -> str:
    """What the metadata of a package say, as a short name."""
    said = one.metadata.get("License-Expression") or ""
    named = [match[1] for line in one.metadata.get_all("Classifier") or () if (match := _CLASSIFIER.fullmatch(line))]
    text = (one.metadata.get("License") or "").strip()
    if not said and text != "UNKNOWN" and 0 < len(text) < 60 and "\n" not in text:
        said = text
    if not said:
        said = " and ".join(dict.fromkeys(_KNOWN.get(name, name) for name in named))
    return _KNOWN.get(said, said) or "not told in its metadata"


def rows(before: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Licence and use of every package by its name; ``before``, of those that are not installed here."""
    made: dict[str, tuple[str, str]] = {}
    everything = True
    asked = asked_for()
    for extra in sorted(asked, key=[*USES, *asked].index):
        found, absent = dependencies(asked[extra])
        everything = everything and not absent
        use = USES.get(extra, extra)
        for name, one in found.items():
            made.setdefault(name, (licence(one), use))
    return made if everything else before | made


def told() -> dict[str, tuple[str, str]]:
    """What the page says now."""
    lines = PAGE.read_text(encoding="utf-8").partition("## What it depends on")[2].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return {name: (said, use) for name, said, use in cells[2:]}


def page(table: dict[str, tuple[str, str]]) -> str:
    """The whole page."""
    lines = [f"| {name} | {said} | {use} |" for name, (said, use) in sorted(table.items())]
    return "\n".join(
        (
            "# Licences",
            "",
            "Made by `docs/make_licences.py`, from the metadata of what pip installs on Linux. Libraries of NVIDIA,",
            "which a torch with CUDA brings along, are under licences of their own.",
            _BESIDE,
            "## What it depends on",
            "",
            "| package | licence | for |",
            "| --- | --- | --- |",
            *lines,
            "",
        )
    )


def main() -> None:
    """Write the page."""
    table = rows(told())
    PAGE.write_text(page(table), encoding="utf-8")
    print(f"{len(table)} packages in {PAGE}")


if __name__ == "__main__":
    main()
