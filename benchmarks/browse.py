"""Looking through a data set: ``xvfb-run -a -s "-screen 0 1600x1200x24" python benchmarks/browse.py``.

Three tables. The gallery at 50,000 picks, on 200 micrographs and on 10,000, beside a plain loop that makes all
thumbnails (of 200 micrographs) for Qt's own list of icons. The micrographs dock at 10,000 micrographs, beside
napari's own layer list with one image layer a micrograph, which is measured at fewer: its figures grow with them.
Memory is what the process takes at its peak, less its peak before: with an empty viewer, and for the gallery with the
project open.

The micrographs are links to four files of 4096 x 4096 float16 in memory, so disks are left out; of a real data set
each new micrograph adds the time to read it. Every row is a process of its own; figures are medians.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("NAPARI_CONFIG", str(Path(tempfile.mkdtemp(prefix="napari-drpnet-")) / "settings.yaml"))

SIDE, PIXEL_SIZE, DIAMETER, FILES = 4096, 1.5, 160, 4
PICKS, FEW, MANY = 50_000, 200, 10_000
REPEATS = 15
LIMIT = 600  # seconds
WINDOW = (1500, 1100)

Figures = dict[str, float]


# ---------------------------------------------------------------- the data set


def make_project(folder: Path, count: int, picks: int) -> Path:
    """A project of ``count`` micrographs with ``picks`` particles in all, at random places with random scores."""
    import mrcfile

    from napari_drpnet.data import Frame, Picks
    from napari_drpnet.io.project.project import Project

    rng = np.random.default_rng(0)
    files = [folder / f"base{index}.mrc" for index in range(FILES)]
    for file in files:
        if not file.exists():
            with mrcfile.new(file) as made:
                made.set_data(rng.standard_normal((SIDE, SIDE), np.float32).astype(np.float16))
                made.voxel_size = PIXEL_SIZE
    images = folder / f"micrographs{count}"
    images.mkdir()
    for index in range(count):
        (images / f"m{index:05d}.mrc").symlink_to(files[index % FILES])
    project = Project.create(folder / f"project{count}", inputs=(str(images),), diameter=DIAMETER)
    for entry in project.micrographs:
        frame = Frame(entry.path.name, (SIDE, SIDE), PIXEL_SIZE)
        yx = rng.uniform(0, SIDE - 1, (picks // count, 2)).round()
        score = rng.uniform(0, 1, len(yx)).round(4)
        project.write_picks(entry.name, Picks(frame, yx, score=score, source=np.array("drpnet")))
    project.close()
    return project.folder


# ---------------------------------------------------------------- the measure


def settle(ready: Callable[[], bool] = lambda: True) -> None:
    """Let Qt work until something is so, and what is drawn is drawn."""
    from qtpy.QtWidgets import QApplication

    until = time.perf_counter() + LIMIT
    QApplication.processEvents()
    while not ready():
        if time.perf_counter() > until:
            raise TimeoutError("it takes too long")
        time.sleep(0.001)
        QApplication.processEvents()
    QApplication.processEvents()


def seconds(work: Callable[[], Any], ready: Callable[[], bool] = lambda: True) -> float:
    start = time.perf_counter()
    work()
    settle(ready)
    return time.perf_counter() - start


def median(work: Callable[[int], Any], ready: Callable[[], bool] = lambda: True, pause: float = 0.0) -> float:
    """Median time; ``pause`` is how long a person looks before the next."""
    times = []
    for index in range(REPEATS):
        times.append(seconds(partial(work, index), ready))
        until = time.perf_counter() + pause
        settle(lambda until=until: time.perf_counter() >= until)
    return statistics.median(times)


def viewer() -> Any:
    import napari

    opened = napari.Viewer(show=True)
    opened.window.resize(*WINDOW)
    settle()
    return opened


# ---------------------------------------------------------------- who is measured


def gallery(folder: Path) -> Figures:
    """The gallery on all micrographs of a project."""
    from napari_drpnet.io.project.project import Project
    from napari_drpnet.widgets.gallery.form import EVERYWHERE
    from napari_drpnet.widgets.session.session import Session

    shown = viewer()
    session = Session.of(shown)
    session.open(Project.open(folder))
    until = time.perf_counter() + 2
    settle(lambda: time.perf_counter() > until)  # the next micrograph is read ahead
    before = peak()
    dock, form = shown.window.add_plugin_dock_widget("napari-drpnet", "Gallery")
    dock.setFloating(True)
    dock.resize(700, 1000)
    settle()
    grid, catalogue, thumbnails = form.grid, form.catalogue, form.thumbnails
    bar = grid.verticalScrollBar()

    def drawn() -> bool:
        keys = [catalogue.key(int(catalogue.shown[at])) for at in grid.in_sight]
        return bool(keys) and all(thumbnails.get(key) is not None for key in keys)

    figures = {}
    start = time.perf_counter()
    form.scope.value = EVERYWHERE
    settle(drawn)
    figures["first screen"] = time.perf_counter() - start
    settle(lambda: not form.job.running)
    figures["all read"] = time.perf_counter() - start
    figures["particles"] = len(catalogue)
    figures["on a screen"] = len(grid.in_sight)
    far = bar.maximum() // 2
    figures["scroll a page, drawn"] = median(lambda i: bar.setValue(bar.value() + bar.pageStep()))
    settle(lambda: thumbnails.idle)
    figures["scroll a page, read ahead"] = median(lambda i: bar.setValue(bar.value() + bar.pageStep()), drawn, pause=1)
    figures["jump, all thumbnails"] = median(lambda i: bar.setValue(far + 40 * i * bar.pageStep() // 3), drawn)
    orders = ("uncertainty", "score", "micrograph")
    figures["sort"] = median(lambda i: setattr(form.order, "value", orders[i % 3]))
    figures["size"] = median(lambda i: setattr(form.size, "value", 70 + i))
    settle(lambda: thumbnails.idle)

    def reject(index: int) -> None:
        catalogue.select(grid.first + index, grid.first + index)
        form.mark("background")

    figures["reject one"] = median(reject)
    catalogue.select(0, PICKS // 50 - 1)
    figures["reject 1,000"] = seconds(lambda: form.mark("background"))
    figures["memory"] = peak() - before
    session.close()
    return figures


def plain_gallery(folder: Path) -> Figures:
    """A loop that makes all thumbnails, in Qt's own list of icons."""
    from qtpy.QtCore import QSize
    from qtpy.QtGui import QIcon, QImage, QPixmap
    from qtpy.QtWidgets import QListView, QListWidget, QListWidgetItem

    from napari_drpnet.drawing.cutouts import contrast, cut, grey
    from napari_drpnet.io import read_micrograph
    from napari_drpnet.io.project.project import Project

    viewer()
    before = peak()
    project = Project.open(folder)
    start = time.perf_counter()
    view = QListWidget()
    view.setViewMode(QListView.ViewMode.IconMode)
    view.setResizeMode(QListView.ResizeMode.Adjust)
    view.setUniformItemSizes(True)
    view.setIconSize(QSize(84, 84))
    for entry in project.micrographs:
        image = read_micrograph(entry.path).image
        picks = project.read_picks(entry.name)
        pixels = grey(cut(image, picks.yx, DIAMETER / PIXEL_SIZE), contrast(image, DIAMETER / PIXEL_SIZE))
        for thumbnail, score in zip(pixels, picks.score, strict=True):
            picture = QImage(thumbnail.tobytes(), 64, 64, 64, QImage.Format.Format_Grayscale8)
            view.addItem(QListWidgetItem(QIcon(QPixmap.fromImage(picture)), f"{score:.2f}"))
    view.resize(700, 1000)
    view.show()
    settle()
    figures = {"first screen": time.perf_counter() - start, "particles": view.count()}
    figures["all read"] = figures["first screen"]
    bar = view.verticalScrollBar()
    page = median(lambda i: bar.setValue(bar.value() + bar.pageStep()))
    figures |= {"scroll a page, drawn": page, "scroll a page, read ahead": page}
    figures["jump, all thumbnails"] = median(lambda i: bar.setValue(bar.maximum() // (i + 2)))
    figures["sort"] = median(lambda i: view.sortItems() if i % 2 else view.model().sort(0))
    figures["size"] = median(lambda i: view.setIconSize(QSize(70 + i, 70 + i)))
    figures["memory"] = peak() - before
    return figures


def navigator(folder: Path) -> Figures:
    """The micrographs dock, from the start to the last micrograph."""
    from qtpy.QtCore import Qt

    from napari_drpnet.io.project.project import Project
    from napari_drpnet.widgets.session.session import Session

    shown = viewer()
    before = peak()
    _, form = shown.window.add_plugin_dock_widget("napari-drpnet", "Micrographs")
    settle()
    session, table = Session.of(shown), form.table
    figures = {"open": seconds(lambda: session.open(Project.open(folder)))}
    figures["micrographs"] = table.model().rowCount()
    figures["step, read ahead"] = median(lambda i: session.next(), pause=1)
    figures["step, not read yet"] = median(lambda i: session.go(session.names[(i + 1) * 500]))
    bar = table.verticalScrollBar()
    figures["scroll a page"] = median(lambda i: bar.setValue(bar.value() + bar.pageStep()))
    orders = (Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder)
    figures["sort"] = median(lambda i: table.sortByColumn(1, orders[i % 2]))
    figures["memory"] = peak() - before
    session.close()
    return figures


def layer_list(folder: Path, count: int) -> Figures:
    """One image and one points layer for each micrograph in napari's own list, shown one after the other."""
    from napari_drpnet.io.project.project import Project

    project = Project.open(folder)
    paths = [(str(entry.path), project.read_picks(entry.name)) for entry in project.micrographs[:count]]
    shown = viewer()
    before = peak()

    def show_all() -> None:
        for path, picks in paths:
            shown.open(path, plugin="napari-drpnet", visible=False)
            shown.add_points(picks.yx, visible=False, scale=(PIXEL_SIZE,) * 2)

    figures = {"open": seconds(show_all), "micrographs": count}

    def step(index: int) -> None:
        for layer in shown.layers[2 * index : 2 * index + 2]:
            layer.visible = False
        for layer in shown.layers[2 * index + 2 : 2 * index + 4]:
            layer.visible = True

    figures["step, read ahead"] = figures["step, not read yet"] = median(step)
    bar = shown.window._qt_viewer.layers.verticalScrollBar()
    figures["scroll a page"] = median(lambda i: bar.setValue(bar.value() + bar.pageStep()))
    figures["memory"] = peak() - before
    return figures


def peak() -> float:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


WHO: dict[str, Callable[..., Figures]] = {
    "gallery": gallery,
    "plain": plain_gallery,
    "navigator": navigator,
    "layers": layer_list,
}


# ---------------------------------------------------------------- the tables


def measured(who: str, *args: object) -> Figures:
    """The figures of one, from a process of its own."""
    command = [sys.executable, __file__, "--one", who, *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{who}: {done.stderr[-2000:]}")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def written(key: str, value: float | None) -> str:
    if value is None:
        return "-"
    if key == "memory":
        return f"{value:.0f} MB"
    return f"{value:.1f} s" if value >= 1 else f"{1000 * value:.0f} ms" if value >= 0.01 else f"{1000 * value:.1f} ms"


def table(head: list[str], columns: list[Figures], keys: list[str], versus: tuple[int, int]) -> None:
    """Rows of what was measured; the last column is how many times one column is another."""
    print(f"\n| | {' | '.join(head)} | ratio |\n|{' --- |' * (len(head) + 2)}")
    for key in keys:
        values = [column.get(key) for column in columns]
        ours, theirs = values[versus[0]], values[versus[1]]
        ratio = f"{theirs / ours:.3g}" if ours and theirs else "-"
        print(f"| {key} | {' | '.join(written(key, value) for value in values)} | {ratio} |", flush=True)


def compare(folder: Path, few: int, many: int, picks: int, layers: int) -> None:
    small, large = make_project(folder, few, picks), make_project(folder, many, picks)
    ours, plain, wide = measured("gallery", small), measured("plain", small), measured("gallery", large)
    head = [f"gallery, {few:,} micrographs", "plain loop, as many", f"gallery, {many:,} micrographs"]
    keys = [key for key in ours if key not in ("particles", "on a screen")]
    print(
        f"Gallery at {ours['particles']:,} particles, {ours['on a screen']} on a screen. Ratio: plain loop to gallery."
    )
    table(head, [ours, plain, wide], keys, (0, 1))
    dock = measured("navigator", large)
    some, more = (measured("layers", large, count) for count in (layers // 2, layers))
    head = [f"Micrographs dock, {many:,}", f"layer list, {layers // 2}", f"layer list, {layers}"]
    print(f"\nMicrographs. Ratio: layer list of {layers} to the dock.")
    table(head, [dock, some, more], [key for key in dock if key != "micrographs"], (0, 2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--one", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--few", type=int, default=FEW, help="micrographs of the smaller data set")
    parser.add_argument("--many", type=int, default=MANY, help="micrographs of the larger one")
    parser.add_argument("--picks", type=int, default=PICKS, help="particles in each")
    parser.add_argument("--layers", type=int, default=40, help="micrographs in the layer list")
    given = parser.parse_args()
    if given.one:
        who, *args = given.one
        arguments: list[Any] = [int(arg) if arg.isdecimal() else Path(arg) for arg in args]
        print(json.dumps(WHO[who](*arguments)), flush=True)
        os._exit(0)  # nothing of the window's end is measured
    with tempfile.TemporaryDirectory() as folder:
        compare(Path(folder), given.few, given.many, given.picks, given.layers)


if __name__ == "__main__":
    main()
