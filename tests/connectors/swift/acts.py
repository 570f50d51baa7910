"""Connectors to the real Swift and to scripted ones, and what tests do with them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from tests.connectors.s3.scripted import Reply, Request, ScriptedServer
from tests.contents import GivenContent, hashes_of
from tests.servers.openstack import SwiftServer

from mover.connectors.contract import SentPart, Target
from mover.connectors.swift.config import SwiftConfig
from mover.connectors.swift.connector import SwiftConnector
from mover.entries import Entry, EntryRef, HashName
from mover.settings import PrivateAddresses
from mover.transport.egress import Egress
from mover.vault.secret import Secret

MIB = 1024 * 1024
PASSWORD = "a-key-that-is-shown-to-nobody"


def values_of(server: SwiftServer) -> dict[str, Any]:
    """What is filled in for the real Swift."""
    return {
        "url": server.auth_url,
        "username": server.username,
        "password": Secret(server.password),
        "ca_file": server.ca_file,
    }


def made(values: Mapping[str, object], **how: Any) -> SwiftConnector:
    """Make a connector that may go to this machine."""
    egress = Egress(allowed=PrivateAddresses.parse("127.0.0.0/8"))
    return SwiftConnector(SwiftConfig.model_validate(values), egress, **how)


@contextlib.asynccontextmanager
async def connected(
    server: SwiftServer, *, how: Mapping[str, Any] | None = None, **values: object
) -> AsyncIterator[SwiftConnector]:
    """A signed-in connector to the real Swift; `how` goes to the connector, the rest to its configuration."""
    connector = made(values_of(server) | values, **(how or {}))
    try:
        await connector.sign_in()
        yield connector
    finally:
        await connector.close()


def signed_in(answer: Callable[[Request], Reply], *, info: bytes = b"") -> Callable[[Request], Reply]:
    """Answer the sign-in and `/info` as TempAuth and Swift do, and everything else as a test says."""

    def whole(request: Request) -> Reply:
        if request.path == "/auth/v1.0":
            host = request.headers["host"]
            headers = {"X-Auth-Token": "AUTH_tk1", "X-Storage-Url": f"http://{host}/v1/AUTH_a"}
            return Reply(200, headers=headers)
        if request.path == "/info":
            return Reply(200, info) if info else Reply(404)
        return answer(request)

    return whole


@contextlib.asynccontextmanager
async def scripted(
    answer: Callable[[Request], Reply] | Sequence[Reply],
    *,
    how: Mapping[str, Any] | None = None,
    **values: object,
) -> AsyncIterator[tuple[SwiftConnector, ScriptedServer]]:
    """A connector that is not signed in yet, and the server that it will meet."""
    async with ScriptedServer(answer).running() as server:
        given = {
            "url": f"{server.url}/auth/v1.0",
            "username": "a:b",
            "password": Secret(PASSWORD),
            "container": "c",
            "plain": True,
            **values,
        }
        connector = made({name: value for name, value in given.items() if value is not None}, **(how or {}))
        try:
            yield connector, server
        finally:
            await connector.close()


async def entries(connector: SwiftConnector, path: str = "/", cursor: str | None = None) -> dict[str, Entry]:
    """Entries of a folder by name; no name may come twice."""
    found: dict[str, Entry] = {}
    async with aclosing(connector.list_folder(EntryRef(path), cursor)) as pages:
        async for page in pages:
            for entry in page.entries:
                assert entry.name not in found
                found[entry.name] = entry
    return found


async def read(connector: SwiftConnector, path: str, **how: Any) -> bytes:
    """Read a file or a range."""
    async with aclosing(connector.read(EntryRef(path), **how)) as pieces:
        return b"".join([piece async for piece in pieces])


def content(data: bytes) -> GivenContent:
    """Content with the hash that the engine knows of it."""
    return GivenContent(data, hashes=hashes_of(data, {HashName.MD5}))


async def put(connector: SwiftConnector, path: str, data: bytes = b"", **target: Any) -> Entry:
    """Upload a whole file."""
    return await connector.upload(target_of(path, **target), content(data))


def target_of(
    path: str,
    *,
    replaces: Entry | None = None,
    modified_ns: int | None = None,
    media_type: str | None = None,
) -> Target:
    """A target at a path."""
    folder, _, name = path.rpartition("/")
    return Target(
        folder=EntryRef(folder or "/"),
        name=name,
        key="key-1",
        replaces=replaces,
        modified_ns=modified_ns,
        media_type=media_type,
    )


async def put_in_parts(
    connector: SwiftConnector, target: Target, parts: Sequence[bytes]
) -> tuple[str, list[SentPart], Entry]:
    """Upload a file in parts; return the token, the receipts and the entry."""
    uploads = connector.part_uploads
    assert uploads is not None
    token = await uploads.begin(target, sum(map(len, parts)), len(parts[0]))
    sent = [await uploads.send(token, number, 0, content(part)) for number, part in enumerate(parts, start=1)]
    return token, sent, await uploads.finish(token, target, sent, {})
