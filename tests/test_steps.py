"""Work in steps: the same result however it is driven."""

from __future__ import annotations

import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor

import pytest

from napari_drpnet.steps import attended, drained


def slow_steps(gate: threading.Event, threads: list[str]) -> Generator[int, None, str]:
    for index in range(3):
        assert gate.wait(10)
        threads.append(threading.current_thread().name)
        yield index
    return "done"


def test_attended_work_is_the_same_work_in_another_thread() -> None:
    gate, threads, told = threading.Event(), [], []

    def noted() -> Generator[None, None, str]:
        steps = attended(slow_steps(gate, threads), executor, every=0.01)
        for _ in range(3):
            assert next(steps) is None  # it tells that it is still at it
        gate.set()
        while True:
            try:
                told.append(next(steps))
            except StopIteration as end:
                return end.value
            yield

    with ThreadPoolExecutor(1, "aside") as executor:
        assert drained(noted()) == "done"
    assert [step for step in told if step is not None] == [0, 1, 2]
    assert set(threads) == {"aside_0"}


def test_attended_work_that_is_left_ends_with_the_step_it_is_at() -> None:
    gate, threads = threading.Event(), []
    with ThreadPoolExecutor(1, "aside") as executor:
        steps = attended(slow_steps(gate, threads), executor, every=0.01)
        assert next(steps) is None
        steps.close()
        gate.set()
    assert len(threads) == 1


@pytest.mark.parametrize("error", [ValueError("bad"), TimeoutError("too slow")])
def test_an_error_of_attended_work_comes_through(error: Exception) -> None:
    def fails() -> Generator[int, None, None]:
        yield 1
        raise error

    with ThreadPoolExecutor(1) as executor:
        steps = attended(fails(), executor, every=10)
        assert next(steps) == 1
        with pytest.raises(type(error), match=str(error)):
            next(steps)
