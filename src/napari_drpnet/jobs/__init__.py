"""Use cases over files: what the command line and the window have in common.

A job that takes long is a generator: it yields `Progress` and returns its result. Whoever drives it may stop
at any yield by closing it; what is finished then stays on disk. The names are loaded when first used, so that a program
that lists its options need not load a network library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_drpnet.jobs.compare.compare import run_comparison
    from napari_drpnet.jobs.compare.consensus import ConsensusReport, consensus
    from napari_drpnet.jobs.compare.result import ComparisonReport
    from napari_drpnet.jobs.conversion import Conversion, convert
    from napari_drpnet.jobs.evaluation import evaluate_files
    from napari_drpnet.jobs.inputs import PickTask, find_micrographs
    from napari_drpnet.jobs.picking import Found, PickReport, PickResult, find, learn, pick
    from napari_drpnet.jobs.project import (
        is_project,
        learn_project,
        merge_picks,
        names_of,
        open_project,
        pick_project,
        project_picker,
    )
    from napari_drpnet.jobs.retrain.before_after import Change, before_after
    from napari_drpnet.jobs.retrain.harvest import HarvestReport, harvest, harvest_inputs, read_patch_set
    from napari_drpnet.jobs.retrain.labelled import (
        LabelledMicrograph,
        harvested_in_project,
        labelled_in_files,
        labelled_in_project,
        spread,
    )
    from napari_drpnet.jobs.retrain.learning_curve import CurvePoint, learning_curve
    from napari_drpnet.jobs.retrain.patch_classifier import retrain_patch_set, retrain_patches
    from napari_drpnet.jobs.retrain.report import RetrainReport
    from napari_drpnet.jobs.retrain.retrain import retrain_picker, retrain_project
    from napari_drpnet.jobs.retrain.scored import TrainProgress
    from napari_drpnet.jobs.retrain.suggest import Suggestion, suggest, suggested_micrographs
    from napari_drpnet.jobs.run_file import make_run, read_run_file, write_run_file
    from napari_drpnet.jobs.sample import DemoReport, SampleFiles, demo, write_sample
    from napari_drpnet.jobs.simulation import simulate
    from napari_drpnet.jobs.templates import TemplateReport, templates_of_picks, templates_of_structure
    from napari_drpnet.jobs.training import (
        make_pixer_settings,
        make_train_settings,
        train_centerpicker,
        train_classifier,
        train_detector,
        train_pixer,
    )
    from napari_drpnet.settings import validated
    from napari_drpnet.steps import Job, Progress, finish

__all__ = [
    "Change",
    "ComparisonReport",
    "ConsensusReport",
    "Conversion",
    "CurvePoint",
    "DemoReport",
    "Found",
    "HarvestReport",
    "Job",
    "LabelledMicrograph",
    "PickReport",
    "PickResult",
    "PickTask",
    "Progress",
    "RetrainReport",
    "SampleFiles",
    "Suggestion",
    "TemplateReport",
    "TrainProgress",
    "before_after",
    "consensus",
    "convert",
    "demo",
    "evaluate_files",
    "find",
    "find_micrographs",
    "finish",
    "harvest",
    "harvest_inputs",
    "harvested_in_project",
    "is_project",
    "labelled_in_files",
    "labelled_in_project",
    "learn",
    "learn_project",
    "learning_curve",
    "make_pixer_settings",
    "make_run",
    "make_train_settings",
    "merge_picks",
    "names_of",
    "open_project",
    "pick",
    "pick_project",
    "project_picker",
    "read_patch_set",
    "read_run_file",
    "retrain_patch_set",
    "retrain_patches",
    "retrain_picker",
    "retrain_project",
    "run_comparison",
    "simulate",
    "spread",
    "suggest",
    "suggested_micrographs",
    "templates_of_picks",
    "templates_of_structure",
    "train_centerpicker",
    "train_classifier",
    "train_detector",
    "train_pixer",
    "validated",
    "with_networks",
    "write_run_file",
    "write_sample",
]

_HOME = {
    "jobs.compare.compare": ("run_comparison",),
    "jobs.compare.consensus": ("ConsensusReport", "consensus"),
    "jobs.compare.result": ("ComparisonReport",),
    "jobs.conversion": ("Conversion", "convert"),
    "jobs.evaluation": ("evaluate_files",),
    "jobs.inputs": ("PickTask", "find_micrographs"),
    "jobs.picking": ("Found", "PickReport", "PickResult", "find", "learn", "pick"),
    "jobs.project": (
        "is_project",
        "learn_project",
        "merge_picks",
        "names_of",
        "open_project",
        "pick_project",
        "project_picker",
        "with_networks",
    ),
    "jobs.retrain.before_after": ("Change", "before_after"),
    "jobs.retrain.harvest": ("HarvestReport", "harvest", "harvest_inputs", "read_patch_set"),
    "jobs.retrain.labelled": (
        "LabelledMicrograph",
        "harvested_in_project",
        "labelled_in_files",
        "labelled_in_project",
        "spread",
    ),
    "jobs.retrain.learning_curve": ("CurvePoint", "learning_curve"),
    "jobs.retrain.patch_classifier": ("retrain_patch_set", "retrain_patches"),
    "jobs.retrain.report": ("RetrainReport",),
    "jobs.retrain.retrain": ("retrain_picker", "retrain_project"),
    "jobs.retrain.scored": ("TrainProgress",),
    "jobs.retrain.suggest": ("Suggestion", "suggest", "suggested_micrographs"),
    "jobs.run_file": ("make_run", "read_run_file", "write_run_file"),
    "jobs.sample": ("DemoReport", "SampleFiles", "demo", "write_sample"),
    "jobs.simulation": ("simulate",),
    "jobs.templates": ("TemplateReport", "templates_of_picks", "templates_of_structure"),
    "jobs.training": (
        "make_pixer_settings",
        "make_train_settings",
        "train_centerpicker",
        "train_classifier",
        "train_detector",
        "train_pixer",
    ),
    "settings": ("validated",),
    "steps": ("Job", "Progress", "finish"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        return getattr(import_module(f"napari_drpnet.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
