"""Where the files of one side are, however a person or the service named it."""

from __future__ import annotations

from dataclasses import dataclass

LOCAL_ACCOUNT = "file"
"""What the ledger knows this machine's own files by."""


@dataclass(frozen=True)
class LocalAddress:
    """A path on this machine: absolute, without symbolic links, names spelled as everywhere in Mover."""

    text: str
    path: str


@dataclass(frozen=True)
class ServiceAddress:
    """A path at a connection that is named, in canonical form."""

    text: str
    connection: str
    path: str


@dataclass(frozen=True)
class ConnectedPath:
    """A path at a connection that is known by its id: names may change."""

    connection_id: str
    path: str


Address = LocalAddress | ServiceAddress | ConnectedPath
