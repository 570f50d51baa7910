"""Connections are shared, and no number of them lets operations wait in a circle."""

from __future__ import annotations

import asyncio
import threading
from contextlib import AsyncExitStack

import pytest
from tests.connectors.ftp.scripted import Script, scripted

from mover.connectors.ftp.pool import Pool
from mover.errors import Canceled, Throttled
from mover.transport.curl import FtpWire
from mover.transport.ftp_link import FtpLink


def crowded(script: Script, allowed: int) -> None:
    """Let a server take no more connections than these."""
    script.greeting = ["220 Welcome"] * allowed + ["421 Too many connections"]


async def test_idle_connection_is_lent_again() -> None:
    async with scripted(signs_in=False) as (script, connector):
        pool = connector._pool
        for _ in range(3):
            async with pool.link() as link:
                assert link.wire.is_connected
    assert script.connections == 1


@pytest.mark.parametrize("is_read", [True, False])
async def test_neither_reads_nor_others_take_the_last_connection_of_a_crowded_server(is_read: bool) -> None:  # noqa: FBT001 - a parameter
    async with scripted(signs_in=False) as (script, connector), AsyncExitStack() as stack:
        crowded(script, 2)
        pool = connector._pool
        await stack.enter_async_context(pool.link(read=is_read))
        await stack.enter_async_context(pool.link(read=is_read))
        with pytest.raises(Throttled):  # so the limit is known
            await stack.enter_async_context(pool.link(read=is_read))
        await stack.pop_all().aclose()

        first = await stack.enter_async_context(pool.link(read=is_read))
        second = asyncio.create_task(stack.enter_async_context(pool.link(read=is_read)))
        async with pool.link(read=not is_read) as other:
            assert other is not first
            assert not second.done()
        second.cancel()
        await asyncio.wait([second])


async def test_limit_of_a_server_is_forgotten_after_a_while() -> None:
    now = [0.0]
    async with scripted(signs_in=False) as (script, connector), AsyncExitStack() as stack:
        crowded(script, 1)
        pool = Pool(connector._dial, clock=lambda: now[0])
        stack.push_async_callback(pool.close)
        await stack.enter_async_context(pool.link())
        with pytest.raises(Throttled):
            await stack.enter_async_context(pool.link())
        script.greeting = ["220 Welcome"]
        now[0] = 61.0
        link = await stack.enter_async_context(pool.link())
        assert isinstance(link, FtpLink)


async def test_one_who_waits_for_the_only_connection_soon_asks_the_server_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mover.connectors.ftp.pool._ALONE_S", 0.1)
    async with scripted(signs_in=False) as (script, connector), AsyncExitStack() as stack:
        crowded(script, 1)
        pool = connector._pool
        await stack.enter_async_context(pool.link(read=True))
        with pytest.raises(Throttled):  # the server still counts one that was dropped
            await stack.enter_async_context(pool.link())
        script.greeting = ["220 Welcome"]

        link = await stack.enter_async_context(pool.link())  # nobody gives one back

        assert link.wire.is_connected


async def test_closed_pool_lends_nothing() -> None:
    async with scripted(signs_in=False) as (_, connector):
        await connector.close()
        with pytest.raises(Canceled):
            async with connector._pool.link():
                pass


async def test_connection_whose_thread_has_not_let_go_is_lent_to_nobody() -> None:
    begun, release = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def work(_wire: FtpWire) -> None:
        loop.call_soon_threadsafe(begun.set)
        release.wait()

    async with scripted() as (_, connector), connector._pool.link() as link:
        busy = asyncio.create_task(link.run(work))
        await begun.wait()
        for _ in range(2):  # the second one while the first still waits for the thread
            busy.cancel()
            await asyncio.sleep(0)
        await asyncio.wait([busy])
        assert not link.is_usable
        release.set()
