"""What a run asks of others who do its work, such as the workers of a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from napari_drpnet.jobs.bench import Sampled
from napari_drpnet.jobs.crew import Step
from napari_drpnet.jobs.judging import Judgement
from napari_drpnet.jobs.pick_report import PickResult
from napari_drpnet.jobs.tried import Tried


class Elsewhere(Protocol):
    """Others who work on the micrographs of a data set, which are told by their numbers.

    Closed before its end, what they were asked for is not done any more.
    """

    def sample(self, numbers: Sequence[int]) -> Iterator[Step[Tried[Sampled]]]:
        """Score micrographs for the sample; results come in the order of the numbers."""

    def pick(self, numbers: Sequence[int], judgement: Judgement | None) -> Iterator[Step[PickResult]]:
        """Pick micrographs and keep what is found; results come as they are finished."""
