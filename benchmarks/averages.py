"""What class averages and evidence are worth: ``python benchmarks/averages.py WHAT``.

noise
    Data sets on which nothing is a particle: candidates at threshold 0, picks at 0.5, and the evidence of the surest.
    Real micrographs with random phases, white noise, and images of empty ice. Evidence must be 0 within its error.
simulated
    Data sets of simulated test proteins, a third of the micrographs without particles, picked through the job: what is
    estimated beside what is true (in bold where it is off by more than two standard errors), and picks on micrographs
    without particles.
projections
    Averages of simulated micrographs, true centres as picks and the CTF known, against projections of the structure
    in many directions: correlation of the pixels within the particle, each average with the projection that is most
    like it, at the class's own resolution.
speed
    Averages of 2,000, 5,000 and 50,000 picks, and evidence of 10,000 candidates: wall and CPU seconds; memory at most,
    beside the micrographs, and of it what are no pages of files.
relion
    The same picks through our averages and through RELION's 2D classification: seconds, and a picture of both.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from classifying import Cost, Meter, RelionClasses, few_greys, held, picked, relion_classes
from contenders import DRPNET
from measures import TestSet, find_sets
from napari_drpnet import Micrograph, Picks, load_picker, read_micrograph, read_picks
from napari_drpnet.averaging import evidence as judging
from napari_drpnet.averaging.alignment import Bank, Poses
from napari_drpnet.averaging.bands import TURNS, band, upright
from napari_drpnet.averaging.classes import HIGHEST, LOWEST, REACH, ROUNDS, SHARED
from napari_drpnet.averaging.cutting import LENS_NOISE, Cutter
from napari_drpnet.averaging.shares import measured_shares
from napari_drpnet.averaging.statistics import NOISE, binned, bounded
from napari_drpnet.data import FloatArray
from napari_drpnet.drawing.class_sheet import class_sheet
from napari_drpnet.drawing.overlay import save_png
from napari_drpnet.io.ctf import CTF
from napari_drpnet.io.star_table import read_tables
from napari_drpnet.jobs import finish, simulate
from napari_drpnet.jobs.averaging.average import SHOWN, average
from napari_drpnet.jobs.averaging.picked import PickedMicrograph
from napari_drpnet.jobs.averaging.result import Averages
from napari_drpnet.jobs.particle_stack import STEPS, ParticleStack
from napari_drpnet.lens import ctf as transfer
from napari_drpnet.lens import half_frequencies
from napari_drpnet.settings import AveragingSettings, SimulationSettings
from napari_drpnet.simulation.references import projections
from napari_drpnet.steps import drained
from proteins import TESTING, simulated_table
from speed import machine_limits

CLASSES = 20
THRESHOLD = 0.5

# Noise ------------------------------------------------------------------------------------------------------------

_MOST_MICROGRAPHS = 8
# Images of empty ice do not say their pixel size.
_ASSUMED_PIXEL, _ASSUMED_DIAMETER = 4.0, 150.0


@dataclass(frozen=True)
class Nothing:
    """Micrographs without particles, and the diameter that is looked for."""

    name: str
    micrographs: list[Micrograph]
    diameter: float


def nothings(data: Path) -> Iterator[Nothing]:
    sets = {test.name: test for test in find_sets(data, data / "none")}
    for name in ("10028", "10059"):
        yield Nothing(f"{name}, random phases", random_phases(sets[name]), sets[name].samples[0].diameter)
    chance = np.random.default_rng(1)
    white = [chance.standard_normal((1024, 1024)).astype(np.float32) for _ in range(_MOST_MICROGRAPHS)]
    yield Nothing("white noise", [Micrograph.from_array(one, 2.0, f"w{i}") for i, one in enumerate(white)], 100.0)
    images = sorted((data / "no_particles").glob("*.png"))[:_MOST_MICROGRAPHS]
    yield Nothing(
        f"no_particles ({_ASSUMED_PIXEL:g} A a pixel assumed)",
        [read_micrograph(image, pixel_size=_ASSUMED_PIXEL) for image in images],
        _ASSUMED_DIAMETER,
    )


def random_phases(test: TestSet) -> list[Micrograph]:
    """Micrographs of a set with the amplitudes that they have, and phases of white noise."""
    chance = np.random.default_rng(0)
    made = []
    for number in range(_MOST_MICROGRAPHS):
        micrograph = test.samples[number % len(test.samples)].micrograph
        image = micrograph.image
        noise = np.fft.rfft2(chance.standard_normal(image.shape))
        mixed = np.fft.irfft2(np.abs(np.fft.rfft2(image - image.mean())) * noise / np.abs(noise), image.shape)
        made.append(Micrograph.from_array(mixed.astype(np.float32), micrograph.frame.known_pixel_size(), f"r{number}"))
    return made


def noise_table(data: Path, pickers: Sequence[str]) -> None:
    print("Evidence from -1 to 1, 0 for noise.")
    print("| data set | picker | candidates | picks at 0.5 | evidence of all | of the surest | proves particles |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    said = ""
    for nothing in nothings(data):
        for name in pickers:
            with candidate_stack(nothing, name) as stack:
                score, micrograph = stack.score, stack.micrograph
                values = measured(stack)
            shares = measured_shares(score, values, micrograph)
            known = np.isfinite(values)
            row = f"| {nothing.name} | {name} | {len(score)} | {(score >= THRESHOLD).sum()} | "
            if known.any():
                bins = binned(score[known], values[known], micrograph[known])
                row += f"{bounded(values[known]).mean():.3f} ± {NOISE / np.sqrt(known.sum()):.3f} | "
                row += "{:.3f} ± {:.3f} ({:.0f}) | ".format(*bins.top, bins.count[-1])
            else:
                row += "not measured | | "
            print(row + ("**yes**" if shares.significant else "no") + " |", flush=True)
            said = shares.reason
    print(f"\nThe last one said: {said}")


def candidate_stack(nothing: Nothing, picker: str) -> ParticleStack:
    loaded = load_picker(picker, diameter=nothing.diameter, device="cpu")
    stack = ParticleStack(Cutter(nothing.diameter, judging.ACROSS))
    for micrograph in nothing.micrographs:
        stack.add(micrograph, loaded.picks_from(loaded.score(micrograph), threshold=0.0))
    return stack


def measured(stack: ParticleStack) -> FloatArray:
    """Evidence of all candidates in a stack."""
    sample = judging.Sample(stack.images, stack.score, stack.micrograph, stack.yx, judging.ACROSS, STEPS)
    return drained(judging.measure_steps(sample)).values


# Projections --------------------------------------------------------------------------------------------------------

_STRUCTURES = ("1g3i", "5csa")
_LEAST_MEMBERS = 50
_PART = 150  # projections that are searched at a time
_SIDE = 2 * round(1.5 * SHOWN / 2)
# In-plane turns beside the best of the search, in its steps, and shifts in pixels.
_TURNS, _MOVES = np.linspace(-0.75, 0.75, 7), np.linspace(-0.5, 0.5, 3)


@dataclass(frozen=True)
class Simulated:
    """Simulated micrographs of one structure, their true centres and their lenses."""

    structure: Path
    fields: list[PickedMicrograph]
    diameter: float

    @property
    def picks(self) -> int:
        return sum(len(field.load()[1]) for field in self.fields)


def simulated(structure: Path, folder: Path, count: int) -> Simulated:
    """Made where they are not there yet: 60 e/A^2, clean ice, defoci from 1 to 2.5 micrometres."""
    settings = SimulationSettings(
        structures=(structure,),
        count=count,
        seed=5,
        size=1536,
        pixel_size=2.0,
        views=400,
        dose=(60, 60),
        defocus=(1.0, 2.5),
        empty=0,
        contamination=0,
        carbon=0,
        processed=0,
        defects=0,
        aggregates=0,
    )
    if len(list(folder.glob("*.mrc"))) < count:
        finish(simulate(settings, folder))
    fields, diameters = [], []
    for image in sorted(folder.glob("*.mrc"))[:count]:
        micrograph, truth = read_micrograph(image), read_picks(image.with_suffix(".star"))[0]
        picks = Picks(micrograph.frame, truth.yx)
        diameters.append(float(np.median(truth.diameter)) * micrograph.frame.known_pixel_size())
        fields.append(PickedMicrograph(image.name, partial(held, micrograph, picks), lens_of(image)))
    return Simulated(structure, fields, float(np.median(diameters)))


def lens_of(image: Path) -> CTF:
    """The mean of what the truth says of its particles; it names no micrograph, as `read_ctf` would need."""
    table = next(table for table in read_tables(image.with_suffix(".star")) if "rlnDefocusU" in table)
    names = ("DefocusU", "DefocusV", "DefocusAngle", "Voltage", "SphericalAberration", "AmplitudeContrast")
    return CTF(*(float(np.array(table.texts(f"rln{name}")).astype(np.float64).mean()) for name in names))


def projections_table(structures: Path, folder: Path, count: int, views: int) -> None:
    print("| structure | CTF | picks | classes of 50 or more | compared with | least | median | of 0.9 or more |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in _STRUCTURES:
        structure = next((structures / "models").glob(f"{name}.*"))
        data = simulated(structure, folder / name, count)
        for known in (True, False):
            fields = data.fields if known else [PickedMicrograph(one.name, one.load) for one in data.fields]
            averages = drained(average(fields, AveragingSettings(diameter=data.diameter, classes=CLASSES)))
            for kind, values in alike(averages, data, views, known).items():
                print(
                    f"| {name} | {'known' if known else 'not known'} | {averages.picks} | {len(values)} | {kind} | "
                    f"{values.min():.3f} | {np.median(values):.3f} | {(values >= 0.9).sum()} |",
                    flush=True,
                )


def alike(averages: Averages, data: Simulated, views: int, known: bool) -> dict[str, FloatArray]:
    """Correlation of each large class with the projection that is most like it, for several kinds of comparison."""
    large = [c for c, one in enumerate(averages.classes) if one.picks >= _LEAST_MEMBERS]
    images = torch.from_numpy(averages.images[large])
    finest = np.array([averages.classes[c].resolution for c in large])
    cycles = torch.from_numpy(averages.diameter / np.where(np.isfinite(finest), finest, averages.diameter / SHARED))
    true = torch.from_numpy(projections(data.structure, views, SHOWN, _SIDE, data.diameter)[0])
    passed = through_lens(data, averages.pixel_size)
    # Averages give back what a known lens took; here it is taken again.
    raw = filtered(images, (passed**2 + LENS_NOISE) / passed.clamp(min=1e-3)) if known else images
    seen = filtered(true, passed)
    found = best_views(raw, seen)
    kinds = {"projections": correlations(images, true, found, cycles)}
    if known:
        kinds["projections; what the lens took not given back"] = correlations(raw, true, found, cycles)
    return kinds | {"projections through the lens": correlations(raw, seen, found, cycles)}


def through_lens(data: Simulated, pixel_size: float) -> torch.Tensor:
    """``(side, side // 2 + 1)`` what phase-flipped micrographs show of each frequency."""
    fy, fx = half_frequencies((_SIDE, _SIDE), pixel_size)
    passed = np.mean([np.abs(transfer(field.ctf.lens, fy, fx)) for field in data.fields if field.ctf], axis=0)
    return torch.from_numpy(np.asarray(passed, np.float32))


def filtered(images: torch.Tensor, gain: torch.Tensor) -> torch.Tensor:
    side = images.shape[-1]
    result: torch.Tensor = torch.fft.irfft2(torch.fft.rfft2(images) * gain, s=(side, side))
    return result


def best_views(images: torch.Tensor, views: torch.Tensor) -> list[tuple[torch.Tensor, Poses]]:
    """For each part of the views, which of them each image is most like, and how it lies on it."""
    every = band(LOWEST, HIGHEST, _SIDE, SHOWN)
    found = []
    for start in range(0, len(views), _PART):
        poses = Bank(views[start : start + _PART], SHOWN, LOWEST, HIGHEST, REACH).align(every.of(images))
        found.append((poses.number + start, poses))
    return found


def correlations(
    images: torch.Tensor, views: torch.Tensor, found: Sequence[tuple[torch.Tensor, Poses]], cycles: torch.Tensor
) -> FloatArray:
    """``(n,)`` correlation, within the particle's disc and below ``cycles`` a diameter, with the best view."""
    best = torch.full((len(images),), -1.0)
    for number, poses in found:
        other = in_disc(low_passed(views[number], cycles))
        for turn in _TURNS:
            for y in _MOVES:
                for x in _MOVES:
                    psi, shift = poses.psi + float(turn) * 360 / TURNS, poses.shift + torch.tensor([y, x]).float()
                    mine = in_disc(low_passed(upright(images, psi, poses.mirrored, shift), cycles))
                    best = torch.maximum(best, (mine * other).sum(1))
    return np.asarray(best.numpy(), np.float64)


def low_passed(images: torch.Tensor, cycles: torch.Tensor) -> torch.Tensor:
    """Each image below its own frequency, in cycles a diameter."""
    fy, fx = torch.fft.fftfreq(_SIDE)[:, None], torch.fft.rfftfreq(_SIDE)
    radius = torch.hypot(fy, fx) * SHOWN
    return filtered(images, (1 / (1 + (radius / cycles[:, None, None]) ** 16)).float())


def in_disc(images: torch.Tensor) -> torch.Tensor:
    """``(n, p)`` pixels within the particle, with mean 0 and norm 1."""
    y, x = np.ogrid[:_SIDE, :_SIDE]
    inside = torch.from_numpy(np.hypot(y - _SIDE // 2, x - _SIDE // 2) <= SHOWN / 2)
    values = images[:, inside]
    values = values - values.mean(1, keepdim=True)
    size: torch.Tensor = values.norm(dim=1, keepdim=True)
    return values / size


# Speed --------------------------------------------------------------------------------------------------------------

# Multiply-adds of the search for a pose: twice the coarse frequencies, and poses (turns, mirrors, shifts) an average.
_FREQUENCIES, _POSES = 108, 2664


@dataclass(frozen=True)
class Task:
    """What is timed: so many picks of the surest, repeated; or the evidence of so many candidates."""

    what: str
    count: int
    repeat: int = 1
    evidence: bool = False


TASKS = (
    Task("averages of 2,000 picks", 2000),
    Task("averages of 5,000 picks", 5000),
    Task("averages of 50,000 picks", 5000, 10),
    Task("evidence of 10,000 candidates, cut out of 12 micrographs", 5000, 2, evidence=True),
)


def speed_table(data: Path, threads: int, runs: int, chosen: Sequence[str]) -> None:
    _, rate = machine_limits()
    print(f"{threads} threads; {rate / 1e9:.0f} G multiply-adds a second and core")
    print("| what | wall s | CPU-s | CPU-s of the products alone | ratio | peak MB | own MB | load |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for task in TASKS:
        if chosen and not any(word in task.what for word in chosen):
            continue
        costs = []
        for _ in range(runs if task.repeat == 1 else 1):
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                costs.append(process.submit(timed, task, data, threads).result())
        names = ("wall", "cpu", "memory", "own", "load")
        wall, cpu, memory, own, load = (statistics.median(getattr(cost, name) for cost in costs) for name in names)
        least = products(task) / rate
        print(
            f"| {task.what} | {wall:.1f} | {cpu:.1f} | {least:.1f} | {cpu / least:.1f} | {memory:.0f} | {own:.0f} | "
            f"{load:.1f} |",
            flush=True,
        )


def products(task: Task) -> float:
    """Multiply-adds that lay particles onto averages, by coarse turns and shifts."""
    total, most = task.count * task.repeat, AveragingSettings().most
    judged = len(ROUNDS) * min(total * (judging.SUREST if task.evidence else 1), 3000) + total
    sorting = 0 if task.evidence else len(ROUNDS) * min(total, most) + (total if total > most else 0)
    return _FREQUENCIES * _POSES * (CLASSES * sorting + 8 * judged)


def timed(task: Task, data: Path, threads: int) -> Cost:
    """In this process, the micrographs being read and picked before."""
    torch.set_num_threads(threads)
    test = next(test for test in find_sets(data, data / "none") if test.name == "10017")
    found = picked(test, DRPNET, 0.0).surest(task.count)
    meter = Meter()
    with meter.measured():
        if task.evidence:
            with ParticleStack(Cutter(found.diameter, judging.ACROSS)) as stack:
                for field in found.fields(task.repeat):
                    stack.add(*field.load())
                measured(stack)
        else:
            drained(average(found.fields(task.repeat), AveragingSettings(diameter=found.diameter, classes=CLASSES)))
    return meter.cost


# RELION -------------------------------------------------------------------------------------------------------------


def relion_table(data: Path, name: str, rounds: int, threads: int, picture: Path | None) -> None:
    test = next(test for test in find_sets(data, data / "none") if test.name == name)
    found = picked(test, DRPNET, THRESHOLD)
    torch.set_num_threads(threads)
    meter = Meter()
    with meter.measured():
        averages = found.averages(CLASSES)
    theirs = relion_classes(found, CLASSES, rounds, threads)
    print(
        f"{name}, {found.count} picks of {DRPNET.label}, {CLASSES} classes, {threads} threads, load {meter.cost.load}"
    )
    print("| | wall s | CPU-s | classes with picks |")
    print("| --- | --- | --- | --- |")
    print(f"| average | {meter.cost.wall:.0f} | {meter.cost.cpu:.0f} | {len(averages.classes)} |")
    print(f"| RELION, extraction | {theirs.extracting.wall:.0f} | {theirs.extracting.cpu:.0f} | |")
    words = f"RELION, {rounds} iterations"
    print(f"| {words} | {theirs.classifying.wall:.0f} | {theirs.classifying.cpu:.0f} | {len(theirs.picks)} |")
    if picture is not None:
        save_png(side_by_side(averages, theirs, words), picture)


def side_by_side(averages: Averages, theirs: RelionClasses, words: str) -> Image.Image:
    """Both sets of averages, one above the other."""
    mine = class_sheet(
        averages.images, averages.diameter / averages.pixel_size, [[f"{c.picks}"] for c in averages.classes]
    )
    other = class_sheet(theirs.images, theirs.across, [[f"{count}"] for count in theirs.picks])
    sheet = Image.new("RGB", (max(mine.width, other.width), mine.height + other.height + 60), "white")
    pencil, font = ImageDraw.Draw(sheet), ImageFont.load_default(16)
    top = 0
    for title, part in (("napari-drpnet average (most evidence first)", mine), (f"{words} (most picks first)", other)):
        pencil.text((8, top + 6), title, fill="black", font=font)
        sheet.paste(part, (0, top + 30))
        top += part.height + 30
    return few_greys(sheet)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="+", choices=("noise", "simulated", "projections", "speed", "relion"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the real sets")
    parser.add_argument("--structures", type=Path, default=Path("../shared/structures"))
    parser.add_argument("--folder", type=Path, default=Path("runs/averages"), help="keeps simulated micrographs")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3, help="of what takes seconds; medians are shown")
    parser.add_argument("--tasks", nargs="*", default=[], help="words of the rows of `speed`; default: all")
    parser.add_argument("--pickers", nargs="+", default=["drpnet", "log"], help="that look for particles in noise")
    parser.add_argument("--proteins", nargs="+", default=list(TESTING), help="of `simulated`")
    parser.add_argument("--workers", type=int, default=2, help="processes of `simulated`, a protein each")
    parser.add_argument("--micrographs", type=int, default=20, help="simulated, of each structure")
    parser.add_argument("--views", type=int, default=450, help="directions that a structure is projected in")
    parser.add_argument("--set", default="10028", help="real set for RELION")
    parser.add_argument("--iterations", type=int, default=25, help="of RELION")
    parser.add_argument("--picture", type=Path, help="where to draw both sets of averages")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if "noise" in options.what:
        noise_table(options.data, options.pickers)
    if "simulated" in options.what:
        simulated_table(options.structures, options.folder / "proteins", options.proteins, options.workers)
    if "projections" in options.what:
        projections_table(options.structures, options.folder, options.micrographs, options.views)
    if "speed" in options.what:
        speed_table(options.data, options.threads, options.runs, options.tasks)
    if "relion" in options.what:
        relion_table(options.data, options.set, options.iterations, options.threads, options.picture)


if __name__ == "__main__":
    main()
