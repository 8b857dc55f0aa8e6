"""What retraining tells of F1 against the truth: ``python benchmarks/told.py``.

Simulated micrographs, each a project of its own: 28 of the picks are judged at random, right ones as particles and
wrong ones as background, missed particles are added until there are 35 labels, and the micrograph is marked as done;
all other picks are left as they are. Then the picker is retrained, and both are compared as in *Before and after*.

"Told" is what the window shows of the picks before and after, with its standard error; "true" the F1 against all
particles.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from pathlib import Path

import numpy as np

from napari_drpnet import jobs
from napari_drpnet.data import Picks
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs.retrain.before_after import compared
from napari_drpnet.labels import added, labelled, near
from napari_drpnet.settings import RetrainSettings, SimulationSettings
from napari_drpnet.simulation import simulate_one

LABELS, JUDGED, FEWEST = 35, 28, 20
HEAD = ("seed", "told before", "true before", "told after", "true after")


def labelled_by(picks: Picks, truth: Picks, reach: float, seed: int) -> Picks:
    """The picks as somebody labels them; ``reach`` in micrograph pixels."""
    rng = np.random.default_rng(seed)
    judged = rng.choice(len(picks), min(JUDGED, len(picks)), replace=False)
    right = near(picks.yx, truth.yx, reach)
    picks = labelled(picks, judged[right[judged]], "particle")
    picks = labelled(picks, judged[~right[judged]], "background")
    missed = truth.yx[~near(truth.yx, picks.yx, reach)]
    return added(picks, missed[rng.permutation(len(missed))[: LABELS - len(judged)]])


def told_and_true(folder: Path, seed: int, picker: str) -> list[tuple[float, float, float]] | None:
    """F1 told, its error, and true, before and after; None for a micrograph with too few particles."""
    made = simulate_one(SimulationSettings(seed=seed, size=1280, diameter_px=(36, 36), empty=0.0), seed)
    truth, pixel_size = made.truth, made.micrograph.frame.known_pixel_size()
    if len(truth) < FEWEST:
        return None
    reach = float(np.median(truth.diameter)) / 2
    (folder / "m").mkdir()
    write_mrc(made.micrograph.image, folder / "m" / "m.mrc", pixel_size)
    settings = {"inputs": (str(folder / "m"),), "diameter": 2 * reach * pixel_size, "threshold": 0.5, "picker": picker}
    with Project.create(folder / "project", **settings) as project:
        picks = jobs.project_picker(project, device="cpu").pick(project.read_micrograph("m"))
        project.write_picks("m", labelled_by(picks, truth, reach, seed))
        project.mark_done("m", True)
        report = jobs.finish(jobs.retrain_picker(project, RetrainSettings(what="calibration", device="cpu")))
        new = jobs.with_networks({}, report.use) or {"calibration": None}
        told = jobs.finish(jobs.before_after(project, ["m"], {"calibration": None}, new))
        (change,) = told.changes
        true = compared("m", change.before, change.after, truth, 2 * reach)
    pairs = ((told.before, true.f1_before), (told.after, true.f1_after))
    return [(one.f1, one.error, known) for one, known in pairs if one is not None and known is not None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--picker", default="drpnet")
    options = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)
    print("| " + " | ".join(HEAD) + " |\n|" + " --- |" * len(HEAD))
    rows = []
    for seed in range(options.seeds):
        with tempfile.TemporaryDirectory() as folder:
            found = told_and_true(Path(folder), seed, options.picker)
        if found is None:
            continue
        rows += found
        cells = [f"{told:.2f} ± {error:.2f} | {true:.3f}" for told, error, true in found]
        print(f"| {seed} | {' | '.join(cells)} |", flush=True)
    told, error, true = np.array(rows).T
    off = told - true
    print(
        f"\nTold less true: mean {off.mean():+.3f}, mean without sign {np.abs(off).mean():.3f}, at most "
        f"{np.abs(off).max():.3f}; {np.mean(np.abs(off) < 2 * error):.0%} within two standard errors."
    )


if __name__ == "__main__":
    main()
