"""Half maps have the correlation and the resolution that relion_postprocess tells of them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import starfile
from scipy import ndimage

from half_maps import PIXEL, halves, particle, write
from napari_drpnet.assessment.local import Sphere, local_resolution
from napari_drpnet.assessment.masking import soft_mask
from napari_drpnet.assessment.shells import MIXED, correlate, without_mask
from napari_drpnet.io.half_maps import read_map
from napari_drpnet.steps import drained

SIDE = 48
SHARP = particle(SIDE, 0.8)
# One side finer than the other, and both weak at high frequencies, as maps are.
CLEAN = np.where(np.arange(SIDE) < SIDE // 2, ndimage.gaussian_filter(SHARP, 2), ndimage.gaussian_filter(SHARP, 0.6))
FIRST, SECOND = halves(CLEAN.astype(np.float32), 0.04)
MASK = soft_mask(FIRST, SECOND, PIXEL).values
UNMASKED = "rlnFourierShellCorrelationUnmaskedMaps"
MASKED = "rlnFourierShellCorrelationMaskedMaps"
RANDOM = "rlnCorrectedFourierShellCorrelationPhaseRandomizedMaskedMaps"
CORRECTED = "rlnFourierShellCorrelationCorrected"

Postprocess = Callable[..., Path]


@pytest.fixture
def postprocess(relion: str, tmp_path: Path) -> Postprocess:
    first = write(tmp_path / "run_half1_class001_unfil.mrc", FIRST)
    write(tmp_path / "run_half2_class001_unfil.mrc", SECOND)
    mask = write(tmp_path / "mask.mrc", MASK)

    def run(seed: int, *more: str) -> Path:
        out = tmp_path / f"post{seed}"
        program = Path(relion).with_name("relion_postprocess")
        given = ["--i", first, "--mask", mask, "--o", out, "--random_seed", str(seed), "--angpix", str(PIXEL)]
        subprocess.run([program, *given, *more], check=True, capture_output=True, timeout=120)
        return out

    return run


def table(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = starfile.read(out.with_suffix(".star"), always_dict=True)
    return found


def test_correlations_and_resolution_are_those_of_relion(postprocess: Postprocess) -> None:
    seeds = (1, 2, 3, 4)
    ours = [correlate(FIRST, SECOND, PIXEL, MASK, seed) for seed in seeds]
    theirs = [table(postprocess(seed, "--force_mask")) for seed in seeds]
    shells = theirs[0]["fsc"]
    np.testing.assert_allclose(ours[0].frequency[1:], 1 / shells["rlnAngstromResolution"][1:], rtol=1e-3)
    np.testing.assert_allclose(ours[0].unmasked[1:], shells[UNMASKED][1:], atol=1e-3)
    np.testing.assert_allclose(ours[0].masked[1:], shells[MASKED][1:], atol=1e-3)
    assert ours[0].randomised_from == pytest.approx(theirs[0]["general"]["rlnRandomiseFrom"], rel=1e-4)

    start = round(SIDE * PIXEL / theirs[0]["general"]["rlnRandomiseFrom"])
    beyond = np.arange(SIDE // 2 + 1) >= start + MIXED
    for one in theirs:
        masked, random = (one["fsc"][name].to_numpy(np.float64) for name in (MASKED, RANDOM))
        np.testing.assert_allclose(without_mask(masked, random, beyond)[1:], one["fsc"][CORRECTED][1:], atol=1e-3)

    relion = np.array([one["fsc"][CORRECTED] for one in theirs])
    spread = np.ptp(relion, axis=0).max()
    assert 0 < spread < 0.15
    off = np.abs(np.mean([one.corrected for one in ours], axis=0) - relion.mean(axis=0))[1:].max()
    assert off < spread, "no more than another seed makes of it"
    at = [SIDE * PIXEL / one["general"]["rlnFinalResolution"] for one in theirs]
    assert min(at) - 1.01 <= SIDE * PIXEL / ours[0].shell_resolution() <= max(at) + 1.01


def test_local_resolution_is_that_of_relion(postprocess: Postprocess) -> None:
    sphere = Sphere(step=25, radius=12.5, edge=25, randomised_from=25, worst=50)
    said = {"sampling": sphere.step, "maskrad": sphere.radius, "edgwidth": sphere.edge, "randomize_at": 25}
    options = [text for name, value in said.items() for text in (f"--locres_{name}", str(value))]
    theirs = read_map(Path(f"{postprocess(1, '--locres', *options)}_locres.mrc")).values
    ours = drained(local_resolution(FIRST, SECOND, PIXEL, MASK, sphere)).values
    both = (ours > 0) & (theirs > 0)
    assert both.sum() > 0.95 * (MASK > 0.5).sum()
    # Two seeds of RELION correlate by 0.98, and a shell is 0.9 A wide at 12 A.
    assert np.corrcoef(ours[both], theirs[both])[0, 1] > 0.93
    assert abs(np.median(ours[both] - theirs[both])) < 1
