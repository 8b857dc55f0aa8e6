"""What is photographed: point scatterers from atomic models, density maps or a seed, and their density on a grid."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import gemmi
import mrcfile
import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial.transform import Rotation

from napari_drpnet.data import FloatArray
from napari_drpnet.errors import UserError, cut
from napari_drpnet.io.mrc import in_order
from napari_drpnet.io.paths import exists, require_ordinary

VolumeArray = npt.NDArray[np.float32]

ICE_POTENTIAL = 4.5
"""Mean inner potential of vitreous ice in volts (isolated atoms; Vulovic et al., J. Struct. Biol. 183 (2013) 19)."""

_MAX_ATOMS = 3_000_000
_HINT = "Give a PDB, mmCIF or MRC file, gzipped or not."
_SOLVENT_VOLUME = 16.5  # cubic Angstrom of water displaced per non-hydrogen atom, from 0.73 ml/g
_PROTEIN_EXCESS = 3.5  # volts above ice, mean over a protein's inside
_MAP_EXCESS = 2.5  # the same over a map's inside, which at low resolution is larger than the molecule

# Electron scattering amplitude at zero angle in Angstrom (Peng et al., Acta Cryst. A52 (1996) 257); the potential
# of an atom integrated over space is 47.878 V A^2 times it.
_AMPLITUDE = {
    "C": 2.51,
    "N": 2.21,
    "O": 1.98,
    "P": 5.49,
    "S": 5.16,
    "MG": 5.2,
    "ZN": 6.1,
    "FE": 7.2,
    "CA": 9.9,
}
_VOLT = 47.878
_HYDROGEN = 0.9 * 0.53  # amplitude of the hydrogens that go with each other atom


@dataclass(frozen=True, eq=False)
class Scatterers:
    """A particle as points.

    Attributes
    ----------
    name
        Of the structure.
    xyz
        ``(n, 3)`` positions in Angstrom, their centre of mass at the origin.
    weight
        ``(n,)`` potential above that of the ice, integrated over space, in V A^3.
    spacing
        Distance in Angstrom between points that stand for a filled space; 0 for atoms.
    """

    name: str
    xyz: FloatArray
    weight: FloatArray
    spacing: float = 0.0

    @property
    def diameter(self) -> float:
        """Longest extent in Angstrom, leaving out the outermost 0.1 % of the points at each end."""
        directions = fibonacci_directions(60)
        points = self.xyz[:: max(1, len(self.xyz) // 20000)]
        low, high = np.quantile(points @ directions.T, [0.001, 0.999], axis=0)
        return float((high - low).max()) + 3.0

    @property
    def reach(self) -> float:
        """Distance of the farthest point from the centre of mass, in Angstrom."""
        return float(np.sqrt((self.xyz**2).sum(axis=1).max()))


def fibonacci_directions(n: int) -> FloatArray:
    """``(n, 3)`` unit vectors, evenly over the upper half of the sphere."""
    index = np.arange(n) + 0.5
    z, azimuth = 1 - index / n, np.pi * (1 + 5**0.5) * index
    radius = np.sqrt(1 - z**2)
    return np.stack([radius * np.cos(azimuth), radius * np.sin(azimuth), z], axis=1)


def read_structure(path: Path) -> Scatterers:
    """A PDB, mmCIF or MRC file, gzipped or not, with its biological assembly where it has one.

    Raises
    ------
    UserError
        When the file is missing, unreadable, holds no atoms, or is too large.
    """
    if not exists(path):
        raise UserError(f"{path}: there is no such file.", "Check the name of the structure.")
    require_ordinary(path)
    suffixes = [s.lower() for s in path.suffixes if s.lower() != ".gz"]
    return _read_map(path) if suffixes and suffixes[-1] in {".mrc", ".map", ".ccp4"} else _read_model(path)


def _read_model(path: Path) -> Scatterers:

    try:
        structure = gemmi.read_structure(str(path))
    except (RuntimeError, ValueError, OSError) as error:
        raise UserError(f"{path}: cannot be read as PDB or mmCIF ({cut(str(error), 80)}).", _HINT) from error
    if len(structure) == 0:
        raise UserError(f"{path}: no atoms in this file.", "Give a file with an atomic model.")
    model = _assembled(structure)
    atoms = [
        (atom.pos.x, atom.pos.y, atom.pos.z, _excess(atom.element.name.upper(), atom.occ))
        for chain in model
        for residue in chain
        if not residue.is_water()
        for atom in residue
        if not atom.is_hydrogen()
    ]
    if not atoms:
        raise UserError(f"{path}: no atoms in this file.", "Give a file with an atomic model.")
    if len(atoms) > _MAX_ATOMS:
        raise UserError(f"{path}: {len(atoms)} atoms, more than {_MAX_ATOMS}.", "Give a density map of it instead.")
    table = np.asarray(atoms)
    return centred(_stem(path), table[:, :3], table[:, 3])


def _assembled(structure: gemmi.Structure) -> gemmi.Model:
    """The first biological assembly, or the model as it stands where the file has none.

    Old PDB files list the chains of an assembly over several lines, of which gemmi reads the first. Chains that are in
    no assembly show that; then the model as it stands is nearer to the truth.
    """
    model = structure[0]
    structure.setup_entities()
    parts = [part for one in structure.assemblies for part in one.generators]
    named = {name for part in parts for name in (*part.chains, *part.subchains)}
    if any(
        not named & {chain.name, *(residue.subchain for residue in chain.get_polymer())} for chain in _polymers(model)
    ):
        return model
    return gemmi.make_assembly(structure.assemblies[0], model, gemmi.HowToNameCopiedChain.Dup) if parts else model


def _polymers(model: gemmi.Model) -> list[gemmi.Chain]:
    return [chain for chain in model if len(chain.get_polymer())]


def _excess(element: str, occupancy: float) -> float:
    """Potential of an atom with its hydrogens, above that of the water in its place, in V A^3."""
    amplitude = _AMPLITUDE.get(element, 5.0) + _HYDROGEN
    return occupancy * (_VOLT * amplitude - ICE_POTENTIAL * _SOLVENT_VOLUME)


def read_voxels(path: Path) -> tuple[VolumeArray, float]:
    """A map in (z, y, x) order as float32, and its voxel size in Angstrom, 0 where the header does not tell.

    Raises
    ------
    UserError
        When the file is missing, cannot be read, or is no map.
    """
    if not exists(path):
        raise UserError(f"{path}: there is no such file.", "Check the name of the map.")
    require_ordinary(path)
    try:
        with mrcfile.open(path, permissive=False) as file:
            values = np.asarray(file.data, dtype=np.float32)
            voxel = float(file.voxel_size.x)
    except (ValueError, OSError, OverflowError, MemoryError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: cannot be read as an MRC map ({cut(str(error), 80)}).", _HINT) from error
    if values.ndim != 3 or not np.isfinite(values).all():
        raise UserError(f"{path}: not a three-dimensional map of finite numbers.", _HINT)
    return in_order(path, values), voxel


def contour(values: VolumeArray, path: Path, part: float = 0.35) -> float:
    """A level that the inside of a map is above: a part of the 99.9th percentile of what is positive.

    Raises
    ------
    UserError
        When nothing in the map, which was read from ``path``, is positive.
    """
    positive = values[values > 0]
    if positive.size == 0:
        raise UserError(f"{path}: the map has no positive density.", "Give a map with the particle bright.")
    return float(part * np.quantile(positive, 0.999))


def _read_map(path: Path) -> Scatterers:
    """The voxels above the `contour`, as points with the mean potential of protein."""
    values, voxel = read_voxels(path)
    if voxel <= 0:
        raise UserError(f"{path}: not a three-dimensional map with a voxel size.", "Set the voxel size in its header.")
    zyx = np.argwhere(values > contour(values, path))
    density = values[tuple(zyx.T)].astype(np.float64)
    return centred(_stem(path), zyx[:, ::-1] * voxel, density / density.mean() * _MAP_EXCESS * voxel**3, voxel)


def centred(name: str, xyz: npt.ArrayLike, weight: npt.ArrayLike, spacing: float = 0.0) -> Scatterers:
    """Scatterers with their centre of mass moved to the origin."""
    points, mass = np.asarray(xyz, dtype=np.float64), np.asarray(weight, dtype=np.float64)
    return Scatterers(name, points - (points * mass[:, None]).sum(axis=0) / mass.sum(), mass, spacing)


def _stem(path: Path) -> str:
    return path.name.split(".")[0]


_SYMMETRIES = ("C1", "C1", "C2", "C3", "C4", "C5", "C6", "C7", "D2", "D3", "D4", "D5", "D7", "T", "O")
_RESIDUE_VOLUME = 133.0  # cubic Angstrom
_SPACING = _RESIDUE_VOLUME ** (1 / 3)


def procedural_structure(seed: int, diameter: float | None = None) -> Scatterers:
    """A made-up protein: lumpy domains packed tightly, repeated with a random point symmetry.

    Parameters
    ----------
    seed
        The same seed gives the same particle.
    diameter
        Its longest extent in Angstrom; None leaves the size that its chains have.
    """
    rng = np.random.default_rng([7, seed])
    symmetry = str(rng.choice(_SYMMETRIES))
    copies = Rotation.create_group(symmetry)
    subunit = _subunit(rng)
    radius = np.sqrt((subunit**2).sum(axis=1).mean())
    direction = rng.normal(size=3)
    offset = radius * len(copies) ** 0.4 * rng.uniform(0.7, 1.1) * (len(copies) > 1)
    placed = Rotation.random(random_state=rng).apply(subunit) + offset * direction / np.linalg.norm(direction)
    xyz = np.concatenate([turn.apply(placed) for turn in copies])
    cells = np.unique(np.rint(xyz / _SPACING), axis=0)  # subunits that run into each other share their space
    size = centred("", cells * _SPACING, np.ones(len(cells))).diameter
    spacing = _SPACING if diameter is None else _SPACING * diameter / size
    points = cells * spacing + rng.normal(scale=0.3 * spacing, size=cells.shape)
    weight = (
        _PROTEIN_EXCESS * spacing**3 * rng.gamma(2.0, 0.5, len(points))
    )  # uneven, as side chains and clefts make it
    return centred(f"procedural{seed}", points, weight, spacing)


def _subunit(rng: np.random.Generator) -> FloatArray:
    """Residues of one chain: one to five ellipsoidal domains side by side, with clefts between them."""
    domains: list[FloatArray] = []
    for _ in range(int(rng.integers(1, 6))):
        axes = rng.uniform(14, 28, size=3)
        turn = Rotation.random(random_state=rng)
        points = rng.uniform(-1, 1, size=(int(8 * axes.prod() / _RESIDUE_VOLUME), 3))
        ellipsoid = turn.apply(points[(points**2).sum(axis=1) < 1] * axes)
        beside = domains[int(rng.integers(len(domains)))].mean(axis=0) if domains else np.zeros(3)
        step = rng.normal(size=3)
        domains.append(ellipsoid + beside + step / np.linalg.norm(step) * rng.uniform(26, 42) * bool(domains))
    chain = np.concatenate(domains)
    return np.asarray(chain - chain.mean(axis=0))


@dataclass(frozen=True, eq=False)
class Volume:
    """A particle on a grid.

    Attributes
    ----------
    density
        ``(n, n, n)`` float32 in (z, y, x) order, potential above the ice in volts; the centre of mass is at ``n // 2``.
    voxel
        Angstrom.
    diameter
        Longest extent in Angstrom.
    """

    density: VolumeArray
    voxel: float
    diameter: float


def density(particle: Scatterers, voxel: float, blur: float = 1.5) -> Volume:
    """Point scatterers on a grid, blurred by a Gaussian of at least half a voxel and half the points' spacing.

    Parameters
    ----------
    particle
        The points.
    voxel
        Angstrom.
    blur
        Sigma of the Gaussian in Angstrom: atoms are not points, and they move.
    """
    sigma = max(blur / voxel, 0.5 * particle.spacing / voxel, 0.5)
    half = int(np.ceil(particle.reach / voxel + 3 * sigma)) + 1
    n = 2 * half
    grid = np.zeros(n**3)
    position = particle.xyz[:, ::-1] / voxel + half
    corner = np.floor(position).astype(np.int64)
    fraction = position - corner
    for step in np.ndindex(2, 2, 2):  # each point is shared by the eight voxels around it
        share = np.abs(1 - np.array(step) - fraction).prod(axis=1)
        index = np.ravel_multi_index(tuple((corner + np.array(step)).T), (n, n, n))
        grid += np.bincount(index, particle.weight * share, minlength=n**3)
    smooth = ndimage.gaussian_filter(grid.reshape(n, n, n).astype(np.float32), sigma)
    return Volume(smooth / np.float32(voxel**3), voxel, particle.diameter)
