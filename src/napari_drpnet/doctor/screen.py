"""Whether napari's window opens: the plugin, Qt and what it needs of the system, the screen, OpenGL."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from ctypes.util import find_library
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from napari_drpnet.doctor.asking import Told, ask
from napari_drpnet.doctor.findings import Finding, State
from napari_drpnet.doctor.installing import OURS, again, install, install_libraries
from napari_drpnet.doctor.packages import installed, requirements
from napari_drpnet.doctor.surroundings import kept

_BINDINGS = ("PyQt6", "PySide6", "PyQt5", "PySide2")
# Platforms of Qt that show nothing, or elsewhere.
_BLIND = ("offscreen", "minimal", "vnc")
_NAMED = 4  # libraries; the command names the packages of all
_LEAST_OPENGL = [2, 1]
_SOFTWARE = ("llvmpipe", "softpipe", "swrast")


def window() -> Iterator[Finding]:
    """What napari's window needs, as far as it is there to need it."""
    if not installed("napari"):
        wanted = [one.text for one in requirements() if one.extra == "all"]
        said = "not installed: there is the command line alone"
        yield Finding("napari", said, State.NOTE, install(wanted or ["napari[all]"]))
        return
    yield Finding("napari", installed("napari"))
    folders = [folder for name in _BINDINGS if (folder := _folder_of(name)) is not None]
    if not folders:
        yield Finding("Qt", "not installed", State.MISSING, install(["PyQt6"]))
        return
    absent = _absent_libraries(folders)
    if absent:
        more = f" and {len(absent) - _NAMED} more" if len(absent) > _NAMED else ""
        said = f"libraries of the system are missing: {', '.join(absent[:_NAMED])}{more}"
        yield Finding("Qt", said, State.MISSING, install_libraries(absent))
        return
    plugin, told = ask("manifest", OURS), ask("binding")
    qt = told.merged
    yield from _plugin(plugin)
    yield from kept([plugin.merged.get("settings"), qt.get("window_settings")])
    if "imported" not in qt:
        yield Finding("Qt", f"cannot be loaded: {told.reason}", State.MISSING, again(folders[0].name))
        return
    yield Finding("Qt", f"{qt['api']} {qt['qt']}, with the libraries that it needs of the system")
    yield from _on_screen(folders[0].name)


def _plugin(told: Told) -> Iterator[Finding]:
    found = told.merged
    if "plugin" not in found:
        yield Finding("plugin", f"npe2 does not run: {told.reason}", State.MISSING, again("npe2"))
    elif not found["plugin"]:
        yield Finding("plugin", "napari does not find it", State.MISSING, again(OURS))
    elif found.get("disabled"):
        mend = "Tick it in napari: Plugins > Install/Uninstall Plugins."
        yield Finding("plugin", "switched off in napari", State.MISSING, mend)
    elif told.status:
        yield Finding("plugin", f"found, but napari cannot be loaded: {told.reason}", State.MISSING, again("napari"))
    else:
        yield Finding("plugin", "found by napari")


def _folder_of(binding: str) -> Path | None:
    """Where a package is, without loading it."""
    spec = find_spec(binding)
    return Path(spec.origin).parent if spec and spec.origin else None


def _absent_libraries(folders: Iterable[Path]) -> list[str]:
    """What bindings, and their platform plugin for X11, need and the system lacks, whether there is a screen or not."""
    ldd = shutil.which("ldd")
    if sys.platform != "linux" or ldd is None:
        return []
    patterns = ("QtCore*.so", "QtGui*.so", "QtWidgets*.so", "Qt*/plugins/platforms/libqxcb.so")
    files = [str(file) for folder in folders for pattern in patterns for file in sorted(folder.glob(pattern))]
    said = subprocess.run([ldd, *files], capture_output=True, text=True).stdout
    absent = [line.split()[0] for line in said.splitlines() if line.endswith("not found")]
    if find_library("fontconfig") is None:  # which napari's canvas loads by its name
        absent.append("libfontconfig.so.1")
    return list(dict.fromkeys(absent))


def _on_screen(binding: str) -> Iterator[Finding]:
    chosen = os.environ.get("QT_QPA_PLATFORM", "")
    screen = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
    if sys.platform == "linux" and not screen and chosen in ("", "xcb", "wayland"):
        mend = "Log in with ssh -X, or through a remote desktop, to open a window."
        yield Finding("screen", "none: the command line works, and no window can be opened", State.NOTE, mend)
        return
    told = ask("window")
    found = told.merged
    if "platform" not in found:
        yield _no_window(told, chosen, binding)
    elif found["platform"].startswith(_BLIND):
        said = f"QT_QPA_PLATFORM is {chosen}: windows are not shown"
        yield Finding("screen", said, State.NOTE, "To see them: unset QT_QPA_PLATFORM")
    else:
        yield Finding("screen", f"{screen or 'there'}, by {found['platform']}")
        yield _opengl(told, found)


def _no_window(told: Told, chosen: str, binding: str) -> Finding:
    if "Could not find the Qt platform plugin" in told.error and chosen:
        said = f"Qt has no platform plugin {chosen}, which QT_QPA_PLATFORM asks for"
        return Finding("screen", said, State.MISSING, "unset QT_QPA_PLATFORM")
    if "could not connect to display" in told.error:
        said = f"there is none at {os.environ.get('DISPLAY')}, which DISPLAY names"
        return Finding("screen", said, State.MISSING, "Log in with ssh -X, or set DISPLAY to a screen that is there.")
    if "Could not find the Qt platform plugin" in told.error or "could not be initialized" in told.error:
        said = "Qt finds its platform plugins, and can use none"
        mend = "unset QT_PLUGIN_PATH QT_QPA_PLATFORM_PLUGIN_PATH, or install one Qt anew: " + again(binding)
        return Finding("screen", said, State.MISSING, mend)
    return Finding("screen", f"no window opens: {told.reason}", State.MISSING, again(binding))


def _opengl(told: Told, found: Mapping[str, Any]) -> Finding:
    if not found.get("opengl"):
        said = f"no context can be made{': ' + told.reason if told.reason else ''}"
        return Finding("OpenGL", said, State.MISSING, install_libraries(["libGL.so.1"]))
    number = ".".join(map(str, found["opengl"]))
    renderer = found.get("renderer", "unknown")
    if found["opengl"] < _LEAST_OPENGL:
        said = f"{number}, and napari needs {'.'.join(map(str, _LEAST_OPENGL))} ({renderer})"
        return Finding("OpenGL", said, State.MISSING, "Bring the driver of the graphics card up to date.")
    if renderer.startswith(_SOFTWARE):
        return Finding("OpenGL", f"{number}, drawn by the processor ({renderer}): the window is slower")
    return Finding("OpenGL", f"{number}, {renderer}")
