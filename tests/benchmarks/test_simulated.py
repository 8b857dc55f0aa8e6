"""Sets of recipes as micrographs: the same settings, of the proteins that the recipe chooses."""

from __future__ import annotations

from pathlib import Path

import pytest

import simulated

ROOT = Path(__file__).parents[2]


def test_a_set_of_the_recipe_has_its_settings_and_proteins(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shared != ROOT.parent / "shared":
        pytest.skip("the recipes name ../shared")
    monkeypatch.chdir(ROOT)
    kept = tuple((ROOT / "training" / "proteins-validation.txt").read_text().split())
    faint = simulated.of_recipe("validation-faint", None)
    assert faint.count > 10
    assert faint.visibility == (0.7, 4)
    assert faint.structures
    assert all(file.name.startswith(kept) for file in faint.structures)
    assert simulated.of_recipe("validation-faint", 2) == faint.model_copy(update={"count": 2})


def test_a_set_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(SystemExit, match=r"no simulated set nothing.*validation-faint"):
        simulated.of_recipe("nothing", None)
