"""Which micrograph each row of a STAR file is of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from warnings import warn

from napari_drpnet.errors import UserError, short
from napari_drpnet.io.picks.star_fields import IMAGE
from napari_drpnet.io.star_lists import MICROGRAPH
from napari_drpnet.io.star_table import Table

# What RELION puts before the path of a micrograph in the path of its stack of particles.
_JOB = re.compile(r"^(?:.*/)?[^/]+/job\d{3,}/")
_STACK = re.compile(r"^\s*\d+@(?P<stack>.+?)(\.mrcs?)?\s*$")
# Blocks that are called after what is in them.
_USUAL = re.compile(r"(particles|images|micrographs|coordinates|optics|picks|general|)\d*", re.IGNORECASE)


def names_of_rows(tables: Sequence[Table], stem: str) -> list[list[str]]:
    """The micrograph of each row, for each of the tables with coordinates in a file.

    It is what the rows name; or else their stack of particles; or else the block, where there are several and each has
    a name of its own; or else ``stem``, after the file.

    Raises
    ------
    UserError
        When only some of the tables name micrographs, or images are in no stack.

    Warns
    -----
    UserWarning
        When micrographs are called after stacks or blocks.
    """
    filled = [table for table in tables if len(table)]
    if len({MICROGRAPH in table for table in filled}) > 1:
        raise UserError(
            f"{filled[0].path}: only some of its tables name micrographs.", "Give each table a file of its own."
        )
    if filled and MICROGRAPH in filled[0]:
        return [table.texts(MICROGRAPH) if MICROGRAPH in table else [] for table in tables]
    if any(IMAGE in table for table in filled):
        names = [_stacks(table) for table in tables]
        _tell("stacks of particles", next(name for some in names for name in some), filled[0])
        return names
    blocks = [table.name for table in filled]
    if len(set(blocks)) < 2 or len(set(blocks)) < len(blocks) or any(map(_USUAL.fullmatch, blocks)):
        return [[stem] * len(table) for table in tables]
    _tell("blocks", blocks[0], filled[0])
    return [[table.name] * len(table) for table in tables]


def one_name(tables: Sequence[Table], name: str) -> list[list[str]]:
    """The same for tables that must be of one micrograph, as a list of coordinate files says."""
    if len({text for table in tables if MICROGRAPH in table for text in table.texts(MICROGRAPH)}) > 1:
        raise UserError(
            f"{tables[0].path}: listed for {short(name)}, but with picks of several micrographs.",
            "Convert it by itself.",
        )
    return [[name] * len(table) for table in tables]


def _stacks(table: Table) -> list[str]:
    """What stands behind ``000001@``, without suffix and without RELION's job."""
    texts = table.texts(IMAGE) if IMAGE in table else [""] * len(table)
    names = [_JOB.sub("", found["stack"]) for found in map(_STACK.match, texts) if found is not None]
    if len(names) < len(table):
        raise UserError(
            f"{table.path}: it has no {MICROGRAPH}, and {IMAGE} names no stacks to tell the micrographs by.",
            "Give the STAR file of the extraction or refinement job.",
        )
    return names


def _tell(what: str, example: str, table: Table) -> None:
    warn(
        f"{table.path}: it has no {MICROGRAPH}; micrographs are called after the {what}, as {short(example)}.",
        stacklevel=6,
    )
