"""Box's calls, one method each. Source: Box Platform API 2024.0."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from mover.connectors.box.addresses import API, FOLDER, UPLOAD, WORDS, number
from mover.connectors.box.answers import (
    FIELDS,
    Collaboration,
    Collaborations,
    Events,
    Groups,
    Item,
    Items,
    User,
    Users,
    Versions,
)
from mover.connectors.box.faults import Fault, fault_in
from mover.errors import MoverError, PermissionDenied, ProtocolViolation, SignInFailed, Throttled
from mover.transport.http import HttpResponse
from mover.transport.oauth.bearer import BearerSession
from mover.transport.unreadable import UNREADABLE

T = TypeVar("T")

LISTED = 1000
"""Most entries of a page."""

_EVENTS = 500
_ME = "id,login,name,status,enterprise,space_amount,space_used,max_upload_size"
_USER = "id,login,name,status"
_JSON = {"Content-Type": "application/json"}
_LONGEST_ANSWER = 32 * 1024 * 1024  # a page of a thousand entries is about 1 MiB
_NO_HEADERS: Mapping[str, str] = {}


class Doing(msgspec.Struct, frozen=True, kw_only=True):
    """In whose name a call is made, and what for.

    Attributes:
        user: Box's id of the user, where an administrator acts for others; None: the account itself.
        operation: For errors, as is `path`.
        path: See `operation`.
    """

    user: str | None = None
    operation: str
    path: str


class FaultError(Exception):
    """An answer that is no success; callers look at its code before it becomes one of `mover.errors`."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.code)
        self.fault = fault


class BoxApi:
    """The calls of one account.

    Args:
        session: Shows the token.
        service: The connector's name, for errors.
        explain: Says more of a user in whose name something was refused.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        session: BearerSession,
        service: str,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.session = session
        self.service = service
        self.now = now
        self.explain: Callable[[str, MoverError], Awaitable[MoverError]] | None = None
        self._not_before_s: dict[str | None, float] = {}

    def pause(self, user: str | None, seconds: float) -> None:
        """Send nothing in a user's name for so long: Box wishes so, in an answer that perhaps nobody waits for."""
        self._not_before_s[user] = self.now() + seconds

    def _check_pause(self, doing: Doing) -> None:
        """Raise Throttled while Box wants to be left alone by that user's calls."""
        left_s = self._not_before_s.get(doing.user, 0.0) - self.now()
        if left_s > 0:
            raise Throttled(
                "Box asked for a pause that is not over yet",
                retry_after_s=left_s,
                service=self.service,
                operation=doing.operation,
                path=doing.path,
            )
        self._not_before_s.pop(doing.user, None)

    async def refusal(self, fault: Fault, doing: Doing) -> MoverError:
        """Return what a refusal means."""
        error = fault.error(service=self.service, operation=doing.operation, path=doing.path, now=self.now)
        if (
            doing.user is not None
            and self.explain is not None
            and isinstance(error, PermissionDenied | SignInFailed)
        ):
            return await self.explain(doing.user, error)
        return error

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        doing: Doing,
        *,
        headers: Mapping[str, str] = _NO_HEADERS,
        body: bytes | AsyncIterator[bytes] | None = None,
        size: int | None = None,
    ) -> AsyncGenerator[HttpResponse, None]:
        """Send a call, and give whatever is answered. Raises Throttled while a pause is to be kept."""
        self._check_pause(doing)
        named = {"As-User": number(doing.user)} if doing.user is not None else {}
        async with self.session.request(
            method,
            url,
            headers={**headers, **named},
            body=body,
            size=size,
            operation=doing.operation,
            path=doing.path,
        ) as answer:
            yield answer

    async def call(
        self,
        method: str,
        url: str,
        doing: Doing,
        kind: type[T],
        *,
        asked: object | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> T:
        """Send a call with JSON and read its answer. Raises FaultError."""
        body = None if asked is None else msgspec.json.encode(asked)
        sent = {**headers, **(_JSON if body is not None else {})}
        async with self.request(method, url, doing, headers=sent, body=body) as answer:
            if (fault := await fault_in(answer)) is not None:
                raise FaultError(fault)
            return self.read(await answer.read(_LONGEST_ANSWER), kind, doing)

    async def done(self, method: str, url: str, doing: Doing, kind: type[T], **how: Any) -> T:
        """As `call`, with refusals as errors."""
        try:
            return await self.call(method, url, doing, kind, **how)
        except FaultError as error:
            raise await self.refusal(error.fault, doing) from None

    def read(self, body: bytes, kind: type[T], doing: Doing) -> T:
        """Read an answer. Raises ProtocolViolation."""
        if kind is type(None):
            return None  # an answer without a body
        try:
            return msgspec.json.decode(body, type=kind)
        except UNREADABLE:
            raise ProtocolViolation(
                "the service's answer cannot be read",
                service=self.service,
                operation=doing.operation,
                path=doing.path,
            ) from None

    async def me(self, doing: Doing) -> User:
        """Who is signed in, or in whose name."""
        return await self.done("GET", f"{API}/users/me?fields={_ME}", doing, User)

    async def user(self, user_id: str, doing: Doing) -> User:
        """A user by id; for administrators."""
        return await self.done("GET", f"{API}/users/{number(user_id)}?fields={_USER}", doing, User)

    async def users(self, doing: Doing, *, marker: str | None = None, beginning: str | None = None) -> Users:
        """A page of managed users, of those whose name or address begins so; for administrators."""
        query = {"fields": _USER, "limit": str(LISTED), "usemarker": "true", "user_type": "managed"}
        if marker:
            query["marker"] = marker
        if beginning:
            query["filter_term"] = beginning
        return await self.done("GET", f"{API}/users?{urlencode(query)}", doing, Users)

    async def groups(self, beginning: str, offset: int, doing: Doing) -> Groups:
        """A page of groups whose name begins so."""
        query = {"filter_term": beginning, "fields": "id,name", "limit": str(LISTED), "offset": str(offset)}
        return await self.done("GET", f"{API}/groups?{urlencode(query)}", doing, Groups)

    async def item(self, kind: str, its_id: str, doing: Doing, *, fields: str = FIELDS) -> Item:
        """One entry."""
        return await self.done("GET", f"{_at(kind, its_id)}?fields={fields}", doing, Item)

    async def items(self, folder: str, marker: str | None, doing: Doing, *, limit: int = LISTED) -> Items:
        """A page of a folder."""
        query = {"fields": FIELDS, "limit": str(limit), "usemarker": "true"}
        if marker:
            query["marker"] = marker
        url = f"{_at(FOLDER, folder)}/items?{urlencode(query, safe=',')}"
        return await self.done("GET", url, doing, Items)

    async def check(self, folder: str, name: str, doing: Doing) -> Item | None:
        """Return what has that name in a folder, in few words; None if nothing has. Raises FaultError."""
        asked = {"name": name, "parent": {"id": number(folder)}}
        try:
            await self.call("OPTIONS", f"{API}/files/content", doing, msgspec.Raw, asked=asked)
        except FaultError as error:
            if error.fault.conflict is None:
                raise
            return error.fault.conflict
        return None

    async def create_folder(self, parent: str, name: str, doing: Doing) -> Item:
        """Make a folder. Raises FaultError."""
        asked = {"name": name, "parent": {"id": number(parent)}}
        return await self.call("POST", f"{API}/folders?fields={FIELDS}", doing, Item, asked=asked)

    async def move(self, kind: str, its_id: str, parent: str, name: str, doing: Doing) -> Item:
        """Rename or move an entry."""
        asked = {"name": name, "parent": {"id": number(parent)}}
        return await self.done("PUT", f"{_at(kind, its_id)}?fields={FIELDS}", doing, Item, asked=asked)

    async def versions(self, file: str, offset: int, doing: Doing) -> Versions:
        """A page of the earlier versions of a file, without the current one."""
        query = f"limit={LISTED}&offset={offset}"
        return await self.done("GET", f"{_at('file', file)}/versions?{query}", doing, Versions)

    async def collaborations(
        self, kind: str, its_id: str, marker: str | None, doing: Doing
    ) -> Collaborations:
        """A page of the collaborations on an entry."""
        query = {"limit": str(LISTED)} | ({"marker": marker} if marker else {})
        url = f"{_at(kind, its_id)}/collaborations?{urlencode(query)}"
        return await self.done("GET", url, doing, Collaborations)

    async def collaborate(
        self, kind: str, its_id: str, grantee: Mapping[str, str], role: str, doing: Doing
    ) -> Collaboration:
        """Invite somebody, without mail. Raises FaultError."""
        asked = {"item": {"type": kind, "id": number(its_id)}, "accessible_by": grantee, "role": role}
        url = f"{API}/collaborations?notify=false"
        return await self.call("POST", url, doing, Collaboration, asked=asked)

    async def change_collaboration(self, its_id: str, role: str, doing: Doing) -> None:
        """Give a collaboration another role."""
        url = f"{API}/collaborations/{number(its_id)}"
        await self.done("PUT", url, doing, msgspec.Raw, asked={"role": role})

    async def end_collaboration(self, its_id: str, doing: Doing) -> None:
        """End a collaboration."""
        await self.done("DELETE", f"{API}/collaborations/{number(its_id)}", doing, type(None))

    async def events(self, position: str, doing: Doing) -> Events:
        """A page of what may have changed the tree; `now` as the position gives the newest position alone."""
        query = urlencode({"stream_type": "changes", "stream_position": position, "limit": str(_EVENTS)})
        return await self.done("GET", f"{API}/events?{query}", doing, Events)


def content_url(file: str, version: str | None) -> str:
    """Where the content of a file is asked for, of a version of it if that is named.

    That the id of the current version may be named as well is unconfirmed: the description only says "the file version to
    download".
    """
    url = f"{_at('file', file)}/content"
    return url if version is None else f"{url}?version={number(version)}"


def upload_url(file: str | None) -> str:
    """Where content is sent: a new file, or a new version."""
    return f"{UPLOAD}/files/content" if file is None else f"{UPLOAD}/files/{number(file)}/content"


def session_url(file: str | None) -> str:
    """Where an upload in chunks begins: a new file, or a new version."""
    end = "upload_sessions"
    return f"{UPLOAD}/files/{end}" if file is None else f"{UPLOAD}/files/{number(file)}/{end}"


def _at(kind: str, its_id: str) -> str:
    return f"{API}/{WORDS[kind]}/{quote(number(its_id))}"
