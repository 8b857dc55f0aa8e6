"""One micrograph of a project that is picked: how it is read, what is measured meanwhile, and what is kept of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from napari_drpnet.data import Micrograph, Picks, ScoreMap
from napari_drpnet.ice import ice
from napari_drpnet.io.project.candidates import FLOOR, Measured
from napari_drpnet.io.project.project import Project
from napari_drpnet.jobs.picking import Found, Item
from napari_drpnet.jobs.project_results import picks_file
from napari_drpnet.labels import labels_of, with_labels
from napari_drpnet.pickers.protocol.loaded import LoadedPicker
from napari_drpnet.stages import stage


def read_whole(project: Project, name: str) -> Micrograph:
    """The pixels of a micrograph, after a look at its region: a damaged one is the fault of this micrograph alone."""
    project.read_region(name)
    return project.read_micrograph(name)


def ice_of(micrograph: Micrograph) -> float:
    """How much ice a micrograph shows, see `ice.ice`."""
    return ice(micrograph.image, micrograph.frame.pixel_size)


def could_pick(picker: LoadedPicker, score_map: ScoreMap, min_distance: float | None = None) -> Picks | None:
    """All that a picker could pick at some threshold, the most probable first; None where its own rule picks.

    Parameters
    ----------
    picker, score_map
        Who found what, with the probabilities that the threshold counts in.
    min_distance
        In Angstrom; None: as in the picker's settings.
    """
    return None if picker.by_rule(score_map) else picker.picks_from(score_map, FLOOR, min_distance)


@dataclass
class ProjectMicrograph:
    """One micrograph of a project, as a run picks it.

    Attributes
    ----------
    project, picker, name
        Which, and who picks.
    ice
        Measured on its pixels when they are read; NaN before.
    """

    project: Project
    picker: LoadedPicker
    name: str
    ice: float = math.nan

    @property
    def item(self) -> Item:
        """For the run."""
        return Item(self.name, self.read, self.keep)

    def read(self) -> Micrograph:
        """Its pixels."""
        micrograph = read_whole(self.project, self.name)
        if math.isnan(self.ice):
            self.ice = ice_of(micrograph)
        return micrograph

    def keep(self, found: Found) -> tuple[int, Path]:
        """Keep what was found among the labels; how many picks there are, and their file."""
        own, spacing = found.own.evidence, found.picks.frame.micrograph_pixels(self._spacing) if self._spacing else 0.0
        measured = Measured(self._candidates(found), spacing, own.value, own.error, self.ice)
        merge_picks(self.project, self.name, found.picks, self.picker.name, measured)
        return self.project.row(self.name).picks, picks_file(self.project, self.name)

    @cached_property
    def _spacing(self) -> float:
        """In Angstrom."""
        return self.picker.settings.spacing

    def _candidates(self, found: Found) -> Picks | None:
        """What could be picked at other thresholds: nothing of a micrograph whose picks are left out as unproved."""
        judgement = found.judgement
        if judgement is not None and judgement.decision.basis == "rule":
            return None
        could = could_pick(self.picker, found.score_map if judgement is None else judgement.adapted(found.score_map))
        return could.select(np.zeros(len(could), bool)) if could is not None and found.left_out else could


@stage("write", whole=True)
def merge_picks(project: Project, name: str, proposed: Picks, picker: str, measured: Measured) -> Picks:
    """Put a picker's proposal into a project, with the labels that are there; gives what is kept.

    Parameters
    ----------
    project, name
        Which micrograph.
    proposed
        What the picker found.
    picker
        Its name.
    measured
        What else it found; a proposed pick that is nearer to a label than its ``spacing`` gives way.
    """
    with project.alone():
        merged = with_labels(proposed, labels_of(project.read_picks(name)), measured.spacing)
        project.write_picks(name, merged, picker, measured)
    return merged
