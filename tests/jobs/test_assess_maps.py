"""From half maps on disk to curves, a mask and local resolution on disk."""

from __future__ import annotations

import csv
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from half_maps import PIXEL, halves, particle, write
from napari_drpnet.errors import UserError
from napari_drpnet.io.half_maps import read_map
from napari_drpnet.jobs.assess_maps import assess_half_maps, resolution_in_words, write_map_assessment
from napari_drpnet.settings import HalfMapSettings
from napari_drpnet.steps import Progress, drive, finish

CLEAN = particle(40, 1.0)
QUICK = HalfMapSettings(local_step=18, local_radius=9, local_edge=9)


@pytest.fixture
def pair(tmp_path: Path) -> list[Path]:
    return [write(tmp_path / f"run_half{i}_unfil.mrc", half) for i, half in enumerate(halves(CLEAN, 0.1), 1)]


def test_half_maps_become_curves_a_mask_and_local_resolution(pair: list[Path], tmp_path: Path) -> None:
    steps: list[Progress] = []
    found = drive(assess_half_maps([pair[1]], QUICK), steps.append)
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert steps[-1].done == steps[-1].total == 3
    assert any(0 < step.fraction < 1 for step in steps)
    written = write_map_assessment(found, tmp_path / "out")
    assert [path.name for path in written] == ["fsc.csv", "mask.mrc", "local_resolution.mrc"]
    with written[0].open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 21
    assert float(rows[-1]["frequency"]) == pytest.approx(1 / 6, rel=1e-4)
    assert float(rows[9]["corrected"]) == pytest.approx(found.correlation.best[9], abs=1e-5)
    assert found.local is not None
    back = read_map(written[2])
    np.testing.assert_array_equal(back.values, found.local.values)
    assert back.pixel_size == pytest.approx(3.0)
    with mrcfile.open(written[1]) as mask:
        assert mask.is_volume()
    assert "within the mask" in resolution_in_words(found)
    assert f"{found.correlation.resolution():.2f} A" in resolution_in_words(found)


def test_a_mask_that_is_given_is_used_and_none_can_be_done_without(pair: list[Path], tmp_path: Path) -> None:
    mask = write(tmp_path / "mask.mrc", np.clip(CLEAN / np.quantile(CLEAN, 0.95), 0, 1))
    given = finish(assess_half_maps(pair, HalfMapSettings(mask=mask, local=False)))
    without = finish(assess_half_maps(pair, HalfMapSettings(make_mask=False, local=False)))
    assert given.mask is not None
    assert given.level is None
    assert without.correlation.masked is None
    assert given.correlation.resolution() <= without.correlation.resolution()
    assert "without a mask" in resolution_in_words(without)
    for one in (given, without):
        assert [path.name for path in write_map_assessment(one, tmp_path / "out")] == ["fsc.csv"]


def test_halves_of_nothing_do_not_agree(tmp_path: Path) -> None:
    noise = halves(np.zeros_like(CLEAN), 1.0)
    paths = [write(tmp_path / f"a_half{i}.mrc", half) for i, half in enumerate(noise, 1)]
    found = finish(assess_half_maps(paths, HalfMapSettings(make_mask=False, local=False)))
    assert resolution_in_words(found).startswith("The half maps do not agree at any resolution")


def test_a_mask_that_makes_maps_agree_is_told(tmp_path: Path, pair: list[Path]) -> None:
    inside = np.sqrt(((np.indices(CLEAN.shape) - 20) ** 2).sum(axis=0)) < 3
    mask = write(tmp_path / "tight.mrc", inside.astype(np.float32))
    found = finish(assess_half_maps(pair, HalfMapSettings(mask=mask, local=False)))
    assert found.notes[0].startswith("tight.mrc has a hard edge")
    assert "too tight" in found.notes[1]


def test_halves_that_agree_everywhere_are_doubted(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"a_half{i}.mrc", CLEAN * i + np.float32(0.01 * i)) for i in (1, 2)]
    (note,) = finish(assess_half_maps(paths, HalfMapSettings(local=False))).notes
    assert "agree by more than 0.99" in note
    nearly = halves(CLEAN, 0.002)
    paths = [write(tmp_path / f"b_half{i}.mrc", half) for i, half in enumerate(nearly, 1)]
    notes = finish(assess_half_maps(paths, HalfMapSettings(local=False))).notes
    assert any(f"as far as their pixels go, {2 * PIXEL:.2f} A" in note for note in notes)


def test_where_there_is_no_local_resolution_there_is_the_correlation(tmp_path: Path, pair: list[Path]) -> None:
    corner = np.zeros_like(CLEAN)
    corner[:3, :3, :3] = 1
    mask = write(tmp_path / "corner.mrc", corner)
    found = finish(assess_half_maps(pair, HalfMapSettings(mask=mask, local_radius=6, local_edge=6)))
    assert found.local is None
    assert "finds no place in the mask" in found.problems[0]
    assert found.correlation.masked is not None


def test_a_mask_of_another_size_is_refused(tmp_path: Path, pair: list[Path]) -> None:
    small = write(tmp_path / "small.mrc", CLEAN[:20, :20, :20])
    with pytest.raises(UserError, match=r"small\.mrc is 20 x 20 x 20 px, the half maps 40 x 40 x 40"):
        finish(assess_half_maps(pair, HalfMapSettings(mask=small)))


def test_the_same_map_twice_is_refused(tmp_path: Path, pair: list[Path]) -> None:
    copy = tmp_path / "b.mrc"
    copy.write_bytes(pair[0].read_bytes())
    with pytest.raises(UserError, match="Both half maps are the same"):
        finish(assess_half_maps([pair[0], copy], QUICK))
