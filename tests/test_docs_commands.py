"""Every command of the pages works: it is run on small files of the same names, or at least read by the program.

A command that is added to a page is run here without further ado. Where it needs what a test has not, it is added to
`NOT_RUN` with the reason; then its options and values are still read by the real parser.
"""

from __future__ import annotations

import argparse
import os
import re
import runpy
import shutil
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

import pages
import stage
from napari_drpnet.cli import app
from napari_drpnet.pickers import register
from napari_drpnet.settings import PixerTrainSettings, TrainSettings
from pages import PAGES, PROGRAM, ROOT, Command

PROGRAMS = get_command(app).commands
# Commands that are read only, by what they contain, and why.
NOT_RUN = {
    "--watch": "does not end",
    "--cluster slurm": "needs Slurm",
    " training/": "learns from data that are not here, for hours",
    " recipe.yaml": "the same",
    "benchmarks/sets/": "needs real micrographs",
    " turned/": "needs the picks of DRPnet's authors",
    "demo": "is run by test_package",
    "export-model mine.safetensors": "is run by sharing/test_export_model.py",
    "doctor": "is run by tests/doctor",
}
# What is added, so that there is less to do.
LESS = {
    "simulate": ("--count", "1", "--size", "320", "--pixel-size", "4"),
    "sample --out tiny": ("--size", "640"),
    "reconstruct": ("--box", "32", "--step", "15", "--rounds", "2"),
    "compare Micrographs/ --pickers drpnet,pixer": ("--pickers", "drpnet,log"),
    "compare --pickers drpnet,minimal": ("--pickers", "minimal"),
    "pick Micrographs/ --picker deepcryopicker": ("--option", "steps=8", "--option", "window=67"),
    "--picker deepcryopicker": ("--option", "step=16"),
    # On few particles the paper's numbers find none.
    "harvest Micrographs/ --picker drpnet-paper": (
        *("--option", "sigma=4", "--positive-sigma", "6", "--positive-height", "5"),
        *("--negative-sigma", "5", "--negative-height", "1"),
    ),
    "train-detector --start": ("--steps", "2", "--batch", "2"),
    "train-pixer --settings mine.yaml": ("--steps", "2", "--batch", "2"),
    "train-classifier --patches": ("--epochs", "1"),
    "napari-drpnet retrain": ("--steps", "2", "--batch", "2"),
}
# The same in blocks of Python.
LESS_PYTHON = {'deepcryopicker", diameter=120': 'deepcryopicker", diameter=120, steps=8, window=67, step=16'}
# Exit status 1 says that not all was to be had, which is so on few files.
ONE_IS_FINE = {
    "collect": "the other parts were not picked",
    "assess": "J42 is not a job of cryoSPARC's",
    "doctor": "there may be no screen",
}
OTHER_PROGRAMS = (
    *("pip", "pipx", "uv", "conda", "python3", "napari", ".", "export", "cd"),
    *("dask", "pipeliner", "apptainer", "docker"),
)
# Blocks of Python that are run elsewhere.
PYTHON_ELSEWHERE = {"ccp-em.md": "interop/test_ccpem.py", "sharing.md": "sharing/test_export_model.py"}
# In the place of what a scheduler tells its jobs.
ENVIRONMENT = {"SLURM_ARRAY_TASK_ID": "1"}
EVERY = {page: pages.commands(page) for page in PAGES}
FIRST: dict[str, Command] = {}
for _page in PAGES:
    for _one in EVERY[_page]:
        FIRST.setdefault(str(_one), _one)


def program(words: tuple[str, ...]) -> tuple[str, ...] | None:
    """The words after the name of the program, where it is called, also by another one."""
    called = PROGRAM in words and words[0] in (PROGRAM, "torchrun")
    return words[words.index(PROGRAM) + 1 :] if called else None


# ---------------------------------------------------------------- read


def read_by_the_program(words: tuple[str, ...]) -> None:
    name, *arguments = words
    command = PROGRAMS[name]
    context = command.make_context(name, list(arguments))
    # What is left over is for commands that take any parameter.
    assert not context.args or command.context_settings.get("allow_extra_args"), context.args


def read_by_a_script(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a script read its arguments, and no more."""
    script = ROOT / words[0]
    if "ArgumentParser" not in script.read_text(encoding="utf-8"):
        assert len(words) == 1
        return

    class ReadError(Exception):
        pass

    read = argparse.ArgumentParser.parse_args

    def only_read(self: argparse.ArgumentParser, *given: object) -> None:
        read(self, *given)
        raise ReadError

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", only_read)
    monkeypatch.setattr(sys, "argv", list(words))
    monkeypatch.setattr(sys, "path", [str(script.parent), *sys.path])
    with pytest.raises(ReadError):
        runpy.run_path(str(script), run_name="__main__")


def read_elsewhere(words: tuple[str, ...]) -> None:
    """Commands of other programs: what they name of this repository is there."""
    if words[0] in OTHER_PROGRAMS:
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        for named in re.findall(r"\[(\w+)\]", " ".join(words)):
            assert named in extras
    elif words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), words[1]
    else:
        assert (ROOT / words[0]).is_file(), f"no test knows how to check {' '.join(words)!r}"


def _script(words: tuple[str, ...]) -> bool:
    return words[0] == "python" and words[1].endswith(".py") and (ROOT / words[1]).parent.name != "examples"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_are_read_without_an_error(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "bash" not in pages.languages(page), "blocks of commands are called sh"
    assert "" not in pages.languages(page), "each block says what it is: sh, python, yaml or text"
    for command in EVERY[page]:
        if arguments := program(command.words):
            read_by_the_program(arguments)
        elif _script(command.words):
            with monkeypatch.context() as patch:
                read_by_a_script(command.words[1:], patch)
        else:
            read_elsewhere(command.words)


MENTIONED = {str(one): one for page in PAGES for one in pages.mentioned(page)}


def test_options_of_commands_within_sentences_are_there() -> None:
    assert len(MENTIONED) > 50
    for command in MENTIONED.values():
        if not (arguments := program(command.words)):
            continue
        name, *rest = arguments
        known = {flag for one in PROGRAMS[name].params for flag in (*one.opts, *one.secondary_opts)} | {"--help"}
        unknown = {word for word in rest if word.startswith("--")} - known
        assert not unknown or PROGRAMS[name].context_settings.get("ignore_unknown_options"), (str(command), unknown)


SCRIPTS = sorted(
    text for text, one in MENTIONED.items() if len(one.words) > 2 and _script(one.words) and not one.has_placeholder
)


@pytest.mark.parametrize("command", SCRIPTS)
def test_scripts_within_sentences_read_their_options(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read_by_a_script(MENTIONED[command].words[1:], monkeypatch)


# ---------------------------------------------------------------- run


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stage")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        stage.build(folder)
    return folder


@pytest.fixture
def here(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the files, the current folder and the home."""
    folder = tmp_path / "stage"
    shutil.copytree(built, folder)
    monkeypatch.chdir(folder)
    for name, value in {**ENVIRONMENT, "HOME": str(folder)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "minimal-picker"))
    register("minimal", "minimal_picker:MinimalPicker")
    return folder


def expanded(words: tuple[str, ...]) -> list[str]:
    """As a shell hands them over."""
    found = [os.path.expandvars(str(Path(word).expanduser()) if word.startswith("~") else word) for word in words]
    return [name for word in found for name in (sorted(map(str, Path().glob(word))) if "*" in word else [word])]


def to_run(command: Command) -> list[str] | None:
    arguments = program(command.words)
    if not arguments or arguments != command.words[1:] or any(part in str(command) for part in NOT_RUN):
        return None
    less = [word for part, more in LESS.items() if part in str(command) for word in more]
    return [*expanded(arguments), *less]


RUN = {page: [one for one in EVERY[page] if FIRST[str(one)] == one and to_run(one)] for page in PAGES}


def _run_commands(page: Path, here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    made: set[str] = set()
    for command in RUN[page]:
        arguments = to_run(command)
        assert arguments is not None
        out = arguments[arguments.index("--out") + 1] if "--out" in arguments else "picks"
        if arguments[0] == "pick" and out not in made:
            shutil.rmtree(out, ignore_errors=True)  # was there for other commands
            made.add(out)
        if arguments[0] == "retrain" and not any(Path(arguments[1], "labels").glob("*.star")):
            stage.label(here / arguments[1])
        capfd.readouterr()
        status = stage.call(*arguments)
        assert status in (0, 1 if arguments[0] in ONE_IS_FINE else 0), (str(command), *capfd.readouterr())


def _run_python(page: Path) -> None:
    """Blocks that begin with an import; others are parts of something, and must be Python at least."""
    for block in pages.blocks(page, "python"):
        for whole, less in LESS_PYTHON.items():
            block = block.replace(whole, less)
        code = compile(block, page.name, "exec")
        if "import" in block.split("\n")[0] and "..." not in block and page.name not in PYTHON_ELSEWHERE:
            exec(code, {})


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "page", [page for page in PAGES if RUN[page] or pages.blocks(page, "python")], ids=lambda page: page.name
)
def test_what_a_page_says_runs_in_its_order(page: Path, here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Commands first, then Python, which may take up what they made."""
    for block in pages.blocks(page, "yaml"):
        (here / "mine.yaml").write_text(block)
    _run_commands(page, here, capfd)
    _run_python(page)


def test_recipes_have_fields_that_there_are() -> None:
    fields = {*TrainSettings.model_fields, *PixerTrainSettings.model_fields}
    recipes = [yaml.safe_load(block) for page in PAGES for block in pages.blocks(page, "yaml")]
    read = [recipe for recipe in recipes if "training" in recipe]
    assert read
    for recipe in read:
        assert set(recipe) <= fields, set(recipe) - fields
