"""Structures from files and seeds, their density, and its projections against analytic answers."""

from pathlib import Path

import gemmi
import mrcfile
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from napari_drpnet.errors import UserError
from napari_drpnet.simulation.projection import project
from napari_drpnet.simulation.structures import Scatterers, centred, density, procedural_structure, read_structure


def write_model(path: Path, positions: np.ndarray, copy_shift: float | None = None) -> Path:
    """Carbon atoms at ``(n, 3)`` positions, with an assembly of two copies when a shift along x is given."""
    structure = gemmi.Structure()
    chain = gemmi.Chain("A")
    for number, xyz in enumerate(positions):
        residue = gemmi.Residue()
        residue.name, residue.seqid = "ALA", gemmi.SeqId(number + 1, " ")
        atom = gemmi.Atom()
        atom.name, atom.element, atom.pos = "CA", gemmi.Element("C"), gemmi.Position(*xyz)
        residue.add_atom(atom)
        chain.add_residue(residue)
    model = gemmi.Model(1)
    model.add_chain(chain)
    structure.add_model(model)
    text = structure.make_pdb_string()
    if copy_shift is not None:
        remark = "REMARK 350 BIOMOLECULE: 1\nREMARK 350 AUTHOR DETERMINED BIOLOGICAL UNIT: DIMERIC\n"
        remark += "REMARK 350 APPLY THE FOLLOWING TO CHAINS: A\n"
        for copy, shift in ((1, 0.0), (2, copy_shift)):
            for row in range(3):
                cells = "".join(f"{float(row == column):10.6f}" for column in range(3))
                remark += f"REMARK 350   BIOMT{row + 1} {copy:3d}{cells}     {shift * (row == 0):10.5f}\n"
        text = remark + text
    path.write_text(text)
    return path


def gaussian(sigma: float, voxel: float) -> Scatterers:
    """Points that make a Gaussian of ``sigma`` Angstrom."""
    grid = np.arange(-5 * sigma, 5 * sigma + voxel, voxel)
    xyz = np.stack(np.meshgrid(grid, grid, grid, indexing="ij"), axis=-1).reshape(-1, 3)
    weight = np.exp(-(xyz**2).sum(axis=1) / (2 * sigma**2))
    return centred("gaussian", xyz, weight / weight.sum())


def test_an_atomic_model_is_read_and_centred(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model.pdb", np.array([[0, 0, 0], [40, 0, 0], [20, 10, 0], [20, -10, 0]], float))
    particle = read_structure(model)
    assert particle.name == "model"
    assert len(particle.xyz) == 4
    np.testing.assert_allclose(particle.xyz.mean(axis=0), 0, atol=1e-9)
    assert particle.diameter == pytest.approx(43, abs=2)


def test_the_biological_assembly_is_built(tmp_path: Path) -> None:
    model = write_model(tmp_path / "dimer.pdb", np.array([[0, 0, 0], [0, 10, 0], [0, 0, 10]], float), copy_shift=50)
    particle = read_structure(model)
    assert len(particle.xyz) == 6
    assert np.ptp(particle.xyz[:, 0]) == pytest.approx(50)


def test_an_assembly_whose_chains_are_listed_over_several_lines_is_whole(tmp_path: Path) -> None:
    places = 4.0 * np.indices((5, 1, 1)).reshape(3, -1).T
    first, second = (write_model(tmp_path / name, places + shift).read_text() for name, shift in (("a", 0), ("b", 30)))
    atoms = "".join(line + "\n" for line in first.splitlines() if line.startswith("ATOM"))
    others = "".join(line[:21] + "B" + line[22:] + "\n" for line in second.splitlines() if line.startswith("ATOM"))
    remark = "REMARK 350 BIOMOLECULE: 1\nREMARK 350 APPLY THE FOLLOWING TO CHAINS: A,\nREMARK 350 B\n"
    for row, cells in enumerate(np.eye(3)):
        remark += f"REMARK 350   BIOMT{row + 1}   1{''.join(f'{cell:10.6f}' for cell in cells)}        0.00000\n"
    model = tmp_path / "old.pdb"
    model.write_text(remark + atoms + others + "END\n")
    assert len(read_structure(model).xyz) == 10


def test_a_map_becomes_the_points_inside_it(tmp_path: Path) -> None:
    z, y, x = np.mgrid[-20:20, -20:20, -20:20]
    with mrcfile.new(tmp_path / "ball.mrc") as file:
        file.set_data((x**2 + y**2 + z**2 < 100).astype(np.float32))
        file.voxel_size = 3.0
    particle = read_structure(tmp_path / "ball.mrc")
    assert particle.diameter == pytest.approx(60, abs=6)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("nothing.pdb", None, "no such file"),
        ("empty.pdb", "", "no atoms"),
        ("broken.cif", "data_x\nloop_\n_a\n'", "cannot be read"),
        ("broken.mrc", "no map", "cannot be read"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, name: str, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=message) as caught:
        read_structure(tmp_path / name)
    assert name in caught.value.message


def test_density_keeps_the_weight_and_the_centre() -> None:
    particle = procedural_structure(3)
    volume = density(particle, particle.diameter / 40)
    n = volume.density.shape[0]
    assert volume.density.sum() * volume.voxel**3 == pytest.approx(particle.weight.sum(), rel=1e-3)
    axis = np.arange(n) - n // 2
    for dimension in range(3):
        profile = volume.density.sum(axis=tuple({0, 1, 2} - {dimension}))
        assert (profile * axis).sum() / profile.sum() == pytest.approx(0, abs=0.02)


def test_a_gaussian_projects_to_a_gaussian() -> None:
    sigma, voxel = 20.0, 4.0
    volume = density(gaussian(sigma, 2.0), voxel, blur=0)
    images = project(volume, Rotation.random(5, random_state=0))
    n = images.shape[1]
    y, x = (np.mgrid[:n, :n] - n // 2) * voxel
    variance = sigma**2 + (voxel / 2) ** 2 + voxel**2 / 6  # the grid's own blur, and the sharing between voxels
    expected = np.exp(-(x**2 + y**2) / (2 * variance)) / (2 * np.pi * variance)
    for image in images:
        assert np.abs(image - expected).max() < 0.04 * expected.max()


def test_projection_is_along_z_and_follows_the_rotation() -> None:
    volume = density(centred("rod", [[-40, 0, 0], [40, 0, 0], [0, 0, 0]], [1, 1, 1]), 4.0)
    end_on = Rotation.from_euler("y", 90, degrees=True)
    upright = Rotation.from_euler("z", 90, degrees=True)
    lying, point, standing = project(volume, Rotation.concatenate([Rotation.identity(), end_on, upright]))
    middle = lying.shape[0] // 2
    assert lying[middle, middle + 10] > 0.5 * lying.max()
    assert standing[middle + 10, middle] > 0.5 * standing.max()
    assert point[middle, middle] == pytest.approx(3 * lying[middle, middle], rel=0.1)


@pytest.mark.parametrize("seed", range(6))
def test_procedural_particles_repeat_and_have_the_size_of_proteins(seed: int) -> None:
    once, again = procedural_structure(seed), procedural_structure(seed)
    np.testing.assert_array_equal(once.xyz, again.xyz)
    assert 40 < once.diameter < 500
    assert procedural_structure(seed, 180).diameter == pytest.approx(180, rel=0.05)


def test_every_shared_structure_can_be_read(shared: Path) -> None:
    paths = sorted((shared / "structures").glob("m*/*.gz"))[::12]
    if not paths:
        pytest.skip("no structures in the shared folder")
    for path in paths:
        assert 30 < read_structure(path).diameter < 1500
