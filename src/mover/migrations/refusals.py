"""What people and API clients are told when something of a migration is not possible."""

from __future__ import annotations

from mover.accounts.refusals import NoSuchThing, NotAcceptable, NotPossible
from mover.errors import Conflict

__all__ = ["FilterMistake", "NoSuchThing", "NotAcceptable", "NotPossible", "Overtaken"]


class Overtaken(Conflict):
    """It was changed by somebody else since it was read (or a runner has lost the run that it reports about)."""

    advice = "Look at it again, then decide anew."


class FilterMistake(NotAcceptable):
    """The text of a filter box cannot be understood. `column` is where, counted from 1."""

    advice = "Correct the filter where the message points at. Text with blanks or signs is put into quotes."

    def __init__(self, message: str, column: int) -> None:
        super().__init__(f"{message} (at column {column})")
        self.column = column
