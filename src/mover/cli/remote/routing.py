"""Tells command lines that are for a server from those for this machine. Loads nothing, since every command passes here."""

from __future__ import annotations

from collections.abc import Sequence

COMMAND = "remote"
OPTIONS = frozenset({"--server", "--api-key", "--profile", "--ca-file"})


def for_a_server(arguments: Sequence[str]) -> Sequence[str] | None:
    """The arguments for the commands of a server; None if the command line is for this machine.

    `mover remote ...` is for the server of the profile in use; `mover --server URL ...` and `mover --profile NAME ...`
    are for the one that is named.
    """
    if not arguments:
        return None
    first = arguments[0]
    if first == COMMAND:
        return arguments[1:]
    return arguments if first.partition("=")[0] in OPTIONS else None
