"""What the doctor finds in installations that are broken: each is broken for real, in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import napari_drpnet
from napari_drpnet.doctor import cards, packages, surroundings
from napari_drpnet.doctor.asking import Told
from napari_drpnet.doctor.findings import State
from napari_drpnet.doctor.installing import install, install_libraries

ROOT = Path(__file__).parents[2]
SYSTEM_PACKAGES = (ROOT / "tools" / "system-packages.sh").read_text().split('"')[1].split()


def program(*arguments: str, broken: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """Run ours where packages of a folder come before those that are installed."""
    first = [str(broken)] if broken else []
    told = os.environ | {"PYTHONPATH": os.pathsep.join([*first, os.environ["PYTHONPATH"]])} | env
    call = [sys.executable, "-P", "-m", "napari_drpnet", *arguments]
    return subprocess.run(call, env=told, capture_output=True, text=True)


def findings(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, str]]:
    document = json.loads(done.stdout)
    found = [finding for section in document["sections"] for finding in section["findings"]]
    assert document["well"] == (done.returncode == 0)
    return {finding["name"]: finding for finding in found}


def package(folder: Path, name: str, code: str) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text(code)


@pytest.mark.slow
@pytest.mark.gui
def test_here_all_that_is_needed_is_there_and_the_window_opens():
    done = program("doctor", "--json")
    found = findings(done)
    assert [one for one in found.values() if one["state"] == "missing"] == []
    assert done.returncode == 0
    needed = [Requirement(line) for line in requires("napari-drpnet") or () if "extra ==" not in line]
    assert all(f"{one.name} " in found["packages"]["said"] for one in needed)
    assert found["plugin"]["said"] == "found by napari"
    assert found["Qt"]["state"] == found["weights"]["state"] == found["compressed TIFF"]["state"] == "ok"
    if "OpenGL" in found:
        assert found["OpenGL"]["said"][0].isdigit()


def test_it_needs_nothing_but_python():
    """-S: an environment in which nothing at all is installed, and only the files are there."""
    env = os.environ | {"PYTHONPATH": str(Path(napari_drpnet.__file__).parents[1])}
    call = [sys.executable, "-S", "-P", "-m", "napari_drpnet", "doctor"]
    done = subprocess.run(call, env=env, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "missing  napari-drpnet: not installed, only its files are there" in done.stdout


@pytest.mark.slow
def test_packages_that_cannot_be_loaded_are_named_with_what_mends_them(tmp_path: Path):
    """One raises, one lacks a library, one ends Python; the command starts without numpy, too, and the rest is told."""
    package(tmp_path, "gemmi", "import os, signal\nos.kill(os.getpid(), signal.SIGILL)\n")
    package(tmp_path, "imagecodecs", "raise ImportError('libzstd.so.1: cannot open shared object file')\n")
    package(tmp_path, "numpy", "raise RuntimeError('made for another Python')\n")
    done = program("doctor", "--json", broken=tmp_path)
    found = findings(done)
    assert done.returncode == 1
    assert "signal 4" in found["gemmi"]["said"]
    assert "libzstd.so.1" in found["imagecodecs"]["said"]
    assert "made for another Python" in found["numpy"]["said"]
    for name in ("gemmi", "imagecodecs", "numpy"):
        assert found[name]["state"] == "missing"
        assert found[name]["mend"].endswith(f"install --force-reinstall --no-deps {name}")
    # What fails for want of another is no finding of its own.
    assert "scipy" in found["numpy"]["said"].partition("so neither can")[2]
    assert "scipy" not in found
    assert found["weights"]["state"] == "ok"
    text = program("doctor", broken=tmp_path)
    assert text.returncode == 1
    assert text.stdout.splitlines()[-1].endswith("is missing: numpy, gemmi, imagecodecs.")


@pytest.mark.slow
def test_a_package_that_lacks_another_is_completed_and_not_installed_anew(tmp_path: Path):
    package(tmp_path, "lazy_loader", "raise ModuleNotFoundError('No module named lazy_loader', name='lazy_loader')\n")
    found = findings(program("doctor", "--json", broken=tmp_path))
    assert "lazy_loader" in found["scikit-image"]["said"]
    assert found["scikit-image"]["mend"].endswith("install scikit-image")


@pytest.mark.slow
def test_a_command_that_cannot_be_loaded_names_the_doctor(tmp_path: Path):
    package(tmp_path, "pydantic", "raise ImportError('no pydantic_core here')\n")
    done = program("pick", "a.mrc", broken=tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "no pydantic_core here" in line
    assert line.endswith("napari-drpnet doctor")


@pytest.mark.slow
@pytest.mark.gui
@pytest.mark.parametrize(
    ("env", "said", "mend"),
    [
        ({"QT_QPA_PLATFORM": "xyz"}, "no platform plugin xyz", "unset QT_QPA_PLATFORM"),
        ({"QT_QPA_PLATFORM": "xcb", "DISPLAY": ":7777"}, "none at :7777", "ssh -X"),
    ],
)
def test_windows_that_do_not_open_are_told_with_the_reason(env: dict[str, str], said: str, mend: str):
    found = screen_alone(env | {"WAYLAND_DISPLAY": ""})["screen"]
    assert found["state"] == "missing"
    assert said in found["said"]
    assert mend in found["mend"]


@pytest.mark.slow
def test_without_a_screen_nothing_is_missing():
    found = screen_alone({"QT_QPA_PLATFORM": "", "DISPLAY": "", "WAYLAND_DISPLAY": ""})
    if sys.platform == "linux":
        assert found["screen"]["state"] == "note"
        assert found["Qt"]["said"].endswith("with the libraries that it needs of the system")
    assert {one["state"] for one in found.values()} <= {"ok", "note"}


def screen_alone(env: dict[str, str]) -> dict[str, dict[str, str]]:
    """The section of the window, without what takes longer."""
    code = (
        "import json, dataclasses\nfrom napari_drpnet.doctor import screen\n"
        "print(json.dumps({one.name: dataclasses.asdict(one) for one in screen.window()}))"
    )
    told = os.environ | env
    done = subprocess.run([sys.executable, "-c", code], env=told, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def test_weights_that_are_not_whole_are_named(tmp_path: Path):
    assert surroundings.weights().state is State.WELL, "sha256sum *.safetensors > SHA256SUMS, in the folder of weights"
    copy = Path(shutil.copytree(surroundings.WEIGHTS, tmp_path / "weights"))
    names = sorted(file.name for file in copy.glob("*.safetensors"))
    assert len(names) == len((copy / surroundings.SUMS).read_text().splitlines())
    (copy / names[0]).write_bytes((copy / names[0]).read_bytes()[:-1])
    (copy / names[1]).unlink()
    found = surroundings.weights(copy)
    assert found.state is State.MISSING
    assert found.said.endswith(f"{names[0]}, {names[1]}")


def test_what_a_package_asks_for_is_read_as_packaging_reads_it():
    asked = [Requirement(line) for line in requires("napari-drpnet") or ()]
    assert [(one.name, one.least) for one in packages.requirements()] == [
        (one.name, next((part.version for part in one.specifier if part.operator == ">="), "")) for one in asked
    ]
    assert {one.extra for one in packages.requirements()} >= {"", "all", "cluster"}


@pytest.mark.parametrize(
    ("marks", "command"),
    [
        ((), f"{sys.executable} -m pip install 'numpy>=2'"),
        (("uv-receipt.toml",), f"uv pip install --python {sys.executable} 'numpy>=2'"),
        (("pipx_metadata.json",), "pipx inject napari-drpnet 'numpy>=2'"),
        (("conda-meta/history",), "conda install -c conda-forge 'numpy>=2'"),
    ],
)
def test_the_command_is_that_of_who_made_the_environment(
    marks: tuple[str, ...], command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    prefix = tmp_path / "napari-drpnet"
    prefix.mkdir()
    for mark in marks:
        (prefix / mark).parent.mkdir(exist_ok=True)
        (prefix / mark).touch()
    monkeypatch.setattr(sys, "prefix", str(prefix))
    assert install(["numpy>=2"]) == command


@pytest.mark.skipif(not shutil.which("apt-get"), reason="names of Debian's packages")
def test_libraries_are_named_by_packages_that_the_tests_of_windows_install():
    names = ("libxcb-cursor.so.0", "libxcb-icccm.so.4", "libxcb-xkb.so.1", "libxkbcommon-x11.so.0", "libEGL.so.1")
    command = install_libraries(names)
    assert command.startswith("sudo apt-get install -y ")
    assert set(command.split()[4:]) <= set(SYSTEM_PACKAGES)
    assert len(command.split()[4:]) == len(names)
    assert "libodd.so.3" in install_libraries(["libodd.so.3"])


def card_of_nvidia(folder: Path) -> None:
    (folder / "0000:01:00.0").mkdir(parents=True)
    (folder / "0000:01:00.0" / "vendor").write_text("0x10de\n")
    (folder / "0000:01:00.0" / "class").write_text("0x030200\n")


@pytest.mark.parametrize(
    ("card", "driver", "cuda", "said", "state"),
    [
        (False, False, "", "none; torch is made for the processor", State.WELL),
        (False, False, "13.0", "none; torch is made for CUDA 13.0", State.WELL),
        (True, False, "13.0", "without its driver", State.NOTE),
        (True, True, "", "made without CUDA", State.NOTE),
        (True, True, "13.0", "the driver is 470.82.01: The NVIDIA driver on your system is too old", State.NOTE),
    ],
)
def test_a_card_that_torch_does_not_use_is_explained(
    card: bool, driver: bool, cuda: str, said: str, state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """By the files in which Linux tells of cards and their drivers: no machine of the tests has any of these faults."""
    monkeypatch.setattr(cards, "_PCI", tmp_path / "pci")
    monkeypatch.setattr(cards, "_DRIVER", tmp_path / "driver")
    if card:
        card_of_nvidia(tmp_path / "pci")
    if driver:
        version = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  470.82.01  Wed Oct 27 21:21:55 UTC 2021\n"
        (tmp_path / "driver").write_text(version)
    answers = ({"cuda": cuda, "hip": "", "threads": 2}, {"mps": False, "available": False})
    warned = "UserWarning: CUDA initialization\nThe NVIDIA driver on your system is too old (found version 11040).\n"
    found = cards.no_card(Told(answers, 0, warned if driver and cuda else ""))
    assert said in found.said
    assert found.state is state
    assert bool(found.mend) == (state is not State.WELL)


CARD_THAT_SAYS_NOTHING = """
from types import SimpleNamespace as Named

def fail(number):
    raise RuntimeError

version, get_num_threads = Named(cuda="13.0", hip=None), lambda: 1
backends = Named(mps=Named(is_available=lambda: False))
cuda = Named(is_available=lambda: True, device_count=lambda: 1, get_device_name=fail)
"""


def test_a_card_that_fails_without_a_word_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package(tmp_path, "torch", CARD_THAT_SAYS_NOTHING)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]]))
    (card,) = (one for one in cards.devices() if one.name == "cuda:0")
    assert card.state is State.MISSING
    assert card.said == "a graphics card cannot compute: RuntimeError"
