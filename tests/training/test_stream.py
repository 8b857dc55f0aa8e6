"""Simulated streams: the same micrographs at the same step, whoever simulates them."""

from concurrent.futures import ThreadPoolExecutor

import mrcfile
import numpy as np
import pytest

from napari_drpnet.errors import UserError
from napari_drpnet.settings import SimulatedSet
from napari_drpnet.training.sets import load_examples
from napari_drpnet.training.stream import Stream, streams

SIMULATE = {"size": 200, "diameter_px": (30, 34), "views": 4, "coverage": (0.2, 0.3), "empty": 0, "count": 1}


@pytest.fixture(scope="module")
def simulated_set(tmp_path_factory):
    """Makes a set; all have the same structure, whose projections are then made once."""
    z, y, x = np.mgrid[-16:16, -16:16, -16:16] + 0.5
    balls = np.hypot(np.hypot(x, y), abs(z) - 8) < 6
    file = tmp_path_factory.mktemp("structure") / "dumbbell.mrc"
    with mrcfile.new(file) as volume:
        volume.set_data(balls.astype(np.float32))
        volume.voxel_size = 4.0

    def made(simulate=None, **fields):
        return SimulatedSet(simulate={**SIMULATE, "structures": [file], **(simulate or {})}, **fields)

    return made


@pytest.fixture
def thread():
    with ThreadPoolExecutor(1) as executor:
        yield executor


def test_the_pool_fills_up_and_then_moves_on(simulated_set):
    stream = Stream(simulated_set(pool=6, every=10), 28, executor=None)
    assert stream.window(0) == range(0, 4)
    assert stream.window(19) == range(0, 5)
    assert stream.window(20) == range(0, 6)
    assert stream.window(45) == range(2, 8)


@pytest.mark.slow
def test_a_step_draws_the_same_whatever_came_before(thread, simulated_set):
    data = simulated_set(pool=2, every=3)
    stream, resumed = (Stream(data, 28, thread) for _ in range(2))
    for step in (1, 7, 8):
        drawn = {stream.example(step, np.random.default_rng(i)).name for i in range(12)}
        assert len(drawn) == len(stream.window(step))
    late, again = (s.example(8, np.random.default_rng(0)) for s in (stream, resumed))
    assert again.name == late.name
    assert np.array_equal(again.image, late.image)
    assert np.array_equal(again.yx, late.yx)
    assert abs(late.image.shape[0] - 200 * 28 / 32) < 16


@pytest.mark.slow
def test_processes_of_a_run_draw_different_micrographs(thread, simulated_set):
    first, second = (Stream(simulated_set(pool=4), 28, thread, rank, 2) for rank in (0, 1))
    names = [{s.example(0, np.random.default_rng(i)).name for i in range(20)} for s in (first, second)]
    assert len(names[0]) == len(names[1]) == 4
    assert not names[0] & names[1]


@pytest.mark.slow
def test_other_processes_simulate_and_say_what_is_wrong(simulated_set):
    data = [simulated_set(), simulated_set(simulate={"diameter_px": (150, 160)})]
    with streams(data, 28, 1) as (good, bad):
        assert len(good.example(0, np.random.default_rng(0)).yx)
        with pytest.raises(UserError, match="too large"):
            bad.example(0, np.random.default_rng(0))


def test_a_simulation_to_validate_with_is_made_once(simulated_set):
    examples = load_examples([simulated_set(simulate={"count": 2}, weight=3)], 28)
    assert len(examples) == 2
    assert sum(example.weight for example in examples) == pytest.approx(3)
    assert all(len(example.yx) for example in examples)
