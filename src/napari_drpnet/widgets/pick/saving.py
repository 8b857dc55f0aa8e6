"""The last step of the Pick form: the picks on disk, where the next program looks for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from magicgui.widgets import Container, Label, PushButton
from qtpy.QtWidgets import QFileDialog, QSizePolicy

from napari_drpnet import jobs, layers
from napari_drpnet.errors import UserError
from napari_drpnet.io.paths import exists
from napari_drpnet.widgets.kit.threads import heard_by
from napari_drpnet.widgets.pick.result import Result

_TOOLTIP = (
    "Write the picks that are shown, with all that was changed by hand. Suggested: a STAR file beside the micrograph, "
    "which RELION takes as it is."
)


class SaveForm(Container[Any]):
    """A button that saves the picks of a result, and what it has saved; hidden while there is no result."""

    def __init__(self) -> None:
        self._result: Result | None = None
        self.button = PushButton(text="Save picks…", tooltip=_TOOLTIP)
        self.said = Label(value="")
        super().__init__(widgets=[self.button, self.said], labels=False)
        self.margins = (0, 0, 0, 0)
        self.said.native.setWordWrap(True)
        self.said.native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.button.clicked.connect(self.ask)
        self.show_for(None)

    def show_for(self, result: Result | None, kept_in: str = "") -> None:
        """Be seen where there is a result; ``kept_in`` says where a project keeps it already."""
        if result is not self._result or not self.said.value:
            self._say(f"Every change is saved at once, in {kept_in}." if kept_in else "")
        self._result = result
        self.visible = result is not None

    def ask(self) -> None:
        """Ask where to, and save."""
        if self._result is None:
            return
        start, kinds = str(jobs.suggested_file(self._result.source.frame.micrograph)), jobs.savable()
        path, kind = QFileDialog.getSaveFileName(self.native, "Save picks", start, ";;".join(kinds))
        if not path:
            return
        if Path(path).suffix not in kinds.values():
            path += kinds.get(kind, ".star")
            if exists(path):  # the dialog asked of another name
                self._say(f"{path} is there already. Choose it by its whole name to replace it.")
                return
        self.save(Path(path))

    def save(self, path: Path) -> None:
        """Write the picks in the format that the suffix tells, and say so."""
        result = self._result
        if result is None or result.layer is None:
            return
        warned: list[str] = []
        picks = jobs.with_size(layers.picks_of(result.layer), result.diameter)
        try:
            with heard_by(warned.append):
                jobs.save_picks(picks, path)
        except UserError as error:
            self._say(error.plain)
            return
        self._say("\n".join([f"{len(picks)} picks are in {path}.", *warned]))

    def _say(self, text: str) -> None:
        self.said.value = text
        self.said.visible = bool(text)
