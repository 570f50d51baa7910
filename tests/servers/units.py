"""Reads systemd's units, for tests that start what they describe without systemd."""

from __future__ import annotations

import functools
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.servers.processes import tool


@dataclass(frozen=True)
class Unit:
    """The `[Service]` of a unit: each setting with all its values, in their order."""

    name: str
    service: dict[str, tuple[str, ...]]

    def last(self, setting: str) -> str:
        """What a setting is in the end; empty if it is not set."""
        return self.service.get(setting, ("",))[-1]

    def is_on(self, setting: str) -> bool:
        """Whether a setting says yes."""
        return self.last(setting) in {"yes", "true", "1", "on"}

    def words(self, setting: str) -> tuple[str, ...]:
        """All words of all values."""
        return tuple(word for value in self.service.get(setting, ()) for word in shlex.split(value))


def read_unit(path: Path) -> Unit:
    """Read a unit. Raises ValueError: a line is none that belongs into one."""
    section, service = "", dict[str, list[str]]()
    for line in path.read_text().splitlines():
        text = line.strip()
        if not text or text.startswith(("#", ";")):
            continue
        if text.startswith("["):
            section = text
            continue
        name, separator, value = text.partition("=")
        if not separator:
            raise ValueError(f"{path.name}: {line!r} is no setting")
        if section == "[Service]":
            service.setdefault(name, []).append(value)
    return Unit(path.name, {name: tuple(values) for name, values in service.items()})


def allowed_calls(unit: Unit) -> frozenset[str]:
    """The system calls that `SystemCallFilter` leaves, which systemd adds a few to (systemd.exec(5))."""
    allowed: set[str] = set()
    for value in unit.service["SystemCallFilter"]:
        if value.startswith("~"):
            for word in value[1:].split():
                allowed -= calls_of(word)
        else:
            for word in value.split():
                allowed |= calls_of(word)
    always = {"execve", "exit", "exit_group", "getrlimit", "rt_sigreturn", "sigreturn", "getpgrp", "getpid"}
    return frozenset(allowed | always | calls_of("@default"))


@functools.cache
def calls_of(word: str) -> frozenset[str]:
    """The system calls of a group such as `@network-io`; a name stands for itself."""
    if not word.startswith("@"):
        return frozenset({word})
    command = [tool("systemd-analyze"), "syscall-filter", "--no-pager", word]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[1:]
    inside = [line.strip() for line in said if line.strip() and not line.strip().startswith("#")]
    return frozenset(call for each in inside for call in calls_of(each))
