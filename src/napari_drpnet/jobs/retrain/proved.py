"""A harvest without any label: which candidates are particles by what averages prove, else by the detector alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from napari_drpnet.errors import UserError
from napari_drpnet.jobs.bench import Bench
from napari_drpnet.jobs.judging import Judgement
from napari_drpnet.jobs.picking import spread_order
from napari_drpnet.jobs.retrain.labelled import LabelledMicrograph
from napari_drpnet.jobs.retrain.places import Part, part_of
from napari_drpnet.jobs.retrain.scored import ScoredMicrograph, score_read
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.settings import HarvestSettings
from napari_drpnet.steps import Job, Progress, translate, within
from napari_drpnet.training.labels.patches import FEWEST


class Unlabelled:
    """Micrographs about which nobody said anything, harvested by one picker.

    Parameters
    ----------
    micrographs, picker
        Which, and whose candidates are looked at.
    settings
        With a source of ``evidence``, or ``auto``: then it is confidence where evidence does not prove enough.
    notes
        Takes what the user should know, a sentence each.

    Attributes
    ----------
    settings
        Once a sample was judged, with the source that was chosen.
    parts
        The patches so far.
    """

    def __init__(
        self,
        micrographs: Sequence[LabelledMicrograph],
        picker: LoadedPicker,
        settings: HarvestSettings,
        notes: list[str],
    ) -> None:
        self.micrographs, self.picker, self.settings, self.notes = micrographs, picker, settings, notes
        self.parts: list[Part] = []
        self._failed: set[int] = set()
        self._doubted = 0

    def gather(self) -> Job[None]:
        """Look at a sample, judge the data set by it as for an automatic threshold, and take the patches of all.

        Raises
        ------
        UserError
            When the source is evidence, and it does not prove enough.
        """
        with Bench(self.picker) as bench:
            sample = yield from self._sample(bench)
            yield (here := self._here("Measuring by averages how many picks are particles", len(sample)))
            judgement = yield from translate(bench.decide(), within(here))
            self.settings = self._decided(judgement, list(sample.values()))
            for number, seen in sample.items():
                measured = bench.measured(number, judgement, seen.map)
                self._take(seen, judgement, bool(judgement.own(self.picker, measured).doubt))
        for number in sorted(set(range(len(self.micrographs))) - set(sample) - self._failed):
            yield from self._other(number, judgement)
        if self._doubted:
            count = "1 micrograph" if self._doubted == 1 else f"{self._doubted} micrographs"
            self.notes.append(
                f"Of {count} nothing is taken: nothing proves the picks there, and they may still be particles."
            )

    def _sample(self, bench: Bench) -> Job[dict[int, ScoredMicrograph]]:
        """Micrographs that the data set is judged by, by number."""
        sample: dict[int, ScoredMicrograph] = {}
        for number in spread_order(len(self.micrographs)):
            one = self.micrographs[number]
            yield (here := self._here(one.name, len(sample)))
            try:
                micrograph = one.read()
                seen = yield from translate(score_read(one, micrograph, self.picker), within(here))
            except UserError as error:
                self._leave_out(number, error)
                continue
            bench.add(number, micrograph, seen.map)
            sample[number] = seen
            if bench.enough:
                break
        return sample

    def _other(self, number: int, judgement: Judgement) -> Job[None]:
        """One that is not in the sample."""
        one = self.micrographs[number]
        yield (here := self._here(one.name, len(self.parts) + self._doubted))
        try:
            micrograph = one.read()
            seen = yield from translate(score_read(one, micrograph, self.picker), within(here))
        except UserError as error:
            self._leave_out(number, error)
            return
        measured = judgement.measured_on(self.picker, micrograph, seen.map)
        self._take(seen, judgement, bool(judgement.own(self.picker, measured).doubt))

    def _decided(self, judgement: Judgement, sample: Sequence[ScoredMicrograph]) -> HarvestSettings:
        """The settings with the source that decides, which is said."""
        problem = self._problem(judgement, sample)
        if not problem:
            self.notes.append(f"Averages say which possible picks are particles. {judgement.shares.reason}")
            return self.settings.model_copy(update={"source": "evidence"})
        if self.settings.source == "evidence":
            raise UserError(
                f"Averages do not prove enough to harvest by. {problem}", "Harvest more micrographs, or by confidence."
            )
        self.notes.append(
            "Nothing is labelled and averages do not prove enough: what the picker is sure of counts as particles. "
            + problem
        )
        return self.settings.model_copy(update={"source": "confidence"})

    def _problem(self, judgement: Judgement, sample: Sequence[ScoredMicrograph]) -> str:
        """Why evidence cannot tell particles, a sentence; empty where it can."""
        if not judgement.shares.significant:
            return judgement.shares.reason
        sure = sum(
            int((believed(seen, judgement).candidates.probability >= self.settings.proved).sum()) for seen in sample
        )
        if sure >= FEWEST:
            return ""
        return f"{sure} possible picks have a probability of {self.settings.proved:g}: ask for less (--proved)."

    def _take(self, seen: ScoredMicrograph, judgement: Judgement, doubted: bool) -> None:
        """The patches of one micrograph; none of one whose picks nothing proves.

        Where others have evidence and it has none, it may be bad, and its particles are still no background.
        """
        if self.settings.source == "evidence":
            if doubted:
                self._doubted += 1
                return
            seen = believed(seen, judgement)
        try:
            self.parts.append(part_of(seen, self.settings))
        except UserError as error:
            self.notes.append(f"{seen.labelled.name} is left out: {error}")

    def _leave_out(self, number: int, error: UserError) -> None:
        self._failed.add(number)
        self.notes.append(f"{self.micrographs[number].name} is left out: {error}")

    def _here(self, message: str, done: int) -> Progress:
        done += len(self._failed)
        return Progress(done, len(self.micrographs), sum(len(part.patches) for part in self.parts), message)


def believed(seen: ScoredMicrograph, judgement: Judgement) -> ScoredMicrograph:
    """A micrograph with the data set's own probabilities.

    The evidence of a single candidate has no part in them: it makes the labels no better.
    """
    return replace(seen, map=judgement.adapted(seen.map))
