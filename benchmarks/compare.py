"""The threshold slider of the Compare dock: ``xvfb-run -a -s "-screen 0 1600x1200x24" python benchmarks/compare.py``.

50,000 picks in five layers on a micrograph of 4096 x 4096, the slider moving all five thresholds together, in a real
window. Beside it the plain way in the same run: filter the picks, and fill each layer with data, table, sizes and
colours as when it is made. *answered* is the time until all layers hold their new picks and the curves their marks;
*drawn* is until the window shows it as well; *drawing alone* is the same window drawn again with nothing changed, which
is the graphics card's share: without one (Xvfb draws on the CPU) it hides everything else. *numbers* is the time from
the slider's rest until table, agreement and curves are new, in a thread beside the window. Medians.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

os.environ.setdefault("NAPARI_CONFIG", str(Path(tempfile.mkdtemp(prefix="napari-drpnet-")) / "settings.yaml"))

SIDE, PIXEL_SIZE, DIAMETER = 4096, 1.5, 40.0
SETS, PICKS = 5, 50_000
REPEATS = 9
LIMIT = 600  # seconds
WINDOW = (1500, 1100)
SHIFT = 4.0  # pixels by which the sets differ


class Figures(NamedTuple):
    """Seconds until it has answered, that its thread computed for the answer, and until it is drawn."""

    answered: float
    computed: float
    drawn: float


def make_sets(count: int) -> list[Any]:
    """Sets that share two thirds of their places, with random scores."""
    from napari_drpnet.data import Frame, Picks

    rng = np.random.default_rng(0)
    frame = Frame("random", (SIDE, SIDE), PIXEL_SIZE)
    places = rng.uniform(0, SIDE - 1, (count * 3 // 2, 2))
    sets = []
    for _ in range(SETS):
        yx = places[rng.permutation(len(places))[:count]] + rng.normal(0, SHIFT, (count, 2))
        picks = Picks(frame, np.clip(yx, 0, SIDE - 1), rng.uniform(0, 1, count), np.array(DIAMETER / PIXEL_SIZE))
        sets.append(picks.select(np.argsort(-picks.score)))
    return sets


def open_viewer() -> Any:
    import napari

    from napari_drpnet.data import Frame
    from napari_drpnet.layers import image_layer

    viewer = napari.Viewer(show=True)
    viewer.window.resize(*WINDOW)
    noise = np.random.default_rng(1).standard_normal((SIDE, SIDE), np.float32)
    data, attributes, _ = image_layer(noise, Frame("random", (SIDE, SIDE), PIXEL_SIZE))
    viewer.add_image(data, **attributes)
    return viewer


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


def timed(work: Callable[[float], Any], then: Callable[[], Any] = lambda: None) -> Figures:
    """Medians over some moves of the slider; ``then`` is not counted."""
    answered, computed, drawn = [], [], []
    for index in range(REPEATS):
        start, used = time.perf_counter(), time.thread_time()
        work((0.35, 0.65, 0.5)[index % 3])
        answered.append(time.perf_counter() - start)
        computed.append(time.thread_time() - used)
        settle()
        drawn.append(time.perf_counter() - start)
        then()
    return Figures(*(statistics.median(times) for times in (answered, computed, drawn)))


def slider(viewer: Any, sets: list[Any]) -> tuple[Figures, Figures, float, float]:
    """The Compare dock with all sets in it, the first of them the truth.

    Figures of all thresholds and of one, seconds of drawing alone, and seconds until the numbers are new.
    """
    from napari_drpnet.layers import points_layer

    _, form = viewer.window.add_plugin_dock_widget("napari-drpnet", "Compare")
    form.diameter.value = DIAMETER
    for number, picks in enumerate(sets):
        data, attributes, _ = points_layer(picks, name=f"set {number + 1}")
        form.add_points(viewer.add_points(data, **attributes))
    form.together.value = True

    def rested() -> None:
        settle(lambda: not form.busy)

    rested()
    form.truth.value = "set 1"
    rested()
    waits = []

    def move(threshold: float) -> None:
        form.threshold.value = threshold
        form.model._rest.stop()  # the slider is still held: drawing must not wait for the numbers

    def numbers() -> None:
        form.model._rest.start()
        start = time.perf_counter()
        rested()
        waits.append(time.perf_counter() - start)

    together, until = timed(move, numbers), statistics.median(waits)
    form.together.value = False
    one = timed(move, numbers)
    drawing = timed(lambda _: viewer.layers[-1].refresh()).drawn
    viewer.window.remove_dock_widget("all")
    settle()
    return together, one, drawing, until


def plain(viewer: Any, sets: list[Any]) -> Figures:
    """Each layer filled anew, as it was made."""
    from napari_drpnet.layers import points_layer, swap_points

    layers = []
    for number, picks in enumerate(sets):
        data, attributes, _ = points_layer(picks, name=f"plain {number + 1}")
        layers.append(viewer.add_points(data, **attributes))
    settle()

    def move(threshold: float) -> None:
        for layer, picks in zip(layers, sets, strict=True):
            swap_points(layer, picks.select(picks.score >= threshold))

    return timed(move)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picks", type=int, default=PICKS, help="in all five layers together")
    given = parser.parse_args()
    sets = make_sets(given.picks // SETS)
    viewer = open_viewer()
    ours, one, drawing, numbers = slider(viewer, sets)
    for layer in list(viewer.layers)[1:]:
        layer.visible = False
    theirs = plain(viewer, sets)
    print(f"{given.picks:,} picks in {SETS} layers, the slider moving all of them.\n")
    print("| | Compare dock | plain | ratio |\n| --- | --- | --- | --- |")
    rows = ("answered", "answered, computing", "drawn")
    for name, mine, other in zip(rows, ours, theirs, strict=True):
        print(f"| {name} | {ms(mine)} | {ms(other)} | {other / mine:.1f} |")
    for name, value in (
        ("drawing alone", drawing),
        ("one of the layers, answered", one.answered),
        ("one of the layers, computing", one.computed),
        ("numbers", numbers),
    ):
        print(f"| {name} | {ms(value)} | | |", flush=True)
    os._exit(0)  # nothing of the window's end is measured


def ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"


if __name__ == "__main__":
    main()
