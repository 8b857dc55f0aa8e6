"""One STAR file for the particles of all micrographs, which RELION extracts from as it extracts refined ones again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from warnings import warn

from napari_drpnet.data import Picks
from napari_drpnet.errors import UserError, short
from napari_drpnet.io.files import write_text
from napari_drpnet.io.picks.star import extractable, note, star_columns
from napari_drpnet.io.star_lists import MICROGRAPH
from napari_drpnet.io.star_optics import GROUP, IMAGE_PIXEL, LENS, MICROGRAPH_PIXEL
from napari_drpnet.io.star_table import format_table

_NAME, *_NEEDED = LENS


def write_particles(
    found: Sequence[Picks], path: str | Path, lenses: Mapping[str, Mapping[str, str]] | None = None
) -> Path:
    """Write the picks of all micrographs, each row with the name of its micrograph, as RELION 3.1 and later have them.

    There is an optics group for each pixel size and lens. The particles have no images yet, so that the pixel size of
    the image is the micrograph's.

    Parameters
    ----------
    found, path
        One for each micrograph, and where to.
    lenses
        What `MicrographEntry.lens` tells, by the name of the micrograph.

    Raises
    ------
    UserError
        When the pixel size of a micrograph is not known, only some picks are of helical tubes, or the file cannot be
        written.

    Warns
    -----
    UserWarning
        When RELION needs more than is known of the lens, and for picks that are left out, as by `write_star`.
    """
    path = Path(path)
    parts = [extractable(picks, path) for picks in found]
    optics = optics_groups(parts, path, lenses or {})
    if len({frozenset(picks.helix) for picks in parts if len(picks)}) > 1:
        raise UserError(f"{path}: only some of the picks are of helical tubes.", "Convert them apart.")
    together = Picks.joined(parts)
    columns = star_columns(together) | {
        MICROGRAPH: [picks.frame.micrograph for picks in parts for _ in range(len(picks))],
        GROUP: [str(number) for picks, number in zip(parts, optics.numbers, strict=True) for _ in range(len(picks))],
    }
    text = format_table(optics.columns, "optics", note(together)) + format_table(columns, "particles")
    return write_text(text, path)


@dataclass(frozen=True)
class OpticsGroups:
    """The optics groups of some micrographs.

    Attributes
    ----------
    numbers
        Of the group of each micrograph, from 1.
    columns
        Of ``data_optics``.
    """

    numbers: list[int]
    columns: dict[str, list[str]]


def optics_groups(
    found: Sequence[Picks], path: Path, lenses: Mapping[str, Mapping[str, str]], use: str = "extracts from"
) -> OpticsGroups:
    """An optics group for each pixel size and lens.

    Parameters, errors and warnings as of `write_particles`; ``use`` is what RELION does with the file only if all is
    known, for the warning.
    """
    optics = [_optics(picks, path, lenses) for picks in found]
    groups = {one: number for number, one in enumerate(dict.fromkeys(optics), start=1)}
    return OpticsGroups([groups[one] for one in optics], _groups(list(groups), path, use))


_Optics = tuple[float, tuple[str, ...]]


def _optics(picks: Picks, path: Path, lenses: Mapping[str, Mapping[str, str]]) -> _Optics:
    """Pixel size of a micrograph and what is known of the lens, empty where it is not."""
    size, name = picks.frame.pixel_size, picks.frame.micrograph
    if size is None:
        raise UserError(
            f"{path}: RELION's particles need the pixel size, and that of {short(name)} is not known.",
            "Give the STAR file of the micrographs (--micrographs), or the pixel size (--pixel-size).",
        )
    return size, tuple(lenses.get(name, {}).get(column, "") for column in LENS)


def _groups(groups: Sequence[_Optics], path: Path, use: str) -> dict[str, list[str]]:
    """The columns of the optics groups."""
    known = [column for i, column in enumerate(LENS) if column != _NAME and all(values[i] for _, values in groups)]
    if missing := [column for column in _NEEDED if column not in known]:
        warn(
            f"{path}: RELION {use} it only with {', '.join(missing)}: give the STAR file of the "
            "micrographs (--micrographs).",
            stacklevel=4,
        )
    return {
        GROUP: [str(number) for number in range(1, len(groups) + 1)],
        _NAME: [values[0] or f"opticsGroup{number}" for number, (_, values) in enumerate(groups, start=1)],
        **{column: [f"{size:.6f}" for size, _ in groups] for column in (MICROGRAPH_PIXEL, IMAGE_PIXEL)},
        **{column: [values[LENS.index(column)] for _, values in groups] for column in known},
    }
