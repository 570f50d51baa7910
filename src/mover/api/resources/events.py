"""Live events of runs, for the pages (server-sent events, HTML standard section 9.2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import StreamingResponse

from mover.accounts.actor import Permission
from mover.api.calls import Calling
from mover.api.cookies import session_token
from mover.api.events.hub import Changes, Queue
from mover.api.operations import SESSIONS_ONLY, Resource
from mover.api.resources.runs import Run
from mover.api.services import Services
from mover.errors import MoverError

resource = Resource("Events", "What changes while people look.")

_SILENCE_S = 15.0
_ALIVE = b": still there\n\n"
_RETRY = b"retry: 3000\n\n"


@resource.get(
    "/runs/events",
    Permission.READ,
    audiences=SESSIONS_ONLY,
    media_types=("text/event-stream",),
    problems=(429,),
)
async def watch_runs(call: Calling) -> StreamingResponse:
    """Tell of runs that change, as they do: events `run`, whose data is a run. It ends with the session."""
    session_id = call.signed_in.session.id
    call.services.events.check(session_id)
    return StreamingResponse(
        _stream(call.actor.organisation_id, session_id, call.request, call.services),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def _stream(
    organisation_id: str, session_id: str, request: Request, services: Services
) -> AsyncIterator[bytes]:
    # Only here: a stream that nobody begins to read would never end to listen.
    async with services.events.listen(organisation_id, session_id) as queue:
        yield _RETRY
        while True:
            changed = await _next(queue)
            if changed is None:
                return
            # Each time: what changes comes at most once a second, and nothing is told to who was signed out a moment ago.
            if not await _still_allowed(request, services):
                return
            if not changed:
                yield _ALIVE
            for run in changed:
                yield b"event: run\ndata: " + Run.of(run).model_dump_json().encode() + b"\n\n"


async def _next(queue: Queue) -> Changes | None:
    """What changed next; nothing after some seconds of silence, None when it is over."""
    try:
        async with asyncio.timeout(_SILENCE_S):
            return await queue.get()
    except TimeoutError:
        return ()


async def _still_allowed(request: Request, services: Services) -> bool:
    token = session_token(request)
    if token is None:
        return False
    try:
        signed_in = await services.sessions.find(token, used=False)
    except MoverError:
        return False
    return signed_in.requirement is None and signed_in.actor.may(Permission.READ)
