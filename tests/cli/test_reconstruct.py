"""The command reconstruct, from picks and micrographs to a map and RELION's files."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import starfile
import torch
from scipy.spatial.transform import Rotation

from lopsided import angles, lopsided
from lopsided_files import DIAMETER, PIXEL, Made, write_lopsided
from napari_drpnet import Picks, jobs, read_picks
from napari_drpnet.cli import main
from napari_drpnet.interruption import handlers_kept
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.io.particle_subsets import ParticleFile
from napari_drpnet.io.picks.star_poses import read_poses
from napari_drpnet.io.reconstruction_files import DATA, HALVES, MAP, STACK
from napari_drpnet.reconstruction.shells import shell_correlation
from napari_drpnet.settings import ReconstructionSettings

pytestmark = pytest.mark.filterwarnings("ignore")
QUICK = ("--diameter", DIAMETER, "--box", 32, "--step", 15, "--rounds", 2)


def call(*arguments: object) -> int:
    try:
        main([str(one) for one in arguments])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return write_lopsided(tmp_path_factory.mktemp("lopsided"))


def run(made: Made, out: Path, *more: object, micrographs: object = None) -> int:
    reference = () if "--reference" in more else ("--reference", made.reference)
    return call("reconstruct", made.picks, micrographs or made.micrographs, *reference, "--out", out, *QUICK, *more)


def test_picks_become_a_map_and_files_that_relion_reads(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made.micrographs.parent)
    out = tmp_path / "map"
    assert run(made, out, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["particles"] == 200
    assert told["resolution"] < 25
    assert "beyond the 30 A of the reference" in told["notes"][0]  # and not that black and white are exchanged
    halves = [torch.from_numpy(mrcfile.read(out / name).copy()) for name in HALVES]
    with mrcfile.open(out / MAP) as file:
        assert file.is_volume()
        assert file.voxel_size.x == pytest.approx(PIXEL)
        likeness = shell_correlation(torch.from_numpy(file.data.copy()), lopsided())
    assert (likeness[1:6] > 0.85).all()
    assert shell_correlation(*halves)[3] > 0.8
    assert mrcfile.read(out / STACK).shape == (200, 32, 32)
    poses = read_poses(out / DATA)
    lying = np.concatenate([np.stack([one.rot, one.tilt, one.picks.psi], 1) for one in poses])
    found = Rotation.from_euler("ZYZ", lying, degrees=True).inv().as_matrix()
    assert np.median(angles(torch.from_numpy(found), torch.from_numpy(made.turns))) < 8
    table = starfile.read(out / DATA)["particles"]
    assert set(table["rlnRandomSubset"]) == {1, 2}
    assert table.groupby("rlnMicrographName")["rlnRandomSubset"].nunique().max() == 1
    assert (table["rlnDefocusU"] == 15000).all()
    assert ParticleFile(out / DATA).phase_flipped
    assert len((out / "fsc.tsv").read_text().splitlines()) == 17
    assert call("assess", out, "--out", tmp_path / "assessed", "--no-local", "--json") == 0
    (assessed,) = json.loads(capsys.readouterr().out)["refinements"]
    assert assessed["figures"]["particles"]["value"] == 200
    assert assessed["figures"]["resolution at 0.143"]["value"] == pytest.approx(told["resolution"], rel=0.2)


def test_without_a_ctf_it_is_said_and_done_without(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in made.micrographs.parent.glob("*.mrc"):
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "reference.mrc").unlink()
    assert run(made, tmp_path / "map", "--rounds", 1, micrographs=tmp_path) == 0
    assert "The CTF of the micrographs is not known" in capsys.readouterr().err


@pytest.mark.parametrize("bright", [False, True])
def test_particles_that_are_bright_and_said_to_be_dark_are_told(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str], bright: bool
) -> None:
    """And those that are dark and said to be bright."""
    listed, invert = made.micrographs, ["--invert"]
    if bright:
        listed, invert = tmp_path / made.micrographs.name, []
        listed.write_text(made.micrographs.read_text())
        for path in made.micrographs.parent.glob("m*.mrc"):
            write_mrc(-mrcfile.read(path), tmp_path / path.name, PIXEL)
    assert run(made, tmp_path / "map", *invert, "--rounds", 1, micrographs=listed) == 0
    told = capsys.readouterr().err
    assert "looks like the reference with black and white exchanged" in told
    assert ("(--invert)" in told) is bright
    if bright:
        assert run(made, tmp_path / "map", "--invert", "--rounds", 1, micrographs=listed) == 0
        assert "exchanged" not in capsys.readouterr().err


def test_a_bad_micrograph_does_not_stop_the_others(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, cut_off = made.micrographs.with_name("m0.mrc"), tmp_path / "m1.mrc"
    cut_off.write_bytes(made.micrographs.with_name("m1.mrc").read_bytes()[:5000])
    assert call(
        *("reconstruct", made.picks, good, cut_off, "--reference", made.reference, "--out", tmp_path / "map"),
        *QUICK, "--rounds", 1,
    ) == 1  # fmt: skip
    told = capsys.readouterr()
    assert "m1.mrc" in told.err
    assert "truncated" in told.err
    assert "100 particles" in told.out


def nan(folder: Path) -> Path:
    return write_mrc(np.full((32, 32, 32), np.nan), folder / "nan.mrc", PIXEL, volume=True)


def oblong(folder: Path) -> Path:
    return write_mrc(np.random.default_rng(0).random((32, 32, 40)), folder / "oblong.mrc", PIXEL, volume=True)


def unscaled(folder: Path) -> Path:
    return write_mrc(lopsided().numpy(), folder / "unscaled.mrc")


def dark(folder: Path) -> Path:
    return write_mrc(-lopsided().numpy(), folder / "dark.mrc", PIXEL, volume=True)


def small(folder: Path) -> Path:
    return write_mrc(lopsided().numpy(), folder / "small.mrc", 1.5, volume=True)


def coarse(folder: Path) -> Path:
    return write_mrc(lopsided().numpy()[::4, ::4, ::4], folder / "coarse.mrc", 40.0, volume=True)


def stack(folder: Path) -> Path:
    return write_mrc(lopsided().numpy()[:30], folder / "stack.mrc", PIXEL)


def flat(folder: Path) -> Path:
    return write_mrc(np.zeros((32, 32, 32)), folder / "flat.mrc", PIXEL, volume=True)


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        (nan, "are no numbers"),
        (oblong, "no cube"),
        (unscaled, "--map-pixel-size"),
        (dark, "dark in the reference"),
        (small, "48 A wide"),
        (flat, "same everywhere"),
        (coarse, "pixels of 40 A"),
        (stack, "a stack of 30 images"),
        (lambda folder: folder / "none.mrc", "no such file"),
    ],
)
def test_a_reference_that_cannot_be_used_is_told_at_once(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str], reference: Callable[[Path], Path], words: str
) -> None:
    assert run(made, tmp_path / "map", "--reference", reference(tmp_path)) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "map").exists()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--symmetry", "X7"), "no point group"),
        (("--threshold", 2), "too few for a map. Pick at least 50"),
        (("--lowpass", 200), "Nothing is left"),
        (("--reach", 60), "quarter of the diameter"),
        (("--box", 33), "multiple"),
        (("--ctf", "gone.star"), "gone.star"),
        (("--rounds", 0), "at least 1"),
        (("--out", __file__), "cannot be written"),
    ],
)
def test_bad_calls_are_said_in_one_line(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[object, ...], words: str
) -> None:
    scored = tmp_path / "picks"
    scored.mkdir()
    for path in made.picks.iterdir():
        lines = [f"{line} 0.5" if line[:1].isdigit() else line for line in path.read_text().splitlines()]
        lines.insert(next(i for i, line in enumerate(lines) if line[:1].isdigit()), "_rlnAutopickFigureOfMerit #3")
        (scored / path.name).write_text("\n".join(lines) + "\n")
    other = Made(scored, made.micrographs, made.reference, made.turns)
    assert run(other, tmp_path / "map", *more) == 2
    told = capsys.readouterr().err
    assert words in told
    assert "Traceback" not in told
    assert not (tmp_path / "map").exists()


def test_an_interruption_leaves_nothing_behind(made: Made, tmp_path: Path) -> None:
    source = jobs.picked_in_files(made.picks, [str(made.micrographs)])
    settings = ReconstructionSettings(diameter=DIAMETER, box=32, step=15)
    job = jobs.reconstruct_picks(source, made.reference, settings, tmp_path / "map")
    for step in job:
        if "round" in step.message:
            job.close()
    assert not (tmp_path / "map").exists()


def test_an_interruption_says_that_nothing_is_written(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_drpnet.jobs.reconstruct._write", lambda *_: os.kill(os.getpid(), signal.SIGINT))
    with handlers_kept():  # a program that was interrupted leaves them deaf
        assert run(made, tmp_path / "map", "--rounds", 1) == 130
    assert capsys.readouterr().err == "interrupted: nothing more is written.\n"
    assert not (tmp_path / "map").exists()


def test_no_micrograph_is_told(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert run(made, tmp_path / "map", micrographs=tmp_path / "empty") == 2
    assert "empty" in capsys.readouterr().err
    assert run(made, tmp_path / "map", micrographs=tmp_path / "m0.mrc") == 2
    assert "None of the micrographs can be used" in capsys.readouterr().err


def test_a_wrong_name_of_a_micrograph_is_told(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "nix.mrc"
    assert run(made, tmp_path / "map", micrographs=missing) == 2
    assert f"error: {missing}: there is no such file or folder. Check the name." in capsys.readouterr().err


def test_no_option_is_advised_that_there_is_none_of(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outside = tmp_path / "m0.csv"
    outside.write_text("x,y\n5000,5000\n6000,6000\n")
    other = Made(outside, made.micrographs, made.reference, made.turns)
    assert run(other, tmp_path / "map") == 2
    told = capsys.readouterr().err
    assert told.endswith("Check the names, or convert them.\n")


def test_a_project_and_what_is_none(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "project"
    with jobs.open_project(folder, [str(made.micrographs)], diameter=DIAMETER) as project:
        for row in project.rows():
            (picks,) = read_picks(made.picks / f"{Path(row.name).stem}.star")
            project.write_picks(row.name, Picks(project.read_micrograph(row.name).frame, picks.yx))
    quick = ("--box", 32, "--step", 15, "--rounds", 1, "--ctf", made.micrographs)
    out = tmp_path / "map"
    assert call("reconstruct", folder, "--reference", made.reference, "--out", out, *quick) == 0
    assert "200 particles" in capsys.readouterr().out
    assert call("reconstruct", made.picks, "--reference", made.reference, "--out", out) == 2
    assert "is not a project" in capsys.readouterr().err


def test_picks_that_are_all_in_one_half_are_told(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (made.picks / "m0.star").read_text().splitlines()
    head, row = [line for line in lines if not line[:1].isdigit()], next(one for one in lines if one[:1].isdigit())
    (tmp_path / "m0.star").write_text("\n".join([*head, *[row] * 80]) + "\n")
    assert run(Made(tmp_path / "m0.star", made.micrographs, made.reference, made.turns), tmp_path / "map") == 2
    assert "One half of the picks would have 0 of 80" in capsys.readouterr().err


def test_a_ctf_of_other_micrographs_is_told(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.star"
    other.write_text(made.micrographs.read_text().replace("m0.mrc", "x.mrc").replace("m1.mrc", "y.mrc"))
    assert run(made, tmp_path / "map", "--ctf", other, "--rounds", 1) == 0
    assert f"The CTF of the micrographs is not known: it is not in {other};" in capsys.readouterr().err


def test_grey_levels_of_the_reference_do_not_matter(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    for scale in (1, 1e30):
        reference = write_mrc(lopsided().numpy() * scale, tmp_path / "scaled.mrc", PIXEL, volume=True)
        assert run(made, tmp_path / "map", "--reference", reference, "--rounds", 1, "--json") == 0
        found.append(json.loads(capsys.readouterr().out)["resolution"])
    assert found[0] == pytest.approx(found[1], rel=1e-3)
