"""Who takes part in a comparison, found out before anything is run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_drpnet.errors import UserError
from napari_drpnet.io import open_image
from napari_drpnet.io.picks.known_micrographs import KnownMicrographs
from napari_drpnet.jobs.compare.consensus import CONSENSUS
from napari_drpnet.jobs.compare.contenders import FilePicks, RunningPicker, read_set
from napari_drpnet.jobs.inputs import PickTask, find_micrographs
from napari_drpnet.pickers.protocol.registry import available_pickers, load_picker
from napari_drpnet.settings import ComparisonSettings

# The name of the truth where it is a file of its own.
TRUTH = "truth"


@dataclass(frozen=True)
class LineUp:
    """Who takes part.

    Attributes
    ----------
    tasks, pixel_sizes
        The micrographs that can be opened, and Angstrom per pixel of each.
    runners
        The pickers that can be built.
    files
        The sets of picks that can be read.
    truth
        The truth, where it is a file of its own.
    failed
        What cannot take part, by name, with the reason.
    """

    tasks: tuple[PickTask, ...]
    pixel_sizes: tuple[float, ...]
    runners: tuple[RunningPicker, ...]
    files: tuple[FilePicks, ...]
    truth: FilePicks | None
    failed: tuple[tuple[str, str], ...]


def line_up(settings: ComparisonSettings, least: int = 2) -> LineUp:
    """Find the micrographs, read the sets of picks, and build the pickers; ``least`` sets there must be.

    Raises
    ------
    UserError
        For names that cannot be, when no micrograph or too few sets can be used, or for a truth that cannot be read.
    """
    _check_names(settings)
    tasks, sizes, refused = _micrographs(settings)
    known = KnownMicrographs([task.micrograph for task in tasks], settings.pixel_size)
    truth = _truth(settings, known)
    files, unread = _file_sets(settings, known)
    runners, unloaded = _load(settings)
    _check_enough(settings, len(runners) + len(files) + (truth is not None), unloaded + unread, least)
    failed = (*refused, *unloaded, *unread)
    return LineUp(tuple(tasks), tuple(sizes), tuple(runners), tuple(files), truth, failed)


def _check_names(settings: ComparisonSettings) -> None:
    """A name that is wrong is found before anything is run."""
    names = [*settings.pickers, *settings.picks]
    if double := [name for name in names if names.count(name) > 1]:
        raise UserError(f"Two sets are named {double[0]!r}.", "Give each its own name (--picks NAME=PATH).")
    if unknown := [name for name in settings.pickers if name not in available_pickers()]:
        raise UserError(f"There is no picker named {unknown[0]!r}.", f"Choose from: {', '.join(available_pickers())}.")
    if taken := [name for name in settings.picks if name in (TRUTH, CONSENSUS) or not _is_folder_name(name)]:
        raise UserError(f"A set of picks cannot be named {taken[0]!r}.", "Choose another name, without / and spaces.")


def _is_folder_name(name: str) -> bool:
    return bool(name.strip(". ")) and not set(name) & set('/\\:*?"<>|')


def _micrographs(settings: ComparisonSettings) -> tuple[list[PickTask], list[float], list[tuple[str, str]]]:
    """The micrographs that can be opened, their pixel sizes, and the others with the reason."""
    tasks, refusals = find_micrographs(settings.inputs)
    good, sizes, failed = [], [], [(one.name, str(one.error)) for one in refusals]
    for task in tasks:
        try:
            image = open_image(task.micrograph.path)
            size = settings.pixel_size or task.micrograph.pixel_size or image.pixel_size
            if size is None:
                raise UserError(
                    f"{task.micrograph.name}: the pixel size is not known.", "Give it in Angstrom (--pixel-size)."
                )
            _check_fits(task, [side * size for side in image.array.shape[-2:]], settings.diameter)
            good.append(task)
            sizes.append(size)
        except UserError as error:
            failed.append((task.micrograph.name, str(error)))
    if not good:
        raise UserError(f"No micrograph can be used. {failed[0][1]}")
    return good, sizes, failed


def _check_fits(task: PickTask, sides: Sequence[float], diameter: float) -> None:
    """A particle is smaller than the micrograph; all lengths in Angstrom."""
    if diameter >= min(sides):
        raise UserError(
            f"{task.micrograph.name} is {sides[1]:.0f} x {sides[0]:.0f} A, and no larger than a particle of "
            f"{diameter:g} A.",
            "Check the diameter and the pixel size (--diameter, --pixel-size).",
        )


def _truth(settings: ComparisonSettings, known: KnownMicrographs) -> FilePicks | None:
    """The truth, where it is a file; None where there is none, or it is one of the sets."""
    if settings.truth is None or settings.truth in (*settings.pickers, *settings.picks):
        return None
    return read_set(TRUTH, Path(settings.truth), known)


def _file_sets(settings: ComparisonSettings, known: KnownMicrographs) -> tuple[list[FilePicks], list[tuple[str, str]]]:
    """The sets of picks in files, and those that cannot be read."""
    found, failed = [], []
    for name, path in settings.picks.items():
        try:
            found.append(read_set(name, path, known))
        except UserError as error:
            failed.append((name, str(error)))
    return found, failed


def _load(settings: ComparisonSettings) -> tuple[list[RunningPicker], list[tuple[str, str]]]:
    """The pickers that can be built, and the others."""
    shared = {"diameter": settings.diameter, "invert": settings.invert, "device": settings.device}
    found, failed = [], []
    for name in settings.pickers:
        try:
            picker = load_picker(name, **shared | settings.options.get(name, {}))
            found.append(RunningPicker(name, picker, settings.out / name, measures=settings.averages))
        except UserError as error:
            failed.append((name, str(error)))
    return found, failed


def _check_enough(settings: ComparisonSettings, n: int, failed: Sequence[tuple[str, str]], least: int) -> None:
    """There are enough sets to compare, and the truth is one of them if it is to be."""
    reasons = {name: f"{name}: {reason}" for name, reason in failed}
    if settings.truth in reasons:
        raise UserError(f"{settings.truth} was to be the truth. {reasons[settings.truth]}")
    if n < least:
        raise UserError(
            f"There are not {'two sets of picks to compare' if least > 1 else 'any picks'}. "
            f"{' '.join(reasons.values())}".strip(),
            "Name several pickers (--pickers), files (--picks NAME=PATH), or a truth (--truth)." * (least > 1),
        )
