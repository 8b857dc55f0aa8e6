"""Class averages of each set of a comparison, and what they prove of sets that no picker's candidates tell about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from warnings import warn

import numpy as np

from napari_drpnet.averaging.cutting import Cutter
from napari_drpnet.data import Micrograph, Picks
from napari_drpnet.defects import repaired
from napari_drpnet.errors import UserError
from napari_drpnet.io.ctf import KnownCTF
from napari_drpnet.jobs.averaging.average import SHOWN, average
from napari_drpnet.jobs.averaging.picked import PickedMicrograph
from napari_drpnet.jobs.averaging.result import Averages, AveragingProgress
from napari_drpnet.jobs.averaging.sources import known_ctf, lists_among
from napari_drpnet.jobs.compare.contenders import RunningPicker
from napari_drpnet.jobs.compare.proof import Proof, can_be_compared_with, of_picks
from napari_drpnet.jobs.compare.result import ComparisonReport
from napari_drpnet.jobs.inputs import PickTask
from napari_drpnet.jobs.picked_files import read_task
from napari_drpnet.jobs.picking import spread_order
from napari_drpnet.rescaling import rescale
from napari_drpnet.settings import AveragingSettings, ComparisonSettings
from napari_drpnet.steps import Job, Progress, translate

CLASSES = 8
# Picks whose averages are made: to look at, and to measure what they prove.
_SHOWN, _MEASURED = 600, 1500
# So many parts of them at most come from one micrograph, and so many micrographs are looked at.
_PARTS, _MOST_MICROGRAPHS = 4, 32
# Micrographs that are held, at the scale of averages, as the sets have the same ones.
_HELD = 8

_NOT_ASKED = "It was not asked for (--no-averages)."


@dataclass(frozen=True, eq=False)
class Lens:
    """Reads micrographs as averages want them."""

    load: Callable[[PickTask], Micrograph]
    ctf: KnownCTF


def proved(report: ComparisonReport, runners: Sequence[RunningPicker]) -> Job[ComparisonReport]:
    """The report with class averages of each set but the truth, and with what they prove."""
    proofs = {one.name: one.proof for one in runners if one.proof is not None}
    names = [one.name for one in report.comparison.standings if one.name != report.comparison.truth]
    if not report.settings.averages:
        proofs = {name: proofs.get(name, Proof(reason=_NOT_ASKED)) for name in names}
        return replace(report, proofs=proofs, remarks=_remarks(report, proofs))
    lens, averages = _lens(report.settings, report.tasks), {}
    for name in names:
        try:
            averages[name] = yield from _averaged(report, name, lens, _SHOWN if name in proofs else _MEASURED)
        except UserError as error:
            proofs.setdefault(name, Proof(reason=error.message))
    reference, distance = _reference(averages, proofs), report.settings.diameter / 2 / report.pixel_size
    for name in names:
        if name not in proofs:
            proofs[name] = of_picks(averages[name], _particles(report.sets[name]), distance, reference)
    proofs = {name: proofs[name] for name in names}
    return replace(report, proofs=proofs, averages=averages, remarks=_remarks(report, proofs))


def _reference(averages: Mapping[str, Averages], proofs: Mapping[str, Proof]) -> tuple[Averages, Proof] | None:
    """The set of which most is known; None where nothing is."""
    known = [name for name in averages if name in proofs and can_be_compared_with(averages[name], proofs[name])]
    if not known:
        return None
    best = min(known, key=lambda name: proofs[name].precision.error / proofs[name].precision.value)
    return averages[best], proofs[best]


def _remarks(report: ComparisonReport, proofs: Mapping[str, Proof]) -> tuple[str, ...]:
    """What a reader has to know of the figures: what was not measured, and why."""
    picks = {standing.name: standing.picks for standing in report.comparison.standings}
    told = {name: proof for name, proof in proofs.items() if proof.doubled or not proof.known}
    return tuple(f"{name}: {proof.in_words(picks[name])}" for name, proof in told.items())


def _lens(settings: ComparisonSettings, tasks: Sequence[PickTask]) -> Lens:
    """Micrographs are read once for several sets, and held small."""
    cutter = Cutter(settings.diameter, SHOWN)

    @lru_cache(maxsize=_HELD)
    def load(task: PickTask) -> Micrograph:
        micrograph = repaired(read_task(task, settings.pixel_size))
        frame = cutter.frame(micrograph.frame)
        factor = frame.scale / micrograph.frame.scale
        if factor >= 1:
            return micrograph
        # Bad pixels are replaced by now, and where they were is of no use at another scale.
        return replace(micrograph, image=rescale(micrograph.image, factor), frame=frame, valid=None)

    lists = lists_among(settings.inputs)
    try:
        ctf = known_ctf(None, [(task.micrograph.name, task.micrograph.path) for task in tasks], lists)
    except UserError as error:
        warn(f"{error} Averages are made without the CTF.", stacklevel=2)
        ctf = KnownCTF({})
    return Lens(load, ctf)


def _averaged(report: ComparisonReport, name: str, lens: Lens, most: int) -> Job[Averages]:
    """Averages of some picks of a set."""
    entries = {picks.frame.micrograph: picks for picks in _particles(report.sets[name])}
    chosen: list[PickedMicrograph] = []
    chance, count = np.random.default_rng(0), 0
    for number in spread_order(len(report.tasks)):
        task = report.tasks[number]
        picks = entries.get(task.micrograph.name)
        if picks is None or not len(picks):
            continue
        if count >= most or len(chosen) == _MOST_MICROGRAPHS:
            break
        some = min(len(picks), most // _PARTS if len(entries) > _PARTS else most)
        picks = picks.select(np.sort(chance.permutation(len(picks))[:some]))
        count += some
        chosen.append(
            PickedMicrograph(
                task.micrograph.name, partial(_loaded, lens, task, picks), lens.ctf.of(task.micrograph.name)
            )
        )
    if not chosen:
        raise UserError("There are no picks.")
    settings = AveragingSettings(diameter=report.settings.diameter, classes=CLASSES)
    total = len(report.tasks)

    def shown(step: AveragingProgress) -> Progress:
        part = (step.done + step.fraction) / max(step.total, 1)
        return Progress(total, total, 0, f"{name}: class averages", min(part, 1.0))

    return (yield from translate(average(chosen, settings, check_size=False), shown))


def _loaded(lens: Lens, task: PickTask, picks: Picks) -> tuple[Micrograph, Picks]:
    micrograph = lens.load(task)
    return micrograph, replace(picks, frame=micrograph.frame.unbinned)


def _particles(entries: Sequence[Picks]) -> list[Picks]:
    return [picks.select(picks.label == "particle") for picks in entries]
