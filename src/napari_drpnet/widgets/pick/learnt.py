"""What a picker has learnt from a micrograph that is in no project: kept for the next run, and saved on demand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from magicgui.widgets import Container, Label, PushButton
from napari.utils.notifications import show_warning
from psygnal import Signal
from qtpy.QtWidgets import QFileDialog, QSizePolicy

from napari_drpnet.errors import UserError
from napari_drpnet.io.paths import exists
from napari_drpnet.pickers.protocol.loaded import LoadedPicker

SUFFIX = ".safetensors"


class LearntForm(Container[Any]):
    """A line that says what was learnt, with buttons to save it and to learn again; hidden while there is nothing.

    Learning takes minutes, so the picker is kept as long as it is asked for with the same settings. The job, in its
    thread, calls `picker` and `keep`; all else is for the main thread.
    """

    saved = Signal(str)  # a file of weights

    def __init__(self) -> None:
        self._kept: tuple[Any, LoadedPicker] | None = None
        self.text = Label(value="")
        self.save = PushButton(text="Save...", tooltip="Write what was learnt to a file, for other sessions and runs.")
        self.again = PushButton(text="Learn again", tooltip="Forget what was learnt; the next run learns anew.")
        buttons = Container[Any](widgets=[self.save, self.again], layout="horizontal", labels=False)
        buttons.margins = (0, 0, 0, 0)
        super().__init__(widgets=[self.text, buttons], labels=False)
        self.margins = (0, 0, 0, 0)
        self.text.native.setWordWrap(True)
        self.text.native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.save.clicked.connect(self._save)
        self.again.clicked.connect(self._forget)

    def picker(self, made_for: Any) -> LoadedPicker | None:
        """The picker that has learnt, if it was made for the same."""
        return self._kept[1] if self._kept is not None and self._kept[0] == made_for else None

    def keep(self, picker: LoadedPicker, made_for: Any) -> None:
        """Keep a picker that has learnt."""
        self._kept = made_for, picker

    def show_for(self, picker: LoadedPicker | None) -> None:
        """Be seen where it is this picker that has learnt."""
        self.visible = self._kept is not None and self._kept[1] is picker
        if picker is not None:
            self.text.value = f"{picker.name} has learnt from this micrograph. A project lets it learn from all."

    def _forget(self) -> None:
        self._kept = None
        self.visible = False

    def _save(self) -> None:
        if self._kept is None:
            return
        picker = self._kept[1]
        start, kinds = f"{picker.name}{SUFFIX}", f"Weights (*{SUFFIX})"
        path, _ = QFileDialog.getSaveFileName(self.native, "Save what was learnt", start, kinds)
        if not path:
            return
        if Path(path).suffix != SUFFIX:
            path += SUFFIX
            if exists(path):  # the dialog asked of another name
                show_warning(f"{path} is there already. Choose it by its whole name to replace it.")
                return
        try:
            self.saved.emit(str(picker.save(Path(path))))
        except UserError as error:
            show_warning(error.plain)
