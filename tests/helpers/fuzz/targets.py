"""The readers that are tried: each with a sound file, what may happen to it, and what reads it."""

from __future__ import annotations

import bz2
import gzip
import io
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import tifffile
from PIL import Image

from fuzz import mutations as m
from napari_drpnet.data import Frame, PatchSet, Picks
from refined import any_angles, star_31

Make = Callable[[Path], Path]
NOISE = np.random.default_rng(0).integers(0, 200, (16, 24)).astype(np.uint8)
OUT = "out"


@dataclass(frozen=True)
class Target:
    """One kind of file.

    Attributes
    ----------
    name
        Of the kind.
    make
        Writes sound files into an empty folder, and tells which of them is to be damaged.
    read
        What is done with it; it may write into the folder.
    mutations
        What may happen to it; more often what is there more often.
    cost
        How long reading takes, in parts of a quick reader's time: so many times fewer tries fit.
    """

    name: str
    make: Make
    read: Callable[[Path], object]
    mutations: tuple[m.Mutate, ...]
    cost: int = 1


def _file(name: str, content: Callable[[], bytes]) -> Make:
    def make(folder: Path) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content())
        return path

    return make


# ---------------------------------------------------------------- images


@cache
def mrc(shape: tuple[int, ...] = (16, 24)) -> bytes:
    """An MRC file in memory."""
    stream = io.BytesIO()
    file = mrcfile.mrcinterpreter.MrcInterpreter()
    file._iostream = stream
    file._create_default_attributes()
    file.set_data(np.resize(NOISE, shape).astype(np.float32))
    file.voxel_size = 1.5
    file.flush()
    return stream.getvalue()


def tiff(**options: Any) -> bytes:
    """Two pages of a TIFF."""
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.stack([NOISE] * 2), photometric="minisblack", **options)
    return stream.getvalue()


def picture(kind: str) -> bytes:
    """A PNG or JPEG."""
    stream = io.BytesIO()
    Image.fromarray(NOISE).save(stream, kind)
    return stream.getvalue()


def _read_micrograph(path: Path) -> None:
    from napari_drpnet.io import read_micrograph

    read_micrograph(path)


def _read_templates(path: Path) -> None:
    from napari_drpnet.io.templates import read_templates

    read_templates(path)


def _read_map(path: Path) -> object:
    from napari_drpnet.io.half_maps import read_map

    return read_map(path)


def _read_structure(path: Path) -> None:
    from napari_drpnet.simulation.structures import read_structure

    read_structure(path)


ATOMS = "".join(
    f"ATOM  {i:5d}  CA  ALA A{i:4d}    {2.0 * i:8.3f}{3.0 * (i % 5):8.3f}{1.0 * i:8.3f}  1.00 20.00           C\n"
    for i in range(1, 20)
)
IMAGES = (
    Target("mrc", _file("a.mrc", mrc), _read_micrograph, m.BYTES),
    Target("mrc.gz", _file("a.mrc.gz", lambda: gzip.compress(mrc())), _read_micrograph, m.GZIP),
    Target("mrc.bz2", _file("a.mrc.bz2", lambda: bz2.compress(mrc())), _read_micrograph, m.BZIP),
    Target("tiff", _file("a.tif", tiff), _read_micrograph, m.BYTES),
    Target("tiff deflate", _file("a.tif", lambda: tiff(compression="zlib")), _read_micrograph, m.BYTES),
    Target("tiff tiles", _file("a.tif", lambda: tiff(tile=(16, 16))), _read_micrograph, m.BYTES),
    Target("png", _file("a.png", lambda: picture("PNG")), _read_micrograph, m.PNG),
    Target("jpeg", _file("a.jpg", lambda: picture("JPEG")), _read_micrograph, m.BYTES),
    Target("templates", _file("a.mrcs", lambda: mrc((3, 16, 16))), _read_templates, m.BYTES),
    Target("structure pdb", _file("a.pdb", lambda: f"{ATOMS}END\n".encode()), _read_structure, m.TEXT, cost=4),
    Target("structure mrc", _file("a.mrc", lambda: mrc((8, 8, 8))), _read_structure, m.BYTES),
    Target("map", _file("a.map", lambda: mrc((8, 8, 8))), _read_map, m.BYTES),
    Target("map gz", _file("a.map.gz", lambda: gzip.compress(mrc((8, 8, 8)))), _read_map, m.GZIP),
)

# ---------------------------------------------------------------- picks

PARTICLES = b"""# version 30001

data_optics

loop_
_rlnOpticsGroupName #1
_rlnOpticsGroup #2
_rlnMicrographPixelSize #3
_rlnImagePixelSize #4
opticsGroup1            1     1.500000     3.000000

data_particles

loop_
_rlnCoordinateX #1
_rlnCoordinateY #2
_rlnImageName #3
_rlnMicrographName #4
_rlnOpticsGroup #5
_rlnOriginXAngst #6
_rlnOriginYAngst #7
_rlnClassNumber #8
  10.0   20.0 000001@Extract/job003/m/a.mrcs m/a.mrc            1     1.500000    -3.000000            2
  70.0   90.5 000001@Extract/job003/m/b.mrcs "m/b c.mrc"            1     0.000000     0.000000            1

"""
LIST = b"""data_coordinate_files

loop_
_rlnMicrographName #1
_rlnMicrographCoordinates #2
m/a.mrc picks/a_autopick.star
m/b.mrc picks/b_autopick.star

"""
MICROGRAPHS = b"""data_optics

loop_
_rlnOpticsGroup #1
_rlnMicrographPixelSize #2
1     1.500000

data_micrographs

loop_
_rlnMicrographName #1
_rlnOpticsGroup #2
m/a.mrc            1
m/b.mrc            1

"""


def some_picks(name: str = "a", n: int = 5) -> Picks:
    """Picks on a small micrograph."""
    rng = np.random.default_rng(0)
    frame = Frame(name, (100, 120), 1.5)
    label = np.where(rng.random(n) < 0.5, "particle", "background")
    source = np.where(label == "background", "manual", "drpnet")
    return Picks(frame, rng.uniform(5, 95, (n, 2)), rng.random(n), 20.0, label=label, source=source)


def _picks_file(kind: str) -> Make:
    def make(folder: Path) -> Path:
        from napari_drpnet.io.picks.formats import FORMATS, write_all

        to = FORMATS[kind]
        found = [some_picks("a"), some_picks("b", 3)] if to.several else [some_picks("a")]
        found = [picks.select(picks.label == "particle") for picks in found]
        return write_all(found, folder / (to.ending if to.several else f"a{to.ending}"), to, quiet=True)

    return make


def _convert(path: Path) -> None:
    """Read, and write in another format to a folder: a name in the file must not lead out of it."""
    from napari_drpnet.jobs.conversion import convert
    from napari_drpnet.settings import ConversionSettings

    to = "csv" if path.suffix == ".star" else "star"
    _finish(convert([path], path.parent / OUT, ConversionSettings(to=to)))


def _finish(steps: Iterator[Any]) -> None:
    for _ in steps:
        pass


def _read_micrographs(path: Path) -> None:
    from napari_drpnet.io.star_lists import read_micrographs

    read_micrographs(path)


def _read_list(path: Path) -> None:
    from napari_drpnet.io.star_lists import read_coordinate_list

    read_coordinate_list(path)
    _convert(path)


def _read_poses(path: Path) -> None:
    from napari_drpnet.io.picks.star_poses import read_poses

    read_poses(path)


def _assess(path: Path) -> object:
    from napari_drpnet.jobs import assess_alignments
    from napari_drpnet.settings import ViewSettings

    return assess_alignments(path, ViewSettings())


def _aligned() -> bytes:
    """Particles of cryoSPARC with alignments."""
    fields: list[Any] = [("uid", "<u8"), ("alignments3D/pose", "<f4", (3,)), ("alignments3D/split", "<u4")]
    table = np.zeros(12, [*fields, ("alignments3D/shift", "<f4", (2,)), ("alignments3D/psize_A", "<f4")])
    table["uid"], table["alignments3D/pose"] = np.arange(12), np.resize(NOISE, (12, 3)) / 100
    stream = io.BytesIO()
    np.save(stream, table)
    return stream.getvalue()


def _read_postprocessing(path: Path) -> object:
    from napari_drpnet.io.postprocessing import read_postprocessing

    return read_postprocessing(path)


def _write_part(path: Path) -> None:
    from napari_drpnet.io.particle_subsets import ParticleFile

    file = ParticleFile(path)
    file.write(np.arange(len(file.half)) % 3 == 0, path.parent / OUT / "part.star")


ALIGNED = star_31(any_angles(12))
POSTPROCESSED = "\ndata_general\n\n_rlnFinalResolution 8.0\n\ndata_fsc\n\nloop_\n_rlnResolution #1\n"
POSTPROCESSED += "_rlnFourierShellCorrelationCorrected #2\n" + "".join(f"{i / 64} {1 / (1 + i)}\n" for i in range(8))


POSES = b"""data_optics

loop_
_rlnOpticsGroup #1
_rlnMicrographPixelSize #2
_rlnImagePixelSize #3
1     1.500000     3.000000

data_particles

loop_
_rlnCoordinateX #1
_rlnCoordinateY #2
_rlnMicrographName #3
_rlnOpticsGroup #4
_rlnAngleRot #5
_rlnAngleTilt #6
_rlnAnglePsi #7
_rlnOriginXAngst #8
_rlnOriginYAngst #9
  10.0   20.0 m/a.mrc            1   -12.500000    80.000000   170.100000     1.500000    -3.000000
  70.0   90.5 m/b.mrc            1    99.000000    12.000000   -10.000000     0.000000     0.000000

"""


def _read_ctf(path: Path) -> None:
    from napari_drpnet.io.ctf_files import read_ctf

    read_ctf(path).of("m/a.mrc")


CTF_STAR = b"""data_optics

loop_
_rlnOpticsGroup #1
_rlnVoltage #2
_rlnSphericalAberration #3
_rlnAmplitudeContrast #4
1     300.000000     2.700000     0.100000

data_micrographs

loop_
_rlnMicrographName #1
_rlnOpticsGroup #2
_rlnDefocusU #3
_rlnDefocusV #4
_rlnDefocusAngle #5
_rlnPhaseShift #6
m/a.mrc            1 10863.857422 10575.721680    77.995003     0.000000
m/b.mrc            1  9836.475586  9586.718750    72.038002    90.000000

"""


def exposures() -> bytes:
    """A table of cryoSPARC with the CTF of two micrographs."""
    names = ("df1_A", "df2_A", "df_angle_rad", "phase_shift_rad", "accel_kv", "cs_mm", "amp_contrast")
    rows = [(i, f"m/{name}.mrc".encode(), 1e4, 9e3, 0.5, 0, 300, 2.7, 0.1) for i, name in enumerate("ab")]
    kinds: list[Any] = [("uid", "<u8"), ("micrograph_blob/path", "S9"), *((f"ctf/{name}", "<f4") for name in names)]
    file = io.BytesIO()
    np.save(file, np.array(rows, kinds))
    return file.getvalue()


CTFFIND = b"""# Output from CTFFind version 4.1.14, run on 2023-03-05 10:08:51
# Input file: m/a.mrc ; Number of micrographs: 2
# Pixel size: 1.0 Angstroms ; acceleration voltage: 300.0 keV ; spherical aberration: 2.7 mm ; amplitude contrast: 0.1
# Columns: #1 - micrograph number; #2 - defocus 1 [Angstroms]; #3 - defocus 2; #4 - azimuth of astigmatism; ...
1.000000 10588.083984 9956.687500 -44.710212 0.000000 0.494779 4.102857
2.000000 11588.083984 9956.687500 -44.710212 0.500000 0.494779 4.102857
"""
GCTF_LOG = b"""--kV                   300.00
 CS[mm], HT[kV], AmpCnst, XMAG, DStep[um]
   2.7    300.0    0.10   46296.3    5.000

   Defocus_U   Defocus_V       Angle        CCC
    22195.93    22722.04       47.05    0.039181  Final Values
"""
CTFS = (
    Target("ctf star", _file("a.star", lambda: CTF_STAR), _read_ctf, m.TEXT),
    Target("ctffind", _file("a.txt", lambda: CTFFIND), _read_ctf, m.TEXT),
    Target("ctf cs", _file("a.cs", exposures), _read_ctf, m.NUMPY),
    Target("gctf", _file("a_gctf.log", lambda: GCTF_LOG), _read_ctf, m.TEXT),
)
PICKS = (
    Target("star", _picks_file("star"), _convert, m.TEXT, cost=2),
    Target("star particles", _file("a.star", lambda: PARTICLES), _convert, m.TEXT, cost=2),
    Target("star poses", _file("run_data.star", lambda: POSES), _read_poses, m.TEXT),
    Target("star alignments", _file("run_data.star", lambda: ALIGNED.encode()), _assess, m.TEXT, cost=40),
    Target("star parts", _file("run_data.star", lambda: ALIGNED.encode()), _write_part, m.TEXT),
    Target("star postprocess", _file("a.star", lambda: POSTPROCESSED.encode()), _read_postprocessing, m.TEXT),
    Target("cs alignments", _file("a.cs", _aligned), _assess, m.NUMPY, cost=40),
    Target("star list", _file("autopick.star", lambda: LIST), _read_list, m.TEXT),
    Target("star micrographs", _file("a.star", lambda: MICROGRAPHS), _read_micrographs, m.TEXT),
    Target("csv", _picks_file("csv"), _convert, m.TEXT),
    Target("cryoppp", _picks_file("cryoppp"), _convert, m.TEXT),
    Target("box", _picks_file("box"), _convert, m.TEXT),
    Target("json", _picks_file("json"), _convert, m.JSON),
    Target("cbox", _picks_file("cbox"), _convert, m.TEXT),
    Target("topaz", _picks_file("topaz"), _convert, m.TEXT),
    Target("cs", _picks_file("cryosparc"), _convert, m.NUMPY),
)

# ---------------------------------------------------------------- networks


def _weights(name: str) -> Make:
    from napari_drpnet.io.weights import PACKAGED

    return _file("a.safetensors", (PACKAGED / f"{name}.safetensors").read_bytes)


def _learnt(folder: Path) -> Path:
    """What DeepCryoPicker keeps, as small as it may be."""
    from napari_drpnet.io.weights import WeightsCard, write_weights
    from napari_drpnet.networks import AlexNet

    options = {"side": 67, "percent": 1, "classes": 2, "dense": 8}
    card = WeightsCard(
        network="alexnet", role="window classifier", diameter=57.0, calibration=(1.0, 0.0), options=options
    )
    return write_weights(folder / "a.safetensors", card, AlexNet(**options).state_dict())


def _correction(folder: Path) -> Path:
    from napari_drpnet.pickers.protocol.correction import write_correction
    from napari_drpnet.settings import LoGSettings

    return write_correction(folder / "a.safetensors", (1.1, -0.2), "log", LoGSettings(diameter=100))


def _load(role: str) -> Callable[[Path], object]:
    def read(path: Path) -> None:
        import torch

        from napari_drpnet.pickers.network import load_network

        load_network(str(path), role, torch.device("cpu"))

    return read


def _onnx(folder: Path) -> Path:
    """A network of another program."""
    from onnx_networks import blob_network

    return blob_network(folder / "a.onnx", {"diameter": 16, "grey": "standard", "multiple": 2})


def _load_onnx(path: Path) -> None:
    import torch

    from napari_drpnet.pickers.detectors import load_detector

    load_detector(str(path), None, None, torch.device("cpu"))


def _correct(path: Path) -> None:
    from napari_drpnet.pickers import load_picker

    load_picker("log", diameter=100, calibration=str(path))


def _training(path: Path) -> Iterator[Any]:
    """A training run of a network with nine numbers that has a checkpoint."""
    import torch
    from torch import nn

    from napari_drpnet.settings import TrainSettings
    from napari_drpnet.training_loop.batches import Batch
    from napari_drpnet.training_loop.fit import Watch, fit

    def draw(n: int, step: int, rng: np.random.Generator) -> Batch:
        image = torch.from_numpy(rng.standard_normal((n, 1, 4, 4), np.float32))
        return Batch((image,), ("m",))

    def loss(network: nn.Module, batch: Any) -> torch.Tensor:
        return network(batch[0]).square().mean()

    sets = [{"micrographs": "unused"}]
    settings = TrainSettings(training=sets, steps=2, check_every=1, batch=1, device="cpu", workers=0)
    torch.manual_seed(0)
    return fit(nn.Conv2d(1, 1, 3), draw, loss, settings, Watch(checkpoint=path), report_every=1)


def _checkpoint(folder: Path) -> Path:
    path = folder / "a.checkpoint"
    with closing(_training(path)) as steps:
        next(steps)
    raw = io.BytesIO()
    # The checksums of torch's zip files, and the order of their members, as zipfile writes them.
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(raw, "w") as after:
        for name in before.namelist():
            after.writestr(name, before.read(name))
    path.write_bytes(raw.getvalue())
    return path


NETWORKS = (
    Target("weights", _weights("detector"), _load("detector"), m.SAFETENSORS, cost=4),
    Target("weights pixer", _weights("pixer-sorter"), _load("sorter"), m.SAFETENSORS, cost=8),
    Target("weights deepcryo", _learnt, _load("window classifier"), m.SAFETENSORS, cost=2),
    Target("onnx", _onnx, _load_onnx, m.BYTES),
    Target("calibration", _correction, _correct, m.SAFETENSORS),
    Target("checkpoint", _checkpoint, lambda path: _finish(_training(path)), m.ZIP, cost=8),
)

# ---------------------------------------------------------------- settings


def _run_file(folder: Path) -> Path:
    from napari_drpnet.jobs.run_file import write_run_file
    from napari_drpnet.settings import PickRun

    options = {"diameter": 180.0, "threshold": 0.4, "border": 20.0, "device": "cpu"}
    return write_run_file(PickRun(inputs=("a.mrc", "b.mrc"), pixel_size=1.5, options=options), folder / "settings.yaml")


def _read_run(path: Path) -> None:
    from napari_drpnet.jobs.run_file import make_run
    from napari_drpnet.pickers.protocol.registry import picker_settings

    run = make_run({}, {}, path)
    picker_settings(run.picker, **run.options)


def _read_recipe(path: Path) -> None:
    from napari_drpnet.jobs.training import make_train_settings
    from napari_drpnet.settings import TrainSettings

    make_train_settings(TrainSettings, {}, {"micrographs": "m"}, path)


RECIPE = b"""training:
  - {micrographs: m/*.mrc, coordinates: t, diameter: 100.0, pixel_size: 1.5, weight: 2}
  - simulate: {count: 2, size: 512, dose: [10, 20], structures: [a.pdb]}
    pool: 8
validation: []
network: unet
steps: 100
rate: 1.0e-3
start: null
"""
SETTINGS = (
    Target("run file", _run_file, _read_run, m.YAML),
    Target("recipe", _file("recipe.yaml", lambda: RECIPE), _read_recipe, m.YAML),
)

# ---------------------------------------------------------------- projects


@cache
def _sound_project() -> Path:
    """A project with one of each of its files, made once."""
    from tempfile import mkdtemp

    from napari_drpnet.io import Project
    from napari_drpnet.io.weights import PACKAGED

    folder = Path(mkdtemp(prefix="fuzz-project-"))
    (folder / "m").mkdir()
    for name in ("a", "b"):
        (folder / "m" / f"{name}.mrc").write_bytes(mrc((100, 120)))
    with Project.create(folder / "p", inputs=(str(folder / "m"),), diameter=30.0, root="..") as project:
        project.update(inputs=("m",), options={"detector": "mine"})
        for name in ("a", "b"):
            project.write_picks(name, some_picks(name))
        project.write_region("a", np.eye(20, 24, dtype=bool))
        project.mark_done("b", True)
        shutil.copyfile(PACKAGED / "detector.safetensors", folder / "p" / "networks" / "mine.safetensors")
    return folder


def _in_project(name: str) -> Make:
    def make(folder: Path) -> Path:
        shutil.copytree(_sound_project(), folder, dirs_exist_ok=True)
        # As at the time of the last writing, or the index would be made anew and its damage not be seen.
        path = folder / "p" / name
        index = folder / "p" / "index.tsv"
        index.write_text(_current(index.read_text(), folder / "p"))
        if name == ".lock":
            path.write_text(
                '{"host": "elsewhere", "pid": 12, "started": 1.0, "since": "2026-01-01 10:00:00", "token": "abcd"}\n'
            )
        return path

    return make


def _current(index: str, folder: Path) -> str:
    """An index that was copied with its project, as if it had been written there."""
    from napari_drpnet.io.project.files import Layout

    files = Layout(folder)
    rows = [line.split("\t") for line in index.splitlines()]
    rows[0][2] = files.stamp()
    for row in rows[2:]:
        row[-2:] = files.stamp_of(row[0]), files.stamp()
    return "\n".join("\t".join(row) for row in rows) + "\n"


def _use_project(path: Path) -> None:
    """Open it as `pick --project` does, read all, and write all."""
    from napari_drpnet.errors import UserError
    from napari_drpnet.io import Project
    from napari_drpnet.jobs.project import project_picker

    folder = next(one for one in path.parents if one.name == "p")
    with Project.open(folder) as project:
        trouble: list[UserError] = []
        for entry in project.micrographs:
            for step in (_pick_one, _read_region):
                try:
                    step(project, entry.name)
                except UserError as error:  # the others go on
                    trouble.append(error)
        project.rows()
        project.networks("detector")
        if path.suffix in (".yaml", ".safetensors"):
            project_picker(project, device="cpu")
        if trouble:
            raise trouble[0]


def _pick_one(project: Any, name: str) -> None:
    picks = project.read_picks(name)
    if not project.read_only:
        project.write_picks(name, picks)


def _read_region(project: Any, name: str) -> None:
    project.read_region(name)


def _patch_set(folder: Path) -> Path:
    from napari_drpnet.io.patches import write_patches

    n = 4
    patches = PatchSet(
        np.resize(NOISE, (n, 64, 64)).astype(np.float32),
        1.5,
        48.0,
        np.array([True, True, False, False]),
        np.array(["a"] * n),
        np.full((n, 2), 30.0),
        np.array(["training", "training", "validation", "training"]),
        np.array(["label"] * n),
        np.full(n, np.nan),
    )
    return write_patches(patches, folder / "set") / "patches.star"


def _patch_stack(folder: Path) -> Path:
    return _patch_set(folder).with_name("particles.mrcs")


def _read_patches(path: Path) -> None:
    from napari_drpnet.io.patches import patch_sets, read_patches

    patch_sets(path.parents[1])
    read_patches(path.parent)


PROJECTS = (
    Target("project.yaml", _in_project("project.yaml"), _use_project, m.YAML, cost=12),
    Target("project index", _in_project("index.tsv"), _use_project, m.TEXT, cost=12),
    Target("project lock", _in_project(".lock"), _use_project, m.JSON, cost=12),
    Target("project labels", _in_project("labels/a.star"), _use_project, m.TEXT, cost=12),
    Target("project picks", _in_project("picks/a_autopick.star"), _use_project, m.TEXT, cost=12),
    Target("project list", _in_project("autopick.star"), _use_project, m.TEXT, cost=12),
    Target("project region", _in_project("regions/a.png"), _use_project, m.PNG, cost=12),
    Target("project network", _in_project("networks/mine.safetensors"), _use_project, m.SAFETENSORS, cost=12),
    Target("patch set", _patch_set, _read_patches, m.TEXT),
    Target("patch stack", _patch_stack, _read_patches, m.BYTES),
)

# ---------------------------------------------------------------- benchmarks


def _labelled(folder: Path) -> Path:
    from napari_drpnet.io import write_picks

    (folder / "a.mrc").write_bytes(mrc())
    picks = Picks(Frame("a", (16, 24)), np.array([(4.0, 5.0), (10.0, 12.0)]), np.array([0.9, 0.4]), np.array(4.0))
    write_picks(picks, folder / "labels" / "a.csv")
    file = folder / "set.yaml"
    file.write_text(
        "name: discs\nprotein: none\nsource: made up\nlabelled_by: nobody\ncomplete: true\ndiameter: 6\n"
        "pixel_size: 1.5\nedge: 0\ninvert: false\nmicrographs: .\nlabels: labels\n"
    )
    return file


def _score(path: Path) -> Path:
    from napari_drpnet import jobs
    from napari_drpnet.settings import BenchmarkSettings

    settings = BenchmarkSettings(picks={"same": path.parent / "labels"}, out=path.parent / OUT)
    jobs.finish(jobs.run_benchmark([path], {}, settings))
    return next((path.parent / OUT).rglob("*.json"))


def _result(folder: Path) -> Path:
    return shutil.copy(_score(_labelled(folder)), folder / "result.json")


def _join(path: Path) -> None:
    from napari_drpnet import jobs

    jobs.join_benchmarks([path], "micro", path.parent / OUT)


BENCHMARKS = (
    Target("benchmark set", _labelled, _score, m.YAML, cost=5),
    Target("benchmark result", _result, _join, m.JSON, cost=5),
)

TARGETS = {target.name: target for target in (*IMAGES, *PICKS, *CTFS, *NETWORKS, *SETTINGS, *PROJECTS, *BENCHMARKS)}
assert all(a != b for a, b in pairwise(sorted(TARGETS)))
