"""Live events of runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from starlette.requests import Request
from tests.api.installation import Running

from mover.accounts.queries import sessions
from mover.api.events.hub import PER_SESSION, RunEvents
from mover.api.problems import HttpProblem
from mover.api.resources import events
from mover.migrations.records import PairRun
from mover.migrations.selection import Selection
from mover.migrations.work import Limits, Work


@pytest.fixture
async def hub(mover: Running) -> AsyncIterator[RunEvents]:
    made = RunEvents(mover.services.database, every_s=0.01)
    yield made
    await made.close()


async def _until(queue: asyncio.Queue, wanted: int) -> list[PairRun]:
    found: list[PairRun] = []
    async with asyncio.timeout(30):
        while len(found) < wanted:
            changed = await queue.get()
            assert changed is not None
            found += changed
    return found


async def _settled(hub: RunEvents) -> None:
    """Wait until the watcher has asked for the first time: what changed before is not told."""
    async with asyncio.timeout(30):
        while not hub.watching:  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0)


async def test_what_starts_and_what_is_taken_is_told(
    mover: Running, samples: dict[str, str], hub: RunEvents
) -> None:
    actor = mover.owner.session.signed_in.actor
    async with hub.listen(actor.organisation_id, "s") as queue:
        await _settled(hub)
        everything = Selection.matching(samples["migration_id"])
        await mover.services.runs.start(actor, everything)
        started = await _until(queue, 2)
        taken = await Work(mover.services.database).take("default", "a runner", Limits(free=5))
        changed = await _until(queue, len(taken))
        await mover.services.runs.cancel(actor, everything)
        wished = await _until(queue, 1)

    assert {run.state for run in started} == {"queued"}
    assert taken
    assert {run.id for run in taken} <= {run.id for run in changed}
    assert wished


async def test_what_began_and_ended_between_two_looks_is_told_too(
    mover: Running, samples: dict[str, str], hub: RunEvents
) -> None:
    actor = mover.owner.session.signed_in.actor
    async with hub.listen(actor.organisation_id, "s") as queue:
        await _settled(hub)
        everything = Selection.matching(samples["migration_id"])
        await mover.services.runs.start(actor, everything)
        await mover.services.runs.cancel(actor, everything)
        told: dict[int, PairRun] = {}
        async with asyncio.timeout(30):
            while len(told) < 3 or any(run.ended_ns is None for run in told.values()):
                told |= {run.id: run for run in await queue.get() or ()}

    assert {run.code for run in told.values()} == {230}


async def test_other_organisations_hear_nothing(
    mover: Running, samples: dict[str, str], hub: RunEvents
) -> None:
    actor = mover.owner.session.signed_in.actor
    there = mover.installation.stranger.organisation_id
    async with hub.listen(there, "s") as theirs, hub.listen(actor.organisation_id, "t") as ours:
        await _settled(hub)
        await mover.services.runs.start(actor, Selection.matching(samples["migration_id"]))
        await _until(ours, 2)

        assert theirs.empty()


async def test_a_session_has_few_streams(mover: Running, hub: RunEvents) -> None:
    organisation = mover.owner.organisation_id
    async with AsyncExitStack() as stack:
        for _ in range(PER_SESSION - 1):
            await stack.enter_async_context(hub.listen(organisation, "s"))
        async with hub.listen(organisation, "s"):
            with pytest.raises(HttpProblem) as raised:
                hub.check("s")
            hub.check("another")
        hub.check("s")

    assert raised.value.status_code == 429
    assert not hub.watching


@pytest.mark.usefixtures("samples")
async def test_a_browser_that_does_not_keep_up_is_let_go(mover: Running, hub: RunEvents) -> None:
    run = (await mover.services.runs.page(mover.owner.session.signed_in.actor)).items[0]
    async with hub.listen(run.organisation_id, "s") as queue:
        for _ in range(200):
            hub._tell(run.organisation_id, [run])
        last = [await queue.get() for _ in range(queue.qsize())][-1]

    assert last is None


async def test_the_stream_tells_runs_and_ends_with_the_session(
    mover: Running, samples: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_SILENCE_S", 0.02)
    monkeypatch.setattr(mover.services.events, "_every_s", 0.01)
    actor = mover.owner.session.signed_in.actor
    request = mover.client.build_request("GET", "/app/v1/runs/events", headers=mover.owner.cookie)
    seen: list[bytes] = []
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/app/v1/runs/events",
        "query_string": b"",
        "scheme": "https",
        "client": ("192.0.2.7", 1),
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
    }
    told = asyncio.Event()

    async def receive() -> dict:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict) -> None:
        seen.append(message.get("body", b"") or str(message.get("headers", "")).encode())
        if b"event: run" in seen[-1]:
            told.set()

    async with asyncio.timeout(60):
        answering = asyncio.create_task(mover.app(scope, receive, send))  # type: ignore[arg-type]  # messages are dictionaries
        while not mover.services.events.watching:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0)
        await mover.services.runs.start(actor, Selection.matching(samples["migration_id"]))
        await told.wait()
        await mover.services.sessions.end(mover.owner.session.signed_in)
        await answering

    text = b"".join(seen).decode()
    line = next(line for line in text.splitlines() if line.startswith("data: "))
    assert "text/event-stream" in text
    assert json.loads(line.removeprefix("data: "))["migration_id"] == samples["migration_id"]
    assert not mover.services.events.watching


async def test_a_mover_that_ends_ends_all_streams(mover: Running, hub: RunEvents) -> None:
    async with hub.listen(mover.owner.organisation_id, "s") as queue:
        await hub.close()

        assert await queue.get() is None
    with pytest.raises(HttpProblem):
        hub.check("s")


async def test_nothing_is_told_after_the_session_has_ended(
    mover: Running, samples: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even for the seconds until the stream would look by itself: it may have been somebody else's browser."""
    monkeypatch.setattr(mover.services.events, "_every_s", 0.01)
    signed_in = mover.owner.session.signed_in
    everything = Selection.matching(samples["migration_id"])
    request = Request({"type": "http", "headers": [(b"cookie", mover.owner.cookie["Cookie"].encode())]})
    stream = events._stream(signed_in.actor.organisation_id, signed_in.session.id, request, mover.services)
    async with asyncio.timeout(60):
        await anext(stream)  # how long the browser waits before it comes again
        first = asyncio.ensure_future(anext(stream))
        while not mover.services.events.watching:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0)
        await mover.services.runs.start(signed_in.actor, everything)
        assert b"event: run" in await first
        await mover.services.sessions.end(signed_in)
        await mover.services.runs.cancel(signed_in.actor, everything)
        rest = [piece async for piece in stream]

    assert not any(b'"code":230' in piece for piece in rest)


async def test_a_stream_is_no_use_of_a_session(mover: Running) -> None:
    """A page that is left open asks again and again; the session of whoever has gone has to end all the same."""
    services, owner = mover.services, mover.owner
    long_ago = int((services.now() - 3600) * 1e9)
    session_id = owner.session.signed_in.session.id
    await services.database.write(
        lambda transaction: sessions.change(transaction, session_id, last_seen_ns=long_ago)
    )

    async def last_seen_ns() -> int:
        return (await services.sessions.find(owner.session.token, used=False)).session.last_seen_ns

    request = mover.client.build_request("GET", "/app/v1/session", headers=owner.cookie)
    await events._still_allowed(Request({"type": "http", "headers": request.headers.raw}), services)
    stream = owner.cookie | {"Accept": "text/event-stream"}
    assert (await mover.client.get("/app/v1/session", headers=stream)).status_code == 200
    assert await last_seen_ns() == long_ago
    assert (await mover.client.get("/app/v1/session", headers=owner.cookie)).status_code == 200
    assert await last_seen_ns() > long_ago
