"""Masks of particles by reprojection: those of a simulation from its map and its truth, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from napari_drpnet import UserError, jobs, read_micrograph
from napari_drpnet.cli import main
from napari_drpnet.data import Frame, Picks
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.io.picks.star_poses import read_poses
from napari_drpnet.settings import MaskSettings, SimulationSettings
from napari_drpnet.simulation.structures import density, procedural_structure, read_structure

SIZE, VOXEL = 300, 4.0


@pytest.fixture(scope="module")
def refined(tmp_path_factory):
    """Two simulated micrographs with masks, and the map they were made of in a box, as a refinement would give it."""
    folder = tmp_path_factory.mktemp("refined")
    lumpy = density(procedural_structure(4, 180.0), VOXEL)
    source = write_mrc(lumpy.density, folder / "source.mrc", VOXEL)
    settings = SimulationSettings(
        structures=(source,),
        count=2,
        size=SIZE,
        diameter_px=(40, 44),
        coverage=(0.2, 0.25),
        empty=0,
        contamination=0,
        carbon=0,
        aggregates=0,
        masks=True,
        seed=4,
    )
    jobs.finish(jobs.simulate(settings, folder / "micrographs"))
    write_mrc(density(read_structure(source), VOXEL).density, folder / "map.mrc", VOXEL)
    return folder


def overlap(one, other):
    return ((one > 0) & (other > 0)).sum() / ((one > 0) | (other > 0)).sum()


def made(folder, out, star=None, structure=None, **settings):
    micrographs = folder / "micrographs"
    (name,) = [path.stem for path in sorted(micrographs.glob("*_00000.mrc"))]
    star = star or micrographs / f"{name}.star"
    told = MaskSettings(**settings)
    report = jobs.finish(
        jobs.make_masks([str(micrographs / f"{name}.mrc")], star, structure or folder / "map.mrc", told, out)
    )
    truth = read_micrograph(micrographs / "masks" / f"{name}.mrc").image
    return report, read_micrograph(report.paths[0]).image, truth


def test_masks_are_those_of_the_simulation(refined, tmp_path):
    report, mask, truth = made(refined, tmp_path)
    assert [path.parent for path in report.paths] == [tmp_path]
    assert truth.shape == mask.shape == (SIZE, SIZE)
    assert report.particles > 5
    assert 150 < report.diameter < 230
    assert overlap(mask, truth) > 0.9


def columns(star: Path) -> tuple[list[str], list[list[str]]]:
    lines = star.read_text().splitlines()
    names = [line.split()[0] for line in lines if line.startswith("_")]
    return names, [line.split() for line in lines if line and line[0] in "-0123456789"]


def rewritten(refined, path, change, extra=()):
    """The truth of the first micrograph with columns changed by their names, and more of them."""
    (star,) = sorted((refined / "micrographs").glob("*_00000.star"))
    names, rows = columns(star)
    values = {name: np.array([row[i] for row in rows], float) for i, name in enumerate(names)}
    values |= {name: np.zeros(len(rows)) for name in extra}
    change(values)
    text = "data_particles\n\nloop_\n" + "".join(f"{name}\n" for name in values)
    text += "".join(" ".join(f"{values[name][i]:.6f}" for name in values) + "\n" for i in range(len(rows)))
    path.write_text(text + "\n")
    return path.rename(path.with_name(star.name))


def test_particles_that_were_moved_lie_where_they_were_moved_to(refined, tmp_path):
    def move(values):
        values["_rlnCoordinateX"] += 7
        values["_rlnOriginXAngst"] += 7 * pixel
        values["_rlnCoordinateY"] -= 3
        values["_rlnOriginYAngst"] -= 3 * pixel

    (micrograph,) = sorted((refined / "micrographs").glob("*_00000.mrc"))
    pixel = read_micrograph(micrograph).frame.pixel_size
    star = rewritten(refined, tmp_path / "a.star", move, ("_rlnOriginXAngst", "_rlnOriginYAngst"))
    _, mask, truth = made(refined, tmp_path / "masks", star)
    assert overlap(mask, truth) > 0.9


@pytest.mark.parametrize("angle", ["_rlnAngleRot", "_rlnAngleTilt", "_rlnAnglePsi"])
def test_each_angle_counts(refined, tmp_path, angle):
    def turn(values):
        values[angle] += 70

    _, mask, truth = made(refined, tmp_path / "masks", rewritten(refined, tmp_path / "a.star", turn))
    assert overlap(mask, truth) < 0.87


def test_a_higher_level_makes_smaller_masks(refined, tmp_path):
    low, mask, _ = made(refined, tmp_path / "low")
    high, small, _ = made(refined, tmp_path / "high", level=2.5 * low.level)
    assert high.level == 2.5 * low.level
    assert 0 < small.sum() < 0.95 * mask.sum()


def test_what_cannot_be_known_is_asked_for(refined, tmp_path):
    values = read_micrograph(refined / "micrographs" / "masks" / next(iter(refined.glob("micrographs/*.mrc"))).name)
    with pytest.raises(UserError, match="not a three-dimensional map"):
        made(refined, tmp_path, structure=write_mrc(values.image, tmp_path / "flat.mrc", 1.0))
    volume = density(procedural_structure(4, 180.0), VOXEL).density
    with pytest.raises(UserError, match="voxel size"):
        made(refined, tmp_path, structure=write_mrc(volume, tmp_path / "map.mrc"))
    with pytest.raises(UserError, match="no cube"):
        made(refined, tmp_path, structure=write_mrc(volume[:-4], tmp_path / "cut.mrc", VOXEL))
    with pytest.raises(UserError, match="nothing is above the level"):
        made(refined, tmp_path, level=1e6)

    def flat(values):
        for name in ("_rlnAngleRot", "_rlnAngleTilt", "_rlnAnglePsi"):
            values[name] *= 0

    with pytest.raises(UserError, match="all angles are 0"):
        made(refined, tmp_path, rewritten(refined, tmp_path / "a.star", flat))

    def lose(values):
        del values["_rlnAngleTilt"]

    with pytest.raises(UserError, match="rlnAngleTilt"):
        made(refined, tmp_path, rewritten(refined, tmp_path / "b.star", lose))


def test_a_voxel_of_one_angstrom_is_doubted(refined, tmp_path):
    def binned(values):
        values["_rlnImagePixelSize"] += 3.5

    star = rewritten(refined, tmp_path / "a.star", binned, ("_rlnImagePixelSize",))
    volume = density(procedural_structure(4, 180.0), VOXEL).density
    header = write_mrc(volume, tmp_path / "one.mrc", 1.0)
    with pytest.raises(UserError, match=r"3\.5 A a pixel"):
        made(refined, tmp_path, star, header)
    assert made(refined, tmp_path / "masks", star, header, map_pixel_size=VOXEL)[0].particles


def test_poses_keep_their_fractions_and_their_micrographs(tmp_path):
    star = tmp_path / "run_data.star"
    star.write_text(
        "data_optics\n\nloop_\n_rlnOpticsGroup\n_rlnImagePixelSize\n_rlnMicrographPixelSize\n1 4 2\n\n"
        "data_particles\n\nloop_\n_rlnMicrographName\n_rlnCoordinateX\n_rlnCoordinateY\n_rlnAngleRot\n_rlnAngleTilt\n"
        "_rlnAnglePsi\n_rlnOriginXAngst\n_rlnOriginYAngst\n_rlnOpticsGroup\n"
        "a.mrc 10 20 1 2 3 1 -3 1\nb.mrc 5 6 4 5 6 0 0 1\na.mrc 30 40 7 8 9 0 0 1\n\n"
    )
    a, b = read_poses(star)
    assert a.picks.yx.tolist() == [[21.5, 9.5], [40, 30]]
    assert a.picks.frame == Picks(Frame("a.mrc", pixel_size=2.0), a.picks.yx).frame
    assert np.stack([a.rot, a.tilt, a.picks.psi]).T.tolist() == [[1, 2, 3], [7, 8, 9]]
    assert (b.rot.tolist(), b.image_pixel) == ([4], 4.0)


def test_from_the_command_line(refined, tmp_path, capsys):
    folder = refined / "micrographs"
    (star,) = sorted(folder.glob("*_00000.star"))
    called = ["masks", str(folder / "*.mrc"), "--particles", str(star), "--map", str(refined / "map.mrc")]
    with pytest.raises(SystemExit) as end:
        main([*called, "--out", str(tmp_path / "masks")])
    told = capsys.readouterr()
    assert end.value.code == 0
    assert "1 masks with" in told.out
    assert "no masks, of" in told.err
    assert [path.name for path in (tmp_path / "masks").iterdir()] == [f"{star.stem}.mrc"]
