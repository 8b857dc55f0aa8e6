"""Several at once: the order of results, how far ahead, and how it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator

import pytest
import torch

from napari_drpnet.jobs.crew import Crew, cores, usual_size


def results(crew: Crew, count: int, work) -> list[int]:
    return [result for step in crew.each(range(count), work) for result in step.results]


def squared(number: int) -> Generator[float, None, int]:
    yield 0.5
    time.sleep(0.01 * ((number * 7) % 3))
    return number**2


@pytest.mark.parametrize("size", [1, 3])
def test_results_come_in_the_order_of_the_numbers(size: int):
    assert results(Crew(size), 10, squared) == [number**2 for number in range(10)]


def test_one_at_a_time_is_done_where_it_is_asked_for_and_says_how_far_it_is():
    def work(_: int) -> Generator[float, None, str]:
        yield 0.5
        return threading.current_thread().name

    steps = list(Crew(1).each([4], work))
    assert [(step.number, step.fraction) for step in steps] == [(4, 0.0), (4, 0.5), (4, 1.0)]
    assert steps[-1].results == (threading.current_thread().name,)


def test_as_many_are_in_work_as_the_crew_has_and_each_library_has_one_thread():
    meeting = threading.Barrier(3, timeout=20)

    def work(_: int) -> Generator[float, None, int]:
        meeting.wait()
        yield 0.5
        return torch.get_num_threads()

    before = torch.get_num_threads()
    assert results(Crew(3), 6, work) == [1] * 6
    assert torch.get_num_threads() == before


def test_no_more_is_begun_than_somebody_takes():
    """Memory does not grow with the number of micrographs."""
    begun: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(100):
            begun.append(number)
            yield number

    steps = Crew(2).each(numbers(), squared)
    while not next(steps).results:
        pass
    time.sleep(0.1)
    assert len(begun) <= 5
    steps.close()


def test_an_error_of_one_ends_it_and_closes_the_others():
    closed = threading.Event()

    def work(number: int) -> Generator[float, None, int]:
        if number == 0:
            time.sleep(0.05)
            raise KeyError("broken")
        try:
            while True:
                yield 0.0
                time.sleep(0.001)
        finally:
            closed.set()

    with pytest.raises(KeyError, match="broken"):
        results(Crew(2), 5, work)
    assert closed.wait(1)


def test_closed_it_ends_the_steps_in_work_and_begins_none():
    begun: list[int] = []

    def work(number: int) -> Generator[float, None, int]:
        begun.append(number)
        while True:
            yield 0.0
            time.sleep(0.001)

    steps = Crew(2).each(range(50), work)
    next(steps)
    steps.close()
    assert len(begun) <= 2


def test_by_default_there_is_one_a_core_at_most():
    assert 1 <= usual_size() <= cores()
