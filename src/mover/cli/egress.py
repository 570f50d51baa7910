"""`mover egress allow-list`: writes down where the connections of this installation lead."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from mover.cli.codes import ALL_WELL
from mover.cli.faults import say
from mover.database.database import Database
from mover.destinations.formats import Format, written
from mover.destinations.in_use import in_use
from mover.errors import InvalidConfiguration
from mover.settings import Settings

_READABLE_BY_ALL = 0o644  # by the proxy's user; there is no secret in it


async def allow_list(form: str, output: Path | None, head: Path | None) -> int:
    """Write the list to standard output or to a file; returns the exit code.

    Raises InvalidConfiguration: a file cannot be read or written, or the settings are unusable.
    """
    settings = Settings()
    beginning = _read(head) if head is not None else ""
    # Only the database is opened: neither keys nor secrets are needed for this.
    database = await Database.open(settings.database_url, connections=settings.database_connections)
    try:
        found = await database.read(lambda transaction: in_use(transaction, settings))
    finally:
        await database.close()
    text = beginning + written(Format(form), found, _addresses)
    for sentence in found.left_out:
        say(f"left out: {sentence}", style="bold yellow")
    if output is None:
        sys.stdout.write(text)
    else:
        changed = _replace(output, text)
        say(f"{output} {'was written' if changed else 'is as it should be'}", style="dim")
    return ALL_WELL


def _addresses(name: str) -> list[str]:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return sorted({str(where[0]) for *_, where in found})


def _read(path: Path) -> str:
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfiguration(f"--head: {str(path)!r} cannot be read: {_why(error)}") from None
    return text if text.endswith("\n") or not text else text + "\n"


def _replace(path: Path, text: str) -> bool:
    """Put a text into a file in one step, so that whoever reads it finds the old or the new; tells whether it is another."""
    with suppress(OSError, UnicodeDecodeError):
        if path.read_text() == text:
            return False
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise InvalidConfiguration(f"--output: {str(path)!r} cannot be written: {_why(error)}") from None
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fchmod(descriptor, _READABLE_BY_ALL)
            os.fsync(descriptor)
        Path(temporary).replace(path)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise InvalidConfiguration(f"--output: {str(path)!r} cannot be written: {_why(error)}") from None
    return True


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or "it is no text"
