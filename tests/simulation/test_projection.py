"""Projections of several threads at once."""

from __future__ import annotations

import threading

import torch

from napari_drpnet.simulation.projection import one_thread


def test_two_threads_that_want_one_leave_torch_those_it_had() -> None:
    before = torch.get_num_threads()
    first_in, first_out, later = threading.Event(), threading.Event(), list[int]()

    def first() -> None:
        with one_thread():
            first_in.set()
            first_out.wait(0.3)  # the second would come in meanwhile

    def second() -> None:
        first_in.wait(5)
        with one_thread():
            first_out.set()
            threads[0].join(1)

    torch.set_num_threads(3)
    try:
        threads = [threading.Thread(target=each) for each in (first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(5)
        look = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
        look.start()
        look.join(5)
    finally:
        torch.set_num_threads(before)
    assert later == [3]
