"""Settings refuse numbers that are none, wherever they are given, and say so in one line of bounded length."""

from typing import Any

import pytest

from napari_drpnet.errors import UserError
from napari_drpnet.pickers import load_picker
from napari_drpnet.settings import (
    DRPnetSettings,
    PickRun,
    PreprocessSettings,
    ProjectSettings,
    Settings,
    SimulationSettings,
    TrainSettings,
    validated,
)

INFINITE = [float("inf"), float("-inf"), float("nan"), "1e400", "inf", ".nan"]
SETS = [{"micrographs": "m"}]


@pytest.mark.parametrize("number", [*INFINITE, -1, 0, 1e300, 1e-300, 10**400, "x", [1], None])
def test_a_diameter_is_a_number_above_nought(number: Any):
    with pytest.raises(UserError, match=r"^Settings are not usable: .*diameter"):
        validated(DRPnetSettings, {"diameter": number})


@pytest.mark.parametrize("number", [*INFINITE, 1e300, 10**400])
@pytest.mark.parametrize(
    ("model", "fields", "name"),
    [
        (DRPnetSettings, {"diameter": 100}, "min_distance"),
        (DRPnetSettings, {"diameter": 100}, "border"),
        (DRPnetSettings, {"diameter": 100}, "memory"),
        (PreprocessSettings, {}, "smoothing"),
        (ProjectSettings, {}, "pixel_size"),
        (PickRun, {"inputs": ["a.mrc"]}, "pixel_size"),
        (SimulationSettings, {}, "cs"),
        (SimulationSettings, {}, "seed"),
        (TrainSettings, {"training": SETS}, "batch"),
        (TrainSettings, {"training": SETS}, "rate"),
    ],
)
def test_no_number_is_infinite(model: type[Settings], fields: dict[str, Any], name: str, number: Any):
    with pytest.raises(UserError, match=name):
        validated(model, {**fields, name: number})


@pytest.mark.parametrize("pair", [(0.1, float("inf")), (float("nan"), 1), (0, 1e300)])
def test_no_end_of_a_range_is_infinite(pair: tuple[float, float]):
    with pytest.raises(UserError, match="dose"):
        validated(SimulationSettings, {"dose": pair})


@pytest.mark.parametrize(
    "fields",
    [
        {"x" * 5000: 1},
        {f"x{i}": 1 for i in range(500)},
        {"diameter": "9" * 10_000},
        {"picker": ["long" * 1000] * 1000},
        {"a\nb\tc": 1},
    ],
)
def test_what_is_wrong_is_told_in_one_line(fields: dict[str, Any]):
    with pytest.raises(UserError, match=r"^Settings are not usable") as error:
        validated(ProjectSettings, fields)
    assert len(str(error.value)) <= 300
    assert str(error.value).isprintable()


@pytest.mark.parametrize("options", [{"name": "x"}, {"cls": 1}, {"x" * 5000: 1}, {f"x{i}": 1 for i in range(500)}])
def test_options_that_no_picker_has_are_named(options: dict[str, Any]):
    with pytest.raises(UserError, match="has no setting named") as error:
        load_picker("log", diameter=100, **options)
    assert len(str(error.value)) <= 300
