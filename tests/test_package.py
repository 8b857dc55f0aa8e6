"""The wheel, in an environment that has nothing but it and napari: everything it needs is inside, and it picks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from packaging.requirements import Requirement

from napari_drpnet import jobs
from napari_drpnet.io import read_picks

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
SIZE = 768


def run(*command: str | Path, cwd: Path) -> str:
    """Run a program without anything of this environment; its output, or a failure that shows it."""
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=clean, capture_output=True, text=True)
    if done.returncode:
        pytest.fail(f"{' '.join(map(str, command))}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", out, ROOT, cwd=out)
    (file,) = out.glob("*.whl")
    return file


def needed(*names: str) -> dict[str, Distribution]:
    """The distributions that these ask for, and those that they ask for in turn."""
    found: dict[str, Distribution] = {}
    todo = [Requirement(name) for name in names]
    while todo:
        asked = todo.pop()
        one = distribution(asked.name)
        known = found.setdefault(f"{asked.name.lower()}{sorted(asked.extras)}", one) is not one
        for text in () if known else one.requires or ():
            inner = Requirement(text)
            if inner.marker is None or any(inner.marker.evaluate({"extra": extra}) for extra in ("", *asked.extras)):
                todo.append(inner)
    return found


@pytest.fixture(scope="module")
def python(wheel: Path) -> Iterator[Path]:
    """The interpreter of a fresh environment: the wheel, napari, and links to what these two say that they need."""
    with TemporaryDirectory(prefix="napari-drpnet-") as folder:
        run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=Path(folder))
        python = Path(folder, "bin", "python")
        (packages,) = Path(folder).glob("lib/*/site-packages")
        for one in needed("napari-drpnet", "napari").values():
            for top in {file.parts[0] for file in one.files or ()} - {"..", "__pycache__"}:
                if one.name != "napari-drpnet" and not (packages / top).exists():
                    (packages / top).symlink_to(str(one.locate_file(top)))
        pip = (sys.executable, "-m", "pip", "--python", python)
        run(*pip, "install", "-q", "--no-index", "--no-deps", "--no-compile", wheel, cwd=Path(folder))
        run(*pip, "check", cwd=Path(folder))
        yield python


def test_weights_are_small_and_their_cards_come_along(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        weights = [info for info in archive.infolist() if info.filename.endswith(".safetensors")]
        names = set(archive.namelist())
    assert weights
    assert wheel.stat().st_size < 15_000_000  # bytes; whoever trains a network sees what it costs those who install
    assert "napari_drpnet/docs/networks.md" in names


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        folders = {name.split("/")[0] for name in archive.namelist()}
    assert {name for name in folders if not name.endswith(".dist-info")} == {"napari_drpnet"}


def test_napari_finds_the_plugin_and_what_its_manifest_names_exists(python: Path, tmp_path: Path):
    """Widgets need Qt, which this environment lacks: of those, the module must exist."""
    program = """
from importlib import import_module, util
from npe2 import PluginManifest
for command in PluginManifest.from_distribution("napari-drpnet").contributions.commands:
    module, name = command.python_name.split(":")
    if ".widgets" in module:
        assert util.find_spec(module), module
    else:
        getattr(import_module(module), name)
    print(module)
"""
    named = set(run(python, "-c", program, cwd=tmp_path).split())
    assert {"napari_drpnet._reader", "napari_drpnet._writer", "napari_drpnet._sample_data"} <= named


TYPED = """
from napari_drpnet import Picks, UserError, __version__, load_picker, read_micrograph, write_picks

def pick(path: str, diameter: float) -> Picks:
    return load_picker("log", diameter=diameter).pick(read_micrograph(path))

try:
    print(__version__.upper(), write_picks(pick("a.mrc", 180.0), "a_autopick.star").suffix)
except UserError as error:
    print(error.hint.strip())
"""
WRONG = {
    "pick('a.mrc', '180')": "arg-type",
    "pick('a.mrc', 180.0).nothing": "attr-defined",
    "from napari_drpnet import nothing": "attr-defined",
}


def test_a_users_mypy_knows_the_types(python: Path, tmp_path: Path):
    """Strict, with the installed package alone: what is right passes, and each line that is wrong is found."""
    (tmp_path / "right.py").write_text(TYPED)
    (tmp_path / "wrong.py").write_text("\n".join((TYPED, *WRONG)))
    # The types of these are most of the time, and none of ours.
    others = "torch.*,scipy.*,skimage.*,PIL.*,mrcfile.*,tifffile.*,onnxruntime.*,typer.*,rich.*"
    (tmp_path / "mypy.ini").write_text(f"[mypy]\nstrict = true\n[mypy-{others}]\nfollow_imports = skip\n")
    call = (sys.executable, "-m", "mypy", "--python-executable", python, "--cache-dir", tmp_path / "cache")
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MYPYPATH")}
    done = subprocess.run([*call, "right.py", "wrong.py"], cwd=tmp_path, env=clean, capture_output=True, text=True)
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert [line.rpartition("[")[2].rstrip("]") for line in errors] == list(WRONG.values()), done.stdout + done.stderr
    assert all(line.startswith("wrong.py") for line in errors)


def test_the_doctor_says_that_napari_has_no_qt(python: Path, tmp_path: Path):
    """As it is in this environment; all else that is needed is there, so that it also says nothing that is not true."""
    call = [python.with_name("napari-drpnet"), "doctor", "--json"]
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(call, cwd=tmp_path, env=clean, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    found = [finding for section in json.loads(done.stdout)["sections"] for finding in section["findings"]]
    (absent,) = [finding for finding in found if finding["state"] == "missing"]
    assert (absent["name"], absent["said"]) == ("Qt", "not installed")
    assert "install" in absent["mend"]
    assert "PyQt6" in absent["mend"]


def test_the_installed_program_picks_the_same_as_this_one(python: Path, tmp_path: Path):
    run(python.with_name("napari-drpnet"), "demo", "--out", "installed", "--size", str(SIZE), cwd=tmp_path)
    here = jobs.finish(jobs.demo(tmp_path / "here", "auto", size=SIZE))
    assert here.evaluation.counts.f1 > 0.5
    assert here.overlay.is_file()
    one, two = (read_picks(tmp_path / folder / "sample_autopick.star")[0] for folder in ("installed", "here"))
    assert (one.yx == two.yx).all()
    assert one.score == pytest.approx(two.score, abs=1e-4)  # the last digits depend on how many threads there are
    truth = [(tmp_path / folder / "truth/sample.csv").read_bytes() for folder in ("installed", "here")]
    assert truth[0] == truth[1]
