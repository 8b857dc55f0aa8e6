"""Questions that are answered in processes of their own: a broken library, or Qt without a screen, ends those only."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_LONGEST = 300.0  # seconds; the first import of torch from a slow network drive takes minutes


@dataclass(frozen=True)
class Told:
    """What came back.

    Attributes
    ----------
    answers
        One a line that the process printed, in their order.
    status
        Exit status of the process; negative: it was ended by that signal; None: it was given up.
    error
        What it said on standard error.
    """

    answers: tuple[Mapping[str, Any], ...]
    status: int | None
    error: str

    @property
    def reason(self) -> str:
        """Why the process did not come to its end; empty when it did."""
        if self.status == 0:
            return ""
        lines = [line.strip() for line in self.error.splitlines() if line.strip()]
        ended = f"Python was ended by signal {-self.status}" if self.status is not None and self.status < 0 else ""
        return ": ".join(filter(None, (ended, lines[-1] if lines else "")))

    @property
    def merged(self) -> dict[str, Any]:
        """All answers as one."""
        return {name: value for answer in self.answers for name, value in answer.items()}


def ask(what: str, *about: str) -> Told:
    """Have one of the questions of `napari_drpnet.doctor.probe` answered.

    Parameters
    ----------
    what
        Its name there.
    about
        What it is asked about.
    """
    # -P: a file torch.py in the folder of the user is not torch.
    call = [sys.executable, "-P", "-m", "napari_drpnet.doctor.probe", what, *about]
    try:
        done = subprocess.run(call, capture_output=True, text=True, errors="replace", timeout=_LONGEST)
    except subprocess.TimeoutExpired:
        return Told((), None, f"no answer in {_LONGEST:.0f} s")
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return Told(tuple(json.loads(line) for line in lines), done.returncode, done.stderr)
