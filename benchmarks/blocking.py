"""How long the window's thread is blocked: ``xvfb-run -a -s "-screen 0 1600x1200x24" python benchmarks/blocking.py``.

One project of 10,000 micrographs with 200 candidates each, kept by a picker, and one of 200 with 250 picks each; both
without pixels. Each row is one thing that a person does: the longest time without an answer of the window, until
all that follows is done, and the time until then. The median of a few repeats.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("NAPARI_CONFIG", str(Path(tempfile.mkdtemp(prefix="napari-drpnet-")) / "settings.yaml"))

SIDE, PIXEL_SIZE, DIAMETER = 1024, 1.5, 60
MANY, CANDIDATES = 10_000, 200
FEW, PICKS, REJECTED = 200, 50_000, 1_000
LIMIT = 900  # seconds
BEAT = 1  # milliseconds


def make_project(folder: Path, count: int, candidates: int) -> Path:
    """A project whose micrographs are links to one small file; a picker kept candidates of all."""
    from napari_drpnet.data import Frame, Picks
    from napari_drpnet.io.mrc import write_mrc
    from napari_drpnet.io.project.candidates import Measured
    from napari_drpnet.io.project.project import Project

    rng = np.random.default_rng(0)
    images = folder / f"micrographs{count}"
    images.mkdir()
    base = write_mrc(rng.standard_normal((SIDE, SIDE)).astype(np.float32), folder / "base.mrc", PIXEL_SIZE)
    for index in range(count):
        (images / f"m{index:05d}.mrc").symlink_to(base)
    project = Project.create(folder / f"project{count}", inputs=(str(images),), diameter=DIAMETER, threshold=0.5)
    for entry in project.micrographs:
        frame = Frame(entry.micrograph, (SIDE, SIDE), PIXEL_SIZE)
        yx = rng.uniform(0, SIDE - 1, (candidates, 2)).round()
        score = np.sort(rng.uniform(0.02, 1, candidates))[::-1].round(4)
        every = Picks(frame, yx, score, np.array(DIAMETER / PIXEL_SIZE), source=np.array("drpnet"))
        project.write_picks(entry.name, every.select(score >= 0.5), "drpnet", Measured(every, 1.0, 1.0, 0.1, 1.0))
    project.close()
    return project.folder


class Beat:
    """Tells how long Qt did not come round."""

    def __init__(self) -> None:
        from qtpy.QtCore import QTimer

        self._timer = QTimer()
        self._timer.setInterval(BEAT)
        self._timer.timeout.connect(self._note)
        self._last = self.longest = 0.0

    def _note(self) -> None:
        now = time.perf_counter()
        self.longest, self._last = max(self.longest, now - self._last), now

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count from here on."""
        self._last, self.longest = time.perf_counter(), 0.0
        self._timer.start()
        yield
        self._note()
        self._timer.stop()


def settle(seconds: float, ready: Callable[[], bool] = lambda: True) -> None:
    """Let Qt work for a while, and until something is so."""
    from qtpy.QtWidgets import QApplication

    start = time.perf_counter()
    while time.perf_counter() - start < seconds or not ready():
        QApplication.processEvents()
        time.sleep(0.0005)  # a window that waits leaves the processor to others
        if time.perf_counter() - start > LIMIT:
            raise TimeoutError("it takes too long")


def measured(beat: Beat, work: Callable[[int], Any], ready: Callable[[], bool], repeats: int) -> tuple[float, float]:
    """Longest block and time until all is done, in seconds: medians."""
    blocks, times = [], []
    for index in range(repeats):
        settle(0.5)
        start = time.perf_counter()
        with beat.counting():
            work(index)
            settle(0.0, ready)
            times.append(time.perf_counter() - start)
            settle(0.6, ready)  # what is saved a moment later
        blocks.append(beat.longest)
    return statistics.median(blocks), statistics.median(times)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--many", type=int, default=MANY)
    parser.add_argument("--repeats", type=int, default=3)
    told = parser.parse_args()
    import napari
    from qtpy.QtCore import Qt

    from napari_drpnet.io.project.project import Project
    from napari_drpnet.widgets.session.session import Session

    orders = (Qt.SortOrder.DescendingOrder, Qt.SortOrder.AscendingOrder)
    rows: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        many, few = make_project(folder, told.many, CANDIDATES), make_project(folder, FEW, PICKS // FEW * 2)
        viewer, beat = napari.Viewer(show=True), Beat()
        viewer.window.resize(1500, 1100)
        session = Session.of(viewer)

        session.open(Project.open(many))
        _, table = viewer.window.add_plugin_dock_widget("napari-drpnet", "Micrographs")
        _, pick = viewer.window.add_plugin_dock_widget("napari-drpnet", "Pick")
        settle(2.0)
        start = time.perf_counter()
        for at in range(1000):
            session.project.total(at / 1000)
        rows["total at a threshold"] = ((time.perf_counter() - start) / 1000,) * 2

        def slide(index: int) -> None:
            pick.threshold.value = 0.3 + 0.1 * index

        def idle() -> bool:
            return not pick._keeping.isActive() and not session.threshold._look.isActive()

        rows["slider moved, all micrographs brought there"] = measured(beat, slide, idle, 1)
        rows["sort the table by picks"] = measured(
            beat, lambda index: table.model.sort(1, orders[index % 2]), lambda: True, told.repeats
        )
        viewer.window.remove_dock_widget("all")
        session.close()

        session.open(Project.open(few))
        _, gallery = viewer.window.add_plugin_dock_widget("napari-drpnet", "Gallery")
        from napari_drpnet.widgets.gallery.form import EVERYWHERE

        settle(1.0)
        gallery.scope.value = EVERYWHERE
        settle(1.0, lambda: not gallery.job.running)
        gallery.order.value = "score"
        settle(1.0)

        def reject(index: int) -> None:
            gallery.catalogue.select(index * REJECTED, (index + 1) * REJECTED - 1)
            gallery.mark("background")

        rows[f"reject {REJECTED:,} picks over {FEW} micrographs"] = measured(
            beat, reject, lambda: not session._autosave._waiting, told.repeats
        )
        session.close()
        viewer.close()
    print("| | blocked at most | until all is done |\n| --- | --- | --- |")
    for name, (block, whole) in rows.items():
        print(f"| {name} | {1e3 * block:.3g} ms | {whole:.3g} s |")


if __name__ == "__main__":
    main()
