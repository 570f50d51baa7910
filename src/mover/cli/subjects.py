"""Which module has which command. Only the one that is named gets loaded: making all commands takes longer than most of them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

SUBJECTS: Mapping[str, tuple[str, ...]] = {
    "connection_commands": ("connect", "connections", "test", "disconnect", "ls"),
    "moving_commands": ("scan", "copy", "verify"),
    "report_commands": ("runs", "report"),
    "service_commands": ("serve", "api", "runner", "web", "remote", "profile"),
    "key_commands": ("keys",),
    "database_commands": ("db",),
    "people_commands": ("people",),
    "egress_commands": ("egress",),
    "audit_commands": ("audit",),
    "staff_commands": ("staff",),
    "legal_commands": ("legal",),
}
"""Modules of this package, each with an `add_to`, and what that adds, in the order of the help."""

_MODULES = {command: module for module, commands in SUBJECTS.items() for command in commands}


class CommandsBySubject(TyperGroup):
    """All of `SUBJECTS`: one of them if it is named, and all for the help, or where a name is not known."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - Typer's signature
        """Names of all commands."""
        for module in SUBJECTS:
            self._load(module)
        return list(_MODULES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name; None if there is none."""
        if cmd_name in _MODULES:
            self._load(_MODULES[cmd_name])
        else:
            self.list_commands(ctx)  # what it may have been meant to be is looked for among all
        return self.commands.get(cmd_name)

    def _load(self, module: str) -> None:
        if SUBJECTS[module][0] in self.commands:
            return
        app = typer.Typer(rich_markup_mode="rich", pretty_exceptions_enable=False)
        importlib.import_module(f"mover.cli.{module}").add_to(app)
        subject = get_command(app)
        assert isinstance(subject, TyperGroup)
        self.commands.update(subject.commands)
