"""Convert picks from one program's files to another's."""

from __future__ import annotations

import os
from collections.abc import Container, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from warnings import warn

import numpy as np

from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError, cut, short
from napari_drpnet.io.files import micrograph_stem
from napari_drpnet.io.inputs import read_list
from napari_drpnet.io.lock import alone_in
from napari_drpnet.io.names import places, safe_place
from napari_drpnet.io.paths import exists, is_dir, is_file, resolved
from napari_drpnet.io.picks.box import known_sizes
from napari_drpnet.io.picks.cryosparc import write_cryosparc
from napari_drpnet.io.picks.cryosparc_group import GROUP_SUFFIX, write_csg
from napari_drpnet.io.picks.formats import (
    BOX,
    CBOX,
    CRYOSPARC,
    FORMATS,
    PARTICLES,
    STAR,
    PickFormat,
    format_of,
    write_all,
)
from napari_drpnet.io.picks.known_micrographs import KnownMicrographs
from napari_drpnet.io.picks.losses import losses, particles
from napari_drpnet.io.picks.rows import upside_down
from napari_drpnet.io.picks.star_particles import write_particles
from napari_drpnet.io.star_lists import MicrographEntry, write_coordinate_list
from napari_drpnet.io.star_table import star_row
from napari_drpnet.jobs.gathering import Found, count, files_of, read_all
from napari_drpnet.jobs.inputs import Refusal
from napari_drpnet.settings import ConversionSettings
from napari_drpnet.steps import Job, Progress

_LONGEST_NAME = 255  # bytes of a file's name


@dataclass(frozen=True)
class Conversion:
    """What became of a conversion.

    Attributes
    ----------
    files
        Those written.
    micrographs, picks
        How many were written.
    unmatched
        Names of picks that the STAR file of micrographs does not have, or has several of; written under these names.
    without
        Micrographs of the STAR file that have no picks.
    passed_over
        Files in the folders that end like picks and are none.
    failed
        Files that could not be read, and micrographs that could not be written, and why.
    lost
        What the format written has no place for; empty when nothing is lost.
    below
        How many picks were left out for their score.
    """

    files: tuple[Path, ...]
    micrographs: int
    picks: int
    unmatched: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    passed_over: tuple[Path, ...] = ()
    failed: tuple[Refusal, ...] = ()
    lost: str = ""
    below: int = 0


def convert(
    sources: Sequence[Path],
    out: Path,
    settings: ConversionSettings,
    micrographs: Path | None = None,
    wanted: Container[str] | None = None,
) -> Job[Conversion]:
    """Convert files of picks, or all in folders, together.

    Parameters
    ----------
    sources
        Files of picks, and folders with some; of a folder with an ``autopick.star``, what that lists. Several files of
        cryoSPARC are those of one set of particles.
    out
        A file, or a folder for formats with one file for each micrograph; RELION STAR files in a folder are listed in
        an ``autopick.star`` there.
    settings
        Which format to write, and what the files do not say.
    micrographs
        STAR file, or exposures of cryoSPARC, that list the micrographs, by whose names the picks are then called.
    wanted
        Names of the micrographs whose picks are written; by default all.

    Raises
    ------
    UserError
        When nothing can be read, most picks of a micrograph lie outside of it, two files have picks of one micrograph,
        or the output cannot be written, or another process writes there. Nothing is written then.

    Warns
    -----
    UserWarning
        For what is passed over in a file, pixel sizes that differ, and picks that are left out.
    """
    to = _format(out, settings)
    if _is_file(out, to):
        return (yield from _converted(sources, out, to, settings, micrographs, wanted))
    made = not exists(out)
    try:
        with alone_in(out):
            return (yield from _converted(sources, out, to, settings, micrographs, wanted))
    finally:
        if made:
            with suppress(OSError):  # files are in it
                out.rmdir()


def _converted(
    sources: Sequence[Path],
    out: Path,
    to: PickFormat,
    settings: ConversionSettings,
    micrographs: Path | None,
    wanted: Container[str] | None,
) -> Job[Conversion]:
    """`convert`, into a format that is known, by who has the folder alone."""
    known = KnownMicrographs(_listed(micrographs), settings.pixel_size, settings.scale)
    files, passed_over = files_of(sources)
    failed: list[Refusal] = []
    found = yield from read_all(files, sources, known, settings, failed)
    found = _writable([one for one in found if wanted is None or one.name in wanted], to, failed)
    if not found:
        raise _nothing(failed, sources)
    _check_once(found)
    targets = _targets(found, out, to)
    _check_targets(targets, files)
    chosen = _above(found, settings.threshold)
    _check_complete(chosen, targets, to)
    written = _write(chosen, targets, out, to, known)
    names, listed = dict.fromkeys(one.name for one in found), set(known.names)
    entries = [one.picks for one in chosen]
    yield Progress(len(files), len(files), count(chosen))
    return Conversion(
        written,
        len(found),
        count(chosen),
        tuple(name for name in names if micrographs is not None and name not in listed),
        tuple(name for name in known.names if name not in names),
        passed_over,
        tuple(failed),
        losses([Picks.joined(entries)] if to is PARTICLES else entries, to.kept, to.shared),
        count(found) - count(chosen),
    )


def _nothing(failed: Sequence[Refusal], sources: Sequence[Path]) -> UserError:
    """Why nothing can be converted."""
    if not failed:
        return UserError(f"{sources[0]}: it lists no micrographs.", "Choose another file.")
    first = failed[0].error
    if len(failed) == 1:
        return first
    return UserError(f"None of {len(failed)} can be converted. {first.message}", first.hint)


def _listed(path: Path | None) -> list[MicrographEntry]:
    return [] if path is None else read_list(path)


def _format(out: Path, settings: ConversionSettings) -> PickFormat:
    """What to write: as asked for, or by the suffix of the file."""
    if settings.to is None:
        if is_dir(out) or not out.suffix:
            formats = ", ".join(FORMATS)
            raise UserError(f"{out} is a folder, which does not tell the format.", f"Say which one (--to {formats}).")
        return format_of(out)
    to = FORMATS[settings.to]
    if out.suffix and not is_dir(out) and out.suffix.lower() != to.suffix:
        suffixes = {f.suffix for f in FORMATS.values()}
        if out.suffix.lower() in suffixes:
            raise UserError(f"{out}: {to.title} files end in {to.suffix}.", "Change the name, or the format (--to).")
    return to


def _above(found: Sequence[Found], threshold: float | None) -> list[Found]:
    """The picks with such a score at least.

    Raises
    ------
    UserError
        When no pick has a score.
    """
    if threshold is None:
        return list(found)
    scored, every = sum(int(np.isfinite(one.picks.score).sum()) for one in found), count(found)
    if every and not scored:
        raise UserError(f"{found[0].path}: its picks have no scores.", "Convert without a least score (--threshold).")
    if scored < every:
        warn(
            f"{every - scored} picks without a score are left out, as scores are compared (--threshold).", stacklevel=2
        )
    return [replace(one, picks=one.picks.select(one.picks.score >= threshold)) for one in found]


def _writable(found: Sequence[Found], to: PickFormat, failed: list[Refusal]) -> list[Found]:
    """Those whose micrograph can be named in the format; ``failed`` takes the others."""
    kept = []
    for one in found:
        try:
            _check_name(one, to)
        except UserError as error:
            failed.append(Refusal(one.name, error))
        else:
            kept.append(one)
    return kept


def _check_name(one: Found, to: PickFormat) -> None:
    if to in (STAR, PARTICLES):
        star_row(one.name)
    if to.several:
        return
    if len(os.fsencode(micrograph_stem(one.name) + to.ending)) > _LONGEST_NAME:
        raise UserError(
            f"{one.path}: the name of the micrograph {short(one.name)} is too long for a file.",
            "Rename it, or choose a format with one file for all, such as particles of RELION (--to particles).",
        )
    try:
        safe_place(micrograph_stem(one.name))
    except UserError as error:
        raise UserError(f"{one.path}: no file can be called {short(one.name)}.", "Rename the micrograph.") from error


def _check_once(found: Sequence[Found]) -> None:
    """Two sets of picks of one micrograph are not to be mixed, nor is one to replace the other."""
    first: dict[PurePosixPath, Found] = {}
    for one in found:
        place = PurePosixPath(one.name)
        if other := first.get(place):
            raise UserError(
                f"{one.path}: picks of {cut(one.name, 60)}, of which {other.path} has some, too.",
                "Convert them one by one.",
            )
        first[place] = one


def _is_file(out: Path, to: PickFormat) -> bool:
    """Whether the output is a single file, and not a folder."""
    return bool(out.suffix) and not is_dir(out) and out.suffix.lower() == to.suffix


def _targets(found: Sequence[Found], out: Path, to: PickFormat) -> list[Path]:
    """Where the picks of each micrograph go."""
    single = _is_file(out, to)
    if to.several:
        return [out if single else out / to.ending] * len(found)
    if single:
        if len(found) > 1:
            raise UserError(
                f"{out}: {to.title} files hold one micrograph each, and there are {len(found)}.",
                f"Name a folder, and the format (--to {to.name})"
                + (f", or write one file of particles (--to {PARTICLES.name})." if to is STAR else "."),
            )
        return [out]
    at = places(one.name for one in found)
    return [out / at[one.name].with_name(at[one.name].name + to.ending) for one in found]


def _check_targets(targets: Sequence[Path], files: Sequence[Path]) -> None:
    read = {resolved(file) for file in files}
    written = {resolved(one): one for target in dict.fromkeys(targets) for one in (target, *_beside(target))}
    if odd := next((one for one in written.values() if exists(one) and not is_file(one) and not is_dir(one)), None):
        raise UserError(f"{odd} is a pipe or a device, and no file can be put there.", "Choose another OUT.")
    if clash := next((one for place, one in written.items() if place in read), None):
        raise UserError(f"{clash} would replace a file that is read.", "Choose another OUT.")


def _beside(target: Path) -> tuple[Path, ...]:
    """What is written beside a file, of the same name."""
    return (target.with_suffix(GROUP_SUFFIX),) if target.suffix == CRYOSPARC.suffix else ()


def _check_complete(found: Sequence[Found], targets: Sequence[Path], to: PickFormat) -> None:
    """Find what the format needs and the picks lack, before the first of many files is written."""
    for one, target in zip(found, targets, strict=True):
        if to in (BOX, CBOX):
            known_sizes(particles(one.picks), target)
        if to.bottom_up and len(one.picks):
            upside_down(one.picks, target)


def _write(
    found: Sequence[Found], targets: Sequence[Path], out: Path, to: PickFormat, known: KnownMicrographs
) -> tuple[Path, ...]:
    """Write all picks; the files, with RELION's list of them where there is one."""
    if to.several:
        _tell_empty(found, to)
    if to is PARTICLES:
        lenses = {one.name: entry.lens for one in found if (entry := known.entry(one.name))}
        return (write_particles([one.picks for one in found], targets[0], lenses),)
    if to is CRYOSPARC:
        return _write_group([one.picks for one in found], targets[0], known)
    if to.several:
        return (write_all([one.picks for one in found], targets[0], to, quiet=True),)
    written = [write_all([one.picks], target, to, quiet=True) for one, target in zip(found, targets, strict=True)]
    if to is STAR and targets != [out]:
        pairs = [(one.name, file.as_posix()) for one, file in zip(found, written, strict=True)]
        written.append(write_coordinate_list(pairs, out / "autopick.star"))
    return tuple(written)


def _write_group(found: Sequence[Picks], path: Path, known: KnownMicrographs) -> tuple[Path, ...]:
    """Write a table of cryoSPARC, and the group that names it, with cryoSPARC's own numbers of micrographs."""
    to = replace(CRYOSPARC, write=partial(write_cryosparc, exposures=known.exposures))
    return write_all(found, path, to, quiet=True), write_csg(path, found)


def _tell_empty(found: Sequence[Found], to: PickFormat) -> None:
    empty = [one.name for one in found if len(one.picks) == 0]
    if empty:
        warn(f"{to.title} files do not name micrographs without picks: {cut(', '.join(empty), 200)}.", stacklevel=3)
