"""Both sides of a run are signed in to at the same time, and closed whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
from tests.memory.service import MemoryService

from mover.connections.records import Connection
from mover.connectors.contract import Account, Connector
from mover.errors import SignInFailed
from mover.workplace.addresses import ServiceAddress
from mover.workplace.pacers import Pacers
from mover.workplace.sides import open_sides
from mover.workplace.workplace import Workplace


class Accounts:
    """Two accounts, `old` and `new`; each is signed in to only when the other is being signed in to as well."""

    def __init__(self, **refused: str) -> None:
        self.refused = refused
        self.services = {"old": MemoryService(), "new": MemoryService()}
        self.connectors: dict[str, Connector] = {}
        self.closed: list[str] = []
        self.both_wait = asyncio.Event()
        self.is_waiting = asyncio.Event()

    async def get(self, name: str) -> Connection:
        return Connection(id=name, person="p", name=name, service="memory", config={}, created_ns=0)

    async def sign_in_to(
        self, connection: Connection, *, made: Callable[[], object]
    ) -> tuple[Connector, Account]:
        connector: Any = self.services[connection.name].connector()
        close = connector.close

        async def closed() -> None:
            self.closed.append(connection.name)
            await close()

        connector.close = closed
        self.connectors[connection.name] = connector
        made()
        if self.connectors.keys() == {"old", "new"}:
            self.both_wait.set()
        if len(self.connectors) == len(self.services):
            self.is_waiting.set()
        await self.is_waiting.wait()
        if connection.name in self.refused:
            await closed()
            raise SignInFailed(self.refused[connection.name])
        return connector, await connector.sign_in()

    @property
    def place(self) -> Workplace:
        return cast("Workplace", _Place(self))


class _Place:
    def __init__(self, connections: Accounts) -> None:
        self.connections = connections
        self.pacers = Pacers()
        self.wrap = lambda connector: connector


OLD, NEW = ServiceAddress("old:/", "old", "/"), ServiceAddress("new:/", "new", "/")


async def test_both_sides_are_signed_in_to_at_once_and_something_is_done_meanwhile() -> None:
    accounts, done = Accounts(), []
    async with asyncio.timeout(30):
        async with open_sides(accounts.place, OLD, NEW, meanwhile=lambda: done.append(True)) as sides:
            assert done == [True]
            assert sides.destination is not None
            assert (sides.source.account, sides.destination.account) == ("old", "new")
            assert accounts.closed == []
    assert sorted(accounts.closed) == ["new", "old"]


async def test_the_source_s_trouble_is_told_first_and_the_other_side_is_closed() -> None:
    accounts = Accounts(old="the source refuses", new="the destination refuses")
    async with asyncio.timeout(30):
        with pytest.raises(SignInFailed, match="the source refuses"):
            async with open_sides(accounts.place, OLD, NEW):
                pass
    assert sorted(accounts.closed) == ["new", "old"]


async def test_a_destination_that_refuses_leaves_nothing_open() -> None:
    accounts = Accounts(new="the destination refuses")
    async with asyncio.timeout(30):
        with pytest.raises(SignInFailed, match="the destination refuses"):
            async with open_sides(accounts.place, OLD, NEW):
                pass
    assert sorted(accounts.closed) == ["new", "old"]


async def test_being_cancelled_while_signing_in_leaves_no_attempt_behind() -> None:
    accounts = Accounts()
    accounts.services["third"] = MemoryService()  # never signed in to, so that the others wait for ever

    async def attempt() -> None:
        async with open_sides(accounts.place, OLD, NEW):
            pass

    attempting = asyncio.create_task(attempt())
    await accounts.both_wait.wait()
    attempting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempting
    assert asyncio.all_tasks() == {asyncio.current_task()}
