"""What the simulation writes, from the job and from the command line, and what it says when it cannot."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from napari_drpnet import jobs
from napari_drpnet.cli import main
from napari_drpnet.errors import UserError
from napari_drpnet.io import read_micrograph, read_picks
from napari_drpnet.io.ctf_files import read_ctf
from napari_drpnet.io.star_lists import read_micrographs
from napari_drpnet.io.star_table import read_tables
from napari_drpnet.settings import SimulationSettings
from napari_drpnet.simulation import simulate_one

SMALL = SimulationSettings(
    count=2, size=256, diameter_px=(25, 30), views=5, masks=True, noise_free=True, empty=0, seed=3
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("simulated")
    jobs.finish(jobs.simulate(SMALL, out))
    return out


def test_the_truth_comes_back_from_its_star_file(folder: Path) -> None:
    for index in range(2):
        made = simulate_one(SMALL, index)
        path = folder / f"{made.micrograph.frame.micrograph}.star"
        (truth,) = read_picks(path)
        np.testing.assert_allclose(truth.yx, made.truth.yx, atol=1e-6)
        np.testing.assert_allclose(truth.diameter, made.truth.diameter)
        np.testing.assert_allclose(truth.box, made.truth.box, atol=1e-6)
        table = read_tables(path)[0]
        np.testing.assert_allclose(table.numbers("rlnAngleRot"), made.rot, atol=1e-6)
        np.testing.assert_allclose(table.numbers("rlnAngleTilt"), made.tilt, atol=1e-6)
        np.testing.assert_allclose(table.numbers("rlnAnglePsi"), made.truth.psi, atol=1e-6)
        mean = (table.numbers("rlnDefocusU") + table.numbers("rlnDefocusV")) / 2
        np.testing.assert_allclose(mean, made.lens.defocus + made.height, atol=1e-5)


def test_the_list_of_micrographs_tells_their_ctf(folder: Path) -> None:
    entries, ctf = read_micrographs(folder / "micrographs_ctf.star"), read_ctf(folder)
    for index, entry in enumerate(entries):
        made = simulate_one(SMALL, index)
        assert entry.path == folder / f"{made.micrograph.frame.micrograph}.mrc"
        assert entry.pixel_size == pytest.approx(made.micrograph.frame.pixel_size, abs=1e-6)
        found = ctf.of(entry.name)
        assert found is not None
        for field in dataclasses.fields(made.lens):
            if field.name != "b_factor":  # which no program writes
                assert getattr(found.lens, field.name) == pytest.approx(getattr(made.lens, field.name), abs=1e-4)
    assert len(entries) == 2


def test_masks_and_noise_free_images_have_folders_of_their_own(folder: Path) -> None:
    names = sorted(path.name for path in folder.glob("*.mrc"))
    assert len(names) == 2
    for index, name in enumerate(sorted(names, key=lambda name: name[-9:])):
        made = simulate_one(SMALL, index)
        np.testing.assert_array_equal(read_micrograph(folder / "masks" / name).image, made.mask)
        np.testing.assert_array_equal(read_micrograph(folder / "clean" / name).image, made.clean)
        assert read_micrograph(folder / name).frame.pixel_size == pytest.approx(made.micrograph.frame.pixel_size)


def test_the_recorded_settings_give_the_same_bytes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("simulate", "--settings", str(folder / "simulation.yaml"), "--out", "again") == 0
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    assert len(files) == 10
    for path in files:
        assert path.read_bytes() == (tmp_path / "again" / path.relative_to(folder)).read_bytes()


def run(*words: str) -> int:
    try:
        main(words)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def write_rod(path: Path, length: float) -> Path:
    """A PDB file of carbon atoms along a line."""
    atom = "ATOM  {0:5d}  CA  ALA A{0:4d}    {1:8.3f}   0.000   0.000  1.00  0.00           C\n"
    path.write_text("".join(atom.format(n, x) for n, x in enumerate(np.linspace(0, length, 40), start=1)) + "END\n")
    return path


def test_the_command_line_takes_lists_and_single_numbers(tmp_path: Path) -> None:
    structures = [str(write_rod(tmp_path / name, 90)) for name in ("a.pdb", "b.pdb", "c.pdb")]
    sizes = ["--count", "3", "--size", "256", "--pixel-size", "3.0", "--seed", "5"]
    options = [*sizes, "--defocus", "0.8", "3.0", "--dose", "40"]
    assert run("simulate", "--structure", *structures, *options, "--out", str(tmp_path / "out")) == 0
    names = sorted(path.name[0] for path in (tmp_path / "out").glob("*.mrc"))
    assert names == ["a", "b", "c"]
    recorded = SimulationSettings(**jobs.read_run_file(tmp_path / "out" / "simulation.yaml"))
    assert recorded.dose == (40, 40)
    assert recorded.defocus == (0.8, 3.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--structure", "broken.pdb"), "broken.pdb: no atoms"),
        (("--structure", "absent.cif"), "absent.cif: there is no such file"),
        (("--structure", "long.pdb"), "too large"),
        (("--mtf", "broken.pdb"), "broken.pdb is not a STAR file"),
        (("--out", "long.pdb/out"), "long.pdb"),
        (("--dose", "1", "2", "3"), "3"),
        (("--defocus", "3", "1"), "defocus"),
        (("--settings", "absent.yaml"), "absent.yaml"),
    ],
)
def test_bad_input_is_named(
    options: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.pdb").write_text("REMARK nothing\n")
    write_rod(Path("long.pdb"), 5000)
    sizes = ("--size", "256", "--pixel-size", "4")
    assert run("simulate", *sizes, *options) == 2
    error = capfd.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_a_folder_that_cannot_be_written_is_named_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file"):
        next(jobs.simulate(SMALL, tmp_path / "file" / "out"))
