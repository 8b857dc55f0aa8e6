"""Angles, point groups and curves mean what RELION means by them: its programs project, reconstruct and judge."""

import re
import subprocess
from pathlib import Path

import mrcfile
import numpy as np
import psutil
import pytest

import half_maps
from napari_drpnet.assessment.orientations import point_group
from napari_drpnet.assessment.shells import correlate
from napari_drpnet.errors import UserError
from napari_drpnet.io.postprocessing import read_postprocessing
from napari_drpnet.jobs import b_factor_of_files, measure_growth
from napari_drpnet.settings import GrowthSettings, HalfMapSettings
from napari_drpnet.simulation.orientations import rotation
from napari_drpnet.simulation.projection import project
from napari_drpnet.simulation.structures import Volume
from napari_drpnet.steps import finish
from refined import PIXEL, any_angles, images, star_31, volume, write_map, write_stack

ORDERS = {
    "C1": 1,
    "C4": 4,
    "c7": 7,
    "D2": 4,
    "D7": 14,
    "T": 12,
    "O": 24,
    "I": 60,
    "I1": 60,
    "I2": 60,
    "I3": 60,
    "I4": 60,
}


def run(folder: Path, *call: str) -> str:
    done = subprocess.run(call, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-500:]
    return done.stdout


@pytest.mark.parametrize("name", ORDERS)
def test_axes_are_where_relion_has_them(name: str, relion: str, tmp_path: Path):
    told = run(tmp_path, "relion_refine", "--sym", name, "--print_symmetry_ops")
    rows = re.findall(r"^\s*([-+.\de]+)\s+([-+.\de]+)\s+([-+.\de]+)\s*$", told, re.MULTILINE)
    theirs = np.array(rows, float).reshape(-1, 9)
    gaps = np.abs(theirs[:, None] - point_group(name).as_matrix().reshape(1, -1, 9)).max(axis=2)
    assert len(theirs) == ORDERS[name]
    assert gaps.min(axis=1).max() < 1e-5


@pytest.fixture(scope="module")
def refined(relion: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with 1,600 particles of known angles and B-factor, and RELION's half maps of them."""
    folder = tmp_path_factory.mktemp("project")
    angles = any_angles(1600)
    write_stack(images(angles, 32, 150, 0.7), folder / "stack.mrcs")
    (folder / "run_data.star").write_text(star_31(angles))
    for half in "12":
        name = f"run_half{half}_class001_unfil.mrc"
        run(folder, "relion_reconstruct", "--i", "run_data.star", "--o", name, "--subset", half)
    return folder


def test_projections_at_known_angles_are_relions(relion: str, tmp_path: Path):
    write_map(volume(32, 150), tmp_path / "map.mrc")
    angles = any_angles(6, seed=5)
    # Small angles, too, where wrong signs hardly show, and one that is seen from below.
    angles[0], angles[1] = (10, 20, 30), (40, 170, -80)
    made = images(angles, 32, 150, 0)
    for number, (rot, tilt, psi) in enumerate(angles.tolist()):
        told = ["--rot", str(rot), "--tilt", str(tilt), "--psi", str(psi)]
        run(tmp_path, "relion_project", "--i", "map.mrc", "--o", f"{number}.mrc", *told)
        with mrcfile.open(tmp_path / f"{number}.mrc", permissive=True) as file:
            theirs = np.array(file.data).squeeze()
        turn = rotation(*np.array([[rot, tilt, psi]]).T)
        ours, other = (project(Volume(volume(32, 150), PIXEL, 40.0), one)[0] for one in (turn, turn.inv()))
        assert alike(ours, theirs) > 0.99
        assert alike(made[number], theirs) > 0.99
        assert alike(other, theirs) < 0.9


def test_particles_reconstruct_at_their_angles(refined: Path):
    with mrcfile.open(refined / "run_half1_class001_unfil.mrc") as file:
        found = correlate(np.array(file.data), volume(32, 150), PIXEL)
    assert found.resolution(0.5) < 6


def alike(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def test_resolution_and_curves_are_those_of_postprocessing(refined: Path):
    side = np.indices((32, 32, 32)) - 16
    mask = np.clip((13 - np.sqrt((side**2).sum(axis=0))) / 3, 0, 1).astype(np.float32)
    write_map(mask, refined / "mask.mrc")
    half = "run_half1_class001_unfil.mrc"
    # It ends with an error, since it cannot write a PDF without its display programs; the STAR file is written before.
    call = ["relion_postprocess", "--i", half, "--o", "post", "--angpix", str(PIXEL), "--mask", "mask.mrc"]
    subprocess.run(call, cwd=refined, capture_output=True, check=False, timeout=120)
    found = read_postprocessing(refined / "post.star")
    assert found.limit == pytest.approx(2 * PIXEL)
    assert found.frequency[[0, 1, -1]] == pytest.approx([0, 1 / 64, 0.25], abs=1e-5)
    below = int((found.corrected < 0.143).argmax())
    assert found.resolution == pytest.approx(1 / found.frequency[below - 1], rel=1e-3)
    assert np.isfinite(found.unmasked).all()
    with pytest.raises(UserError, match="needs resolutions of three"):
        b_factor_of_files([(1600, found.path), (1600, found.path)])


@pytest.mark.slow
def test_the_b_factor_of_particles_is_that_they_were_made_with(refined: Path):
    settings = GrowthSettings(ctf=False, smallest=100)
    found = finish(measure_growth(refined / "run_data.star", settings, HalfMapSettings()))
    assert found.particles.tolist() == [100, 200, 400, 800, 1600]
    # Slices lie further apart the finer they resolve, which counts as a B-factor of about d^2, here 20 to 60 A^2.
    assert found.value == pytest.approx(185, abs=60)
    assert found.error < 50


def test_programs_that_fail_say_why(refined: Path, tmp_path: Path):
    text = (refined / "run_data.star").read_text()
    broken = refined / "broken.star"
    broken.write_text(text.replace("000001@", "009999@"))
    with pytest.raises(UserError, match="relion_reconstruct failed"):
        finish(measure_growth(broken, GrowthSettings(ctf=False, smallest=100), HalfMapSettings()))
    with pytest.raises(UserError, match="defocus"):
        finish(measure_growth(refined / "run_data.star", GrowthSettings(), HalfMapSettings()))
    with pytest.raises(UserError, match="too few"):
        finish(measure_growth(refined / "run_data.star", GrowthSettings(ctf=False, smallest=900), HalfMapSettings()))
    half_maps.write(tmp_path / "mask.mrc", half_maps.particle(32), 3.0)
    masked = HalfMapSettings(mask=tmp_path / "mask.mrc")
    with pytest.raises(UserError, match=r"What RELION made of 1,600 particles cannot be judged: half1.mrc has 2 A per"):
        finish(measure_growth(refined / "run_data.star", GrowthSettings(ctf=False, smallest=100), masked))
    noise = tmp_path / "noise.star"
    write_stack(np.random.default_rng(0).normal(size=(200, 32, 32)).astype(np.float32), tmp_path / "noise.mrcs")
    noise.write_text(star_31(any_angles(200), "noise.mrcs"))
    with pytest.raises(UserError, match=r"of 3 numbers of particles only \d resolve"):
        finish(measure_growth(noise, GrowthSettings(ctf=False, smallest=50), HalfMapSettings(make_mask=False)))
    (tmp_path / "alone.star").write_text(text.replace("@stack", "@gone"))
    with pytest.raises(UserError, match=r"gone\.mrcs is not there"):
        finish(measure_growth(tmp_path / "alone.star", GrowthSettings(ctf=False, smallest=100), HalfMapSettings()))


def test_a_program_ends_with_its_job(refined: Path):
    job = measure_growth(refined / "run_data.star", GrowthSettings(ctf=False, smallest=100), HalfMapSettings())
    next(job)
    names = [child.name() for child in psutil.Process().children()]
    assert any(name.startswith("relion_recon") for name in names)
    job.close()
    assert not any(child.name().startswith("relion_recon") for child in psutil.Process().children())


def test_relion_is_told_that_phases_are_flipped(refined: Path, tmp_path: Path):
    text = (refined / "run_data.star").read_text().replace("_rlnCoordinateX", "_rlnDefocusU")
    (refined / "defocus.star").write_text(text)
    job = measure_growth(refined / "defocus.star", GrowthSettings(phase_flipped=True, smallest=100), HalfMapSettings())
    next(job)
    (call,) = [one.cmdline() for one in psutil.Process().children() if one.name().startswith("relion_recon")]
    job.close()
    assert {"--ctf", "--ctf_phase_flipped"} <= set(call)
