"""Use cases over files: what the command line and the window have in common.

A job that takes long is a generator: it yields `Progress` and returns its result. Whoever drives it may stop
at any yield by closing it; what is finished then stays on disk.
"""

from napari_drpnet.jobs.compare.compare import compare
from napari_drpnet.jobs.compare.consensus import ConsensusReport, consensus
from napari_drpnet.jobs.compare.result import ComparisonReport
from napari_drpnet.jobs.conversion import Conversion, convert
from napari_drpnet.jobs.evaluation import evaluate_files
from napari_drpnet.jobs.inputs import PickTask, find_micrographs
from napari_drpnet.jobs.picking import PickReport, PickResult, learn, pick, score
from napari_drpnet.jobs.project import (
    is_project,
    learn_project,
    merge_picks,
    names_of,
    open_project,
    pick_project,
    project_picker,
)
from napari_drpnet.jobs.retrain.harvest import HarvestReport, harvest, read_patch_set
from napari_drpnet.jobs.retrain.labelled import (
    LabelledMicrograph,
    harvest_inputs,
    harvest_settings,
    harvested_in_project,
    labelled_in_files,
    labelled_in_project,
    spread,
)
from napari_drpnet.jobs.retrain.learning import TrainProgress
from napari_drpnet.jobs.retrain.patch_classifier import retrain_patch_set, retrain_patches
from napari_drpnet.jobs.retrain.report import RetrainReport
from napari_drpnet.jobs.retrain.retrain import retrain, retrain_project
from napari_drpnet.jobs.retrain.teaching import (
    Change,
    CurvePoint,
    Suggestion,
    before_after,
    learning_curve,
    suggest,
    suggested_micrographs,
)
from napari_drpnet.jobs.run_file import make_run, read_run_file, validated, write_run_file
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
from napari_drpnet.steps import Job, Progress, finish

__all__ = [
    "Change",
    "ComparisonReport",
    "ConsensusReport",
    "Conversion",
    "CurvePoint",
    "DemoReport",
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
    "compare",
    "consensus",
    "convert",
    "demo",
    "evaluate_files",
    "find_micrographs",
    "finish",
    "harvest",
    "harvest_inputs",
    "harvest_settings",
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
    "retrain",
    "retrain_patch_set",
    "retrain_patches",
    "retrain_project",
    "score",
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
    "write_run_file",
    "write_sample",
]
