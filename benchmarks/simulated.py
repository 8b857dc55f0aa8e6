"""Simulate the test sets of ``benchmarks/quality.py``: ``python benchmarks/simulated.py --shared ../shared``.

Twenty micrographs of test proteins at each dose, under the default settings: test-15, test-30 and test-60 (e/A^2). No
network was trained on these proteins or chosen by them (``training/proteins-testing.txt``). What is there stays.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from napari_drpnet.io.fields import dump
from napari_drpnet.jobs import finish, simulate
from napari_drpnet.settings import SimulationSettings

TESTING = Path(__file__).parents[1] / "training" / "proteins-testing.txt"
DOSES = (15, 30, 60)
# Pixels and particles as the networks learn from, with room for a few dozen particles.
_USUAL: dict[str, Any] = {"size": 1024, "diameter_px": (30, 60)}


def kept_for_testing(shared: Path) -> tuple[Path, ...]:
    """The structures that are kept for testing."""
    folder = shared / "structures"
    found = (sorted(folder.glob(f"m*s/{name}*.gz")) for name in TESTING.read_text().split())
    return tuple(file for files in found for file in files)


def simulated(structures: tuple[Path, ...], out: Path, **settings: Any) -> Path:
    """A folder with the micrographs that settings tell of, made where it does not have them yet.

    Raises
    ------
    SystemExit
        When it has others.
    """
    wanted = SimulationSettings(structures=structures, **_USUAL | settings)
    recipe = out / "simulation.yaml"
    if recipe.exists() and recipe.read_text() != dump(wanted.model_dump(mode="json")):
        raise SystemExit(f"{out} holds other micrographs. Remove it, or choose another folder.")
    if len(list(out.glob("*.mrc"))) != wanted.count:
        finish(simulate(wanted, out))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder with structures/")
    parser.add_argument("--out", type=Path, default=Path("runs/simulated"))
    parser.add_argument("--count", type=int, default=20, help="micrographs at each dose")
    options = parser.parse_args()
    proteins = kept_for_testing(options.shared)
    for dose in DOSES:
        simulated(proteins, options.out / f"test-{dose}", seed=200 + dose, count=options.count, dose=(dose, dose))


if __name__ == "__main__":
    main()
