"""What a run needs beside packages: the weights, memory, room on the disk, folders that can be written, RELION."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from napari_drpnet.doctor.findings import Finding, State
from napari_drpnet.doctor.installing import OURS, again

WEIGHTS = Path(__file__).parents[1] / "weights"
SUMS = "SHA256SUMS"
# The first is run by assess, the others take what this package writes.
_RELION = ("relion_reconstruct", "relion_preprocess", "relion_refine", "relion_postprocess")
_GB = 10**9
_LITTLE_MEMORY, _LITTLE_ROOM = 2 * _GB, 1 * _GB
_CGROUP = Path("/sys/fs/cgroup")


def weights(folder: Path = WEIGHTS) -> Finding:
    """Whether the trained networks are as they were shipped, by their checksums."""
    try:
        lines = (folder / SUMS).read_text().splitlines()
    except OSError:
        return Finding("weights", f"{folder} is not complete", State.MISSING, again(OURS))
    wrong = []
    for line in lines:
        wanted, name = line.split()
        try:
            whole = hashlib.sha256((folder / name).read_bytes()).hexdigest() == wanted
        except OSError:
            whole = False
        if not whole:
            wrong.append(name)
    if wrong:
        return Finding("weights", f"damaged or missing: {', '.join(wrong)}", State.MISSING, again(OURS))
    return Finding("weights", f"{len(lines)} files, whole")


def room() -> Iterator[Finding]:
    """Memory, and disks."""
    yield _memory()
    yield _folder("this folder", Path.cwd())
    try:
        temporary = Path(tempfile.gettempdir())
    except OSError as error:
        mend = "Set TMPDIR to a folder that can be written."
        yield Finding("temporary files", f"no folder can be written: {error}", State.MISSING, mend)
    else:
        yield _folder("temporary files", temporary)


def kept(settings: Iterable[str | None]) -> Iterator[Finding]:
    """Whether a window can keep its settings in these files; of nothing it keeps none."""
    for file in filter(None, settings):
        if not _writable(Path(file).parent):
            said = f"cannot be kept in {file}"
            yield Finding("settings of the window", said, State.NOTE, f"Make {Path(file).parent} writable.")


def relion() -> Finding:
    """Which of RELION's programs are there."""
    there = [name for name in _RELION if shutil.which(name)]
    if not there:
        return Finding("RELION", "not on PATH; only assess --rh needs it", State.NOTE, "Load or install RELION.")
    absent = [name for name in _RELION if name not in there]
    if "relion_reconstruct" in absent:
        said = f"without {', '.join(absent)}"
        return Finding("RELION", said, State.NOTE, "Bring all of RELION's programs onto PATH.")
    return Finding("RELION", str(Path(shutil.which(there[0]) or "").parent))


def _memory() -> Finding:
    try:
        import psutil

        free = int(psutil.virtual_memory().available)
    except ImportError:  # which is a finding of its own
        return Finding("memory", "unknown without psutil")
    said = ""
    if (limit := _limit()) is not None and limit < free:
        free, said = limit, " of what this job may take"
    if free < _LITTLE_MEMORY:
        mend = "Close other programs, ask for more memory, or give --workers 1: a micrograph takes about 0.7 GB."
        return Finding("memory", f"{free / _GB:.1f} GB free{said}", State.NOTE, mend)
    return Finding("memory", f"{free / _GB:.1f} GB free{said}")


def _limit() -> int | None:
    """Bytes that this job may still take, in a container or a job of a cluster."""
    try:
        most, used = ((_CGROUP / name).read_text().strip() for name in ("memory.max", "memory.current"))
    except OSError:
        return None
    return max(int(most) - int(used), 0) if most.isdigit() else None


def _folder(name: str, folder: Path) -> Finding:
    if not _writable(folder):
        return Finding(name, f"{folder} cannot be written", State.NOTE, "Give --out a folder that can be written.")
    free = shutil.disk_usage(folder).free
    if free < _LITTLE_ROOM:
        return Finding(name, f"{free / _GB:.1f} GB free in {folder}", State.NOTE, f"Make room in {folder}.")
    return Finding(name, f"{free / _GB:.0f} GB free in {folder}")


def _writable(folder: Path) -> bool:
    """Whether a file can be made in a folder, or the folder itself where it is not there yet."""
    while not os.path.exists(folder) and folder != folder.parent:  # noqa: PTH110 - Path.exists raises
        folder = folder.parent
    try:
        # Permissions alone do not tell: disks are mounted read-only, or full.
        with tempfile.TemporaryFile(dir=folder):
            return os.access(folder, os.W_OK)
    except OSError:
        return False
