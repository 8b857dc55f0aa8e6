"""Starting up costs nothing: what must not be imported before it is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_drpnet import jobs, read_picks
from napari_drpnet.io.mrc import write_mrc

HEAVY = {"torch", "napari", "qtpy", "magicgui", "superqt", "pandas", "starfile", "skimage", "matplotlib"}


def imported_by(statement: str, heavy: set[str] = HEAVY) -> set[str]:
    """The heavy packages that a fresh interpreter has after a statement."""
    program = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return heavy & set(done.stdout.split())


def test_importing_is_light():
    """What all of them together load, each of them loads at most."""
    rooms = ("data", "errors", "settings", "io", "pickers", "jobs", "cli", "_reader", "_writer", "_sample_data")
    assert imported_by("\n".join(f"import napari_drpnet.{room}" for room in rooms)) == set()


def test_help_is_light():
    calls = [f"{command} --help".split() for command in ("", "pick", "retrain", "prepare", "train-pixer")]
    one = "try: main({})\nexcept SystemExit as end: assert not end.code"
    statement = "\n".join(("from napari_drpnet.cli import main", *(one.format(call) for call in calls)))
    assert imported_by(statement, HEAVY | {"scipy"}) == set()


@pytest.mark.parametrize("picker", ["log", "template"])
def test_picking_without_a_network_does_without_torch(picker: str, tmp_path: Path):
    image = np.random.default_rng(0).normal(size=(256, 256)).astype(np.float32)
    path = write_mrc(image, tmp_path / "noise.mrc", 2.0)
    asked = [
        "pick",
        path,
        "--picker",
        picker,
        "--diameter",
        100,
        "--threshold",
        0.1,
        "--out",
        tmp_path,
        "--device",
        "cpu",
    ]
    statement = (
        f"from napari_drpnet.cli import main\ntry: main({[str(word) for word in asked]})\nexcept SystemExit: pass"
    )
    assert imported_by(statement) == set()
    assert len(read_picks(tmp_path / "noise_autopick.star")[0])


def test_jobs_are_loaded_when_first_used():
    program = "import sys, napari_drpnet.jobs\nprint(*(m for m in sys.modules if m.startswith('napari_drpnet.jobs.')))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout.strip() == ""


def test_every_job_is_where_the_types_say():
    tree = ast.parse(Path(jobs.__file__).read_text())
    block, _ = (node for node in tree.body if isinstance(node, ast.If))
    told = {alias.name: part.module for part in block.body for alias in part.names}
    assert told == {name: f"napari_drpnet.jobs.{module}" for name, module in jobs._MODULE_OF.items()}
    for name in told:
        assert getattr(jobs, name)


def test_reading_a_micrograph_needs_no_network_and_no_window():
    assert imported_by("from napari_drpnet import read_micrograph, read_picks, write_picks, Picks") == set()


def test_the_manifest_loads_without_torch_and_without_the_window():
    statement = "from npe2 import PluginManifest\nPluginManifest.from_distribution('napari-drpnet')"
    assert not imported_by(statement) & {"torch", "napari", "qtpy"}


def test_every_public_name_exists():
    program = "import napari_drpnet as package\nfor name in package.__all__: getattr(package, name)"
    subprocess.run([sys.executable, "-c", program], check=True)
