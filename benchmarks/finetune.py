"""What the labels of 1, 2 or 4 micrographs are worth: ``python benchmarks/finetune.py``.

The detector is fine-tuned on the first micrographs of a set, as ``napari-drpnet train-detector --start`` does it, and
scored at the default threshold 0.5 on the others, before and after. What comes of it is thrown away. The minutes are of
wall time, calibration included, on as many threads as ``OMP_NUM_THREADS`` says.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contenders import REAL
from measures import Sample, TestSet, find_sets, measure
from napari_drpnet import jobs, load_picker
from napari_drpnet.settings import TrainSettings

HEAD = ("set", "labelled", "particles", "others", "F1 before", "F1 after", "best F1 after", "minutes")


def scores(samples: Sequence[Sample], weights: str, **options: Any) -> dict[str, float]:
    """Figures of merit of the picker with these weights of stage 1."""
    found = []
    for sample in samples:
        picker: Any = load_picker("drpnet", diameter=sample.diameter, detector=weights, device="cpu", **options)
        found.append(picker.picks_from(picker.score(sample.micrograph), threshold=0.0))
    return measure(found, samples, 0.5)


def tune(data: TestSet, images: Sequence[Path], sample: Sample, folder: Path, steps: int | None) -> str:
    """Weights fine-tuned on some images of a set, with the coordinates beside them."""
    labelled = folder / "labelled"
    labelled.mkdir()
    for image in images:
        for file in (image, image.with_suffix(".csv")):
            (labelled / file.name).symlink_to(file.resolve())
    border = sample.edge / sample.micrograph.frame.micrograph_pixels(sample.diameter)
    fields = {"micrographs": str(labelled), "pixel_size": data.pixel_size, "diameter": sample.diameter}
    given = {"start": "detector", "device": "cpu"} | ({"steps": steps} if steps else {})
    settings = jobs.make_train_settings(TrainSettings, given, {**fields, "unlabelled_border": border})
    out = folder / "tuned.safetensors"
    jobs.finish(jobs.train_detector(settings, out))
    return str(out)


def row(data: TestSet, n: int, steps: int | None) -> tuple[str, ...]:
    images = [file for file in sorted(data.folder.iterdir()) if file.suffix in {".png", ".jpg", ".mrc"}]
    learnt, others = data.samples[:n], data.samples[n:]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # one micrograph only: that is what is measured
        begun = time.perf_counter()
        tuned = tune(data, images[:n], learnt[0], Path(folder), steps)
        minutes = (time.perf_counter() - begun) / 60
        before, after = scores(others, "detector"), scores(others, tuned)
    particles = sum(len(sample.truth) for sample in learnt)
    figures = (f"{before['F1']:.3f}", f"{after['F1']:.3f}", f"{after['best F1']:.3f}", f"{minutes:.1f}")
    return data.name, str(n), str(particles), str(len(others)), *figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--sets", nargs="*", default=sorted(REAL))
    parser.add_argument("--labelled", type=int, nargs="*", default=[1, 2, 4], help="numbers of labelled micrographs")
    parser.add_argument("--steps", type=int, help="optimisation steps; default: those of train-detector --start")
    options = parser.parse_args()
    print("| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD))
    for data in find_sets(options.data, Path("none")):
        if data.name in options.sets:
            for n in options.labelled:
                print("| " + " | ".join(row(data, n, options.steps)) + " |", flush=True)


if __name__ == "__main__":
    main()
