"""The built-in sample as files, and the demonstration that picks and scores it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from napari_drpnet.data import Frame
from napari_drpnet.drawing.overlay import draw_verdict, save_png
from napari_drpnet.errors import UserError
from napari_drpnet.evaluation import Evaluation, evaluate
from napari_drpnet.io import read_micrograph, read_picks, write_picks
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.jobs.pick_report import PickReport
from napari_drpnet.jobs.pick_run import pick
from napari_drpnet.settings import Device, PickRun
from napari_drpnet.simulation.sample import sample_micrograph
from napari_drpnet.steps import Job, Progress


@dataclass(frozen=True)
class SampleFiles:
    """The sample on disk.

    Attributes
    ----------
    micrograph, truth
        The MRC file, and the CSV file of its particles' centres.
    frame
        Name, shape and pixel size.
    diameter
        Of the particles, in Angstrom.
    """

    micrograph: Path
    truth: Path
    frame: Frame
    diameter: float


@dataclass(frozen=True)
class DemoReport:
    """What `demo` wrote and found."""

    sample: SampleFiles
    report: PickReport
    evaluation: Evaluation
    overlay: Path


def write_sample(out: Path, seed: int = 0, size: int = 4096) -> SampleFiles:
    """Write ``sample.mrc`` and ``truth/sample.csv``.

    Parameters
    ----------
    out
        The folder.
    seed
        The same seed gives the same micrograph.
    size
        Edge of the square micrograph in pixels.

    Raises
    ------
    UserError
        When no particle finds a place on it.
    """
    micrograph, truth = sample_micrograph(seed, size)
    pixel_size = micrograph.frame.known_pixel_size()
    return SampleFiles(
        write_mrc(micrograph.image, out / "sample.mrc", pixel_size),
        write_picks(truth, out / "truth" / "sample.csv"),
        micrograph.frame,
        float(truth.diameter.max()) * pixel_size,
    )


def demo(out: Path, device: Device = "auto", seed: int = 0, size: int = 4096) -> Job[DemoReport]:
    """Make the sample, pick it, score the picks against its truth, and draw them.

    The scored region is all of the micrograph but a band of half a diameter, where picks are not made.
    """
    yield Progress(0, 1, message="making the sample")
    sample = write_sample(out, seed, size)
    run = PickRun(
        inputs=(sample.micrograph.as_posix(),), out=out, options={"diameter": sample.diameter, "device": device}
    )
    report = yield from pick(run)
    (result,) = report.results
    if result.coordinates is None:
        raise UserError(result.error)
    truth = [replace(entry, frame=sample.frame) for entry in read_picks(sample.truth)]
    edge = sample.frame.micrograph_pixels(sample.diameter / 2)
    evaluation = evaluate(
        read_picks(result.coordinates), truth, sample.diameter, sample.frame.known_pixel_size(), edge=edge
    )
    picture = draw_verdict(read_micrograph(sample.micrograph), evaluation.verdicts[0], sample.diameter)
    return DemoReport(sample, report, evaluation, save_png(picture, out / "sample_overlay.png"))
