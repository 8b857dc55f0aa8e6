"""Whether a data set costs at its end what it costs at its start: ``benchmarks/soak.py --micrographs 10000``.

The micrographs are hard links to four small MRC files of noise (of symbolic links `pick` takes each file once), so that
what is measured is what a micrograph costs beside its pixels: memory, open files, lists. ``napari-drpnet pick`` runs as
a process of its own and is looked at whenever another tenth of the micrographs is in ``summary.tsv``. Then the same
command again, which has only to find that all is finished; and, with ``--parts``, the same data set in parts, one after
another, and `collect`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil

from napari_drpnet.io.mrc import write_mrc

_COMMAND = [sys.executable, "-m", "napari_drpnet"]
_EVERY = 0.1  # seconds between two looks


@dataclass(frozen=True)
class Look:
    """The process when so many micrographs were finished: seconds since its start, memory in MB, open files."""

    done: int
    seconds: float
    memory: float
    files: int


def make_links(folder: Path, count: int, side: int) -> None:
    """Micrographs of ``side`` pixels: four files of noise, and hard links to them."""
    rng = np.random.default_rng(0)
    bases = [write_mrc(rng.standard_normal((side, side), np.float32), folder / f"base{k}.mrc", 2.0) for k in range(4)]
    (folder / "Micrographs").mkdir()
    for number in range(count):
        (folder / "Micrographs" / f"m{number:06d}.mrc").hardlink_to(bases[number % 4])


def watched(arguments: list[str], summary: Path, step: int) -> list[Look]:
    """Run a command to its end, with a look at it whenever so many more rows are in the summary."""
    start, looks = time.perf_counter(), [Look(0, 0, 0, 0)]
    last = looks[0]
    with subprocess.Popen([*_COMMAND, *arguments], stdout=subprocess.DEVNULL) as process:
        known = psutil.Process(process.pid)
        while process.poll() is None:
            time.sleep(_EVERY)
            with suppress(psutil.Error, OSError):  # it has just ended, or not yet begun to write
                memory = known.memory_info().rss / 1e6
                now = Look(_rows(summary), time.perf_counter() - start, memory, known.num_fds())
                last = now if memory else last
            if last.done >= looks[-1].done + step:
                looks.append(last)
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)} ended with {process.returncode}.")
    return [*looks, Look(_rows(summary), time.perf_counter() - start, last.memory, last.files)]


def _rows(summary: Path) -> int:
    """How many micrographs are in a summary, below its head."""
    return summary.read_bytes().count(b"\n") - 1


def table(looks: list[Look]) -> str:
    """One line a look: how many a second since the look before, memory, open files."""
    lines = ["| micrographs | a second | memory, MB | open files |", "| --- | --- | --- | --- |"]
    for before, now in pairwise(looks):
        if now.done > before.done:
            rate = (now.done - before.done) / (now.seconds - before.seconds)
            lines.append(f"| {now.done} | {rate:.1f} | {now.memory:.0f} | {now.files} |")
    return "\n".join(lines)


def timed(arguments: list[str]) -> float:
    """Seconds that a command takes, its start included."""
    start = time.perf_counter()
    subprocess.run([*_COMMAND, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Make the links, pick, pick again, pick in parts, and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--micrographs", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=256, help="pixels along a side")
    parser.add_argument("--picker", default="log")
    parser.add_argument("--parts", type=int, default=0, help="pick in so many parts, too, and collect them")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_links(folder, asked.micrographs, asked.size)
        options = ["--picker", asked.picker, "--diameter", "50", "--threshold", "0.5"]
        pick = ["pick", str(folder / "Micrographs"), *options, "--out"]
        out = folder / "out"
        looks = watched([*pick, str(out)], out / "summary.tsv", max(1, asked.micrographs // 10))
        print(table(looks))
        print(f"\nall: {looks[-1].seconds:.1f} s; again, when all is finished: {timed([*pick, str(out)]):.1f} s")
        if asked.parts:
            parts, shares = folder / "parts", [f"{part}/{asked.parts}" for part in range(1, asked.parts + 1)]
            seconds = [timed([*pick, str(parts), "--part", share]) for share in shares]
            print(
                f"{asked.parts} parts: {min(seconds):.1f} to {max(seconds):.1f} s each; "
                f"collect: {timed(['collect', str(parts)]):.1f} s"
            )


if __name__ == "__main__":
    main()
