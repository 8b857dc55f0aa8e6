"""Damage files of every kind by chance, for minutes or hours, and keep those that a reader does not stand.

    make fuzz MINUTES=60 SEED=7 KINDS=star,cs
    python tools/fuzz.py --repeat fuzz-failures/FILE --kinds KIND

A reader gives data or a `UserError` of at most 300 characters, in 10 seconds and 2 GB, and writes nothing outside the
folder it is given. Each process tries some numbers of one kind and ends, so that one that is killed costs little.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import queue
import re
import resource
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "helpers"))
FAILURES = Path("fuzz-failures")
MEMORY = 2 * 1024**3
STATM = Path("/proc/self/statm")
# Tries of a process, of a kind that takes no time; seconds after which a process that says nothing is killed.
TRIES, SILENT = 500, 60


def try_some(kind: str, seed: int, numbers: range, root: Path) -> None:
    """Try numbers of one kind, and tell of each on standard output: what a process of its own does."""
    import torch  # noqa: F401 - before memory is counted

    from fuzz.running import Bench, tries
    from fuzz.targets import TARGETS

    bench = Bench(TARGETS[kind], root)
    print(json.dumps({"file": str(bench.file)}), flush=True)
    if STATM.exists():
        most = int(STATM.read_text().split()[0]) * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    for number, failure in tries(bench, seed, numbers):
        told = {"number": number}
        if failure is not None:
            file = kept(kind, failure.content, bench.file.suffix)
            told |= {"reason": failure.reason, "file": str(file), "details": failure.details}
        print(json.dumps(told), flush=True)


def kept(kind: str, content: bytes, suffix: str) -> Path:
    """A damaged file under `FAILURES`, by what it holds."""
    FAILURES.mkdir(exist_ok=True)
    path = FAILURES / f"{kind.replace(' ', '-')}-{hashlib.sha256(content).hexdigest()[:10]}{suffix}"
    path.write_bytes(content)
    return path


def repeat(kind: str, file: Path) -> int:
    """Read one damaged file again, and show what must not be."""
    from fuzz.running import Bench
    from fuzz.targets import TARGETS

    with TemporaryDirectory(prefix="fuzz-") as root:
        reason, details = Bench(TARGETS[kind], Path(root)).tried(file.read_bytes())
    print(f"{kind}: {reason or 'all is well'}\n{details}")
    return int(bool(reason))


class Tally:
    """What was tried and what failed, by kind."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.tried: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self._seen: set[tuple[str, str]] = set()
        self._guard = threading.Lock()

    def note(self, kind: str, told: dict[str, Any]) -> None:
        """Take up a try; of equal failures the first is shown."""
        with self._guard:
            self.tried[kind] += 1
            if "reason" not in told:
                return
            self.failed[kind] += 1
            place = " ".join(told["details"].strip().splitlines()[-3:-1])
            seen = (kind, place or re.sub(r"\d+|:.*", "", told["reason"]))
            if seen not in self._seen:
                self._seen.add(seen)
                print(f"FAILED {kind}, seed {self.seed}, number {told['number']}: {told['reason']}")
                print(f"  python tools/fuzz.py --repeat {told['file']} --kinds {json.dumps(kind)}", flush=True)


def run_process(kind: str, numbers: range, tally: Tally, until: float) -> None:
    """Try numbers of one kind in a process, and see how it ends."""
    with TemporaryDirectory(prefix="fuzz-") as root:
        command = [
            sys.executable,
            __file__,
            "--child",
            kind,
            str(tally.seed),
            str(numbers.start),
            str(numbers.stop),
            root,
        ]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        file, number = "", numbers.start - 1
        for line in _said(process):
            told = json.loads(line)
            file, number = told.get("file", file) if "number" not in told else file, told.get("number", number)
            if "number" in told:
                tally.note(kind, told)
            if time.monotonic() > until:
                process.kill()
                process.wait()
                return
        silent = process.poll() is None and number + 1 < numbers.stop
        process.kill()
        if process.wait() == 0 or number + 1 == numbers.stop:
            return
        reason = f"its process said nothing for {SILENT} s" if silent else f"its process ended: {process.returncode}"
        content = Path(file).read_bytes() if file and Path(file).is_file() else b""
        saved = kept(kind, content, Path(file).suffix)
        tally.note(kind, {"number": number + 1, "reason": reason, "file": str(saved), "details": ""})


def _said(process: subprocess.Popen[str]) -> Iterator[str]:
    """The lines that a process writes, until it ends or is silent for too long."""
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put("")

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=SILENT)
        except queue.Empty:
            return
        if not line:
            process.wait()
            return
        yield line


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", default="", help="names with commas between them; default: all")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--repeat", type=Path, metavar="FILE", help="read one kept file again")
    parser.add_argument("--child", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        kind, seed, start, stop, root = given.child
        try_some(kind, int(seed), range(int(start), int(stop)), Path(root))
        return 0
    from fuzz.targets import TARGETS

    kinds = [name for name in TARGETS if not given.kinds or name in given.kinds.split(",")]
    if not kinds:
        parser.error(f"no such kind; there are: {', '.join(TARGETS)}")
    if given.repeat:
        return repeat(kinds[0], given.repeat)
    tally, until = Tally(given.seed), time.monotonic() + 60 * given.minutes
    # Each kind in turn, and then the next numbers of each.
    work = ((kind, turn) for turn in count() for kind in kinds)
    guard = threading.Lock()

    def go_on() -> None:
        while time.monotonic() < until:
            with guard:
                kind, turn = next(work)
            tries = max(200, TRIES // TARGETS[kind].cost)
            run_process(kind, range(turn * tries, (turn + 1) * tries), tally, until)

    threads = [threading.Thread(target=go_on) for _ in range(given.jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for kind in kinds:
        print(f"{kind:20} seed {given.seed}  tried {tally.tried[kind]:7}  failed {tally.failed[kind]:5}")
    return int(bool(sum(tally.failed.values())))


if __name__ == "__main__":
    sys.exit(main())
