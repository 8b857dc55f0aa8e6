"""Images with nothing to pick: what the default threshold gives each alone, and in a run that has particles, too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from contenders import Ours, ready
from measures import PART_OF_SIDE, Sample, longer_side
from napari_drpnet import Micrograph, Picks
from napari_drpnet.jobs import judge_one
from napari_drpnet.jobs.bench import Bench
from napari_drpnet.jobs.picking import judged
from napari_drpnet.steps import drained


def alone(contender: Ours, samples: Sequence[Sample]) -> list[Picks]:
    """The picks of each image as a data set of its own."""
    found = []
    for sample in samples:
        picker = ready(contender, sample.diameter, 0.0, [sample.micrograph])
        judgement, score_map = drained(judge_one(picker, sample.micrograph, picker.score(sample.micrograph)))
        found.append(judged(picker, judgement, score_map).picks)
    return found


def beside(contender: Ours, samples: Sequence[Sample], others: Sequence[Sample]) -> list[Picks]:
    """The picks of the images in one run with micrographs of a protein, brought to a scale where it is as large."""
    diameter = others[0].diameter
    micrographs = [*(_scaled(sample.micrograph, diameter) for sample in samples), *(one.micrograph for one in others)]
    picker = ready(contender, diameter, 0.0, micrographs)
    maps = [picker.score(micrograph) for micrograph in micrographs]
    with Bench(picker) as bench:
        for number, (micrograph, score_map) in enumerate(zip(micrographs, maps, strict=True)):
            bench.add(number, micrograph, score_map)
        judgement = drained(bench.decide())
        measured = [bench.measured(number, judgement, maps[number]) for number in range(len(samples))]
    return [judged(picker, judgement, score_map).picks for score_map in measured]


def _scaled(micrograph: Micrograph, diameter: float) -> Micrograph:
    """With a pixel size such that a particle of ``diameter`` Angstrom is as large as on the image alone."""
    pixels = PART_OF_SIDE * longer_side(micrograph) / micrograph.frame.known_pixel_size()
    return replace(micrograph, frame=replace(micrograph.frame, pixel_size=diameter / pixels))
