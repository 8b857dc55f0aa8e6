"""RELION projects as we do, reads what `reconstruct` writes, and makes the same map of it."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lopsided import SIDE, lopsided, matrices
from lopsided_files import DIAMETER, PIXEL, write_lopsided
from napari_drpnet import jobs
from napari_drpnet.io.reconstruction_files import DATA, HALVES, STACK, write_volume
from napari_drpnet.io.star_table import format_table
from napari_drpnet.reconstruction.disc import Disc
from napari_drpnet.reconstruction.projecting import Projector
from napari_drpnet.reconstruction.reference import Scale
from napari_drpnet.reconstruction.shells import shell_correlation
from napari_drpnet.settings import ReconstructionSettings
from napari_drpnet.steps import finish

pytestmark = [pytest.mark.usefixtures("relion"), pytest.mark.filterwarnings("ignore")]


def run(folder: Path, *command: object) -> None:
    words = list(map(str, command))
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def column(values: Sequence[float] | np.ndarray) -> list[str]:
    return [f"{value:.6f}" for value in values]


def test_angles_shifts_and_centre_are_those_of_relion(tmp_path: Path) -> None:
    density, turns = lopsided(), matrices(8, 3)
    write_volume(density.numpy(), tmp_path / "map.mrc", PIXEL)
    rot, tilt, psi = Rotation.from_matrix(turns.numpy()).inv().as_euler("ZYZ", degrees=True).T
    shift = np.random.default_rng(0).uniform(-3, 3, (8, 2))
    columns = {"rlnAngleRot": column(rot), "rlnAngleTilt": column(tilt), "rlnAnglePsi": column(psi)}
    columns |= {"rlnOriginXAngst": column(-PIXEL * shift[:, 1]), "rlnOriginYAngst": column(-PIXEL * shift[:, 0])}
    optics = {"rlnOpticsGroup": ["1"], "rlnImagePixelSize": [str(PIXEL)], "rlnImageSize": [str(SIDE)]}
    optics |= {"rlnVoltage": ["300"], "rlnSphericalAberration": ["2.7"], "rlnAmplitudeContrast": ["0.1"]}
    optics |= {"rlnImageDimensionality": ["2"], "rlnOpticsGroupName": ["o1"]}
    columns |= {"rlnOpticsGroup": ["1"] * 8}
    text = format_table(optics, "optics") + format_table(columns, "particles")
    (tmp_path / "angles.star").write_text(text)
    run(tmp_path, "relion_project", "--i", "map.mrc", "--o", "proj", "--ang", "angles.star", "--angpix", PIXEL)
    disc = Disc(SIDE, 12)
    theirs = disc.of(torch.from_numpy(mrcfile.read(tmp_path / "proj.mrcs").copy()))
    ours = Projector(density, 12).slices(turns, disc) * disc.moved(torch.from_numpy(-shift).float())
    likeness = (ours * theirs.conj()).real.sum(1) / (ours.norm(dim=1) * theirs.norm(dim=1))
    assert (likeness > 0.99).all()


@pytest.mark.parametrize("group", ["C1", "D3"])
def test_relion_makes_the_same_map_of_the_same_angles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: str
) -> None:
    monkeypatch.chdir(tmp_path)
    made = write_lopsided(tmp_path, group=group)
    settings = ReconstructionSettings(diameter=DIAMETER, box=SIDE, step=15, rounds=1, symmetry=group)
    source = jobs.picked_in_files(made.picks, [str(made.micrographs)])
    out = tmp_path / "map"
    finish(jobs.reconstruct_picks(source, made.reference, settings, out, tmp_path))
    assert (out / STACK).is_file()
    command = ("relion_reconstruct", "--i", out / DATA, "--ctf", "--ctf_phase_flipped", "--subset", 2, "--sym", group)
    run(tmp_path, *command, "--o", "theirs.mrc")
    ball = Scale(SIDE, PIXEL, DIAMETER).ball
    files = (out / HALVES[1], tmp_path / "theirs.mrc")
    ours, theirs = (torch.from_numpy(mrcfile.read(path).copy()) * ball for path in files)
    # beyond, few particles are apart from each other in a transform, and each program spreads them in its own way
    assert (shell_correlation(ours, theirs)[1:9] > 0.97).all()
