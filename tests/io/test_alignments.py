from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from cs_files import particles, save
from napari_drpnet.errors import UserError
from napari_drpnet.io.alignments import read_alignments
from napari_drpnet.simulation.orientations import directions, rotation
from refined import any_angles, star_30, star_31

ANGLES = any_angles(25)
POSES = ("alignments3D/pose", "<f4", (3,))
MORE = (POSES, ("alignments3D/split", "<u4"), ("alignments3D/shift", "<f4", (2,)), ("alignments3D/psize_A", "<f4"))


def written(folder: Path, text: str, name: str = "run_data.star") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def aligned(poses: np.ndarray) -> np.ndarray:
    table = particles(len(poses), *MORE)
    table["alignments3D/pose"] = poses
    table["alignments3D/split"] = np.arange(len(poses)) % 2
    table["alignments3D/shift"] = (2, -1)
    table["alignments3D/psize_A"] = 3.0
    return table


def test_relion_3_1(tmp_path: Path):
    found = read_alignments(written(tmp_path, star_31(ANGLES, origin=(4.0, -2.0))))
    np.testing.assert_allclose(np.stack([found.rot, found.tilt, found.psi], axis=1), ANGLES, atol=1e-5)
    np.testing.assert_allclose(found.shift, np.tile([-2.0, 4.0], (25, 1)))
    assert found.half.tolist() == [1, 2] * 12 + [1]
    assert found.micrographs[:4] == ("m/0.mrc", "m/1.mrc", "m/2.mrc", "m/0.mrc")
    assert found.yx[3].tolist() == [203, 103]


def test_relion_3_0_has_origins_in_pixels(tmp_path: Path):
    found = read_alignments(written(tmp_path, star_30(ANGLES)))
    np.testing.assert_allclose(found.tilt, ANGLES[:, 1], atol=1e-5)
    np.testing.assert_allclose(found.shift, np.tile([-2.0, 4.0], (25, 1)))
    assert not found.half.any()


def test_angles_are_read_where_nobody_knows_the_pixels_of_origins(tmp_path: Path):
    without = star_30(ANGLES).replace("_rlnMagnification", "_rlnGroupNumber")
    found = read_alignments(written(tmp_path, without))
    assert np.isnan(found.shift).all()
    np.testing.assert_allclose(found.rot, ANGLES[:, 0], atol=1e-5)


def test_poses_of_cryosparc_are_the_turns_that_other_programs_read(tmp_path: Path):
    """pyem and cryoDRGN: the exponential of the pose, transposed, brings a particle into the picture's frame."""
    poses = Rotation.random(25, random_state=0).as_rotvec()
    found = read_alignments(save(tmp_path / "a.cs", aligned(poses)))
    for pose, turn, way in zip(
        poses, rotation(found.rot, found.tilt, found.psi), directions(found.rot, found.tilt), strict=True
    ):
        angle = np.linalg.norm(pose)
        x, y, z = pose / angle
        cross = np.array([[0, z, -y], [-z, 0, x], [y, -x, 0]])
        into = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
        np.testing.assert_allclose(turn.as_matrix(), into, atol=1e-6)
        np.testing.assert_allclose(way, into[2], atol=1e-6)
    assert found.half.tolist() == [1, 2] * 12 + [1]
    np.testing.assert_allclose(found.shift, np.tile([-3.0, 6.0], (25, 1)))


def test_places_of_cryosparc_count_from_the_top(tmp_path: Path):
    found = read_alignments(save(tmp_path / "a.cs", aligned(np.ones((2, 3)))))
    np.testing.assert_allclose(found.yx, [[270, 40], [240, 80]], rtol=1e-6)
    assert found.micrographs[0].endswith("mic_a.mrc")


def test_a_pose_along_the_axis_is_read_without_a_warning(tmp_path: Path, recwarn: pytest.WarningsRecorder):
    found = read_alignments(save(tmp_path / "a.cs", aligned(np.array([[0, 0, 0.5], [0, 0, 1.0]]))))
    np.testing.assert_allclose(found.rot + found.psi, np.rad2deg([0.5, 1.0]), atol=1e-4)
    assert not recwarn.list


STAR = star_31(ANGLES)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (STAR.replace("_rlnAngle", "_rlnOther"), "has no angles"),
        (STAR.replace("_rlnAngleTilt", "_rlnOther"), "has no rlnAngleTilt"),
        (STAR.replace(f"{ANGLES[3, 1]:.6f}", "nan"), "not a finite number"),
        (STAR.replace(f"{ANGLES[3, 1]:.6f}", "x"), "not a number"),
        (star_31(np.zeros((20, 3))), "all angles are 0"),
        (star_31(ANGLES * [0, 0, 1]), "after a classification in 2D"),
        (star_31(np.deg2rad(ANGLES)), "radians"),
        (star_31(1000 * ANGLES), "cannot be in degrees"),
        (STAR.replace(" 2 1\n", " 3 1\n"), "neither 1 nor 2"),
        ("data_\n\nloop_\n_rlnAngleRot #1\n", "no angles"),
        ("nothing", "not a STAR file"),
    ],
)
def test_what_tells_no_angles_is_refused(tmp_path: Path, text: str, told: str):
    with pytest.raises(UserError, match=told):
        read_alignments(written(tmp_path, text))


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (particles(), "no alignments of particles in 3D"),
        (aligned(np.full((3, 3), np.nan)), "not a finite number"),
        (aligned(np.zeros((3, 3))), "all poses are 0"),
        (aligned(np.full((3, 3), 90.0)), "not in radians"),
        (aligned(np.zeros((0, 3))), "no particles"),
        (particles(3, ("alignments3D/pose", "<f4", (2,))), "has not 3 numbers"),
    ],
)
def test_tables_without_alignments_are_refused(tmp_path: Path, table: np.ndarray, told: str):
    with pytest.raises(UserError, match=told):
        read_alignments(save(tmp_path / "a.cs", table))


def test_no_file(tmp_path: Path):
    for name in ("a.star", "a.cs"):
        with pytest.raises(UserError, match=name):
            read_alignments(tmp_path / name)
