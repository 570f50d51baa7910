"""What the tests of SFTP have in common, apart from fixtures."""

from __future__ import annotations

import os
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.servers.ssh import SftpServer

from mover.connectors.contract import Target
from mover.connectors.sftp.connector import SftpConnector
from mover.entries import Entry, EntryRef, join_path


@dataclass(frozen=True)
class Place:
    """A folder for one test: as the connector names it, and on the server's disk."""

    ref: EntryRef
    disk: Path
    owner: int

    def write(self, name: str | bytes, content: bytes, *, mode: int = 0o644) -> Path:
        """Put a file there behind the server's back."""
        path = self.disk / os.fsdecode(name)
        path.write_bytes(content)
        path.chmod(mode)
        os.chown(path, self.owner, self.owner)
        return path

    def names(self) -> set[str]:
        """List what is there."""
        return {path.name for path in self.disk.iterdir()}


@dataclass
class Memory:
    """What connectors asked to be remembered."""

    values: dict[str, str] = field(default_factory=dict)

    async def __call__(self, key: str, value: str) -> None:
        self.values[key] = value


Connect = Callable[..., Awaitable[SftpConnector]]
Serve = Callable[..., Awaitable[SftpServer]]


def new_place(server: SftpServer) -> Place:
    """Make a folder that belongs to the server's user."""
    name = uuid.uuid4().hex
    disk = server.root / name
    disk.mkdir()
    os.chown(disk, server.owner, server.owner)
    return Place(EntryRef(join_path(server.path, name)), disk, server.owner)


def target(
    folder: EntryRef, name: str, *, replaces: Entry | None = None, modified_ns: int | None = None
) -> Target:
    """Where an upload of a test goes; its key depends on the name alone."""
    return Target(
        folder=folder, name=name, key=name.encode().hex()[:60], replaces=replaces, modified_ns=modified_ns
    )


async def contents(connector: SftpConnector, file: EntryRef, **how: Any) -> bytes:
    """Read a file."""
    return b"".join([piece async for piece in connector.read(file, **how)])


async def entries(connector: SftpConnector, folder: EntryRef) -> dict[str, Entry]:
    """List a folder."""
    return {entry.name: entry async for page in connector.list_folder(folder) for entry in page.entries}
