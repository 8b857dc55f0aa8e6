"""The sample that a threshold is measured on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from discs import write_discs
from napari_drpnet.io import read_micrograph
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.jobs.bench import Bench
from napari_drpnet.pickers import load_picker
from napari_drpnet.steps import drained


def test_a_first_micrograph_without_any_candidate_is_part_of_the_sample(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).normal(1, 0.01, (160, 200)).astype(np.float32)
    files = write_mrc(grey, tmp_path / "a.mrc", 2.0), write_discs(tmp_path / "b.mrc")
    picker = load_picker("dark-discs", diameter=40)
    with Bench(picker) as bench:
        maps = []
        for number, micrograph in enumerate(map(read_micrograph, files)):
            maps.append(picker.score(micrograph))
            bench.add(number, micrograph, maps[-1])
        judgement = drained(bench.decide())
        empty, discs = (len(one.candidates.yx) for one in maps)
        assert empty == 0 < discs
        assert len(bench.measured(1, judgement, maps[1]).candidates.yx) == discs
