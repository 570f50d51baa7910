"""Tells command lines that are for a server from those for this machine. Loads nothing, since every command passes here."""

from __future__ import annotations

from collections.abc import Sequence

OPTIONS = frozenset({"--server", "--api-key", "--profile", "--ca-file"})


def is_for_a_server(arguments: Sequence[str]) -> bool:
    """Tell whether a server is named before the command: `mover --server URL ...`, `mover --profile NAME ...`."""
    return bool(arguments) and arguments[0].partition("=")[0] in OPTIONS
