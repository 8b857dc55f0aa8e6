"""Use cases over files: what the command line and the window have in common.

A job that takes long is a generator: it yields `Progress` and returns its result. Whoever drives it may stop
at any yield by closing it; what is finished then stays on disk.

The names are loaded when first used, so that a command or a dock loads what it needs and no more.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from napari_drpnet.steps import Job as Job
from napari_drpnet.steps import Progress as Progress
from napari_drpnet.steps import finish as finish

if TYPE_CHECKING:
    from napari_drpnet.jobs.compare.compare import run_comparison as run_comparison
    from napari_drpnet.jobs.compare.consensus import ConsensusReport as ConsensusReport
    from napari_drpnet.jobs.compare.consensus import consensus as consensus
    from napari_drpnet.jobs.compare.result import ComparisonReport as ComparisonReport
    from napari_drpnet.jobs.conversion import Conversion as Conversion
    from napari_drpnet.jobs.conversion import convert as convert
    from napari_drpnet.jobs.evaluation import evaluate_files as evaluate_files
    from napari_drpnet.jobs.inputs import find_micrographs as find_micrographs
    from napari_drpnet.jobs.picking import PickReport as PickReport
    from napari_drpnet.jobs.picking import find as find
    from napari_drpnet.jobs.picking import learn as learn
    from napari_drpnet.jobs.picking import pick as pick
    from napari_drpnet.jobs.project import is_project as is_project
    from napari_drpnet.jobs.project import learn_project as learn_project
    from napari_drpnet.jobs.project import names_of as names_of
    from napari_drpnet.jobs.project import open_project as open_project
    from napari_drpnet.jobs.project import pick_project as pick_project
    from napari_drpnet.jobs.project import project_picker as project_picker
    from napari_drpnet.jobs.project import with_networks as with_networks
    from napari_drpnet.jobs.retrain.before_after import Change as Change
    from napari_drpnet.jobs.retrain.before_after import before_after as before_after
    from napari_drpnet.jobs.retrain.harvest import HarvestReport as HarvestReport
    from napari_drpnet.jobs.retrain.harvest import harvest as harvest
    from napari_drpnet.jobs.retrain.harvest import harvest_inputs as harvest_inputs
    from napari_drpnet.jobs.retrain.harvest import read_patch_set as read_patch_set
    from napari_drpnet.jobs.retrain.labelled import LabelledMicrograph as LabelledMicrograph
    from napari_drpnet.jobs.retrain.labelled import harvested_in_project as harvested_in_project
    from napari_drpnet.jobs.retrain.labelled import labelled_in_files as labelled_in_files
    from napari_drpnet.jobs.retrain.labelled import spread as spread
    from napari_drpnet.jobs.retrain.learning_curve import CurvePoint as CurvePoint
    from napari_drpnet.jobs.retrain.learning_curve import learning_curve as learning_curve
    from napari_drpnet.jobs.retrain.patch_classifier import retrain_patch_set as retrain_patch_set
    from napari_drpnet.jobs.retrain.patch_classifier import retrain_patches as retrain_patches
    from napari_drpnet.jobs.retrain.report import RetrainReport as RetrainReport
    from napari_drpnet.jobs.retrain.retrain import retrain_picker as retrain_picker
    from napari_drpnet.jobs.retrain.retrain import retrain_project as retrain_project
    from napari_drpnet.jobs.retrain.scored import TrainProgress as TrainProgress
    from napari_drpnet.jobs.retrain.suggest import Suggestion as Suggestion
    from napari_drpnet.jobs.retrain.suggest import suggest as suggest
    from napari_drpnet.jobs.retrain.suggest import suggested_micrographs as suggested_micrographs
    from napari_drpnet.jobs.run_file import make_run as make_run
    from napari_drpnet.jobs.run_file import read_run_file as read_run_file
    from napari_drpnet.jobs.sample import demo as demo
    from napari_drpnet.jobs.sample import write_sample as write_sample
    from napari_drpnet.jobs.simulation import simulate as simulate
    from napari_drpnet.jobs.templates import templates_of_picks as templates_of_picks
    from napari_drpnet.jobs.templates import templates_of_structure as templates_of_structure
    from napari_drpnet.jobs.training import make_train_settings as make_train_settings
    from napari_drpnet.jobs.training import train as train
    from napari_drpnet.jobs.training import train_classifier as train_classifier
    from napari_drpnet.jobs.training import train_detector as train_detector

# Which module has which names. No job is called `compare` or `retrain`, since packages of this one are.
_HOME = {
    "compare.compare": ("run_comparison",),
    "compare.consensus": ("ConsensusReport", "consensus"),
    "compare.result": ("ComparisonReport",),
    "conversion": ("Conversion", "convert"),
    "evaluation": ("evaluate_files",),
    "inputs": ("find_micrographs",),
    "picking": ("PickReport", "find", "learn", "pick"),
    "project": (
        "is_project",
        "learn_project",
        "names_of",
        "open_project",
        "pick_project",
        "project_picker",
        "with_networks",
    ),
    "retrain.before_after": ("Change", "before_after"),
    "retrain.harvest": ("HarvestReport", "harvest", "harvest_inputs", "read_patch_set"),
    "retrain.labelled": ("LabelledMicrograph", "harvested_in_project", "labelled_in_files", "spread"),
    "retrain.learning_curve": ("CurvePoint", "learning_curve"),
    "retrain.patch_classifier": ("retrain_patch_set", "retrain_patches"),
    "retrain.report": ("RetrainReport",),
    "retrain.retrain": ("retrain_picker", "retrain_project"),
    "retrain.scored": ("TrainProgress",),
    "retrain.suggest": ("Suggestion", "suggest", "suggested_micrographs"),
    "run_file": ("make_run", "read_run_file"),
    "sample": ("demo", "write_sample"),
    "simulation": ("simulate",),
    "templates": ("templates_of_picks", "templates_of_structure"),
    "training": ("make_train_settings", "train", "train_classifier", "train_detector"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}


if not TYPE_CHECKING:  # which would take any name for one of these

    def __getattr__(name: str) -> Any:
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
