"""Use cases over files: what the command line and the window have in common.

A job that takes long is a generator: it yields `Progress` and returns its result. Whoever drives it may stop
at any yield by closing it; what is finished then stays on disk.
"""

from napari_drpnet.jobs.comparison import ComparisonReport, compare
from napari_drpnet.jobs.consensus import ConsensusReport, consensus
from napari_drpnet.jobs.conversion import Conversion, convert
from napari_drpnet.jobs.evaluation import evaluate_files
from napari_drpnet.jobs.fields import Field, file_fields, harvest_inputs, harvest_settings, project_fields
from napari_drpnet.jobs.harvesting import HarvestReport, harvest, read_patch_set
from napari_drpnet.jobs.inputs import Task, find_micrographs
from napari_drpnet.jobs.learning import TrainProgress
from napari_drpnet.jobs.patch_classifier import retrain_patch_set, retrain_patches
from napari_drpnet.jobs.picking import PickReport, PickResult, learn, pick, score
from napari_drpnet.jobs.progress import Job, Progress, finish
from napari_drpnet.jobs.project import (
    is_project,
    learn_project,
    merge_picks,
    names_of,
    open_project,
    pick_project,
    project_picker,
)
from napari_drpnet.jobs.retrain_report import RetrainReport
from napari_drpnet.jobs.retraining import retrain, retrain_project
from napari_drpnet.jobs.run_file import make_run, read_run_file, validated, write_run_file
from napari_drpnet.jobs.sample import DemoReport, SampleFiles, demo, write_sample
from napari_drpnet.jobs.simulation import simulate
from napari_drpnet.jobs.teaching import (
    Change,
    CurvePoint,
    Suggestion,
    before_after,
    learning_curve,
    suggest,
    suggested_micrographs,
)
from napari_drpnet.jobs.templates import TemplateReport, templates_of_picks, templates_of_structure
from napari_drpnet.jobs.training import (
    make_pixer_settings,
    make_train_settings,
    train_centerpicker,
    train_classifier,
    train_detector,
    train_pixer,
)

__all__ = [
    "Change",
    "ComparisonReport",
    "ConsensusReport",
    "Conversion",
    "CurvePoint",
    "DemoReport",
    "Field",
    "HarvestReport",
    "Job",
    "PickReport",
    "PickResult",
    "Progress",
    "RetrainReport",
    "SampleFiles",
    "Suggestion",
    "Task",
    "TemplateReport",
    "TrainProgress",
    "before_after",
    "compare",
    "consensus",
    "convert",
    "demo",
    "evaluate_files",
    "file_fields",
    "find_micrographs",
    "finish",
    "harvest",
    "harvest_inputs",
    "harvest_settings",
    "is_project",
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
    "project_fields",
    "project_picker",
    "read_patch_set",
    "read_run_file",
    "retrain",
    "retrain_patch_set",
    "retrain_patches",
    "retrain_project",
    "score",
    "simulate",
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
