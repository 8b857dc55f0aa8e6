"""Which networks pick: those of the package, and those of the project that is open."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

from magicgui.widgets import ComboBox

from napari_drpnet.errors import UserError
from napari_drpnet.io.project.project import Project
from napari_drpnet.io.weights import PACKAGED, read_card
from napari_drpnet.settings import DRPnetSettings

Role = Literal["detector", "classifier"]
_NONE = {"detector": "default", "classifier": "none"}


class NetworkBox(ComboBox):
    """The networks of one role; None where the picker is left its default.

    Parameters
    ----------
    role
        ``detector`` or ``classifier``.
    """

    def __init__(self, role: Role) -> None:
        self._role: Role = role
        self._project: Project | None = None
        self.null_string = _NONE[role]  # what magicgui shows for None
        super().__init__(
            name=role,
            label=role.capitalize(),
            choices=self._choices,
            nullable=True,
            tooltip=DRPnetSettings.model_fields[role].description,
        )

    def offer(self, project: Project | None, chosen: str | None = None) -> None:
        """List the networks of a project, None for those of the package only, and choose one."""
        self._project = project
        with self.changed.blocked():
            self.reset_choices()
            self.value = chosen if chosen in self._choices() else None

    @property
    def weights(self) -> str | None:
        """What the picker loads."""
        name = self.value
        return name if name is None or self._project is None else self._project.weights(name)

    def _choices(self, _: Any = None) -> list[str]:
        return shipped(self._role) if self._project is None else self._project.networks(self._role)


@cache
def shipped(role: Role) -> list[str]:
    """Names of the package's networks."""

    def suits(path: Any) -> bool:
        try:
            return read_card(path).role == role
        except UserError:
            return False

    return [path.stem for path in sorted(PACKAGED.glob("*.safetensors")) if suits(path)]
