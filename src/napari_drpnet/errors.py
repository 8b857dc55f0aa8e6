"""The one exception for bad input: what is wrong, and what to do next; and how much of a file its message repeats."""


class UserError(Exception):
    """Input that the user can put right.

    Every front end shows it as one line (or one notification), never as a traceback.

    Parameters
    ----------
    message
        What is wrong, with the name of the file or setting, as a full sentence.
    hint
        The next step, as a full sentence; empty when the message says it all.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


def cut(text: str, longest: int) -> str:
    """A text of at most ``longest`` characters: of a longer one the beginning and the end."""
    half = (longest - 3) // 2
    return text if len(text) <= longest else f"{text[:half]}...{text[-half:]}"


def short(text: str, longest: int = 60) -> str:
    """What a file says, as a message repeats it: in quotes, on one line, and not all of what is long."""
    return cut(repr(text), longest)
