"""What is averaged of a project with regions, and of a micrograph that is open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_drpnet import jobs
from napari_drpnet.data import Micrograph
from napari_drpnet.errors import UserError
from napari_drpnet.io.ctf import CTF, KnownCTF
from napari_drpnet.labels import labelled
from two_views import DIAMETER, SIDE, picks_at, project_of_views, write_all_views


def test_picks_in_regions_and_background_are_not_averaged(tmp_path: Path) -> None:
    with project_of_views(tmp_path / "p", write_all_views(tmp_path / "m", 2)) as project:
        picks = project.read_picks("v0")
        project.write_picks("v0", labelled(picks, [0, 1], "background"))
        mask = np.zeros((64, 64), bool)
        mask[32:] = True  # the lower half
        project.write_region("v0", mask)
        source = jobs.picked_in_project(project)
        assert source.diameter == DIAMETER
        (_, first), (_, second) = (one.load() for one in source.micrographs)
        assert (first.yx[:, 0] < SIDE / 2).all()
        assert len(first) == (picks.yx[:, 0] < SIDE / 2).sum() - 2
        assert len(second) == 100
        assert [one.name for one in jobs.picked_in_project(project, names=["v1"]).micrographs] == ["v1"]
        project.write_picks("v1", picks.select(np.zeros(0, int)))
        with pytest.raises(UserError, match="v1 has no picks"):
            jobs.picked_in_project(project, names=["v1"])


def test_a_micrograph_that_is_open() -> None:
    picks = picks_at(0, "Micrographs/a.mrc")
    ctf = CTF(15_000, 14_000, 30, 300, 2.7, 0.1)
    micrograph = Micrograph.from_array(np.ones((SIDE, SIDE)), 4.0)
    source = jobs.picked_in_view(lambda: micrograph, labelled(picks, [0], "background"), KnownCTF({"a.mrc": ctf}))
    [one] = source.micrographs
    read, particles = one.load()
    assert read is micrograph
    assert len(particles) == len(picks) - 1
    assert one.ctf == ctf
    assert source.diameter == DIAMETER
    with pytest.raises(UserError, match="no picks to average"):
        jobs.picked_in_view(lambda: micrograph, picks.select(np.zeros(0, int)))
