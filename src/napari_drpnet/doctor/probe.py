"""The questions, each asked by ``python -m napari_drpnet.doctor.probe NAME``: they only measure, and print JSON lines.

Nothing is imported here but what a question is about.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from traceback import walk_tb
from typing import Any


def say(**answer: Any) -> None:
    """One answer, at once: what comes next may end this process."""
    print(json.dumps(answer), flush=True)


def imports(*modules: str) -> None:
    """Whether modules can be imported: ``trying`` before; after each ``module``, ``error``, and where that is from.

    ``by`` is the package in which it was raised, ``lacks`` the module that is not there.
    """
    for module in modules:
        say(trying=module)
        try:
            import_module(module)
        except Exception as error:  # a library may raise anything when it is imported
            lacks = error.name if isinstance(error, ModuleNotFoundError) else None
            said = f"{type(error).__name__}: {' '.join(str(error).split())}"
            say(module=module, error=said, by=_raised_in(error) or module, lacks=lacks or "")
        else:
            say(module=module, error="")


def _raised_in(error: BaseException) -> str:
    """The package whose code raised an error."""
    names = [frame.f_globals.get("__name__", "").partition(".")[0] for frame, _ in walk_tb(error.__traceback__)]
    ours = __package__.partition(".")[0]
    return next((name for name in reversed(names) if name not in ("importlib", ours, "__main__")), "")


def compressions() -> None:
    """Whether the codecs of TIFF files are there, by packing and unpacking."""
    import imagecodecs

    text = bytes(range(200)) * 5
    for name in ("lzw", "deflate", "zstd", "lzma", "packbits"):
        try:
            packed = getattr(imagecodecs, f"{name}_encode")(text)
            say(**{name: bytes(getattr(imagecodecs, f"{name}_decode")(packed, out=len(text))) == text})
        except Exception:  # what codecs raise differs, as does what raises where one is left out
            say(**{name: False})


def devices() -> None:
    """What torch computes on; each card is made to compute."""
    import torch

    say(cuda=torch.version.cuda or "", hip=torch.version.hip or "", threads=torch.get_num_threads())
    say(mps=torch.backends.mps.is_available(), available=torch.cuda.is_available())
    for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        named: dict[str, Any] = {}
        try:
            named = {"name": torch.cuda.get_device_name(number)}
            free, total = torch.cuda.mem_get_info(number)
            image = torch.ones(1, 1, 8, 8, device=f"cuda:{number}")
            right = float(torch.nn.functional.conv2d(image, image).sum()) == 64
            say(card=number, **named, free=free, total=total, error="" if right else "it computes wrong numbers")
        except Exception as error:  # torch has many of its own
            say(card=number, **named, error=(str(error).split("\n")[0].strip() or type(error).__name__))


def manifest(name: str) -> None:
    """Whether npe2 finds the plugin as napari does, and where napari keeps its settings."""
    from npe2 import PluginManager

    manager = PluginManager()
    manager.discover()
    say(plugin=name in manager)
    from napari.settings import get_settings

    settings = get_settings()
    say(settings=str(settings.config_path or ""), disabled=name in settings.plugins.disabled_plugins)


def binding() -> None:
    """Which Qt there is; without a window."""
    import qtpy

    say(api=qtpy.API_NAME, qt=qtpy.QT_VERSION)
    from qtpy.QtCore import QSettings

    kept = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "napari-drpnet", "window")
    say(window_settings=kept.fileName())
    import qtpy.QtGui
    import qtpy.QtWidgets

    say(imported=True)


def window() -> None:
    """Opens a program of Qt and an OpenGL context, as napari does."""
    from qtpy.QtGui import QOffscreenSurface, QOpenGLContext
    from qtpy.QtWidgets import QApplication

    program = QApplication([])
    say(platform=program.platformName())
    surface, context = QOffscreenSurface(), QOpenGLContext()
    surface.create()
    made = context.create() and context.makeCurrent(surface)
    say(opengl=list(context.format().version()) if made else None)
    if made:
        from OpenGL import GL

        say(renderer=GL.glGetString(GL.GL_RENDERER).decode(errors="replace"))


_QUESTIONS = {one.__name__: one for one in (imports, compressions, devices, manifest, binding, window)}

if __name__ == "__main__":
    _QUESTIONS[sys.argv[1]](*sys.argv[2:])
