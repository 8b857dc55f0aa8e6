"""What was looked at, how it is, and the line that mends it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a thing is: as it should be; worth knowing; missing, so that something which should work does not."""

    WELL = "ok"
    NOTE = "note"
    MISSING = "missing"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    name
        What it is, in few words.
    said
        How it is, as a phrase.
    state
        Whether that is as it should be.
    mend
        The command to run, or the sentence that says what to do; empty where there is nothing to do.
    """

    name: str
    said: str
    state: State = State.WELL
    mend: str = ""


@dataclass(frozen=True)
class Section:
    """Findings that belong together, under a title."""

    title: str
    findings: tuple[Finding, ...]


def missing(sections: tuple[Section, ...]) -> list[Finding]:
    """What is needed and not there."""
    return [finding for section in sections for finding in section.findings if finding.state is State.MISSING]
