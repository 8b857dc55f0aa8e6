"""Libraries of the tabs are loaded while a person still looks at the first one: torch alone takes two seconds."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from importlib import import_module
from threading import Thread

_LIBRARIES = ("napari_drpnet.devices", "scipy.ndimage", "scipy.stats", "napari_drpnet.jobs.compare.proof")
_begun = False


def load_ahead(modules: Iterable[str]) -> None:
    """Load libraries, then modules, in a thread of its own, once in a process; who needs one meanwhile waits for it."""
    global _begun
    if not _begun:
        _begun = True
        # Not a daemon: a thread that is killed while it loads a library brings the whole process down.
        Thread(target=_load, args=([*_LIBRARIES, *modules],), name="load ahead").start()


def _load(modules: Iterable[str]) -> None:
    for name in modules:
        with suppress(ImportError):  # told by the tab that needs it
            import_module(name)
