"""What a run on a cluster costs besides picking, for a million micrographs: ``python benchmarks/scaling.py``.

``scheduler``: a scheduler and two workers as processes of their own, through which batches of the shape of a run go
that take no time: CPU-seconds of the scheduler and of the client for each batch, and how their memory grows.
``run``: a whole run over so many links to one small micrograph: time at the beginning and at the end, the client's
memory, what a second call needs to see that all is finished, and, where strace is installed, the calls of a worker to
the file system for each micrograph.
"""

from __future__ import annotations

import argparse
import os
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from distributed import Client

from napari_drpnet import jobs
from napari_drpnet.io.mrc import write_mrc
from napari_drpnet.io.star_lists import MicrographEntry
from napari_drpnet.jobs.cluster import handing
from napari_drpnet.jobs.cluster.order import Batch, Done, Order
from napari_drpnet.jobs.inputs import PickTask, coordinate_files
from napari_drpnet.jobs.pick_report import PickLists, PickResult
from napari_drpnet.settings import PickRun

EACH, FINISHED = 100_000, 20_000  # what memory is told for; micrographs of a run that finds all finished
PIXEL_SIZE, DIAMETER, SIDE = 4.0, 240.0, 256
PROGRAM = [sys.executable, "-m", "napari_drpnet", "pick", "m", "--picker", "log", "--diameter", str(DIAMETER)]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("scheduler", "run"))
    parser.add_argument("--batches", type=int, default=20_000, help="through the scheduler")
    parser.add_argument("--size", type=int, default=8, help="micrographs of a batch through the scheduler")
    parser.add_argument("--threads", type=int, default=4, help="of each of the two workers")
    parser.add_argument("--micrographs", type=int, default=10_000, help="of the whole run")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scaling-") as folder:
        if given.part == "scheduler":
            through_the_scheduler(Path(folder), given.batches, given.size, given.threads)
        else:
            whole_run(Path(folder), given.micrographs)


# ---------------------------------------------------------------- the scheduler


def nothing(asked: str, order: bytes, batch: bytes) -> Done:
    """A batch that takes no time."""
    todo: Batch = pickle.loads(batch)
    return Done(
        tuple((number, PickResult(task.micrograph.name, 500, 1.0, coordinates=Path(task.coordinates)))
              for number, task in todo.tasks)
    )  # fmt: skip


@contextmanager
def cluster(folder: Path, threads: int) -> Iterator[tuple[str, psutil.Process]]:
    """The address of a scheduler with two workers, and its process."""
    file = folder / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    start = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard"]
    processes = [subprocess.Popen([*start, "--scheduler-file", str(file)], **quiet)]
    try:
        while not file.exists():
            time.sleep(0.1)
        ask = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(file), "--no-nanny"]
        processes += [subprocess.Popen([*ask, "--nthreads", str(threads), "--no-dashboard"], **quiet) for _ in range(2)]
        address = re.search(r'"address": "(.+?)"', file.read_text())
        assert address, "the scheduler wrote it"
        yield address[1], psutil.Process(processes[0].pid)
    finally:
        for process in processes:
            process.terminate()
            process.wait()


def through_the_scheduler(folder: Path, batches: int, size: int, threads: int) -> None:
    """CPU-seconds and memory of the scheduler and the client."""
    handing.do_batch = nothing
    handing._BATCH = size
    count = batches * size
    places = coordinate_files(f"Micrographs/FoilHole_{number:09}_fractions.mrc" for number in range(count))
    tasks = [PickTask(MicrographEntry(name, Path(name), None), place) for name, place in places.items()]
    at_work = folder / ".at-work-0123456789ab"
    order = Order(str(folder), "picks", "picks", str(at_work), "log", {"diameter": 180.0}, None, False)
    me = psutil.Process()
    with cluster(folder, threads) as (address, scheduler), Client(address) as client:
        client.wait_for_workers(2)
        hands = handing.Hands(client, pickle.dumps(order), at_work, tasks, lambda _: None)
        hands._seconds = 1e-3
        marks: list[tuple[float, float, float, int, int]] = []
        for done, _ in enumerate(step for step in hands.each(range(count), "pick") if step.results):
            if done % (count // 10) == count // 20:
                marks.append((time.perf_counter(), cpu(scheduler), cpu(me), memory(scheduler), memory(me)))
    (start, *first), (end, *last) = marks[1], marks[-1]
    part = (len(marks) - 2) / 10 * count
    print(f"{batches} batches of {size}; {2 * threads} threads of workers that do nothing; {os.cpu_count()} cores\n")
    print("| | scheduler | client |\n| --- | --- | --- |")
    spent = [1e3 * (b - a) * size / part for a, b in zip(first[:2], last[:2], strict=True)]
    print(f"| CPU-ms a batch | {row(spent, '.2f')} |")
    grown = [(b - a) / part * EACH / 1e6 for a, b in zip(first[2:], last[2:], strict=True)]
    print(f"| growth in MB for {EACH} micrographs | {row(grown, '.0f')} |")
    print(f"| memory at the end, MB | {row([value / 1e6 for value in last[2:]], '.0f')} |")
    print(f"\n{part / size / (end - start):.0f} batches a second, {part / (end - start):.0f} micrographs a second")


def row(values: list[float], form: str) -> str:
    """Cells of a table."""
    return " | ".join(format(value, form) for value in values)


def cpu(process: psutil.Process) -> float:
    """CPU-seconds so far."""
    times = process.cpu_times()
    return times.user + times.system


def memory(process: psutil.Process) -> int:
    """Resident bytes."""
    return process.memory_info().rss


# ---------------------------------------------------------------- a whole run


def whole_run(folder: Path, count: int) -> None:
    """A run over links to one small micrograph."""
    make(folder, count)
    asked = [*PROGRAM, "--threshold", "0.5", "--out", "picks"]
    first = followed([*asked, "--cluster", "local:2"], folder, count)
    seen, grown = all_finished(folder, FINISHED)
    files = sum(1 for _ in (folder / "picks").iterdir())
    lists = sum((folder / "picks" / name).stat().st_size for name in ("autopick.star", "summary.tsv"))
    print(f"{count} links to a micrograph of {SIDE} x {SIDE}, local:2\n")
    print("| | |\n| --- | --- |")
    print(f"| CPU-ms of all processes a micrograph, second tenth of the run | {first.early:.1f} |")
    print(f"| CPU-ms of all processes a micrograph, last tenth | {first.late:.1f} |")
    print(f"| CPU-ms of the client a micrograph, with a scheduler in it | {1e3 * first.cpu / count:.2f} |")
    print(f"| growth of the client in MB for {EACH} micrographs | {first.growth:.0f} |")
    print(f"| its memory at the end, MB | {first.memory / 1e6:.0f} |")
    print(f"| files in the folder of the run | {files} |")
    print(f"| bytes of the lists a micrograph | {lists / count:.0f} |")
    print(f"| to find and to list all, when all are finished: s for {EACH} | {seen / FINISHED * EACH:.1f} |")
    print(f"| memory for that, in MB for {EACH} | {grown / FINISHED * EACH / 1e6:.0f} |")
    if shutil.which("strace"):
        calls(folder)


def make(folder: Path, count: int) -> None:
    """Links to a micrograph of dark discs."""
    import numpy as np
    from scipy import ndimage

    rng = np.random.default_rng(0)
    image = rng.normal(0, 1, (SIDE, SIDE)).astype(np.float32)
    seeds = np.zeros((SIDE, SIDE), np.float32)
    seeds[tuple(rng.integers(30, SIDE - 30, (2, 12)))] = 1
    image -= 400 * ndimage.gaussian_filter(seeds, 7)
    write_mrc(image, folder / "one.mrc", PIXEL_SIZE)
    (folder / "m").mkdir()
    for number in range(count):
        (folder / f"m/FoilHole_{number:09}_fractions.mrc").symlink_to(folder / "one.mrc")
    # Links to one file are one micrograph: each name has a file of its own, which shares its blocks.
    for path in (folder / "m").iterdir():
        path.unlink()
        os.link(folder / "one.mrc", path)


def all_finished(folder: Path, count: int) -> tuple[float, int]:
    """Seconds and bytes that a run takes that finds all finished."""
    os.chdir(folder)
    Path("all").mkdir()
    os.link("one.mrc", "all/0.mrc")
    asked = PickRun(inputs=("all",), out=Path("found"), picker="log", options={"diameter": DIAMETER, "threshold": 0.5})
    jobs.finish(jobs.pick(asked))
    lists = PickLists(Path("found"))
    for number in range(count):
        if number:
            os.link("one.mrc", f"all/{number}.mrc")
            os.link("found/0_autopick.star", f"found/{number}_autopick.star")
        lists.add(PickResult(f"all/{number}.mrc", 4, 1.0, coordinates=Path(f"found/{number}_autopick.star")))
    del lists
    before, start = memory(psutil.Process()), time.perf_counter()
    report = jobs.finish(jobs.pick(asked))
    assert report.earlier == count
    return time.perf_counter() - start, memory(psutil.Process()) - before


class Followed:
    """What was seen of a process and those it started, per micrograph: CPU-ms, and of the process alone its memory."""

    early = late = cpu = growth = 0.0
    memory = 0


def followed(command: list[str], folder: Path, count: int) -> Followed:
    """Run a command, and look at it and at its summary now and then."""
    found, seen = Followed(), list[tuple[float, int, int]]()
    errors, summary = folder / "errors.txt", folder / "picks/summary.tsv"
    with errors.open("w") as file:
        run = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=file)
        process = psutil.Process(run.pid)
        while run.poll() is None:
            with suppress(psutil.Error, OSError):
                found.cpu, found.memory = cpu(process), memory(process)
                spent = found.cpu + sum(map(cpu, process.children(recursive=True)))
                rows = summary.read_bytes().count(b"\n") - 1 if summary.exists() else 0
                seen.append((spent, rows, found.memory))
            time.sleep(1.0)
    assert run.returncode == 0, errors.read_text()
    growing = [one for one in seen if 0.1 * count < one[1] < count]
    parts = [one for one in growing if one[1] < 0.2 * count], [one for one in growing if one[1] > 0.9 * count]
    found.early, found.late = (1e3 * (part[-1][0] - part[0][0]) / (part[-1][1] - part[0][1]) for part in parts)
    (_, low, least), (_, high, most) = growing[0], growing[-1]
    found.growth = (most - least) / (high - low) * EACH / 1e6
    return found


def calls(folder: Path, count: int = 40) -> None:
    """Count what a worker and the client ask of the file system for each micrograph."""
    shutil.rmtree(folder / "m")
    make_few = folder / "m"
    make_few.mkdir()
    for number in range(count):
        os.link(folder / "one.mrc", make_few / f"{number}.mrc")
    trace = ["strace", "-f", "-qq", "-e", "trace=%file", "-o", "trace.txt"]
    asked = [*PROGRAM, "--threshold", "0.5", "--out", "traced", "--cluster", "local:1"]
    done = subprocess.run([*trace, *asked], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        print(f"\nstrace does not run here: {done.stderr[-200:]}")
        return
    ours = re.compile(r"^\d+ +(\w+)\((.*)")
    counted: Counter[str] = Counter()
    for line in (folder / "trace.txt").read_text(errors="replace").splitlines():
        found = ours.match(line)
        where = re.search(r'"([^"]*(?:/m/|^m/|traced)[^"]*)"', line)
        if found and where:
            counted[f"{found[1]} of {kind(where[1])}"] += 1
    print(f"\n| call, {count} micrographs | for each |\n| --- | --- |")
    for name, number in sorted(counted.items(), key=lambda item: -item[1]):
        if number >= count / 4:
            print(f"| {name} | {number / count:.2f} |")


def kind(path: str) -> str:
    """Which file of a run a path means."""
    for part, name in ((".at-work", "a mark"), ("autopick.star", "a list or picks"), ("summary", "the summary")):
        if part in path:
            return "picks" if path.endswith("_autopick.star") else name
    if path.endswith(".mrc"):
        return "the micrograph"
    return "new picks" if path.endswith(".star") else "a folder"


if __name__ == "__main__":
    main()
