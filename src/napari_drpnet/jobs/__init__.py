"""Use cases over files: what the command line and the window have in common.

A job that takes long is a generator: it yields `Progress` and returns its result. Whoever drives it may stop
at any yield by closing it; what is finished then stays on disk.
"""

from napari_drpnet.jobs.evaluation import evaluate_files
from napari_drpnet.jobs.inputs import Task, find_micrographs
from napari_drpnet.jobs.picking import PickReport, PickResult, pick, score
from napari_drpnet.jobs.progress import Job, Progress, finish
from napari_drpnet.jobs.run_file import make_run, read_run_file, validated, write_run_file
from napari_drpnet.jobs.sample import DemoReport, SampleFiles, demo, write_sample
from napari_drpnet.jobs.simulation import simulate
from napari_drpnet.jobs.training import make_train_settings, train_classifier, train_detector

__all__ = [
    "DemoReport",
    "Job",
    "PickReport",
    "PickResult",
    "Progress",
    "SampleFiles",
    "Task",
    "demo",
    "evaluate_files",
    "find_micrographs",
    "finish",
    "make_run",
    "make_train_settings",
    "pick",
    "read_run_file",
    "score",
    "simulate",
    "train_classifier",
    "train_detector",
    "validated",
    "write_run_file",
    "write_sample",
]
