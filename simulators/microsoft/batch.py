"""Many calls in one ("Combine multiple HTTP requests using JSON batching"): up to 20, each with its own outcome."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec

from simulators.microsoft.calls import Answer, Call
from simulators.microsoft.errors import GraphError
from simulators.microsoft.state import State
from simulators.microsoft.throttling import throttled

_MOST = 20


async def batch(state: State, call: Call, answered: Callable[[Call], Awaitable[Answer]]) -> Answer:
    """Answer each; the answers stand in any order."""
    asked = call.json().get("requests")
    if not isinstance(asked, list) or not asked or len(asked) > _MOST:
        raise GraphError(400, "BadRequest", f"Number of batch request steps must be between 1 and {_MOST}.")
    ids = [str(one.get("id", "")) for one in asked]
    if len(set(ids)) != len(ids) or "" in ids:
        raise GraphError(400, "BadRequest", "Request Id has to be unique in a batch.")
    responses = [await _one(state, call, one, answered) for one in asked]
    return Answer(200, {"responses": responses[::-1]})


async def _one(
    state: State, call: Call, asked: dict[str, Any], answered: Callable[[Call], Awaitable[Answer]]
) -> dict[str, Any]:
    path, _, query = str(asked["url"]).partition("?")
    headers = {str(name).lower(): str(value) for name, value in (asked.get("headers") or {}).items()}
    body = asked.get("body")
    inner = Call(
        str(asked["method"]).upper(),
        "/" + unquote(path).lstrip("/"),
        dict(parse_qsl(query, keep_blank_values=True)),
        headers,
        msgspec.json.encode(body) if body is not None else b"",
        call.token,
    )
    if state.faults.take("throttle in batch"):
        answer = throttled(3).answer(state.clock.now_s(), state.ids.guid())
    else:
        answer = await answered(inner)
    told: dict[str, Any] = {"id": str(asked["id"]), "status": answer.status, "headers": answer.headers}
    if answer.body is not None:
        told["headers"] = {**answer.headers, "Content-Type": "application/json"}
        told["body"] = answer.body
    return told
