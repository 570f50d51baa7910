"""Connectors to the simulated Dropbox, and what tests do with them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

from simulators.accounts import Person
from simulators.front import RunningFront
from tests.contents import GivenContent, hashes_of
from tests.servers.simulators import dropbox_of, simulators_egress

from mover.connectors.contract import Change, Connector, SentPart, Target
from mover.connectors.dropbox.config import DropboxBusinessConfig, DropboxConfig
from mover.connectors.dropbox.connector import DropboxBusinessConnector, DropboxConnector
from mover.connectors.registry import Surroundings
from mover.entries import Entry, EntryRef, HashName
from mover.transport.oauth.description import AppRegistration
from mover.vault.secret import Secret

MIB = 1024 * 1024
_keys = itertools.count(1)


async def _forget(_key: str, _value: str) -> None:
    pass


def surroundings(front: RunningFront) -> Surroundings:
    """Return the surroundings of a connector to the simulators, registered as the test's app."""
    return Surroundings(
        egress=simulators_egress(front),
        remember=_forget,
        apps={"dropbox": AppRegistration(client_id="test-app", client_secret=Secret("test-secret"))},
    )


@asynccontextmanager
async def account(
    front: RunningFront, person: Person, *, token: str | None = None, page: int = 1000, **values: Any
) -> AsyncIterator[DropboxConnector]:
    """Return a signed-in connector to one account."""
    given = {"access_token": Secret(token or dropbox_of(front).token_of(person)), **values}
    made = DropboxConnector(
        DropboxConfig.model_validate(given), surroundings(front), page=page, now=dropbox_of(front).clock.now_s
    )
    try:
        await made.sign_in()
        yield made
    finally:
        await made.close()


@asynccontextmanager
async def team(front: RunningFront, admin: Person, **values: Any) -> AsyncIterator[DropboxBusinessConnector]:
    """Return a signed-in connector to the team."""
    given = {"access_token": Secret(dropbox_of(front).team_token(admin)), **values}
    made = DropboxBusinessConnector(DropboxBusinessConfig.model_validate(given), surroundings(front))
    try:
        await made.sign_in()
        yield made
    finally:
        await made.close()


def content(data: bytes) -> GivenContent:
    """Return content with the hash that Dropbox knows."""
    return GivenContent(data, hashes=hashes_of(data, {HashName.DROPBOX}))


def target(
    folder: EntryRef, name: str, *, replaces: Entry | None = None, modified_ns: int | None = None
) -> Target:
    """Return a target with a key of its own."""
    return Target(
        folder=folder, name=name, key=f"dropbox-{next(_keys)}", replaces=replaces, modified_ns=modified_ns
    )


async def put(connector: Connector, folder: EntryRef, name: str, data: bytes = b"") -> EntryRef:
    """Create a file."""
    entry = await connector.upload(target(folder, name), content(data))
    return folder.child(entry.name, entry.id)


async def put_many(connector: Connector, folder: EntryRef, files: Mapping[str, bytes]) -> None:
    """Create files, all at once."""
    await asyncio.gather(*(put(connector, folder, name, data) for name, data in files.items()))


async def make_folder(connector: Connector, parent: EntryRef, name: str) -> EntryRef:
    """Create a folder."""
    entry = await connector.create_folder(parent, name)
    return parent.child(entry.name, entry.id)


async def put_in_parts(
    connector: Connector, place: Target, data: bytes, *, part_size: int = 4 * MIB
) -> Entry:
    """Create a file of parts, all sent at once."""
    uploads = connector.part_uploads
    assert uploads is not None
    token = await uploads.begin(place, len(data), part_size)
    sent: Sequence[SentPart] = await asyncio.gather(
        *(
            uploads.send(token, number + 1, offset, content(data[offset : offset + part_size]))
            for number, offset in enumerate(range(0, len(data), part_size))
        )
    )
    return await uploads.finish(token, place, sent, hashes_of(data, {HashName.DROPBOX}))


async def read(
    connector: Connector,
    file: EntryRef,
    *,
    offset: int = 0,
    length: int | None = None,
    version: str | None = None,
) -> bytes:
    """Read a file or a part of it."""
    async with aclosing(connector.read(file, offset=offset, length=length, version=version)) as pieces:
        return b"".join([piece async for piece in pieces])


async def listed(connector: Connector, folder: EntryRef) -> dict[str, Entry]:
    """Return what stands in a folder, by name."""
    async with aclosing(connector.list_folder(folder)) as pages:
        return {entry.name: entry async for page in pages for entry in page.entries}


async def changes_since(connector: Connector, cursor: str) -> tuple[list[Change], str]:
    """Return all that changed, and the cursor after it."""
    assert connector.changes is not None
    found: list[Change] = []
    async with aclosing(connector.changes.since(cursor)) as rounds:
        async for some, after in rounds:
            found += some
            cursor = after
    return found, cursor


def calls_of(front: RunningFront) -> dict[str, int]:
    """Return how often each route was called since this was asked last: counted when an answer has been sent."""

    def counted() -> dict[str, int]:
        tally = dropbox_of(front).tally
        found = dict(tally.calls)
        tally.clear()
        return found

    return front.inside(counted)
