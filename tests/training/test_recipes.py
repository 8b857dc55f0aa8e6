"""The recipes of the shipped networks: what is learnt from, validated with and tested with stays apart."""

from pathlib import Path

import pytest
import yaml

from napari_drpnet.settings import (
    CenterPickerTrainSettings,
    PixerTrainSettings,
    PreparedSet,
    PrepareSettings,
    SimulatedSet,
    TrainSettings,
)
from napari_drpnet.training.sets import makers

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "training"
PREPARED_FROM = ("sets.yaml", "more.yaml", "real.yaml")
SETS = {
    name: data
    for file in PREPARED_FROM
    for name, data in PrepareSettings(**yaml.safe_load((FOLDER / file).read_text())).sets.items()
}
MODELS = {"pixer": PixerTrainSettings, "centerpicker": CenterPickerTrainSettings}
RECIPES = {
    path.stem: MODELS.get(path.stem.split("-")[0], TrainSettings)(**yaml.safe_load(path.read_text()))
    for path in sorted(FOLDER.glob("*.yaml"))
    if path.name not in PREPARED_FROM
}
PREPARED = {
    name: recipe for name, recipe in RECIPES.items() if all(isinstance(data, PreparedSet) for data in recipe.training)
}


def _listed(what):
    return set((FOLDER / f"proteins-{what}.txt").read_text().split())


def _sources(data):
    """All that is written of a set, to look for names in."""
    return data.model_dump_json()


@pytest.mark.parametrize("name", ["10017", "10146", "no_particles", "contaminated", "hand_labels"])
def test_what_is_for_testing_only_is_in_no_recipe(name):
    assert not [file.name for file in FOLDER.glob("*.yaml") if name in file.read_text()]


def test_no_protein_is_on_two_lists():
    assert len(_listed("testing")) >= 10
    assert len(_listed("validation")) >= 10
    assert not _listed("testing") & _listed("validation")


def test_a_network_learns_from_training_sets_and_is_validated_with_others():
    assert PREPARED
    for recipe in PREPARED.values():
        learnt, kept = ([data.prepared.stem for data in sets] for sets in (recipe.training, recipe.validation))
        assert {*learnt, *kept} <= SETS.keys()
        assert not [name for name in learnt if name.startswith("validation")]
        assert all(name.startswith("validation") for name in kept)
        assert len(set(kept)) == len(kept)
        assert len(set(learnt)) == len(learnt)


@pytest.mark.parametrize("name", ["simulated", "shipped"])
def test_detectors_that_are_scored_on_every_set_know_no_real_micrograph_with_particles(name):
    used = [SETS[data.prepared.stem] for data in RECIPES[name].training]
    assert all(isinstance(data, SimulatedSet) for data in used)
    assert not [data for data in used if "data/100" in _sources(data)]


def test_real_micrographs_are_seen_where_a_recipe_has_them():
    used = [SETS[data.prepared.stem] for data in RECIPES["with-real"].training]
    assert [data for data in used if not isinstance(data, SimulatedSet)]
    assert [data for data in used if "data/100" in _sources(data)]


def test_the_structures_of_the_sets_stay_apart(shared, monkeypatch):
    if shared != ROOT.parent / "shared":
        pytest.skip("the recipes name ../shared")
    monkeypatch.chdir(ROOT)
    used = {True: set(), False: set()}
    for name, data in SETS.items():
        if isinstance(data, SimulatedSet):
            names = {Path(maker.structure).name for maker in makers(data, 32, "robust")}
            assert len(names) > 5
            used[name.startswith("validation")] |= names
    assert not used[True] & used[False]
    assert not [one for one in used[True] | used[False] if one.split(".")[0][:4] in _listed("testing")]
    assert all(any(name.startswith(one) for name in used[True]) for one in _listed("validation"))
