"""A run as lines of text, one a micrograph, for jobs that nobody watches."""

from __future__ import annotations

import time
from typing import TextIO

from napari_drpnet import jobs

# Seconds after which a line says that it goes on, where no micrograph is finished.
_SILENCE = 60.0


class Log:
    """Writes a line for each micrograph that is finished, and a sign of life where there is none.

    A line has the time, n of N, picks, seconds, and the name; of one without picks ``failed``, and why at the end.

    Parameters
    ----------
    file
        Where to.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._last, self._said = -_SILENCE, (0, "")

    def __call__(self, step: jobs.Progress) -> None:
        """Tell a step."""
        if isinstance(step, jobs.PickProgress) and step.finished:
            for number, result in enumerate(step.finished, step.count - len(step.finished) + 1):
                self._line(f"{number}/{step.of}", _of(result))
        elif (step.done, step.message) != self._said and time.monotonic() - self._last >= _SILENCE:
            self._said = step.done, step.message
            self._line(f"{step.done}/{step.total}", step.message)

    def _line(self, place: str, text: str) -> None:
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        print(f"{now}  {place}  {' '.join(text.splitlines())}", file=self._file, flush=True)
        self._last = time.monotonic()


def _of(result: jobs.PickResult) -> str:
    if result.error:
        return f"failed  {result.seconds:.1f} s  {result.micrograph}: {result.error}"
    doubt = f": {result.doubt}" if result.doubt else ""
    return f"{result.picks} picks  {result.seconds:.1f} s  {result.micrograph}{doubt}"
