"""Rich's console, for commands."""

from __future__ import annotations

from rich.console import Console


class CommandConsole(Console):
    """A console that leaves it to the command what becomes of it when nobody reads any more."""

    def on_broken_pipe(self) -> None:
        """Raise the BrokenPipeError on, where Rich would end the process with its move."""
        raise BrokenPipeError
