"""Use cases over files: what the command line and the window have in common.

A job that takes long is a generator: it yields `Progress` and returns its result. Whoever drives it may stop
at any yield by closing it; what is finished then stays on disk.

The names are loaded when first used, so that a command or a dock loads what it needs and no more.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from napari_drpnet.steps import Job, Progress, finish

if TYPE_CHECKING:
    from napari_drpnet.jobs.assess_maps import (
        MapAssessment,
        assess_half_maps,
        resolution_in_words,
        write_map_assessment,
    )
    from napari_drpnet.jobs.assess_page import assessment_rows, doubts, write_assessments
    from napari_drpnet.jobs.assess_surface import map_surface
    from napari_drpnet.jobs.assess_views import (
        ViewReport,
        assess_alignments,
        assess_directions,
        b_factor_of_files,
        write_growth,
        write_views,
    )
    from napari_drpnet.jobs.assessing import Assessment, assess, assess_with_picks, assessment_problems, figures
    from napari_drpnet.jobs.averaging.average import average
    from napari_drpnet.jobs.averaging.likeness import same_classes
    from napari_drpnet.jobs.averaging.proof import evidence_in_words
    from napari_drpnet.jobs.averaging.result import Averages, AveragingProgress
    from napari_drpnet.jobs.averaging.sources import (
        Source,
        averaging_picker,
        ctf_of,
        picked_by,
        picked_in_files,
        picked_in_project,
        picked_in_view,
    )
    from napari_drpnet.jobs.averaging.templates import averages_as_templates
    from napari_drpnet.jobs.averaging.write import write_averages
    from napari_drpnet.jobs.bench import judge_one
    from napari_drpnet.jobs.benchmark.run import BenchmarkReport, join_benchmarks, run_benchmark
    from napari_drpnet.jobs.cluster.places import job_script
    from napari_drpnet.jobs.collecting import collect
    from napari_drpnet.jobs.compare.compare import run_comparison
    from napari_drpnet.jobs.compare.consensus import ConsensusReport, consensus
    from napari_drpnet.jobs.compare.result import ComparisonReport
    from napari_drpnet.jobs.conversion import Conversion, convert
    from napari_drpnet.jobs.dropped import is_project_or_micrographs, listed_micrographs, project_for
    from napari_drpnet.jobs.evaluation import evaluate_files
    from napari_drpnet.jobs.exporting import export_picks, export_target, exports
    from napari_drpnet.jobs.growth import measure_growth
    from napari_drpnet.jobs.inputs import find_micrographs
    from napari_drpnet.jobs.judging import Judgement
    from napari_drpnet.jobs.later_page import page_of_run
    from napari_drpnet.jobs.levels import levels_in_words
    from napari_drpnet.jobs.masks import MaskReport, make_masks
    from napari_drpnet.jobs.pick_progress import PickProgress, progress_in_words
    from napari_drpnet.jobs.pick_report import PickReport, PickResult
    from napari_drpnet.jobs.pick_run import pick
    from napari_drpnet.jobs.picking import find, learn
    from napari_drpnet.jobs.power_spectrum import SeenSpectrum, seen_spectrum
    from napari_drpnet.jobs.project import (
        is_project,
        learn_project,
        names_of,
        open_project,
        opening,
        pick_project,
        project_judgement,
        project_picker,
        with_networks,
    )
    from napari_drpnet.jobs.project_ctf import ToldCTF, told_ctf
    from napari_drpnet.jobs.project_micrograph import could_pick, ice_of
    from napari_drpnet.jobs.project_threshold import own_threshold
    from napari_drpnet.jobs.prospect import decided_in_words, doubt_in_words, expected_in_words
    from napari_drpnet.jobs.reconstruct import ReconstructionReport, reconstruct_picks
    from napari_drpnet.jobs.relion import relion_job, relion_parameters
    from napari_drpnet.jobs.retrain.before_after import BeforeAfter, Change, before_after
    from napari_drpnet.jobs.retrain.harvest import HarvestReport, harvest, harvest_inputs, read_patch_set
    from napari_drpnet.jobs.retrain.labelled import LabelledMicrograph, harvested_in_project, labelled_in_files, spread
    from napari_drpnet.jobs.retrain.learning_curve import CurvePoint, learning_curve
    from napari_drpnet.jobs.retrain.patch_classifier import retrain_patch_set, retrain_patches
    from napari_drpnet.jobs.retrain.report import RetrainReport
    from napari_drpnet.jobs.retrain.retrain import retrain_picker, retrain_project
    from napari_drpnet.jobs.retrain.scored import TrainProgress
    from napari_drpnet.jobs.retrain.suggest import Suggestion, suggest, suggested_micrographs
    from napari_drpnet.jobs.run_file import make_run, read_run_file
    from napari_drpnet.jobs.sample import demo, write_sample
    from napari_drpnet.jobs.saving import savable, save_picks, suggested_file, with_size
    from napari_drpnet.jobs.sharing import ExportReport, export_model
    from napari_drpnet.jobs.simulation import simulate
    from napari_drpnet.jobs.templates import templates_of_picks, templates_of_structure
    from napari_drpnet.jobs.training import make_train_settings, prepare, train, train_classifier, train_detector
    from napari_drpnet.jobs.watching import watch

# Which module has which names. No job is called `benchmark`, `compare` or `retrain`, since packages of this one are.
_HOME = {
    "assessing": ("Assessment", "assess", "assess_with_picks", "assessment_problems", "figures"),
    "assess_page": ("assessment_rows", "doubts", "write_assessments"),
    "assess_maps": ("MapAssessment", "assess_half_maps", "resolution_in_words", "write_map_assessment"),
    "assess_surface": ("map_surface",),
    "assess_views": (
        "ViewReport",
        "assess_alignments",
        "assess_directions",
        "b_factor_of_files",
        "write_growth",
        "write_views",
    ),
    "averaging.average": ("average",),
    "averaging.likeness": ("same_classes",),
    "averaging.proof": ("evidence_in_words",),
    "averaging.result": ("Averages", "AveragingProgress"),
    "averaging.sources": (
        "Source",
        "averaging_picker",
        "ctf_of",
        "picked_by",
        "picked_in_files",
        "picked_in_project",
        "picked_in_view",
    ),
    "averaging.templates": ("averages_as_templates",),
    "averaging.write": ("write_averages",),
    "cluster.places": ("job_script",),
    "collecting": ("collect",),
    "compare.compare": ("run_comparison",),
    "compare.consensus": ("ConsensusReport", "consensus"),
    "compare.result": ("ComparisonReport",),
    "conversion": ("Conversion", "convert"),
    "dropped": ("is_project_or_micrographs", "listed_micrographs", "project_for"),
    "evaluation": ("evaluate_files",),
    "exporting": ("export_picks", "export_target", "exports"),
    "growth": ("measure_growth",),
    "inputs": ("find_micrographs",),
    "benchmark.run": ("BenchmarkReport", "join_benchmarks", "run_benchmark"),
    "bench": ("judge_one",),
    "judging": ("Judgement",),
    "later_page": ("page_of_run",),
    "masks": ("MaskReport", "make_masks"),
    "levels": ("levels_in_words",),
    "pick_progress": ("PickProgress", "progress_in_words"),
    "pick_report": ("PickReport", "PickResult"),
    "pick_run": ("pick",),
    "picking": ("find", "learn"),
    "power_spectrum": ("SeenSpectrum", "seen_spectrum"),
    "project": (
        "is_project",
        "learn_project",
        "names_of",
        "open_project",
        "opening",
        "pick_project",
        "project_judgement",
        "project_picker",
        "with_networks",
    ),
    "project_ctf": ("ToldCTF", "told_ctf"),
    "project_micrograph": ("could_pick", "ice_of"),
    "project_threshold": ("own_threshold",),
    "prospect": ("decided_in_words", "doubt_in_words", "expected_in_words"),
    "reconstruct": ("ReconstructionReport", "reconstruct_picks"),
    "relion": ("relion_job", "relion_parameters"),
    "retrain.before_after": ("BeforeAfter", "Change", "before_after"),
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
    "sharing": ("ExportReport", "export_model"),
    "simulation": ("simulate",),
    "templates": ("templates_of_picks", "templates_of_structure"),
    "training": ("make_train_settings", "prepare", "train", "train_classifier", "train_detector"),
    "saving": ("savable", "save_picks", "suggested_file", "with_size"),
    "watching": ("watch",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}


if not TYPE_CHECKING:  # which would take any name for one of these

    def __getattr__(name: str) -> Any:
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
