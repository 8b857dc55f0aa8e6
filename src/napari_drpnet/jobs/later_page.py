"""The page of a run that is over, from its folder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from napari_drpnet.errors import UserError
from napari_drpnet.io.paths import is_file
from napari_drpnet.jobs.inputs import find_micrographs
from napari_drpnet.jobs.pick_report import SUMMARY, PickResult
from napari_drpnet.jobs.picked_files import read_task
from napari_drpnet.jobs.resume import all_finished
from napari_drpnet.jobs.run_file import SETTINGS, read_run_file
from napari_drpnet.jobs.run_page.keep import RunPage, page_in
from napari_drpnet.settings import PickRun, validated


def page_of_run(folder: Path) -> Path:
    """Write ``report.html`` of a run anew; gives the file.

    Parameters
    ----------
    folder
        Of the run, or of a part of it.

    Raises
    ------
    UserError
        When the folder is not that of a run, its micrographs cannot be told, or the page cannot be written.
    """
    if not is_file(folder / SETTINGS) or not is_file(folder / SUMMARY):
        raise UserError(f"{folder} is not the folder of a run: it has no {SETTINGS} and {SUMMARY}.", "Pick first.")
    results = all_finished(folder)
    if not results:
        raise UserError(f"{folder / SUMMARY} tells of no micrograph.", "Pick first.")
    page = earlier_page(folder, results)
    page.write_now()
    return page.path


def earlier_page(folder: Path, results: Sequence[PickResult]) -> RunPage:
    """The page of a run with these results, from the folder that the run was started in.

    Raises
    ------
    UserError
        When the settings of the run cannot be read.
    """
    run = validated(PickRun, read_run_file(folder / SETTINGS, quiet=True))
    tasks, _ = find_micrographs(run.inputs)
    read = {
        task.micrograph.name: partial(read_task, task, run.pixel_size)
        for number, task in enumerate(tasks)
        if run.is_mine(number)
    }
    page = page_in(folder)
    page.follow(lambda: results, list(read), lambda name: read[name](), lambda: len(results))
    return page
