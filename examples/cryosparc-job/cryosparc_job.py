"""Pick the micrographs of a job of cryoSPARC, and hand the particles over as an External job of its project.

Needs napari-drpnet and the cryosparc-tools of cryoSPARC's version in one environment, on a machine that sees the
project's folder, and a login: ``python -m cryosparc.tools login --url URL``.
"""

from __future__ import annotations

import argparse
from contextlib import chdir
from pathlib import Path
from typing import Any

from cryosparc.dataset import Dataset
from cryosparc.tools import CryoSPARC

from napari_drpnet import jobs
from napari_drpnet.settings import ConversionSettings, PickRun

# cryoSPARC's results that *Inspect Picks* and *Extract from Micrographs* ask for.
SLOTS = ["location", "pick_stats"]


def pick(exposures: Path, project: Path, out: Path, **options: Any) -> Dataset[Any]:
    """Particles of the exposures, as cryoSPARC has them.

    Parameters
    ----------
    exposures
        Table of the micrographs (.cs).
    project
        Folder of cryoSPARC's project, where the names of micrographs begin.
    out
        Folder for the run; a second call goes on with it.
    **options
        Settings of the picker, such as ``diameter`` in Angstrom.
    """
    exposures, out = exposures.resolve(), out.resolve()
    with chdir(project):
        jobs.finish(jobs.pick(PickRun(inputs=(str(exposures),), out=out, options=options)))
        jobs.finish(jobs.convert([out], out / "particles.cs", ConversionSettings(), exposures))
    return Dataset.load(out / "particles.cs")


def main() -> None:
    """What the two connections to the server are for: the exposures, and the External job."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, told in (
        ("url", "of cryoSPARC, such as http://localhost:39000"),
        ("project", "such as P3"),
        ("workspace", "for the External job, such as W1"),
        ("job", "that has the micrographs, such as J5"),
        ("output", "of that job, such as exposures"),
    ):
        parser.add_argument(name, help=told)
    parser.add_argument("--diameter", type=float, required=True, help="of the particle, in Angstrom")
    parser.add_argument("--out", type=Path, default=Path("picks"), help="folder for the run")
    given = parser.parse_args()

    cryosparc = CryoSPARC(given.url)
    project = cryosparc.find_project(given.project)
    table = project.find_job(given.job).load_output(given.output, slots=["micrograph_blob", "mscope_params"])
    given.out.mkdir(parents=True, exist_ok=True)
    table.save(given.out / "exposures.cs")
    particles = pick(given.out / "exposures.cs", Path(project.dir), given.out, diameter=given.diameter)
    made = cryosparc.save_external_result(
        given.project,
        given.workspace,
        particles,
        "particle",
        name="particles",
        slots=SLOTS,
        title="napari-drpnet picks",
    )
    print(f"{len(particles)} particles in {made}, for Inspect Picks or Extract, with the micrographs of {given.job}")


if __name__ == "__main__":
    main()
