"""The one exception for bad input: what is wrong, and what to do next; and how much of a file its message repeats."""

import re
from collections.abc import Collection, Mapping

# The one place where a message may name an option of the command line: in brackets, as in "Give it (--diameter)."
_IN_BRACKETS = re.compile(r"\s*\(([^()]*--[a-z][^()]*)\)")
_OPTION = re.compile(r"--[a-z][a-z-]*")


class UserError(Exception):
    """Input that the user can put right.

    Every front end shows it as one line (or one notification), never as a traceback.

    Parameters
    ----------
    message
        What is wrong, with the name of the file or setting, as a full sentence.
    hint
        The next step, as a full sentence; empty when the message says it all. Options of the command line are named in
        brackets only, since a window has none.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    @property
    def plain(self) -> str:
        """All of it, as a window says it."""
        return without_options(str(self))


class SettingsError(UserError):
    """Values that cannot be used.

    Parameters
    ----------
    message, hint
        As of any `UserError`.
    fields
        What is wrong with each field, as the end of a sentence that begins with its name: "must be more than 0".
    """

    def __init__(self, message: str, hint: str = "", fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message, hint)
        self.fields = dict(fields or {})


def without_options(text: str, but: Collection[str] = ()) -> str:
    """A message without the options of the command line that it names in brackets.

    Parameters
    ----------
    text
        The message.
    but
        Options that stay; a window has none. Where there are some, commands with their own options stay, too.
    """

    def kept(found: re.Match[str]) -> str:
        if but and "napari-drpnet " in found[1]:
            return found[0]
        parts = [part for part in found[1].split(", ") if set(_OPTION.findall(part)) <= set(but)]
        return f" ({', '.join(parts)})" if any(map(_OPTION.search, parts)) else ""

    return _IN_BRACKETS.sub(kept, text)


def cut(text: str, longest: int) -> str:
    """A text of at most ``longest`` characters: of a longer one the beginning and the end."""
    half = (longest - 3) // 2
    return text if len(text) <= longest else f"{text[:half]}...{text[-half:]}"


def short(text: str, longest: int = 60) -> str:
    """What a file says, as a message repeats it: in quotes, on one line, and not all of what is long."""
    return cut(repr(text), longest)
