"""Edits of a project in an order that can be repeated: run as a program, it makes them until it is killed."""

from __future__ import annotations

import numpy as np

from napari_drpnet.data import Frame, Picks
from napari_drpnet.io import Project
from napari_drpnet.labels import added, labelled, moved, removed

NAMES = "abc"


def start() -> dict[str, Picks]:
    """What is shown of each micrograph before the first edit."""
    frame = Frame("x", (160, 200), 2.0)
    found = Picks(frame, [[100, 10], [100, 30], [50, 70]], score=[0.5, 0.6, 0.7], source="drpnet")
    return dict.fromkeys(NAMES, found)


def edited(picks: Picks, number: int) -> Picks:
    """The picks after an edit: a label more, and at times a pick removed, moved or confirmed."""
    picks = added(picks, [[number % 160, number // 160 + 0.25]])
    if number % 5 == 0:
        picks = removed(picks, [number % len(picks)])
    if number % 7 == 0:
        picks = moved(picks, [0], [[number % 150, 5.125]])
    if number % 11 == 0:
        picks = labelled(picks, [number % len(picks)], "background")
    return picks


def main() -> None:
    """Edit until killed; a line tells each edit that is written."""
    project, shown = Project.open("p"), start()
    for number in range(10**6):
        name = NAMES[number % 3]
        shown[name] = edited(shown[name], number)
        if number % 13 == 0:
            project.write_region(name, np.random.default_rng(number).random((4, 5)) < 0.2)
        project.write_picks(name, shown[name])
        project.update(current=name, threshold=number / 10**6)
        print(number, flush=True)


if __name__ == "__main__":
    main()
