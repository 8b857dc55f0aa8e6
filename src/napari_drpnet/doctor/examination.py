"""All that is looked at, in the order in which one thing needs another, and how it is told."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterator
from dataclasses import asdict

from napari_drpnet.doctor import cards, packages, screen, surroundings
from napari_drpnet.doctor.findings import Finding, Section, State, missing
from napari_drpnet.doctor.installing import OURS, again

_WIDTH = max(map(len, State))
_LATER = Finding("not looked at", "packages that are needed come first", State.NOTE, "Mend these, and ask again.")


def examine() -> tuple[Section, ...]:
    """Look at the whole installation, which takes some seconds."""
    program = tuple(_program())
    if missing((Section("", program),)):  # then its metadata, which says what it needs, is not there
        return (Section("program", program),)
    program = (*program, *packages.needed_packages())
    # Both would name torch, Qt or napari for what is wrong with a package that these need.
    whole = not missing((Section("", program),))
    return (
        Section("program", program),
        Section("devices", tuple(cards.devices()) if whole else (_LATER,)),
        Section("window", tuple(screen.window()) if whole else (_LATER,)),
        Section("extras", (*packages.optional_packages(), surroundings.relion())),
        Section("files", (surroundings.weights(), *surroundings.room())),
    )


def as_text(sections: tuple[Section, ...]) -> str:
    """A line for each thing, the line that mends it below, and what all of them come to."""
    lines = []
    for section in sections:
        lines += ["", section.title]
        for one in section.findings:
            lines.append(f"  {one.state.ljust(_WIDTH)}  {one.name}: {one.said}")
            if one.mend:
                lines.append(f"  {' ' * _WIDTH}  -> {one.mend}")
    absent = [one.name for one in missing(sections)]
    end = f"Something needed is missing: {', '.join(absent)}." if absent else "All that is needed is there."
    return "\n".join([*lines[1:], "", end])


def as_json(sections: tuple[Section, ...]) -> str:
    """The same for programs."""
    document = {"well": not missing(sections), "sections": [asdict(section) for section in sections]}
    return json.dumps(document, indent=2)


def _program() -> Iterator[Finding]:
    ours = packages.installed(OURS)
    if ours:
        yield Finding(OURS, ours)
    else:
        yield Finding(OURS, "not installed, only its files are there", State.MISSING, again(OURS))
    yield Finding("Python", f"{platform.python_version()}, {sys.executable}")
    yield Finding("system", platform.platform())
