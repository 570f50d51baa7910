"""One request to Dropbox: in whose name, from which root, in one of the API's three styles."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from mover.connectors.dropbox.faults import Fault
from mover.errors import MoverError, ProtocolViolation, Throttled, TokenRenewed
from mover.transport.http import HttpResponse, HttpSession
from mover.transport.oauth.tokens import Tokens
from mover.transport.unreadable import UNREADABLE

API = "https://api.dropboxapi.com/2/"
CONTENT = "https://content.dropboxapi.com/2/"
HOSTS = ("api.dropboxapi.com", "content.dropboxapi.com")
"""Where its connections lead."""

_ANSWER_LIMIT = 32 * 1024 * 1024
_FAULT_LIMIT = 256 * 1024
_FIRST_NO_SUCCESS = 300

T = TypeVar("T")


@dataclass(frozen=True)
class Who:
    """In whose name a call is made, and where its paths begin.

    Attributes:
        member: Team member id, for calls in that member's name by the app of a team.
        admin: Team member id of the administrator, for calls on what belongs to the team.
        namespace: Id of the namespace that paths begin in; None: the person's own folder.
        is_root: That namespace is the root of the person's team space, and the service is to say so if it is no longer.
    """

    member: str | None = None
    admin: str | None = None
    namespace: str | None = None
    is_root: bool = False

    @property
    def person(self) -> str | None:
        """Whose calls these are to the service, which limits each person's."""
        return self.member or self.admin

    @property
    def headers(self) -> dict[str, str]:
        """What says so."""
        headers = {}
        if self.member is not None:
            headers["Dropbox-API-Select-User"] = self.member
        if self.admin is not None:
            headers["Dropbox-API-Select-Admin"] = self.admin
        if self.namespace is not None:
            tag = "root" if self.is_root else "namespace_id"
            headers["Dropbox-API-Path-Root"] = json.dumps({".tag": tag, tag: self.namespace})
        return headers


MYSELF = Who()


@dataclass(frozen=True, kw_only=True)
class Purpose:
    """What a call is for, in errors, and in whose name.

    Attributes:
        who: In whose name.
        operation: As the contract calls it.
        path: As a person names the entry.
    """

    who: Who = MYSELF
    operation: str
    path: str


Body = bytes | Callable[[], AsyncIterator[bytes]]


class Caller:
    """Sends calls.

    Operations of several calls go on while the account is told to pause by the answer to another one. A call that would come
    too early is not sent: it raises Throttled with what is left of the pause.

    Args:
        http: The connections.
        tokens: Of the account or the team.
        service: The connector's name, for errors.
        now: Seconds since 1970.
    """

    def __init__(
        self, http: HttpSession, tokens: Tokens, service: str, *, now: Callable[[], float] = time.time
    ) -> None:
        self.http = http
        self.service = service
        self.now = now
        self._tokens = tokens
        self._not_before_s: dict[str | None, float] = {}

    async def rpc(self, purpose: Purpose, route: str, arg: Mapping[str, Any] | None, kind: type[T]) -> T:
        """Make a call of the style RPC. Raises what a refusal means."""
        answer = await self.try_rpc(purpose, route, arg, kind)
        if isinstance(answer, Fault):
            raise self.error(purpose, answer)
        return answer

    async def try_rpc(
        self, purpose: Purpose, route: str, arg: Mapping[str, Any] | None, kind: type[T]
    ) -> T | Fault:
        """Likewise; a refusal by the route itself (409) is returned. Raises what any other refusal means."""
        headers = {"Content-Type": "application/json"}
        body = msgspec.json.encode(arg)
        async with self._exchange(purpose, API + route, headers, body, None) as answer:
            return await self._read(purpose, answer, kind)

    async def try_upload(
        self,
        purpose: Purpose,
        route: str,
        arg: Mapping[str, Any],
        body: Body,
        size: int,
        kind: type[T],
        *,
        repeatable: bool = True,
    ) -> T | Fault:
        """Make a call of the style upload; a refusal by the route itself (409) is returned."""
        headers = {"Content-Type": "application/octet-stream", "Dropbox-API-Arg": json.dumps(arg)}
        exchange = self._exchange(purpose, CONTENT + route, headers, body, size, repeatable=repeatable)
        async with exchange as answer:
            return await self._read(purpose, answer, kind)

    @asynccontextmanager
    async def download(
        self, purpose: Purpose, route: str, arg: Mapping[str, Any], *, byte_range: str | None = None
    ) -> AsyncGenerator[HttpResponse | Fault, None]:
        """Make a call of the style download, for the length of an `async with`; any refusal is given."""
        headers = {"Dropbox-API-Arg": json.dumps(arg)}
        if byte_range is not None:
            headers["Range"] = byte_range
        async with self._exchange(purpose, CONTENT + route, headers, None, None) as answer:
            yield answer

    def result(self, purpose: Purpose, answer: HttpResponse, kind: type[T]) -> T:
        """Read what a download tells of itself in a header. Raises ProtocolViolation."""
        return self._decoded(purpose, answer.headers.get("dropbox-api-result", "").encode(), kind)

    def error(self, purpose: Purpose, fault: Fault) -> MoverError:
        """Return what a refusal of a call for that purpose means."""
        return fault.error(service=self.service, operation=purpose.operation, path=purpose.path)

    async def _read(self, purpose: Purpose, answer: HttpResponse | Fault, kind: type[T]) -> T | Fault:
        if isinstance(answer, Fault):
            if answer.status == 409:  # noqa: PLR2004 - HTTP statuses are best known as numbers
                return answer
            raise self.error(purpose, answer)
        return self._decoded(purpose, await answer.read(_ANSWER_LIMIT), kind)

    def _decoded(self, purpose: Purpose, body: bytes, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(body, type=kind)
        except UNREADABLE as error:
            raise self.strange(purpose, "Dropbox did not answer as its API is described") from error

    def strange(self, purpose: Purpose, message: str) -> ProtocolViolation:
        """Return the error for an answer that the API does not have."""
        return ProtocolViolation(
            message, service=self.service, operation=purpose.operation, path=purpose.path
        )

    def _check_pause(self, purpose: Purpose) -> None:
        """Raise Throttled while Dropbox wants to be left alone by that person's calls."""
        left_s = self._not_before_s.get(purpose.who.person, 0.0) - self.now()
        if left_s > 0:
            raise Throttled(
                "Dropbox asked for a pause that is not over yet",
                retry_after_s=left_s,
                service=self.service,
                operation=purpose.operation,
                path=purpose.path,
            )
        self._not_before_s.pop(purpose.who.person, None)

    @asynccontextmanager
    async def _exchange(
        self,
        purpose: Purpose,
        url: str,
        headers: dict[str, str],
        body: Body | None,
        size: int | None,
        *,
        repeatable: bool = True,
    ) -> AsyncGenerator[HttpResponse | Fault, None]:
        """Send a call, once more where the service refused its token as worthless.

        Dropbox says by its 401 whether that is the reason; a suspended person or a missing permission costs no new token.
        Raises TokenRenewed where the body is used up.
        """
        self._check_pause(purpose)
        headers |= purpose.who.headers
        for is_last in (False, True):
            token = await self._tokens.access()
            shown = {**headers, "Authorization": f"Bearer {token.reveal()}"}
            sent = body() if callable(body) else body
            async with self.http.request(
                "POST",
                url,
                headers=shown,
                body=b"" if sent is None else sent,
                size=None if isinstance(sent, bytes) else size,
                operation=purpose.operation,
                path=purpose.path,
            ) as answer:
                if answer.status < _FIRST_NO_SUCCESS:
                    yield answer
                    return
                fault = Fault.read(
                    answer.status, answer.headers, await answer.read(_FAULT_LIMIT), now=self.now
                )
            if fault.retry_after_s is not None:
                self._not_before_s[purpose.who.person] = self.now() + fault.retry_after_s
            if not fault.is_stale_token or is_last:
                yield fault
                return
            await self._tokens.refused(token)
            if not repeatable:
                raise TokenRenewed(
                    "the access token ended when the upload began; it was renewed",
                    service=self.service,
                    operation=purpose.operation,
                    path=purpose.path,
                )
