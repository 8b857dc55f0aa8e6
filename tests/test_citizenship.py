"""What a package owes to those who use it: licences, how to cite it, one version, recipes that ask for what it asks."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from packaging.requirements import Requirement
from trove_classifiers import classifiers

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA = ROOT / "packaging" / "conda"
CONDA_NAMES = {"torch": "pytorch"}


@pytest.fixture(scope="module")
def licences() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_licences", ROOT / "docs" / "make_licences.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_dependency_has_its_licence_in_the_table(licences: ModuleType) -> None:
    """If not: python docs/make_licences.py."""
    table = licences.told()
    needed = [licences.dependencies(lines) for lines in licences.asked_for().values()]
    names = {name for found, absent in needed for name in (*found, *absent)}
    assert len(names) > 60
    assert sorted(names - set(table)) == []
    assert all(licence for licence, _ in table.values())


def test_no_licence_forbids_what_is_done_here(licences: ModuleType) -> None:
    """What everybody installs leaves them free; the window alone has parts under the GPL, and the page says so."""
    strict = {name: use for name, (licence, use) in licences.told().items() if "GPL" in licence}
    assert "everything" not in strict.values()
    assert set(strict) <= {"pyqt6", "pyqt6-qt6"}


def versions() -> dict[str, str]:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    recipe = yaml.safe_load((CONDA / "recipe.yaml").read_text())
    newest = re.search(r"^## (\S+) \(([\d-]+)\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest[2] == citation["date-released"]
    return {
        "CITATION.cff": citation["version"],
        "recipe.yaml": recipe["context"]["version"],
        "CHANGELOG.md": newest[1],
    }


def test_all_files_have_the_same_version() -> None:
    assert versions() == dict.fromkeys(versions(), PROJECT["version"])


def test_the_citation_has_what_the_format_asks_for() -> None:
    """Version 1.2.0 of the Citation File Format: these keys, and authors as persons or as a group."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert citation.keys() >= {"authors", "message", "title"}
    assert citation["license"] == PROJECT["license"]
    for work in (citation, *citation["references"]):
        assert all({"name"} <= one.keys() or {"family-names", "given-names"} <= one.keys() for one in work["authors"])
    (paper,) = citation["references"]
    assert re.fullmatch(r"10\.\d{4,}/\S+", paper["doi"])
    assert {one["family-names"] for one in paper["authors"]} <= set(
        re.findall(r"\w+", (ROOT / "docs" / "papers.md").read_text())
    )


def test_classifiers_are_those_of_the_index() -> None:
    assert set(PROJECT["classifiers"]) <= classifiers


def conda(lines: list[object]) -> dict[str, str]:
    """Least versions by the names of packages; Python, which has bounds of its own, aside."""
    asked = [line.split(" ", 1) for line in lines if isinstance(line, str)]
    return {name: versions[0] if versions else "" for name, *versions in asked if name != "python"}


WANTED = {
    CONDA_NAMES.get(one.name, one.name): str(one.specifier) for one in map(Requirement, PROJECT["dependencies"])
}  # fmt: skip


def test_the_recipe_asks_for_what_the_package_asks_for() -> None:
    recipe = yaml.safe_load((CONDA / "recipe.yaml").read_text())
    assert conda(recipe["requirements"]["run"]) == WANTED
    (line,) = recipe["build"]["python"]["entry_points"]
    assert dict([line.split(" = ")]) == PROJECT["scripts"]
    assert recipe["about"]["license"] == PROJECT["license"]
    assert recipe["about"]["summary"] == PROJECT["description"]


def test_the_environment_asks_for_what_the_package_and_its_window_ask_for() -> None:
    environment = yaml.safe_load((CONDA / "environment.yml").read_text())["dependencies"]
    (by_pip,) = (part["pip"] for part in environment if isinstance(part, dict))
    packages = [Requirement(line) for line in by_pip[:-1]]
    here = conda(environment) | {one.name: str(one.specifier) for one in packages}
    window = Requirement(PROJECT["optional-dependencies"]["all"][0])
    assert here.pop("pip") == ""
    assert here.pop("pyqt")
    assert here == WANTED | {window.name: str(window.specifier)}
    assert (CONDA / by_pip[-1]).resolve() == ROOT


def test_containers_take_files_that_are_there() -> None:
    definition = (ROOT / "packaging" / "napari-drpnet.def").read_text()
    files = definition.partition("%files\n")[2].partition("\n\n")[0].split("\n")
    sources = {line.split()[0] for line in files}
    kept = (ROOT / "packaging" / "Dockerfile.dockerignore").read_text().splitlines()
    assert all((ROOT / source).exists() for source in sources)
    named = {line[1:].removesuffix("/*.md").split("/")[0] for line in kept if line.startswith("!")}
    assert named == {source.split("/")[0] for source in sources}
    for file in ("Dockerfile", "napari-drpnet.def"):
        assert "/packaging/install.sh /tmp/napari-drpnet" in (ROOT / "packaging" / file).read_text()
