"""A folder with the files that commands of the documentation name: two simulated micrographs, and what follows."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import gemmi
import numpy as np
import pandas
import starfile
import yaml
from PIL import Image

import half_maps
import napari_drpnet
from cs_files import save
from napari_drpnet import jobs
from napari_drpnet.cli import main
from napari_drpnet.io import Project, read_picks
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.labels import labelled, near
from napari_drpnet.settings import SimulationSettings
from napari_drpnet.simulation.structures import density, procedural_structure, read_structure
from refined import any_angles, star_31

DEFAULT_WEIGHTS = Path(napari_drpnet.__file__).parent / "weights" / "detector.safetensors"
PIXEL, SIZE, DIAMETER = 6.0, 384, 180.0


def call(*arguments: object) -> int:
    """Run the program here; its exit status."""
    try:
        main([str(one) for one in arguments])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def build(folder: Path) -> None:
    """Write all of it; paths in commands are relative to this folder, which must be the current one."""
    _micrographs(folder)
    _picks_of_programs(folder)
    _projects(folder)
    _refinements(folder)
    _structures(folder)
    _a_result(folder)
    _networks(folder)


def _micrographs(folder: Path) -> None:
    source = write_mrc(density(procedural_structure(4, DIAMETER), 4.0).density, folder / "source.mrc", 4.0)
    settings = SimulationSettings(
        structures=(source,),
        count=2,
        size=SIZE,
        diameter_px=(DIAMETER / PIXEL,) * 2,
        coverage=(0.25, 0.3),
        visibility=(14, 16),
        empty=0,
        contamination=0,
        carbon=0,
        aggregates=0,
        seed=4,
    )
    images = folder / "Micrographs"
    jobs.finish(jobs.simulate(settings, images))
    shutil.copytree(images, folder / "labelled")
    for name in ("truth", "labels"):
        (folder / name).mkdir()
        for star in images.glob("*_0000?.star"):
            shutil.copy(star, folder / name)
    listed = (images / "micrographs_ctf.star").read_text()
    for star in images.glob("*.star"):
        star.unlink()
    (images / "simulation.yaml").unlink()
    here = listed.replace("source_0", "Micrographs/source_0")
    (folder / "CtfFind/job003").mkdir(parents=True)
    for name in ("micrographs_ctf.star", "micrographs.star", "CtfFind/job003/micrographs_ctf.star"):
        (folder / name).write_text(here)
    for name in ("More", "micrographs"):
        shutil.copytree(images, folder / name)
    voxels = density(read_structure(source), 4.0).density
    for name in ("map.mrc", "emd_1234.map", "run_class001.mrc"):
        write_mrc(voxels, folder / name, 4.0)
    shutil.copy(next(images.glob("*.mrc")), folder / "micrograph.mrc")


def _picks_of_programs(folder: Path) -> None:
    """The true places as other programs would have them."""
    _refined_particles(folder)
    listed = ("--micrographs", "micrographs.star")
    assert call("convert", "truth", "topaz.txt", *listed) == 0
    assert call("convert", "truth", "CBOX/", "--to", "cbox", *listed) == 0
    assert call("convert", "truth", "particles.cs", *listed) == 0
    kinds = [("uid", "<u8"), ("micrograph_blob/path", "S40"), ("micrograph_blob/psize_A", "<f4")]
    kinds += [("micrograph_blob/shape", "<u4", (2,))]
    names = sorted(path.relative_to(folder).as_posix().encode() for path in (folder / "Micrographs").glob("*.mrc"))
    table = np.array([(i, name, PIXEL, (SIZE, SIZE)) for i, name in enumerate(names)], kinds)
    exported = folder / "exports" / "..."
    exported.mkdir(parents=True)
    for group in (folder / "exposures.csg", exported / "J5_exposures_exported.csg"):
        table_file = save(group.with_suffix(".cs"), table)
        result = {"metafile": f">{table_file.name}", "num_items": len(table), "type": "exposure.micrograph_blob"}
        group.write_text(yaml.safe_dump({"group": {"type": "exposure"}, "results": {"micrograph_blob": result}}))
    assert call("pick", "Micrographs/", "--diameter", DIAMETER, "--picker", "log", "--threshold", 0.5) == 0
    job = folder / "AutoPick" / "job006"
    job.mkdir(parents=True)
    (job / "autopick.star").write_text((folder / "picks" / "autopick.star").read_text())


def _refined_particles(folder: Path) -> None:
    """The true places and angles of all micrographs in one file."""
    tables = []
    for star in sorted((folder / "truth").glob("*.star")):
        table = starfile.read(star)
        tables.append(table.assign(rlnMicrographName=f"Micrographs/{star.stem}.mrc"))
    starfile.write(pandas.concat(tables), folder / "run_data.star")


def _projects(folder: Path) -> None:
    """Two projects of all micrographs, picked; in ``mine`` a person labelled all picks."""
    for name in ("project", "mine"):
        assert call("project", name, "Micrographs/", "--diameter", DIAMETER) == 0
        assert call("pick", "--project", name, "--threshold", 0.2) == 0
    label(folder / "mine")


def label(folder: Path) -> None:
    """Label every pick of a project by the true places, where they are known, as a person would in the window."""
    with Project.open(folder) as project:
        for row in project.rows():
            truth = folder.parent / "truth" / f"{row.name}.star"
            if not truth.is_file():
                continue
            picks = project.read_picks(row.name)
            right = near(picks.yx, read_picks(truth)[0].yx, DIAMETER / PIXEL / 2)
            project.write_picks(row.name, labelled(labelled(picks, right, "particle"), ~right, "background"))
            project.mark_done(row.name, True)


def _refinements(folder: Path) -> None:
    particle = half_maps.particle(32)
    for name in ("Refine3D/job012", "Refine3D/drpnet", "Refine3D/templates", "J42"):
        (folder / name).mkdir(parents=True)
        for number, values in enumerate(half_maps.halves(particle, 0.3), 1):
            half_maps.write(folder / name / f"run_half{number}_class001_unfil.mrc", values)
        (folder / name / "run_data.star").write_text(star_31(any_angles(200)))
    (folder / "MaskCreate/job011").mkdir(parents=True)
    half_maps.write(folder / "MaskCreate/job011/mask.mrc", (particle > 0.01).astype(np.float32))


def _structures(folder: Path) -> None:
    """A few hundred atoms, in the files that structures come in, and images without particles."""
    rng = np.random.default_rng(1)
    lines = [
        f"ATOM  {i:5d}  CA  ALA A{i % 9000:4d}    {x:8.3f}{y:8.3f}{z:8.3f}  1.00 20.00           C"
        for i, (x, y, z) in enumerate(rng.normal(0, 30, (400, 3)), 1)
    ]
    text = "\n".join([*lines, "END", ""])
    (folder / "a.pdb.gz").write_bytes(gzip.compress(text.encode()))
    document = gemmi.read_pdb_string(text).make_mmcif_document()
    for name in ("b.cif", "1abc.cif"):
        document.write_file(str(folder / name))
    for name in ("empty/ice.png", "carbon/film.mrc"):
        (folder / name).parent.mkdir()
        noise = rng.normal(120, 20, (600, 600))
        if name.endswith("png"):
            Image.fromarray(noise.clip(0, 255).astype(np.uint8)).save(folder / name)
        else:
            write_mrc(np.float32(noise), folder / name, PIXEL)


def _a_result(folder: Path) -> None:
    """A labelled set that says its diameter, and what another program had on it."""
    (folder / "labelled" / "set.yaml").write_text(f"diameter: {DIAMETER}\n")
    assert call("benchmark", "topaz=topaz.txt", "--set", "labelled", "--out", "scored-before") == 0
    (result,) = (folder / "scored-before").glob("*/topaz.json")
    (folder / "theirs" / "10017").mkdir(parents=True)
    shutil.copy(result, folder / "theirs" / "10017" / "their-picker.json")


def _networks(folder: Path) -> None:
    """Networks of a person's own, and of another group."""
    shutil.copy(DEFAULT_WEIGHTS, folder / "mine.safetensors")
    assert call("export-model", "detector", "--format", "onnx", "--out", "theirs.onnx") == 0
