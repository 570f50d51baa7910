"""Where the files of one side are, however a person or the service named it."""

from __future__ import annotations

import msgspec

LOCAL_ACCOUNT = "file"
"""What the ledger knows this machine's own files by."""


class LocalAddress(msgspec.Struct, frozen=True):
    """A path on this machine: absolute, without symbolic links, names spelled as everywhere in Mover."""

    text: str
    path: str


class ServiceAddress(msgspec.Struct, frozen=True):
    """A path at a connection that is named, in canonical form."""

    text: str
    connection: str
    path: str


class ConnectedPath(msgspec.Struct, frozen=True):
    """A path at a connection that is known by its id: names may change."""

    connection_id: str
    path: str


Address = LocalAddress | ServiceAddress | ConnectedPath
