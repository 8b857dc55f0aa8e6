"""What a person's labels on one micrograph are worth for the others: ``python benchmarks/retrain.py``.

The true particles of the first micrograph of a set stand for a person's labels: 20, 50 or 200 of them, the rest
unlabelled, or all, and then the micrograph is marked as done. The picker is retrained on them as ``napari-drpnet
retrain`` does it, and scored at the default threshold 0.5 on the others, before and after.

``--without-labels`` makes another table: nothing is labelled, patches of all micrographs are harvested by the
detector's confidence, as in the paper, or by the evidence of averages, a classifier is trained on them, and the same
micrographs are picked with it.

What comes of it is scored and thrown away. The detector and the other pickers (``--pickers``) saw none of the sets. The
classifier that retraining may begin from learnt from 10028 and 10059. "Said" is what retraining itself tells, by labels
that it left out. Seconds are those of retraining, on as many threads as ``OMP_NUM_THREADS`` says.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from contenders import REAL, Ours, ready
from measures import Sample, TestSet, find_sets, measure
from napari_drpnet import Picks, jobs, load_picker
from napari_drpnet.data import MANUAL, PatchSet
from napari_drpnet.errors import UserError
from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs.bench import Bench
from napari_drpnet.jobs.project import networks_in_force
from napari_drpnet.labels import near
from napari_drpnet.settings import HarvestSettings, RetrainSettings
from napari_drpnet.steps import drained

HEAD = (
    "set",
    "picker",
    "labels",
    "others",
    "F1 before",
    "F1 after",
    "best F1 after",
    "said before",
    "said after",
    "network",
    "s",
    "CPU-s",
)
HEAD_WITHOUT = (
    "set",
    "harvested by",
    "F1 at 0.5",
    "best F1",
    "F1 at auto",
    "particles, right",
    "background, right",
    "s",
    "CPU-s",
)


class Clock:
    """Seconds of wall and of processor time since it was made."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def read(self) -> tuple[str, str]:
        return f"{time.perf_counter() - self.wall:.0f}", f"{time.process_time() - self.cpu:.0f}"


def images_of(data: TestSet) -> list[Path]:
    return [file for file in sorted(data.folder.iterdir()) if file.suffix in {".png", ".jpg", ".mrc"}]


def scores(samples: Sequence[Sample], picker: str, options: dict[str, Any]) -> dict[str, float]:
    """Figures of merit of a picker with these options; one that learns without labels learns from the samples."""
    loaded = ready(Ours(picker, options, picker=picker), samples[0].diameter, 0.0, [s.micrograph for s in samples])
    return measure([loaded.pick(sample.micrograph) for sample in samples], samples, 0.5)


def labelled(sample: Sample, count: int | None, seed: int) -> Picks:
    """So many of the true particles, as a person labels them."""
    truth = sample.truth
    if count is not None and count < len(truth):
        truth = truth.select(np.sort(np.random.default_rng(seed).choice(len(truth), count, replace=False)))
    return replace(truth, source=np.full(len(truth), MANUAL), label=np.full(len(truth), "particle"))


def with_labels(
    data: TestSet, count: int | None, options: argparse.Namespace, picker: str
) -> tuple[str, dict[str, float], tuple[str, ...]]:
    """What was labelled, the scores on the other micrographs, and what retraining said."""
    at = options.first
    sample, image = data.samples[at], images_of(data)[at]
    others = [one for i, one in enumerate(data.samples) if i != at]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        with Project.create(
            Path(folder) / "project",
            inputs=(str(image.resolve()),),
            pixel_size=data.pixel_size,
            diameter=sample.diameter,
            picker=picker,
        ) as project:
            name = project.micrographs[0].name
            picks = labelled(sample, count, options.seed)
            project.write_picks(name, picks)
            complete = len(picks) == len(sample.truth)
            if complete:
                project.mark_done(name, True)
            clock = Clock()
            report = jobs.finish(jobs.retrain_picker(project, RetrainSettings(what=options.what, device="cpu")))
            took = clock.read()
            after = scores(others, picker, networks_in_force(project, picker, report.use))
            told = tuple("" if v is None else f"{v:.3f}" for v in (report.before, report.after))
            for note in report.notes:
                print("   ", note)
    words = f"all {len(picks)}" if complete else str(len(picks))
    return words, after, (*told, report.role or "nothing", *took)


def without_labels(data: TestSet, source: str) -> tuple[PatchSet, dict[str, dict[str, float]], tuple[str, str]]:
    """The patches of a harvest without any label, what a classifier makes of them, and what it took."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        clock = Clock()
        micrographs = jobs.labelled_in_files([str(image) for image in images_of(data)], pixel_size=data.pixel_size)
        picker = load_picker("drpnet", diameter=data.samples[0].diameter, device="cpu")
        chosen = HarvestSettings(source=source, balance=source == "confidence")
        patches = jobs.finish(jobs.harvest(micrographs, chosen, picker)).patches
        out = Path(folder) / "unsupervised.safetensors"
        jobs.finish(jobs.retrain_patches(patches, RetrainSettings(device="cpu"), out))
        took = clock.read()
        return patches, at_both(data.samples, {"classifier": str(out)}), took


def at_both(samples: Sequence[Sample], options: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Figures of merit at 0.5, and at the threshold that is chosen without labels."""
    picker = ready(Ours("drpnet", options), samples[0].diameter, 0.0, [])
    maps = [picker.score(sample.micrograph) for sample in samples]
    with Bench(picker) as bench:
        for number, (sample, score_map) in enumerate(zip(samples, maps, strict=True)):
            bench.add(number, sample.micrograph, score_map)
        judgement = drained(bench.decide())
        seen = [bench.measured(number, judgement, score_map) for number, score_map in enumerate(maps)]
    auto = [judgement.picks(picker, score_map) for score_map in seen]
    return {
        "0.5": measure([picker.picks_from(score_map) for score_map in maps], samples, 0.5),
        "auto": measure(auto, samples, 0.0),
    }


def right(patches: PatchSet, samples: Sequence[Sample]) -> dict[bool, float]:
    """The part of the patches of particles, and of background, whose label is right."""
    truth = {Path(sample.micrograph.frame.micrograph).stem: sample for sample in samples}
    hit = np.zeros(len(patches), bool)
    for name in np.unique(patches.micrograph):
        sample, own = truth[str(name)], patches.micrograph == name
        reach = sample.micrograph.frame.micrograph_pixels(sample.diameter) / 2
        hit[own] = near(patches.yx[own], sample.truth.yx, reach)
    return {label: float((hit[patches.particle == label] == label).mean()) for label in (True, False)}


def rows_without_labels(data: TestSet) -> None:
    """Print what comes of each way without labels on one set."""
    before = at_both(data.samples, {})

    def tell(words: str, now: dict[str, dict[str, float]], *told: str) -> None:
        figures = [f"{now['0.5']['F1']:.3f}", f"{now['0.5']['best F1']:.3f}", f"{now['auto']['F1']:.3f}"]
        print("| " + " | ".join([data.name, words, *figures, *told]) + " |", flush=True)

    tell("nothing", before, "", "", "", "", "")
    for source in ("confidence", "evidence"):
        try:
            patches, now, took = without_labels(data, source)
        except UserError as error:
            print(f"    {data.name}, {source}: {error}")
            continue
        known = right(patches, data.samples)
        counted = [f"{(patches.particle == label).sum()}, {known[label]:.2f}" for label in (True, False)]
        tell(source, now, *counted, *took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--sets", nargs="*", default=sorted(REAL))
    parser.add_argument("--labels", type=int, nargs="*", default=[20, 50, 200], help="numbers of labelled particles")
    parser.add_argument("--what", default="best", choices=["best", "calibration", "classifier", "detector"])
    parser.add_argument("--pickers", nargs="*", default=["drpnet"])
    parser.add_argument("--first", type=int, default=0, help="which micrograph is labelled")
    parser.add_argument("--seed", type=int, default=0, help="which of its particles")
    parser.add_argument("--without-labels", action="store_true", help="the table of harvests without any label")
    options = parser.parse_args()
    head = HEAD_WITHOUT if options.without_labels else HEAD
    print("| " + " | ".join(head) + " |\n|" + " --- |" * len(head))
    for data in find_sets(options.data, Path("none")):
        if data.name not in options.sets:
            continue
        if options.without_labels:
            rows_without_labels(data)
            continue
        for picker in options.pickers:
            rows_of(data, picker, options)


def rows_of(data: TestSet, picker: str, options: argparse.Namespace) -> None:
    """Print what comes of each number of labels for one picker on one set."""
    others = [one for i, one in enumerate(data.samples) if i != options.first]
    before = scores(others, picker, {})["F1"]

    def tell(words: str, after: dict[str, float], told: Sequence[str]) -> None:
        f1 = (f"{before:.3f}", f"{after['F1']:.3f}", f"{after['best F1']:.3f}")
        print("| " + " | ".join([data.name, picker, words, str(len(others)), *f1, *told]) + " |", flush=True)

    there = len(data.samples[options.first].truth)
    for count in [*(n for n in options.labels if n < there), None]:
        tell(*with_labels(data, count, options, picker))


if __name__ == "__main__":
    main()
