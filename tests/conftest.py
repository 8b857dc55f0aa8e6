"""What all tests share: the real data where it is present, and settings that touch nobody's home."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from napari_drpnet.data import Micrograph, Picks

# How long an example takes says how busy the machine is, not whether the code is right.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")
# Before napari is imported anywhere: its settings file must not be the user's.
os.environ["NAPARI_CONFIG"] = str(Path(tempfile.mkdtemp(prefix="napari-drpnet-")) / "settings.yaml")
# More threads than this gain nothing on images of the size of the tests.
os.environ.setdefault("OMP_NUM_THREADS", "2")

ROOT = Path(__file__).resolve().parents[1]


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
        visibility=(12, 15),
        contamination=0,
        carbon=0,
        defects=0,
        empty=0,
        seed=77,
    )
    made = simulate_one(settings, 0)
    micrograph, truth = made.micrograph, made.truth
    micrograph.image.flags.writeable = False  # all tests share it
    return micrograph, truth, float(truth.diameter[0]) * micrograph.frame.known_pixel_size()


@pytest.fixture(autouse=True, scope="session")
def simple_pickers() -> None:
    """Pickers that need no weights, by their names."""
    from napari_drpnet.pickers import register

    for name, cls in (("dark-discs", "DarkDiscs"), ("slow-scores", "SlowScores"), ("learning-discs", "LearningDiscs")):
        register(name, f"discs:{cls}")
