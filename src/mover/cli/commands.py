"""A command that takes a value, and has another beside it: `mover report 5`, and `mover report verify FILE`."""

from __future__ import annotations

from typing import Any, ClassVar

from typer.core import TyperGroup

_HELP = ("-h", "--help")


class RunOrCommand(TyperGroup):
    """What is no command of the group, nor a question for help, is the value of the one that is meant by default."""

    DEFAULT: ClassVar[str] = "run"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default command in front where no command is named."""
        if not args or (args[0] not in self.commands and args[0] not in _HELP):
            args = [self.DEFAULT, *args]
        return super().parse_args(ctx, args)
