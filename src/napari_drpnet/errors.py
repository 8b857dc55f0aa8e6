"""The one exception for bad input: what is wrong, and what to do next."""


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
