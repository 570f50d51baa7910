"""The calls to one domain of Egnyte, typed. Policy is in the connector.

Sources: "File System Management API", "Chunked Upload", "Permissions API v2", "User Management API", "Group Management API",
"Events API" (developers.egnyte.com).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from mover.connectors.egnyte.addresses import encoded, entry_address
from mover.connectors.egnyte.faults import SERVICE, error_from
from mover.connectors.egnyte.listing import Item, Listing
from mover.connectors.egnyte.pace import CallsASecond
from mover.entries import EntryRef
from mover.errors import ProtocolViolation, Throttled
from mover.transport.http import HttpResponse
from mover.transport.oauth.bearer import BearerSession
from mover.transport.unreadable import UNREADABLE

T = TypeVar("T")

PAGE = 500
_FIRST_NO_SUCCESS = 300
_NO_CONTENT = 204


class Stored(msgspec.Struct, frozen=True):
    """What an upload was answered with."""

    group_id: str
    entry_id: str
    checksum: str | None = None


class FolderMade(msgspec.Struct, frozen=True):
    """What making a folder was answered with."""

    folder_id: str | None = None


class UserInfo(msgspec.Struct, frozen=True):
    """Who is signed in."""

    username: str = ""
    email: str = ""


class User(msgspec.Struct, frozen=True):
    """A user of the domain."""

    userName: str  # noqa: N815 - as SCIM spells it
    email: str = ""
    name: dict[str, Any] | None = None
    active: bool = True


class Users(msgspec.Struct, frozen=True):
    """A page of users."""

    totalResults: int = 0  # noqa: N815 - likewise
    resources: tuple[User, ...] = ()


class Group(msgspec.Struct, frozen=True):
    """A group of the domain."""

    id: str
    displayName: str  # noqa: N815 - likewise


class Groups(msgspec.Struct, frozen=True):
    """A page of groups."""

    totalResults: int = 0  # noqa: N815 - likewise
    resources: tuple[Group, ...] = ()


class FolderPermissions(msgspec.Struct, frozen=True):
    """Who may do what with a folder, with what it inherits."""

    userPerms: dict[str, str] = {}  # noqa: N815 - likewise
    groupPerms: dict[str, str] = {}  # noqa: N815 - likewise
    inheritsPermissions: bool = True  # noqa: N815 - likewise


class EventData(msgspec.Struct, frozen=True):
    """What an event is about."""

    is_folder: bool = False
    target_group_id: str | None = None
    folder_id: str | None = None
    target_id: str | None = None


class Event(msgspec.Struct, frozen=True):
    """One event."""

    id: int
    data: EventData = EventData()


class Events(msgspec.Struct, frozen=True):
    """A page of events."""

    latest_id: int
    events: tuple[Event, ...] = ()


class EventCursor(msgspec.Struct, frozen=True):
    """Where the feed stands."""

    latest_event_id: int


class EgnyteApi:
    """Calls to one domain.

    Args:
        session: With the account's tokens.
        origin: `https://acme.egnyte.com`.
        pace: Of calls.
    """

    def __init__(self, session: BearerSession, origin: str, pace: CallsASecond | None = None) -> None:
        self._session = session
        self._origin = origin
        self._pace = pace or CallsASecond()

    async def user_info(self) -> UserInfo:
        """GET /pubapi/v1/userinfo."""
        return await self._get(UserInfo, "/pubapi/v1/userinfo", operation="sign_in", path="/")

    async def describe(self, ref: EntryRef, *, operation: str, versions: bool = False) -> Item:
        """GET /pubapi/v1/fs: one entry, with its earlier versions if that is asked for."""
        query = urlencode({"list_content": str(versions).lower()})
        return await self._get(
            Item, f"/pubapi/v1/fs{entry_address(ref)}?{query}", operation=operation, path=ref.path
        )

    async def list(self, ref: EntryRef, offset: int) -> Listing:
        """GET /pubapi/v1/fs: a page of a folder."""
        query = urlencode({"list_content": "true", "count": PAGE, "offset": offset})
        address = f"/pubapi/v1/fs{entry_address(ref)}?{query}"
        return await self._get(Listing, address, operation="list_folder", path=ref.path)

    async def add_folder(self, path: str) -> FolderMade:
        """POST /pubapi/v1/fs with `add_folder`."""
        body = msgspec.json.encode({"action": "add_folder"})
        address = f"/pubapi/v1/fs{encoded(path)}"
        return await self._post(FolderMade, address, body, operation="create_folder", path=path)

    async def move(self, ref: EntryRef, destination: str, *, operation: str) -> None:
        """POST /pubapi/v1/fs with `move`."""
        body = msgspec.json.encode({"action": "move", "destination": destination})
        address = f"/pubapi/v1/fs{entry_address(ref)}"
        async with self.request("POST", address, json=body, operation=operation, path=ref.path) as answer:
            await answer.read()

    async def delete(self, path: str, *, operation: str) -> None:
        """DELETE /pubapi/v1/fs."""
        async with self.request(
            "DELETE", f"/pubapi/v1/fs{encoded(path)}", operation=operation, path=path
        ) as answer:
            await answer.read()

    async def upload(
        self, path: str, body: bytes | AsyncIterator[bytes], size: int | None, headers: Mapping[str, str]
    ) -> Stored:
        """POST /pubapi/v1/fs-content: a whole file."""
        async with self.request(
            "POST",
            f"/pubapi/v1/fs-content{encoded(path)}",
            headers={"Content-Type": "application/octet-stream", **headers},
            body=body,
            size=size,
            operation="upload",
            path=path,
        ) as answer:
            return _read(await answer.read(), Stored, operation="upload", path=path)

    @asynccontextmanager
    async def chunk(
        self, path: str, body: bytes | AsyncIterator[bytes], size: int, headers: Mapping[str, str]
    ) -> AsyncGenerator[HttpResponse, None]:
        """POST /pubapi/v1/fs-content-chunked: one chunk."""
        async with self.request(
            "POST",
            f"/pubapi/v1/fs-content-chunked{encoded(path)}",
            headers={"Content-Type": "application/octet-stream", **headers},
            body=body,
            size=size,
            operation="send",
            path=path,
        ) as answer:
            yield answer

    @asynccontextmanager
    async def content(
        self, ref: EntryRef, version: str | None, headers: Mapping[str, str]
    ) -> AsyncGenerator[HttpResponse, None]:
        """GET /pubapi/v1/fs-content; a range that lies behind the end is an answer too (416)."""
        query = f"?{urlencode({'entry_id': version})}" if version is not None else ""
        address = f"/pubapi/v1/fs-content{entry_address(ref)}{query}"
        async with self.request(
            "GET", address, headers=headers, operation="read", path=ref.path, also=416
        ) as answer:
            yield answer

    async def permissions(self, path: str) -> FolderPermissions:
        """GET /pubapi/v2/perms."""
        return await self._get(
            FolderPermissions, f"/pubapi/v2/perms{encoded(path)}", operation="permissions", path=path
        )

    async def set_permissions(self, path: str, change: Mapping[str, Any], *, operation: str) -> None:
        """POST /pubapi/v2/perms: those that are named are changed, the others stay."""
        body = msgspec.json.encode(change)
        address = f"/pubapi/v2/perms{encoded(path)}"
        async with self.request("POST", address, json=body, operation=operation, path=path) as answer:
            await answer.read()

    async def users(self, *, first: int = 1, where: str | None = None) -> Users:
        """GET /pubapi/v2/users: a page from the `first` on (the first is 1), or those that match a filter."""
        query = {"startIndex": str(first), "count": "100", **({"filter": where} if where else {})}
        address = f"/pubapi/v2/users?{urlencode(query, quote_via=quote)}"
        return await self._get(Users, address, operation="places", path="/")

    async def groups(self, name: str) -> Groups:
        """GET /pubapi/v2/groups of that name."""
        query = {"filter": f'displayName eq "{name}"'}
        address = f"/pubapi/v2/groups?{urlencode(query, quote_via=quote)}"
        return await self._get(Groups, address, operation="permissions", path="/")

    async def event_cursor(self) -> int:
        """GET /pubapi/v2/events/cursor."""
        found = await self._get(EventCursor, "/pubapi/v2/events/cursor", operation="changes", path="/")
        return found.latest_event_id

    async def events(self, after: int, folder: str) -> Events | None:
        """GET /pubapi/v2/events after one of them, in a folder and below; None: there are no more."""
        query = {"id": after, "count": 100, "type": "file_system"}
        if folder != "/":
            query["folder"] = folder
        address = f"/pubapi/v2/events?{urlencode(query, quote_via=quote)}"
        async with self.request("GET", address, operation="changes", path=folder) as answer:
            if answer.status == _NO_CONTENT:
                return None
            return _read(await answer.read(), Events, operation="changes", path=folder)

    @asynccontextmanager
    async def request(
        self,
        method: str,
        address: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: bytes | None = None,
        body: bytes | AsyncIterator[bytes] | None = None,
        size: int | None = None,
        operation: str,
        path: str,
        also: int | None = None,
    ) -> AsyncGenerator[HttpResponse, None]:
        """Send a request; raise what an answer means that is no success, but for the status `also`."""
        shown = {**(headers or {}), **({"Content-Type": "application/json"} if json is not None else {})}
        await self._pace.turn()
        async with self._session.request(
            method,
            self._origin + address,
            headers=shown,
            body=json if json is not None else body,
            size=size,
            operation=operation,
            path=path,
        ) as answer:
            self._pace.learn(answer.headers)
            if answer.status >= _FIRST_NO_SUCCESS and answer.status != also:
                text = await answer.read()
                error = error_from(answer.status, answer.headers, text, operation=operation, path=path)
                if isinstance(error, Throttled) and error.retry_after_s is not None:
                    self._pace.refused(error.retry_after_s)
                raise error
            yield answer

    async def _get(self, kind: type[T], address: str, *, operation: str, path: str) -> T:
        async with self.request("GET", address, operation=operation, path=path) as answer:
            return _read(await answer.read(), kind, operation=operation, path=path)

    async def _post(self, kind: type[T], address: str, body: bytes, *, operation: str, path: str) -> T:
        async with self.request("POST", address, json=body, operation=operation, path=path) as answer:
            return _read(await answer.read(), kind, operation=operation, path=path)


def _read(body: bytes, kind: type[T], *, operation: str, path: str) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except UNREADABLE as error:
        raise ProtocolViolation(
            f"the answer is not what Egnyte documents: {error}",
            service=SERVICE,
            operation=operation,
            path=path,
        ) from error


def read_stored(body: bytes, path: str) -> Stored:
    """Read the answer to a file's last chunk. Raises ProtocolViolation."""
    return _read(body, Stored, operation="send", path=path)
