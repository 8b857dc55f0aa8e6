"""Convert picks from one program's files to another's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from warnings import warn

import numpy as np

from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError
from napari_drpnet.io.files import micrograph_stem
from napari_drpnet.io.picks.box import known_sizes
from napari_drpnet.io.picks.folder import pick_files
from napari_drpnet.io.picks.formats import BOX, CBOX, FORMATS, STAR, PickFormat, format_of, write_all
from napari_drpnet.io.picks.losses import losses, particles
from napari_drpnet.io.picks.rows import check_inside, upside_down
from napari_drpnet.io.star_lists import read_micrographs, write_coordinate_list
from napari_drpnet.jobs.inputs import Refusal
from napari_drpnet.jobs.known_micrographs import KnownMicrographs
from napari_drpnet.settings import ConversionSettings
from napari_drpnet.steps import Job, Progress


@dataclass(frozen=True)
class Conversion:
    """What became of a conversion.

    Attributes
    ----------
    files
        Those written.
    micrographs, picks
        How many were read.
    unmatched
        Names of picks that the STAR file of micrographs does not have, or has several of; written under these names.
    without
        Micrographs of the STAR file that have no picks.
    passed_over
        Files in the folder that end like picks and are none.
    failed
        Files that could not be read, and why.
    lost
        What the format written has no place for; empty when nothing is lost.
    """

    files: tuple[Path, ...]
    micrographs: int
    picks: int
    unmatched: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    passed_over: tuple[Path, ...] = ()
    failed: tuple[Refusal, ...] = ()
    lost: str = ""


@dataclass(frozen=True)
class _Found:
    """The picks of one micrograph and the file they are from."""

    picks: Picks
    path: Path


def convert(source: Path, out: Path, settings: ConversionSettings, micrographs: Path | None = None) -> Job[Conversion]:
    """Convert a file of picks, or all in a folder.

    Parameters
    ----------
    source
        A file of picks, or a folder with some; of a folder with an ``autopick.star``, what that lists.
    out
        A file, or a folder for formats with one file for each micrograph; RELION STAR files in a folder are listed in
        an ``autopick.star`` there.
    settings
        Which format to write, and what the files do not say.
    micrographs
        STAR file that lists the micrographs, by whose names the picks are then called.

    Raises
    ------
    UserError
        When nothing can be read, picks lie outside their micrograph, two files have picks of one micrograph, or the
        output cannot be written. Nothing is written then.

    Warns
    -----
    UserWarning
        For what is passed over in a file, and what is left out of STAR files.
    """
    to = _format(out, settings)
    known = KnownMicrographs(read_micrographs(micrographs) if micrographs is not None else ())
    files, passed_over = pick_files(source)
    found: list[_Found] = []
    failed: list[Refusal] = []
    for done, file in enumerate(files):
        yield Progress(done, len(files), sum(len(one.picks) for one in found), file.name)
        try:
            found += _read(file, known, settings)
        except UserError as error:
            if len(files) == 1:
                raise
            failed.append(Refusal(str(file), error))
    if not found:
        raise UserError(f"{source}: none of its {len(files)} files can be read. {failed[0].error}")
    named = [one.picks.frame.micrograph for one in found]
    _check_once(found)
    targets = _targets(found, out, to)
    _check_targets(targets, files)
    _check_writable(found, targets, to)
    written = _write(found, targets, out, to)
    yield Progress(len(files), len(files), sum(len(one.picks) for one in found))
    return Conversion(
        written,
        len(found),
        sum(len(one.picks) for one in found),
        tuple(name for name in named if micrographs is not None and name not in known.names),
        tuple(name for name in known.names if name not in named),
        passed_over,
        tuple(failed),
        losses([one.picks for one in found], to.kept, to.shared),
    )


def _format(out: Path, settings: ConversionSettings) -> PickFormat:
    """What to write: as asked for, or by the suffix of the file."""
    if settings.to is None:
        if out.is_dir() or not out.suffix:
            raise UserError(f"{out} is a folder, which does not tell the format.", f"Add --to {', '.join(FORMATS)}.")
        return format_of(out)
    to = FORMATS[settings.to]
    if out.suffix and not out.is_dir() and out.suffix.lower() != to.suffix:
        suffixes = {f.suffix for f in FORMATS.values()}
        if out.suffix.lower() in suffixes:
            raise UserError(f"{out}: {to.title} files end in {to.suffix}.", "Change the name, or --to.")
    return to


def _read(file: Path, known: KnownMicrographs, settings: ConversionSettings) -> list[_Found]:
    """The picks of a file, each within its micrograph's frame, and with the given diameter where it has none."""
    found = []
    for placed in known.read(file, flip_y=settings.flip_y):
        check_inside(placed, file)
        if settings.box_size is not None:
            diameter = np.where(np.isfinite(placed.diameter), placed.diameter, settings.box_size)
            placed = replace(placed, diameter=diameter)
        found.append(_Found(placed, file))
    return found


def _check_once(found: Sequence[_Found]) -> None:
    """Two sets of picks of one micrograph are not to be mixed, nor is one to replace the other."""
    first: dict[str, _Found] = {}
    for one in found:
        name = one.picks.frame.micrograph
        if name in first:
            raise UserError(
                f"{one.path}: picks of {name}, of which {first[name].path} has some, too.", "Convert them one by one."
            )
        first[name] = one


def _targets(found: Sequence[_Found], out: Path, to: PickFormat) -> list[Path]:
    """Where the picks of each micrograph go."""
    is_file = bool(out.suffix) and not out.is_dir() and out.suffix.lower() == to.suffix
    if to.several:
        return [out if is_file else out / to.ending] * len(found)
    if is_file:
        if len(found) > 1:
            raise UserError(
                f"{out}: {to.title} files hold one micrograph each, and there are {len(found)}.",
                f"Name a folder, and add --to {to.name}.",
            )
        return [out]
    targets = [out / f"{micrograph_stem(one.picks.frame.micrograph)}{to.ending}" for one in found]
    if len(set(targets)) < len(targets):
        clash = next(target for target in targets if targets.count(target) > 1)
        raise UserError(
            f"{clash} would be of two micrographs that differ in their folders only.", "Convert them apart."
        )
    return targets


def _check_targets(targets: Sequence[Path], files: Sequence[Path]) -> None:
    read = {file.resolve() for file in files}
    if clash := next((target for target in targets if target.resolve() in read), None):
        raise UserError(f"{clash} would replace a file that is read.", "Choose another OUT.")


def _check_writable(found: Sequence[_Found], targets: Sequence[Path], to: PickFormat) -> None:
    """Find what the format needs and the picks lack, before the first of many files is written."""
    for one, target in zip(found, targets, strict=True):
        if to in (BOX, CBOX):
            known_sizes(particles(one.picks), target)
        if to.bottom_up and len(one.picks):
            upside_down(one.picks, target)


def _write(found: Sequence[_Found], targets: Sequence[Path], out: Path, to: PickFormat) -> tuple[Path, ...]:
    """Write all picks; the files, with RELION's list of them where there is one."""
    if to.several:
        _tell_empty(found, to)
        return (write_all([one.picks for one in found], targets[0], to, quiet=True),)
    written = [write_all([one.picks], target, to, quiet=True) for one, target in zip(found, targets, strict=True)]
    if to is STAR and targets != [out]:
        pairs = [(one.picks.frame.micrograph, file.as_posix()) for one, file in zip(found, written, strict=True)]
        written.append(write_coordinate_list(pairs, out / "autopick.star"))
    return tuple(written)


def _tell_empty(found: Sequence[_Found], to: PickFormat) -> None:
    empty = [one.picks.frame.micrograph for one in found if len(one.picks) == 0]
    if empty:
        warn(f"{to.title} files do not name micrographs without picks: {', '.join(empty)}.", stacklevel=3)
