"""What all tests share: the real data where it is present, and settings that touch nobody's home."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

if TYPE_CHECKING:
    from napari_drpnet.data import Micrograph, Picks

# How long an example takes says how busy the machine is, not whether the code is right.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")
# Before napari is imported anywhere: the settings are not the user's, and no window writes any.
os.environ["NAPARI_CONFIG"] = ""
# Where bytecode is not kept, each process compiles all that it imports, and pytest all of napari.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# One thread each: torch's threads wait for each other at full speed, and `make test` runs a process a core.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# What is imported and collected stays: looking for garbage in it took a fifth of the time until the first test.
gc.disable()

ROOT = Path(__file__).resolve().parents[1]
# What tests share is there for the processes that they start, too.
SEEN = [str(ROOT / "tests" / "helpers"), os.environ.get("PYTHONPATH")]
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, SEEN))


def pytest_configure(config: pytest.Config) -> None:
    """Give each process that runs tests a screen of its own: on one, windows take the focus from each other."""
    workers_run_them = config.getoption("numprocesses", None) and "PYTEST_XDIST_WORKER" not in os.environ
    if workers_run_them or not shutil.which("Xvfb"):
        return
    # The screen goes when this process is gone, however that ends: then its standard input is closed.
    life, _ = os.pipe()
    script = "Xvfb -displayfd 1 -screen 0 1280x1024x24 -nolisten tcp & exec >&-; read end; kill $!; wait"
    quiet = {"stderr": subprocess.DEVNULL, "start_new_session": True}
    screen = subprocess.Popen(["sh", "-c", script], stdin=life, stdout=subprocess.PIPE, text=True, **quiet)
    with screen.stdout as said:
        number = said.readline().strip()
    if number:
        os.environ |= {"DISPLAY": f":{number}", "QT_QPA_PLATFORM": "xcb"}


def pytest_collection_finish() -> None:
    """Look for garbage among what tests make only."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real micrographs and other programs' files, which are not part of the repository."""
    folder = Path(os.environ.get("NAPARI_DRPNET_SHARED", ROOT.parent / "shared"))
    if not (folder / "data" / "datasets.tsv").is_file():
        pytest.skip(f"no real micrographs in {folder} (set NAPARI_DRPNET_SHARED to the folder that holds data/)")
    return folder


@pytest.fixture(scope="session")
def simulated() -> tuple[Micrograph, Picks, float]:
    """A made-up particle, 60 px across, that no network was trained on: micrograph, truth, diameter in Angstrom."""
    from napari_drpnet.settings import SimulationSettings
    from napari_drpnet.simulation import simulate_one

    settings = SimulationSettings(
        size=900,
        diameter_px=(60, 60),
        coverage=(0.25, 0.25),
        visibility=(14, 16),
        contamination=0,
        carbon=0,
        defects=0,
        empty=0,
        aggregates=0,
        processed=0,
        slow_noise=(0, 0),
        seed=80,
    )
    made = simulate_one(settings, 0)
    micrograph, truth = made.micrograph, made.truth
    micrograph.image.flags.writeable = False  # all tests share it
    return micrograph, truth, float(truth.diameter[0]) * micrograph.frame.known_pixel_size()


@pytest.fixture(scope="session")
def plugins_are_looked_for_once() -> Any:
    """Every window looks through all that is installed; here that is the same for all of them."""
    from npe2 import PluginManifest

    found = list(PluginManifest.discover())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PluginManifest, "discover", lambda **_: found)
        yield


@pytest.fixture(autouse=True)
def nothing_of_other_tests(request: pytest.FixtureRequest) -> None:
    """Before a window: forget what napari told, and look for garbage among new objects only.

    napari does it whenever layers go, and half of the time of these tests went into looking at all there is.
    """
    if request.node.get_closest_marker("gui"):
        from napari.utils.notifications import notification_manager

        request.getfixturevalue("plugins_are_looked_for_once")
        notification_manager.records.clear()
        gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def simple_pickers() -> None:
    """Pickers that need no weights, by their names."""
    from napari_drpnet.pickers import register

    for name, cls in (("dark-discs", "DarkDiscs"), ("slow-scores", "SlowScores"), ("learning-discs", "LearningDiscs")):
        register(name, f"discs:{cls}")
