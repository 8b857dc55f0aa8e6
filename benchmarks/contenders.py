"""Who is tested: our networks, and the peers that are installed (RELION's LoG picker; Topaz, by a command given)."""

from __future__ import annotations

import csv
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from measures import Sample, TestSet
from napari_drpnet import Micrograph, Picks, load_picker, read_picks
from napari_drpnet.data import FloatArray, ScoreMap
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.jobs import finish, learn
from napari_drpnet.jobs.bench import Bench
from napari_drpnet.jobs.judging import Judgement
from napari_drpnet.jobs.picking import judged
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.rescaling import rescale
from napari_drpnet.settings import Decision
from napari_drpnet.steps import drained

REAL = frozenset({"10017", "10028", "10059", "10146"})
# The classifier and FCRN learnt from micrographs of these.
LEARNT = frozenset({"10028", "10059"})


@dataclass(frozen=True)
class Found:
    """Scored picks, one entry per sample; CPU-seconds a sample, and MB that picking needed at most.

    ``auto``: picks at the threshold that the data set is given without labels, and what is expected of them there: the
    estimated particles and precision with their standard errors, NaN where nothing is proved. ``own``: all candidates,
    with the probabilities that this threshold counts on. ``proved``: what averages prove of each pick, NaN where
    that was not measured.
    """

    picks: list[Picks]
    seconds: float
    memory: float = float("nan")
    auto: list[Picks] = field(default_factory=list)
    own: list[Picks] = field(default_factory=list)
    expected: dict[str, float] = field(default_factory=dict)
    proved: list[FloatArray] = field(default_factory=list)


class Contender(Protocol):
    """Finds picks in samples."""

    def find(self, samples: Sequence[Sample]) -> Found:
        """All candidates, with their scores."""


@dataclass(frozen=True)
class Ours:
    """One of our pickers with some options; ``seen`` are the real sets that trained its networks.

    ``thorough``: it is also run with wrong diameters.
    """

    label: str
    options: dict[str, Any]
    seen: frozenset[str] = frozenset()
    picker: str = "drpnet"
    thorough: bool = False

    def find(self, samples: Sequence[Sample], scale: float = 1.0, threshold: float = 0.0) -> Found:
        """With the diameter given ``scale`` times as large as it is; in a process of its own."""
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            return process.submit(_find, self, samples, scale, threshold).result()

    @property
    def alone(self) -> bool:
        """Whether it is a detector with nothing behind it."""
        return self.picker == "drpnet" and set(self.options) <= {"detector"} and self.options != {"detector": "fcrn"}

    def may_be_tested_on(self, test: TestSet) -> bool:
        return test.name not in self.seen


def _find(contender: Ours, samples: Sequence[Sample], scale: float, threshold: float) -> Found:
    torch.set_num_threads(1)
    Path("/proc/self/clear_refs").write_text("5")  # the most memory so far is forgotten
    before = _most_memory()
    # Weights are loaded, and where a picker learns without labels it learns, once for micrographs of one diameter.
    picks: dict[int, Picks] = {}
    auto: dict[int, Picks] = {}
    own: dict[int, Picks] = {}
    proved: dict[int, FloatArray] = {}
    seconds, judgements = [], []
    for diameter in dict.fromkeys(about(sample) for sample in samples):
        start = time.process_time()
        alike = {i: sample.micrograph for i, sample in enumerate(samples) if about(sample) == diameter}
        picker = ready(contender, scale * diameter, threshold, list(alike.values()))
        maps = {i: picker.score(micrograph) for i, micrograph in alike.items()}
        picks |= {i: picker.picks_from(score_map) for i, score_map in maps.items()}
        seconds.append(time.process_time() - start)
        if scale == 1 and not threshold:
            judgement, measured, every_measured = _judged(picker, alike, maps)
            judgements.append(judgement)
            auto |= {i: judged(picker, judgement, score_map).picks for i, score_map in measured.items()}
            own |= {i: picker.picks_from(judgement.adapted(score_map), 0.0) for i, score_map in measured.items()}
            proved |= {i: _of_picks(picker, score_map) for i, score_map in every_measured.items()}
    expected = _expected([judgement.decision for judgement in judgements])
    every, by_default, its_own = ([found[i] for i in sorted(found)] for found in (picks, auto, own))
    evidence = [proved[i] for i in sorted(proved)]
    memory = _most_memory() - before
    return Found(every, float(np.sum(seconds)) / len(samples), memory, by_default, its_own, expected, evidence)


def _of_picks(picker: LoadedPicker, score_map: ScoreMap) -> FloatArray:
    """The evidence of all that could be picked, in the order of the picks."""
    evidence, index = score_map.candidates.evidence, picker.pickable(score_map).index
    return np.full(len(index), np.nan) if evidence is None else evidence[index]


def about(sample: Sample) -> float:
    """The diameter in Angstrom, the same for all micrographs of a simulated protein, whose pixel sizes are rounded."""
    return float(f"{sample.diameter:.4g}")


def _judged(
    picker: LoadedPicker, micrographs: Mapping[int, Micrograph], maps: Mapping[int, ScoreMap]
) -> tuple[Judgement, dict[int, ScoreMap], dict[int, ScoreMap]]:
    """What is decided for a data set without a look at its labels, and candidates with what averages prove of them.

    First of those that the threshold asks for, then of all that could be picked.
    """
    with Bench(picker) as bench:
        for i, micrograph in micrographs.items():
            bench.add(i, micrograph, maps[i])
        judgement = drained(bench.decide())
        asked, every = (
            {i: bench.measured(i, judgement, score_map, threshold) for i, score_map in maps.items()}
            for threshold in (None, 0.0)
        )
        return judgement, asked, every


def _expected(decisions: Sequence[Decision]) -> dict[str, float]:
    """Estimates for a single data set; sets of several proteins are several data sets."""
    if len(decisions) != 1:
        return {}
    told = {"N": decisions[0].number, "P": decisions[0].precision}
    pairs = {name: (value, error) for name, (value, error) in told.items() if value is not None and error is not None}
    return {
        key: number for name, pair in pairs.items() for key, number in zip((name, f"{name} err"), pair, strict=True)
    }


def _most_memory() -> float:
    """MB that this process held at most; ``getrusage`` would tell of the process that started it, too."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def ready(contender: Ours, diameter: float, threshold: float, micrographs: Sequence[Micrograph]) -> LoadedPicker:
    """The picker with its weights; where it learns without labels, it has learnt from these micrographs."""
    told = {} if contender.picker == "centerpicker" else {"diameter": diameter}
    picker = load_picker(contender.picker, **told, threshold=threshold, device="cpu", **contender.options)
    finish(learn(picker, [partial(_same, micrograph) for micrograph in micrographs]))
    return picker


def _same(micrograph: Micrograph) -> Micrograph:
    return micrograph


DRPNET = Ours("drpnet", {}, thorough=True)


def of_file(detector: Path) -> Ours:
    """A detector by its file."""
    return Ours(detector.stem, {"detector": str(detector)}, thorough=True)


def ours() -> Iterator[Ours]:
    """The shipped networks, and the other pickers. None but those with `LEARNT` saw a label of a real set."""
    yield DRPNET
    yield Ours("drpnet, with classifier", {"classifier": "classifier"}, LEARNT, thorough=True)
    yield Ours("drpnet, fcrn", {"detector": "fcrn"}, LEARNT, thorough=True)
    for picker in ("pixer", "centerpicker", "deepcryopicker", "log", "template"):
        yield Ours(picker, {}, picker=picker, thorough=picker == "pixer")


@dataclass(frozen=True)
class LoG:
    """RELION's Laplacian-of-Gaussian picker, told a range of diameters as parts of the true one."""

    low: float
    high: float
    adjust: float = -10.0  # of the threshold: as many picks as it can give
    label: str = field(default="RELION LoG", init=False)

    @property
    def variant(self) -> str:
        return f"{self.low:g} to {self.high:g} diameters"

    def find(self, samples: Sequence[Sample]) -> Found:
        return _in_folder(samples, self._run)

    def _run(self, folder: Path, samples: Sequence[Sample]) -> list[Picks]:
        return [self._pick(folder / str(index), sample) for index, sample in enumerate(samples)]

    def _pick(self, folder: Path, sample: Sample) -> Picks:
        frame = sample.micrograph.frame
        folder.mkdir()
        write_mrc(sample.micrograph.image, folder / "m.mrc", frame.known_pixel_size())
        command = ["relion_autopick", "--i", "m.mrc", "--odir", "./", "--pickname", "log", "--LoG", "--shrink", "0"]
        numbers = {
            "angpix": frame.known_pixel_size(),
            "LoG_diam_min": self.low * sample.diameter,
            "LoG_diam_max": self.high * sample.diameter,
            "lowpass": 20.0,
            "LoG_adjust_threshold": self.adjust,
        }
        command += [word for name, value in numbers.items() for word in (f"--{name}", f"{value:g}")]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        found = folder / "m_log.star"
        if not found.exists():
            return Picks(frame, np.empty((0, 2)))
        picks = read_picks(found)[0]
        return Picks(frame, picks.yx, picks.score)


@dataclass(frozen=True)
class Topaz:
    """A pretrained Topaz model, micrographs brought to where a particle spans ``size`` pixels.

    ``command`` starts a Python that can import topaz; nothing of it is imported here.
    """

    command: tuple[str, ...]
    model: str
    size: int
    threshold: float = -6.0  # log-odds; its own default
    label: str = field(default="Topaz", init=False)

    @property
    def variant(self) -> str:
        return f"{self.model}, {self.size} px"

    def find(self, samples: Sequence[Sample]) -> Found:
        return _in_folder(samples, self._run)

    def _run(self, folder: Path, samples: Sequence[Sample]) -> list[Picks]:
        scales = [self.size / s.micrograph.frame.micrograph_pixels(s.diameter) for s in samples]
        for index, (sample, scale) in enumerate(zip(samples, scales, strict=True)):
            write_mrc(rescale(sample.micrograph.image, scale), folder / f"m{index}.mrc", 1.0)
        names = [f"m{index}.mrc" for index in range(len(samples))]
        self._topaz(folder, "preprocess", "-d", "-1", "-t", "0", "-o", "ready/", *names)
        options = ["-d", "-1", "-m", self.model, "-r", str(round(0.6 * self.size)), "-t", str(self.threshold)]
        self._topaz(folder, "extract", *options, "-o", "picks.tsv", *(f"ready/{name}" for name in names))
        rows: dict[str, list[list[float]]] = {}
        with (folder / "picks.tsv").open() as file:
            for row in csv.DictReader(file, delimiter="\t"):
                rows.setdefault(row["image_name"], []).append(
                    [float(row[key]) for key in ("y_coord", "x_coord", "score")]
                )
        picks = []
        for index, (sample, scale) in enumerate(zip(samples, scales, strict=True)):
            table = np.array(rows.get(f"m{index}", [])).reshape(-1, 3)
            frame = sample.micrograph.frame
            picks.append(Picks(frame, frame.rescaled(scale).to_micrograph(table[:, :2]), table[:, 2]))
        return picks

    def _topaz(self, folder: Path, step: str, *arguments: str) -> None:
        subprocess.run(
            [*self.command, "-m", f"topaz.commands.{step}", *arguments], cwd=folder, check=True, capture_output=True
        )


def _in_folder(samples: Sequence[Sample], run: Callable[[Path, Sequence[Sample]], list[Picks]]) -> Found:
    """Run another program in a folder of its own, and count its CPU-seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        picks = run(Path(folder), samples)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Found(picks, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / len(samples))


def peers(topaz: Sequence[str]) -> Iterator[tuple[Sequence[LoG | Topaz], LoG | Topaz]]:
    """Every installed peer: at all sizes or scales to choose from, and at its default, for images without truth."""
    if shutil.which("relion_autopick"):
        ranges = ((0.6, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 1.0), (1.0, 1.1))
        yield [LoG(low, high) for low, high in ranges], LoG(0.9, 1.1, adjust=0.0)
    if topaz:
        command = tuple(topaz)
        sizes, models = (20, 27, 35), ("resnet16", "resnet8")
        variants = [Topaz(command, model, size) for model in models for size in sizes]
        yield variants, Topaz(command, "resnet16", 27, threshold=0.0)
