"""What the tests of the suite do again and again, in the words of the contract."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing

import pytest
from tests.contents import GivenContent
from tests.contract.services import Service

from mover.connectors.contract import Connector, PartUploads, Target, is_temporary_name
from mover.entries import Entry, EntryRef

_keys = itertools.count(1)
WAIT_S = 60


def need(met: bool, capability: str) -> None:  # noqa: FBT001 - reads as a sentence
    """Leave the test out for a service that does not claim to be able to do this."""
    if not met:
        pytest.skip(f"the service does not claim: {capability}")


def some_bytes(size: int, seed: int = 0) -> bytes:
    """Return bytes that look random and are the same each time."""
    return random.Random(seed).randbytes(size)


def target(
    folder: EntryRef, name: str, *, replaces: Entry | None = None, modified_ns: int | None = None
) -> Target:
    """Return a target with a key of its own."""
    return Target(
        folder=folder, name=name, key=f"contract-{next(_keys)}", replaces=replaces, modified_ns=modified_ns
    )


async def put(connector: Connector, folder: EntryRef, name: str, data: bytes = b"") -> Entry:
    """Create a file."""
    return await connector.upload(target(folder, name), GivenContent(data))


async def put_many(connector: Connector, folder: EntryRef, files: Mapping[str, bytes]) -> None:
    """Create many files, several at once."""
    limit = asyncio.Semaphore(connector.capabilities.concurrency[0])

    async def put_one(name: str, data: bytes) -> None:
        async with limit:
            await put(connector, folder, name, data)

    async with asyncio.TaskGroup() as group:
        for name, data in files.items():
            group.create_task(put_one(name, data))


async def read(
    connector: Connector,
    file: EntryRef,
    *,
    offset: int = 0,
    length: int | None = None,
    version: str | None = None,
) -> bytes:
    """Read a file or a part of it, as the engine does."""
    async with aclosing(connector.read(file, offset=offset, length=length, version=version)) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def listed(connector: Connector, folder: EntryRef) -> list[Entry]:
    """Return all entries of a folder."""
    async with aclosing(connector.list_folder(folder)) as pages:
        return [entry async for page in pages for entry in page.entries]


async def names(connector: Connector, folder: EntryRef) -> list[str]:
    """Return the names in a folder, sorted, without what uploads left behind for their repetition."""
    return sorted(
        entry.name for entry in await listed(connector, folder) if not is_temporary_name(entry.name)
    )


def ref_of(folder: EntryRef, entry: Entry) -> EntryRef:
    """Address an entry of a folder."""
    return folder.child(entry.name, entry.id)


def fill(service: Service, folder: EntryRef, files: Iterable[str]) -> bool:
    """Put empty files into a folder behind the service's back, which is quick; False if that is impossible."""
    if service.fill is not None:
        service.fill(folder.path, files)
        return True
    if service.disk is None:
        return False
    for name in files:
        service.put_on_disk(f"{folder.path}/{name}", b"")
    return True


def sized(connector: Connector, size: int) -> int | None:
    """Return what an entry should tell as its size."""
    return size if connector.capabilities.sizes else None


def need_folders_in_folders(connector: Connector, levels: int = 2) -> None:
    """Leave the test out for a service whose folders do not stand that deep; a test's own folder is the first level."""
    deepest = connector.capabilities.deepest_folder
    need(deepest is None or deepest >= levels, "folders in folders")


def part_uploads(connector: Connector) -> PartUploads:
    """Return the connector's uploads in parts."""
    found = connector.part_uploads
    need(found is not None, "uploads in parts")
    assert found is not None
    return found


def part_size(connector: Connector) -> int:
    """Return the least size of parts that the service takes, but not less than some pieces of a stream."""
    rules = connector.capabilities.parts
    assert rules is not None
    wanted = max(rules.smallest, min(300_000, rules.largest))
    return -(-wanted // rules.multiple) * rules.multiple


class StalledContent(GivenContent):
    """Content of which only the first piece comes; `reached` is set when the rest is waited for."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.reached = asyncio.Event()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        yield self.data[: len(self.data) // 2]
        self.reached.set()
        await asyncio.Event().wait()
