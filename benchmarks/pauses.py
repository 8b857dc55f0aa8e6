"""How long the window stands still: ``xvfb-run -a -s "-screen 0 1600x1200x24" python benchmarks/pauses.py``.

Each row is something that a person does in a project of 10,000 micrographs and 50,000 picks, and the longest time in
which the window answers nothing, in processor time of its thread: between two looks at what the mouse and the keys do.
The median of several goes; what is done once is measured once. Nobody notices 0.1 s.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("NAPARI_CONFIG", str(Path(tempfile.mkdtemp(prefix="napari-drpnet-")) / "settings.yaml"))

from browse import make_project  # after the settings are nobody's

GOES = 7
AIM = 0.1  # seconds
LIMIT = 600
WRITTEN = 15.0  # seconds after which a thousand edits are on disk
AFTER = 1.0  # seconds after which nothing follows from what was done


def pause(work: Callable[[], Any], ready: Callable[[], bool] = lambda: True) -> float:
    """The longest time without a look at mouse and keys, from the start of ``work`` until it is ready."""
    from qtpy.QtWidgets import QApplication

    start = time.thread_time()
    work()
    longest = time.thread_time() - start
    until, least = time.perf_counter() + LIMIT, time.perf_counter() + AFTER
    while time.perf_counter() < least or not ready():
        if time.perf_counter() > until:
            raise TimeoutError("it takes too long")
        start = time.thread_time()
        QApplication.processEvents()
        longest = max(longest, time.thread_time() - start)
        time.sleep(0.001)
    return longest


def several(work: Callable[[int], Any], ready: Callable[[], bool] = lambda: True) -> float:
    return statistics.median(pause(partial(work, index), ready) for index in range(GOES))


def tell(what: str, seconds: float) -> None:
    print(f"| {what} | {1000 * seconds:.0f} ms | {seconds / AIM:.2f} |", flush=True)


def measure(folder: Path) -> None:
    import napari
    from qtpy.QtCore import Qt

    from napari_drpnet.io.project.project import Project
    from napari_drpnet.widgets.session.session import Session

    viewer = napari.Viewer(show=True)
    viewer.window.resize(1500, 1100)
    made: list[Any] = []
    pause(lambda: None)
    tell("napari's own first image, labels and points", pause(partial(_first_layers, viewer)))
    add = viewer.window.add_plugin_dock_widget
    tell("open the Workspace", pause(lambda: made.append(add("napari-drpnet", "Workspace")[1])))
    (workspace,) = made
    session = Session.of(viewer)
    dock = workspace.tab("Micrographs")
    form = dock.open_form
    tell("open the project", pause(lambda: form.open(folder), lambda: session.project is not None))
    names = session.names
    tell("next micrograph", several(lambda _: session.next()))
    tell("a micrograph far away", several(lambda index: session.go(names[(index + 1) * len(names) // 9])))
    orders = (Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder)
    tell("sort the table", several(lambda index: dock.table.sortByColumn(1, orders[index % 2])))
    tell("filter by name", several(lambda index: dock.name_filter.setText(f"m0{index}")))
    dock.name_filter.setText("")
    tell("label a pick", several(lambda index: session.change(session.current, _labelled(session, index))))
    tell("mark as done", several(lambda index: session.mark_done(names[index + 50], True)))
    tell("undo", several(lambda _: session.undo()))
    for tab in list(workspace.tabs.buttons)[1:]:
        tell(f"{tab}, for the first time", pause(partial(workspace.show_tab, tab)))
        tell(f"{tab}, again", several(lambda index, tab=tab: workspace.show_tab((tab, "Micrographs")[index % 2])))
    gallery = workspace.show_tab("Gallery")
    choose = partial(setattr, gallery.scope, "value", "All micrographs")
    tell("all particles in the Gallery", pause(choose, lambda: len(gallery.catalogue) > 0 and not gallery.job.running))
    gallery.catalogue.select(0, 999)
    written = time.perf_counter() + WRITTEN
    reject = partial(gallery.mark, "background")
    tell("reject 1,000 picks there", pause(reject, lambda: time.perf_counter() > written))
    tell("close the project", pause(session.close, lambda: session.project is None))
    assert Project.open(folder, read_only=True)


def _first_layers(viewer: Any) -> None:
    """What napari loads when it shows its first layers, whoever makes them."""
    units = {"units": ("angstrom", "angstrom"), "axis_labels": ("y", "x")}
    viewer.add_image(np.zeros((64, 64), np.float32), **units)
    viewer.add_labels(np.zeros((64, 64), np.uint8), **units)
    viewer.add_points(np.zeros((1, 2)), **units)
    viewer.layers.clear()


def _labelled(session: Any, index: int) -> Any:
    from napari_drpnet.labels import labelled

    picks = session.picks(session.current)
    return labelled(picks, np.arange(len(picks)) == index % len(picks), "particle")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--micrographs", type=int, default=10_000)
    parser.add_argument("--picks", type=int, default=50_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder), given.micrographs, given.picks)
        print(f"{given.micrographs:,} micrographs, {given.picks:,} picks\n")
        print(f"| | stands still | of {AIM} s |\n| --- | --- | --- |")
        measure(project)
        sys.stdout.flush()
        os._exit(0)  # nothing of the window's end is measured


if __name__ == "__main__":
    main()
