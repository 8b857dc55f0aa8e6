"""A real window in a process of its own: picks are edited by hand, their layer is deleted, and Run is pressed again."""

from __future__ import annotations

import os
import sys

import napari
from qtpy.QtTest import QTest

from blobs import DIAMETER, PIXEL_SIZE, grid_of_blobs, write_mrc
from napari_drpnet.pickers import register

FRAME = 10  # milliseconds that a window has to draw itself
LIMIT = 6000  # times that


def wait(frames: int = 10) -> None:
    for _ in range(frames):
        QTest.qWait(FRAME)


def run(form: object) -> None:
    form.job.button.native.click()
    for _ in range(LIMIT):
        wait(1)
        if not form.job.running:
            return wait()
    raise AssertionError("the run did not end")


register("dark-discs", "discs:DarkDiscs")
viewer = napari.Viewer(show=True)
viewer.open(str(write_mrc(sys.argv[1], grid_of_blobs()[0], PIXEL_SIZE)), plugin="napari-drpnet")
_, form = viewer.window.add_plugin_dock_widget("napari-drpnet", "Pick")
form.picker.value, form.diameter.value = "dark-discs", DIAMETER
run(form)
picks = form.result.layer
picks.mode = "select"
picks.selected_data = {0, 1}
wait(3)
picks.remove_selected()
picks.selected_data = {2}
wait(3)
viewer.layers.remove(picks)
wait()
run(form)
print(f"{len(form.result.shown)} picks")
sys.stdout.flush()
os._exit(0)  # how a window ends is not what is tested
