"""Shared networks: sizes, the same map, the same picks, and time: ``python benchmarks/sharing.py SET...``.

A SET is ``FOLDER=DIAMETER``: the first micrograph of a folder, and the particle's diameter in Angstrom. Maps are of the
whole micrograph as the picker prepares it, by torch and by onnxruntime in turn, one thread each; times are CPU-seconds,
medians over the runs.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from napari_drpnet import load_picker, read_micrograph, tiling
from napari_drpnet.io.onnx_files import read_onnx
from napari_drpnet.jobs import export_model
from napari_drpnet.networks.onnx_map import OnnxMap
from napari_drpnet.pickers.network import load_network
from napari_drpnet.pickers.seen import network_image
from napari_drpnet.settings import ExportSettings
from napari_drpnet.sharing.score_map import shared_map
from napari_drpnet.steps import drained
from napari_drpnet.tiling import FullyConvolutional

NETWORKS = ("detector", "fcrn", "pixer-segmenter", "centerpicker")
CPU, MEMORY = torch.device("cpu"), 600


def micrograph_of(folder: Path) -> Any:
    return read_micrograph(min(folder.glob("*.mrc")))


def compare(name: str, onnx: Path, sets: dict[Path, float], runs: int) -> str:
    """A row: the largest difference of maps, and CPU-seconds of both."""
    shared = shared_map(name)
    _, network = load_network(name, shared.card.role, CPU)
    ours = cast(FullyConvolutional, network)
    theirs = OnnxMap(name, read_onnx(onnx).sessions, shared.reach, shared.beyond, shared.multiple, shared.floats)
    difference = 0.0
    times: dict[str, list[float]] = {"torch": [], "onnxruntime": []}
    for folder, diameter in sets.items():
        image = network_image(micrograph_of(folder), diameter, shared.card.diameter, False, shared.card.grey).image
        seconds: dict[str, list[float]] = {"torch": [], "onnxruntime": []}
        maps: dict[str, Any] = {}
        for _ in range(runs):
            both: tuple[tuple[str, FullyConvolutional], ...] = (("torch", ours), ("onnxruntime", theirs))
            for by, maker in both:
                start = time.process_time()
                maps[by] = drained(tiling.score_steps(maker, image, CPU, MEMORY))
                seconds[by].append(time.process_time() - start)
        difference = max(difference, float(np.abs(maps["torch"] - maps["onnxruntime"]).max()))
        for by, each in seconds.items():
            times[by].append(statistics.median(each))
    shown = " | ".join(", ".join(f"{each:.2f}" for each in times[by]) for by in times)
    return f"{difference:.0e} | {shown}"


def picks_of(onnx: Path, folder: Path, diameter: float) -> str:
    """Picks by both, and how far they and their probabilities are apart."""
    seen = micrograph_of(folder)
    ours, theirs = (
        load_picker("drpnet", diameter=diameter, device="cpu", threshold=0.5, detector=name).pick(seen)
        for name in ("detector", str(onnx))
    )
    if len(ours) != len(theirs):
        return f"{folder.name}: {len(ours)} and {len(theirs)} picks"
    apart, surer = np.abs(ours.yx - theirs.yx).max(), np.abs(ours.score - theirs.score).max()
    return f"{folder.name}: {len(ours)} picks by both, at most {apart:.0e} px and {surer:.0e} of probability apart"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", metavar="FOLDER=DIAMETER")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    sets = {Path(folder): float(diameter) for folder, _, diameter in (one.partition("=") for one in options.sets)}
    torch.set_num_threads(1)
    print("| network | .onnx, MB | package, MB | largest difference | torch, CPU-s | onnxruntime, CPU-s |")
    print("| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as place:
        for name in NETWORKS:
            made = [
                export_model(name, ExportSettings(format=kind), Path(place) / f"{name}{suffix}")
                for kind, suffix in (("onnx", ".onnx"), ("bioimageio", ".zip"))
            ]
            sizes = " | ".join(f"{one.size / 1e6:.1f}" for one in made)
            print(f"| {name} | {sizes} | {compare(name, made[0].path, sets, options.runs)} |", flush=True)
        for folder, diameter in sets.items():
            print(picks_of(Path(place) / "detector.onnx", folder, diameter), flush=True)


if __name__ == "__main__":
    main()
