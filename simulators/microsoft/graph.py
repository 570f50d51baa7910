"""One call of Graph: who asks, throttling, dispatch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from simulators.accounts import Token
from simulators.microsoft.addresses import Spot, drive_spot
from simulators.microsoft.batch import batch
from simulators.microsoft.calls import Answer, Call
from simulators.microsoft.changing import create_child, put_content, remove, update
from simulators.microsoft.contents import download, get_content
from simulators.microsoft.delta import get_delta
from simulators.microsoft.directory import directory_call, drive_json
from simulators.microsoft.errors import GraphError, invalid
from simulators.microsoft.items import chosen, get_children, get_item
from simulators.microsoft.sessions import commit_from_url, create_session, session_call
from simulators.microsoft.sharing import (
    change_permission,
    create_link,
    delete_permission,
    get_permissions,
    invite,
)
from simulators.microsoft.state import State
from simulators.microsoft.throttling import Throttle
from simulators.microsoft.versions import get_version_content, get_versions
from simulators.tally import Tally

_UNITS_OF_PERMISSIONS = 5
_UNITS_OF_MANY = 2


class Graph:
    """Answers graph.microsoft.com, and the hosts of contents."""

    def __init__(self, state: State, throttle: Throttle, tally: Tally) -> None:
        self._state = state
        self._throttle = throttle
        self._tally = tally

    async def answer(self, request: Request) -> Response:
        """Answer a request to Graph."""
        try:
            body = await request.body()
        except ClientDisconnect:
            return Response(status_code=499)
        try:
            call = self._call(request, body)
        except GraphError as error:
            return self._response(self._refusal(error), {})
        request.scope["operation"] = _operation(call)
        if call.path == "/$batch":
            try:
                return self._response(await batch(self._state, call, self._one), request.headers)
            except (GraphError, ValueError, KeyError, TypeError) as error:
                return self._response(self._refusal(error), request.headers)
        return self._response(await self._one(call), request.headers)

    def _call(self, request: Request, body: bytes) -> Call:
        _, version, path = (request.scope["path"] + "/").split("/", 2)
        if version not in {"v1.0", "beta"}:
            raise GraphError(400, "BadRequest", f"Invalid version: {version}")
        return Call(
            request.method,
            "/" + path.removesuffix("/"),
            dict(parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)),
            dict(request.headers),
            body,
            self._token(request.headers),
        )

    async def content(self, request: Request) -> Response:
        """Answer a request to a host of contents: upload URLs and downloads."""
        is_upload = request.url.path.endswith("/uploadSession")
        request.scope["operation"] = f"{request.method} uploadUrl" if is_upload else "download"
        try:
            told = self._throttle.spend(_UNITS_OF_MANY if is_upload else 1)
            answer = await session_call(self._state, request) if is_upload else download(self._state, request)
        except ClientDisconnect:
            return Response(status_code=499)
        except GraphError as error:
            self._count_early()
            return self._response(self._refusal(error), {})
        answer.headers.update(told)
        return self._response(answer, {})

    async def _one(self, call: Call) -> Answer:
        try:
            told = self._throttle.spend(_units(call))
            answer = self._dispatched(call)
        except (GraphError, ValueError, KeyError, TypeError, AttributeError) as error:
            self._count_early()
            return self._refusal(error)
        answer.headers.update(told)
        return answer

    def _count_early(self) -> None:
        self._tally.early = self._throttle.early

    def _dispatched(self, call: Call) -> Answer:
        spot = drive_spot(self._state, call)
        if spot is None:
            return directory_call(self._state, call)
        match spot.action:
            case (word, which, *rest):
                found = _OF_ONE.get((call.method, word, *rest))
                if found is not None:
                    return found(self._state, call, spot, which)
            case action:
                plain = _ACTIONS.get((call.method, *action))
                if plain is not None:
                    return plain(self._state, call, spot)
        raise GraphError(
            405, "methodNotAllowed", "Specified HTTP method is not allowed for the request target."
        )

    def _token(self, headers: Mapping[str, str]) -> Token:
        kind, _, value = headers.get("authorization", "").partition(" ")
        found = self._state.accounts.find(value) if kind.lower() == "bearer" else None
        if found is None:
            message = (
                "Access token is empty." if not value else "Lifetime validation failed, the token is expired."
            )
            raise GraphError(
                401,
                "InvalidAuthenticationToken",
                message,
                headers={"WWW-Authenticate": 'Bearer realm="", error="invalid_token"'},
            )
        return found

    def _refusal(self, error: Exception) -> Answer:
        if not isinstance(error, GraphError):
            error = invalid(f"The request is malformed: {error}")
        return error.answer(self._state.clock.now_s(), self._state.ids.guid())

    def _response(self, answer: Answer, headers: Mapping[str, str]) -> Response:
        told = {
            "request-id": self._state.ids.guid(),
            "client-request-id": headers.get("client-request-id", ""),
            **answer.headers,
        }
        if answer.stream is not None:
            return StreamingResponse(answer.stream, answer.status, told)
        if answer.body is None:
            return Response(status_code=answer.status, headers=told)
        content = msgspec.json.encode(answer.body)
        return Response(content, answer.status, {"Content-Type": "application/json; charset=utf-8"} | told)


_ACTIONS: Mapping[tuple[str, ...], Callable[[State, Call, Spot], Answer]] = {
    ("GET", "drive"): lambda state, call, spot: Answer(
        200, chosen(drive_json(state, spot.library), call.query)
    ),
    ("GET",): get_item,
    ("GET", "children"): get_children,
    ("GET", "content"): get_content,
    ("GET", "delta"): get_delta,
    ("GET", "permissions"): get_permissions,
    ("GET", "versions"): get_versions,
    ("POST", "children"): create_child,
    ("POST", "createUploadSession"): create_session,
    ("POST", "invite"): invite,
    ("POST", "createLink"): create_link,
    ("PUT", "content"): put_content,
    ("PUT",): commit_from_url,
    ("PATCH",): update,
    ("DELETE",): remove,
}
_OF_ONE: Mapping[tuple[str, ...], Callable[[State, Call, Spot, str], Answer]] = {
    ("GET", "versions", "content"): get_version_content,
    ("PATCH", "permissions"): change_permission,
    ("DELETE", "permissions"): delete_permission,
}


def _units(call: Call) -> int:
    if "/permissions" in call.path or call.path.endswith(("/invite", "/createLink")):
        return _UNITS_OF_PERMISSIONS
    if call.method != "GET" or call.path.endswith("/children") or call.path in {"/users", "/sites"}:
        return _UNITS_OF_MANY
    if "/delta" in call.path and "token" not in call.query and "token=" not in call.path:
        return _UNITS_OF_MANY
    return 1


def _operation(call: Call) -> str:
    """Name a call for the tally: its method and what is asked of an item, a drive, the directory."""
    head, colon, rest = call.path.partition(":")
    segments = [part for part in (rest.partition(":")[2] if colon else head).split("/") if part]
    match segments:
        case ["drives", _] | ["me", "drive"] | ["users", _, "drive"]:
            word = "drive"
        case ["sites", word] if word.startswith(("getAllSites", "microsoft.graph.getAllSites")):
            word = "getAllSites"
        case [] | [*_, "root"] | [*_, "items", _] | ["users" | "sites", _]:
            word = "item"
        case [*_, "permissions" | "versions" as word, _]:
            pass
        case _:
            word = segments[-1].removeprefix("microsoft.graph.").partition("(")[0]
    return f"{call.method} {word}"
