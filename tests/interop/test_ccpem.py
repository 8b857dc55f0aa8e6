"""The released pipeliner of CCP-EM runs our job in a project of its own, from the import to extracted particles."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from pipeliner.api.manage_project import PipelinerProject
from pipeliner.data_structure import ABORT_FILE, ABORT_TRIGGER, FAIL_FILE, SUCCESS_FILE
from pipeliner.job_factory import get_job_types, job_from_dict, new_job_of_type
from pipeliner.pipeliner_job import PipelinerJob
from pipeliner.scripts.job_runner import JobRunner

from discs import DISCS, write_discs
from napari_drpnet.io import read_picks
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.io.star_table import read_tables
from napari_drpnet.settings import PickerSettings, PickRun

pytestmark = pytest.mark.slow
KIND = "napari_drpnet.autopick"
STAR = Path("Import/job001/micrographs.star")
OPTICS = """
data_optics

loop_
_rlnOpticsGroup #1
_rlnOpticsGroupName #2
_rlnMicrographPixelSize #3
_rlnVoltage #4
_rlnSphericalAberration #5
_rlnAmplitudeContrast #6
1 opticsGroup1 2.0 300 2.7 0.1

data_micrographs

loop_
_rlnMicrographName #1
_rlnOpticsGroup #2
"""
ASKED = {"_rlnJobTypeLabel": KIND, "fn_mics": str(STAR), "picker": "log", "diameter": "40", "threshold": "0.5"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PipelinerProject:
    """An empty project; the working folder, as the pipeliner has it."""
    monkeypatch.chdir(tmp_path)
    return PipelinerProject(make_new_project=True)


def write_list(*names: str) -> None:
    """A micrographs STAR as an earlier job leaves it, and micrographs that are not there yet."""
    STAR.parent.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = Path("Micrographs", name)
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            write_discs(path, seed=len(name))
    STAR.write_text(OPTICS + "".join(f"Micrographs/{name} 1\n" for name in names))


def run(project: PipelinerProject, **more: str) -> Path:
    """The folder of a job that has ended."""
    return Path(project.run_job(ASKED | more, run_in_foreground=True).output_dir)


def ends(folder: Path) -> set[str]:
    return {name for name in (SUCCESS_FILE, FAIL_FILE, ABORT_FILE) if (folder / name).exists()}


def told(job: PipelinerJob) -> dict[str, str]:
    """What the pipeliner refuses a job for, by the input."""
    errors = [one for one in job.validate_joboptions() if one.type == "error"]
    return {option.label: one.message for one in errors for option in one.raised_by}


def made(**more: Any) -> PipelinerJob:
    return job_from_dict(ASKED | more)


def test_the_pipeliner_offers_the_job_with_the_settings_as_its_inputs():
    (job,) = get_job_types(KIND)
    assert job.jobinfo.is_available
    assert job.jobinfo.programs[0].get_version(timeout=60)
    for model, name in ((PickerSettings, "diameter"), (PickerSettings, "invert"), (PickRun, "pixel_size")):
        assert job.joboptions[name].help_text == model.model_fields[name].description
    assert job.joboptions["nr_threads"].help_text == PickRun.model_fields["workers"].description
    assert set(PickerSettings.model_fields) <= set(job.joboptions)


def test_looking_at_the_jobs_loads_no_network_and_no_window():
    program = "import sys, napari_drpnet.ccpem.pick_job\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"torch", "napari", "qtpy", "skimage"} & set(done.stdout.split())


def test_the_command_has_what_was_given_and_no_more():
    job = made(min_distance="30", invert="Yes", nr_threads="2", device="cpu", other_args="--min_diameter 35")
    job.output_dir = "AutoPick/job002/"
    *_, command = job.get_commands()
    own = "--min_distance 30.0 --invert Yes --device cpu --min_diameter 35"
    asked = f"--in_mics {STAR} --o AutoPick/job002/ --j 2 --picker log --diameter 40.0 --threshold 0.5 {own}"
    assert " ".join(map(str, command.cmd)) == f"python -m napari_drpnet relion-job {asked}"


def test_files_of_another_picker_are_passed_over():
    job = made(detector="mine.safetensors")
    assert "detector" not in " ".join(map(str, job.get_commands()[-1].cmd))
    assert job.check_joboption_is_now_deactivated("detector")
    job = made(detector="mine.safetensors", picker="drpnet")
    assert "--detector mine.safetensors" in " ".join(map(str, job.get_commands()[-1].cmd))


@pytest.mark.parametrize(
    ("wrong", "label", "words"),
    [
        ({"diameter": ""}, "Diameter (A):", "required"),
        ({"diameter": "0"}, "Diameter (A):", "more than 0"),
        ({"threshold": "2"}, "Threshold:", "auto, or a number from 0 to 1"),
        ({"device": "gpu"}, "Device:", "cuda:1"),
        ({"memory": "1"}, "Memory (MB):", "50"),
        ({"other_args": "--diamter 40"}, "Picker:", "no setting named"),
        ({"other_args": "'"}, "Additional arguments:", "quotation"),
        ({"fn_mics": ""}, "Input micrographs:", "required"),
        ({"do_queue": "Yes", "qsub": "sh", "qsubscript": str(STAR)}, "Workers:", "Queues"),
    ],
)
def test_what_is_wrong_is_said_before_the_job_runs(
    project: PipelinerProject, wrong: dict[str, str], label: str, words: str
):
    write_list("a.mrc")
    assert told(made()) == {}
    assert words in told(made(**wrong))[label]


def test_a_picker_that_finds_the_diameter_needs_none(project: PipelinerProject):
    write_list("a.mrc")
    assert told(made(picker="centerpicker", diameter="")) == {}


def test_a_run_is_told_in_numbers_pictures_and_reports(project: PipelinerProject):
    write_list("a.mrc", "bb.mrc", "gone.mrc")
    Path("Micrographs/gone.mrc").unlink()
    out = run(project)
    assert ends(out) == {SUCCESS_FILE}
    job = project.get_job(f"{out}/")
    assert [(node.name, node.type) for node in job.output_nodes] == [
        (f"{out}/autopick.star", "MicrographCoordsGroup.star.relion.autopick")
    ]
    job.save_results_display_files()
    shown = {one.title: one for one in job.load_results_display_files()}
    assert [one.dobj_type for one in shown.values()] == [
        *("text", "carousel", "histogram", "histogram", "image", "montage", "table", "html")
    ]
    assert "8 picks on 2 of 3 micrographs" in shown["What was found"].display_data
    assert shown["8 picked particles"].image_names == ["Micrographs/a.mrc", "Micrographs/bb.mrc"]
    assert sum(shown["Particles on a micrograph"].bins) == 2
    assert sum(shown["Probability of the picks"].bins) == 8
    assert [row[0] for row in shown["Micrographs to look at"].table_data] == ["Micrographs/gone.mrc"]
    for one in shown.values():
        assert all(Path(file).is_file() for file in one.associated_data)
    assert Path(shown["Picks on a usual micrograph"].image_path).is_file()
    assert len([label for label in shown["Particles on it, from the surest to the least sure"].labels if label]) == 4
    # What is laid over the micrographs of the carousel, x first.
    picks = read_picks(out / "Micrographs/a_autopick.star")[0]
    assert job.output_nodes[0].get_image_metadata("Micrographs/a.mrc")["Particle coordinates"] == [
        (x, y) for y, x in picks.yx.tolist()
    ]
    report, _ = project.prepare_metadata_report(f"{out}/")
    told = json.loads(Path(report).read_text())["Jobs metadata"][f"{out}/"]
    assert told["results"]["ParticleCount"] == 8
    assert told["results"]["PickedMicrographs"] == 2
    assert told["run_parameters"]["diameter"] == 40
    job = project.get_job(f"{out}/")
    assert job.jobinfo.programs[0].get_version_from_logs(str(out))
    (entry,) = job.prepare_onedep_deposition_data()
    assert entry.data["num_particles_selected"] == "8"
    references = Path(project.create_reference_report(f"{out}/")[0]).read_text()
    assert "DRPnet" in references


def test_a_continued_job_picks_what_is_new_and_an_overwritten_one_everything(project: PipelinerProject):
    write_list("a.mrc")
    out = run(project)
    first = (out / "Micrographs/a_autopick.star").stat().st_mtime_ns
    write_list("a.mrc", "bb.mrc")
    project.continue_job(f"{out}/", run_in_foreground=True)
    assert ends(out) == {SUCCESS_FILE}
    assert "1 of them finished before" in (out / "run.out").read_text()
    assert (out / "Micrographs/a_autopick.star").stat().st_mtime_ns == first
    project.run_job(ASKED | {"threshold": "0.4"}, overwrite=f"{out}/", run_in_foreground=True)
    assert ends(out) == {SUCCESS_FILE}
    assert "finished before" not in (out / "run.out").read_text()
    assert (out / "Micrographs/a_autopick.star").stat().st_mtime_ns > first


def test_a_job_without_a_micrograph_that_can_be_read_fails_and_says_why(project: PipelinerProject):
    write_list("a.mrc")
    Path("Micrographs/a.mrc").write_bytes(b"")
    out = run(project)
    assert ends(out) == {FAIL_FILE}
    assert "no micrograph could be picked" in (out / "run.err").read_text()
    job = project.get_job(f"{out}/")
    assert [one.dobj_type for one in job.create_results_display()] == ["text", "table", "html"]


def test_a_job_that_has_not_begun_shows_that(project: PipelinerProject):
    write_list("a.mrc")
    job = project.schedule_job(ASKED)
    assert [one.dobj_type for one in job.create_results_display()] == ["pending"]


def test_an_aborted_job_keeps_what_is_finished_and_goes_on_once_it_is_marked(project: PipelinerProject):
    write_list("large.mrc")
    image = np.random.default_rng(0).normal(0, 1, (600, 600)).astype(np.float32)
    write_mrc(image, "Micrographs/large.mrc", 2.0)
    many = [f"large{i}.mrc" for i in range(20)]
    for name in many:
        Path("Micrographs", name).hardlink_to("Micrographs/large.mrc")
    write_list(*many)
    job = project.schedule_job(ASKED | {"nr_threads": "1"})
    out = Path(job.output_dir)
    runner = threading.Thread(target=JobRunner(job, abort_poll_interval=0.2).run_job)
    runner.start()
    until = time.monotonic() + 120
    while not (out / "summary.tsv").exists() and time.monotonic() < until:
        time.sleep(0.05)
    (out / ABORT_TRIGGER).touch()
    runner.join(120)
    assert ends(out) == {ABORT_FILE}
    rows = (out / "summary.tsv").read_text().splitlines()[1:]
    assert 0 < len(rows) < len(many), (out / "run.out").read_text()
    assert [node.name for node in job.get_current_output_nodes()] == [f"{out}/autopick.star"]
    project.update_job_status(f"{out}/", "Aborted")
    project.update_job_status(f"{out}/", "Succeeded")
    project.continue_job(f"{out}/", run_in_foreground=True)
    assert ends(out) == {SUCCESS_FILE}
    assert f"{len(rows)} of them finished before" in (out / "run.out").read_text()
    assert len((out / "summary.tsv").read_text().splitlines()) == 1 + len(many)


@pytest.mark.usefixtures("relion")
def test_from_the_import_to_extracted_particles(project: PipelinerProject):
    """By the pipeliner's command line, between RELION's own jobs.

    The pipeliner's extraction is made for RELION 4 and 5, which read the list of coordinates. RELION 3.1.3 passes that
    option over, and finds the files of coordinates by two additional arguments.
    """
    for name in ("a", "bb"):
        path = Path("Micrographs", f"{name}.mrc")
        path.parent.mkdir(exist_ok=True)
        write_discs(path)
    imported = {"_rlnJobTypeLabel": "relion.import.movies", "fn_in_raw": "Micrographs/*.mrc", "is_multiframe": "No"}
    micrographs = project.run_job(imported | {"angpix": "2.0"}, run_in_foreground=True).output_nodes[0].name
    job = made(fn_mics=micrographs)
    job.write_jobstar("", "pick_job.star")
    program = shutil.which("pipeliner", path=str(Path(sys.executable).parent))
    assert program is not None
    subprocess.run([program, "--run_job", "pick_job.star"], check=True, capture_output=True, timeout=120)
    picked = Path("AutoPick/job002")
    assert project.wait_for_job_to_finish(job_at(picked), ping=0.2, timeout=120) == "Succeeded"
    files = "--coord_dir AutoPick/job002/ --coord_suffix _autopick.star"
    extraction = {
        "_rlnJobTypeLabel": "relion.extract", "star_mics": micrographs, "coords_suffix": f"{picked}/autopick.star",
        "extract_size": "32", "do_float16": "No", "do_invert": "No", "other_args": files,
    }  # fmt: skip
    extracted = Path(project.run_job(extraction, run_in_foreground=True).output_dir)
    assert ends(extracted) == {SUCCESS_FILE}, (extracted / "run.err").read_text()
    (particles,) = (table for table in read_tables(extracted / "particles.star") if table.name == "particles")
    assert len(particles.texts("rlnMicrographName")) == 2 * len(DISCS)
    with mrcfile.open(extracted / "Micrographs/a.mrcs") as stack:
        assert (stack.data[:, 12:20, 12:20].mean((1, 2)) < stack.data[:, :4].mean((1, 2)) - 0.5).all()
    (edges,) = (table for table in read_tables(Path("default_pipeline.star")) if table.name == "pipeline_input_edges")
    assert (f"{picked}/autopick.star", f"{extracted}/") in zip(
        edges.texts("rlnPipeLineEdgeFromNode"), edges.texts("rlnPipeLineEdgeProcess"), strict=True
    )
    assert len(read_picks(picked / "Micrographs/a_autopick.star")[0]) == len(DISCS)


def job_at(folder: Path) -> PipelinerJob:
    job = new_job_of_type(KIND)
    job.output_dir = f"{folder}/"
    return job
