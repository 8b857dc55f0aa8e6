"""Starting up costs nothing: what must not be imported before it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"torch", "napari", "qtpy", "magicgui", "superqt", "pandas", "starfile", "skimage", "matplotlib"}


def imported_by(statement: str) -> set[str]:
    """The heavy packages that a fresh interpreter has after a statement."""
    program = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return HEAVY & set(done.stdout.split())


@pytest.mark.parametrize(
    "module",
    ["", ".data", ".errors", ".settings", ".io", ".pickers", ".jobs", ".cli", "._reader", "._writer", "._sample_data"],
)
def test_importing_is_light(module: str):
    assert imported_by(f"import napari_drpnet{module}") == set()


def test_help_is_light():
    statement = "from napari_drpnet.cli import main\ntry: main(['pick', '--help'])\nexcept SystemExit: pass"
    assert imported_by(statement) == set()


def test_reading_a_micrograph_needs_no_network_and_no_window():
    assert imported_by("from napari_drpnet import read_micrograph, read_picks, write_picks, Picks") == set()


def test_the_manifest_loads_without_torch_and_without_the_window():
    statement = "from npe2 import PluginManifest\nPluginManifest.from_distribution('napari-drpnet')"
    assert not imported_by(statement) & {"torch", "napari", "qtpy"}


def test_every_public_name_exists():
    program = "import napari_drpnet as package\nfor name in package.__all__: getattr(package, name)"
    subprocess.run([sys.executable, "-c", program], check=True)
