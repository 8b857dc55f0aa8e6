"""Simulate micrographs as files: ``python benchmarks/simulated.py [SET...]``.

Without a set: the test sets of ``benchmarks/quality.py``, twenty micrographs of test proteins at each dose, under the
default settings: test-15, test-30 and test-60 (e/A^2). No network was trained on these proteins or chosen by them
(``training/proteins-testing.txt``). Else these sets of ``training/sets.yaml``, as they are before ``napari-drpnet
prepare`` brings them to the scale of the networks, with their truth and masks. What is there stays.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from napari_drpnet.io.fields import dump, read_fields
from napari_drpnet.jobs import finish, simulate
from napari_drpnet.settings import PrepareSettings, SimulatedSet, SimulationSettings
from napari_drpnet.training.sets import expanded

RECIPES = Path(__file__).parents[1] / "training"
TESTING = RECIPES / "proteins-testing.txt"
DOSES = (15, 30, 60)
# Pixels and particles as the networks learn from, with room for a few dozen particles.
_USUAL: dict[str, Any] = {"size": 1024, "diameter_px": (30, 60)}


def kept_for_testing(shared: Path) -> tuple[Path, ...]:
    """The structures that are kept for testing."""
    folder = shared / "structures"
    found = (sorted(folder.glob(f"m*s/{name}*.gz")) for name in TESTING.read_text().split())
    return tuple(file for files in found for file in files)


def simulated(structures: tuple[Path, ...], out: Path, **settings: Any) -> Path:
    """A folder with the micrographs that settings tell of; see `written`."""
    return written(SimulationSettings(structures=structures, **_USUAL | settings), out)


def written(wanted: SimulationSettings, out: Path) -> Path:
    """A folder with the micrographs that settings tell of, made where it does not have them yet.

    Raises
    ------
    SystemExit
        When it has others.
    """
    recipe = out / "simulation.yaml"
    if recipe.exists() and recipe.read_text() != dump(wanted.model_dump(mode="json")):
        raise SystemExit(f"{out} holds other micrographs. Remove it, or choose another folder.")
    if len(list(out.glob("*.mrc"))) != wanted.count:
        finish(simulate(wanted, out))
    return out


def of_recipe(name: str, count: int | None) -> SimulationSettings:
    """The settings of a set of ``training/sets.yaml``, or of its first micrographs.

    Raises
    ------
    SystemExit
        When it has no simulated set of this name.
    """
    sets = PrepareSettings(**read_fields(RECIPES / "sets.yaml", "")).sets
    data = sets.get(name)
    if not isinstance(data, SimulatedSet):
        raise SystemExit(f"There is no simulated set {name}. There are {', '.join(sets)}.")
    settings = expanded(data)
    return settings.model_copy(update={"count": count or settings.count})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", metavar="SET", help="of training/sets.yaml; none: the test sets")
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder with structures/, of test sets")
    parser.add_argument("--out", type=Path, default=Path("runs/simulated"))
    parser.add_argument("--count", type=int, help="micrographs of each set. Default: those of the set; 20 at each dose")
    options = parser.parse_args()
    for name in options.sets:
        written(of_recipe(name, options.count), options.out / name)
    if not options.sets:
        proteins, count = kept_for_testing(options.shared), options.count or 20
        for dose in DOSES:
            simulated(proteins, options.out / f"test-{dose}", seed=200 + dose, count=count, dose=(dose, dose))


if __name__ == "__main__":
    main()
