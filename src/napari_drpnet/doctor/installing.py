"""The command that installs packages into the environment that this Python runs in, whoever made it."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Collection, Iterable
from importlib.util import find_spec
from pathlib import Path

OURS = "napari-drpnet"
# Where conda-forge has another name; what is installed by pip there as well is left out.
_CONDA = {"torch": "pytorch", "napari[all]": "napari pyqt", "PyQt6": "pyqt"}
# Sonames of the libraries that Qt needs and wheels do not bring, by the packages of two families of Linux.
_LIBRARIES = {
    "libxcb-cursor.so": ("libxcb-cursor0", "xcb-util-cursor"),
    "libxcb-icccm.so": ("libxcb-icccm4", "xcb-util-wm"),
    "libxcb-image.so": ("libxcb-image0", "xcb-util-image"),
    "libxcb-keysyms.so": ("libxcb-keysyms1", "xcb-util-keysyms"),
    "libxcb-render-util.so": ("libxcb-render-util0", "xcb-util-renderutil"),
    "libxcb-util.so": ("libxcb-util1", "xcb-util"),
    "libxkbcommon-x11.so": ("libxkbcommon-x11-0", "libxkbcommon-x11"),
    "libxkbcommon.so": ("libxkbcommon0", "libxkbcommon"),
    "libX11-xcb.so": ("libx11-xcb1", "libX11-xcb"),
    "libX11.so": ("libx11-6", "libX11"),
    "libxcb.so": ("libxcb1", "libxcb"),
    "libGL.so": ("libgl1", "mesa-libGL"),
    "libGLX.so": ("libglx0", "libglvnd-glx"),
    "libEGL.so": ("libegl1", "mesa-libEGL"),
    "libOpenGL.so": ("libopengl0", "libglvnd-opengl"),
    "libglib-2.0.so": ("libglib2.0-0", "glib2"),
    "libgthread-2.0.so": ("libglib2.0-0", "glib2"),
    "libdbus-1.so": ("libdbus-1-3", "dbus-libs"),
    "libfontconfig.so": ("libfontconfig1", "fontconfig"),
    "libfreetype.so": ("libfreetype6", "freetype"),
}


def install(requirements: Iterable[str]) -> str:
    """The command for requirements, such as ``numpy>=2.0``."""
    wanted = list(requirements)
    here = Path(sys.prefix)
    if (here / "conda-meta").is_dir():
        return f"conda install -c conda-forge {' '.join(shlex.quote(name) for one in wanted for name in _conda(one))}"
    named = " ".join(map(shlex.quote, wanted))
    if (here / "pipx_metadata.json").is_file():
        return f"pipx inject {here.name} {named}"
    python = shlex.quote(sys.executable)
    if (here / "uv-receipt.toml").is_file() or find_spec("pip") is None:
        return f"uv pip install --python {python} {named}"
    return f"{python} -m pip install {named}"


def again(name: str) -> str:
    """The command that installs a package anew over what is there."""
    if name == OURS:
        return f"Install {OURS} anew, from where you have it."
    command = install([name])
    if command.startswith("pipx"):
        return command.replace("inject", "inject --force", 1)
    return command.replace(" install ", " install --force-reinstall --no-deps ", 1)


def _conda(requirement: str) -> list[str]:
    for name, other in _CONDA.items():
        if requirement.startswith(name):
            return (other + requirement[len(name) :] if " " not in other else other).split()
    return [requirement]


def install_libraries(names: Collection[str]) -> str:
    """The command for libraries of the system, by their file names, such as ``libxcb-cursor.so.0``."""
    debian, fedora, unknown = [], [], []
    for name in names:
        known = _LIBRARIES.get(f"{name.partition('.so')[0]}.so")
        if known is not None:
            debian.append(known[0])
            fedora.append(known[1])
        elif name.startswith("libxcb-"):  # whose packages are named after them
            debian.append(f"{name.partition('.so')[0]}{name.rpartition('.so.')[2].partition('.')[0]}")
            fedora.append("libxcb")
        else:
            unknown.append(name)
    rest = f"and, with your system's package manager, what has {', '.join(unknown)}" if unknown else ""
    for manager, packages in (("apt-get", debian), ("dnf", fedora)):
        if shutil.which(manager) and packages:
            return " ".join(filter(None, (f"sudo {manager} install -y", *dict.fromkeys(packages), rest)))
    return f"Install, with your system's package manager, what has {', '.join(names)}."
