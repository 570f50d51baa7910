"""The calls of Graph that are used, typed: one short method each, no policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from mover.connectors.microsoft.addressing import GRAPH, Address, drive_url
from mover.connectors.microsoft.calls import Caller
from mover.connectors.microsoft.links import graph_link
from mover.connectors.microsoft.model import (
    SELECT,
    WITH_LINKS,
    Collection,
    Drive,
    Item,
    Organisation,
    PermissionLine,
    Site,
    UploadSession,
    User,
    VersionLine,
)

T = TypeVar("T")

CONFLICT = "@microsoft.graph.conflictBehavior"
SOURCE_URL = "@microsoft.graph.sourceUrl"
PAGE = 1000
"""Entries a page: what other clients ask for, and get."""

_USERS = "$select=id,displayName,mail,userPrincipalName,accountEnabled,userType&$top=999"
_NO_HEADERS: Mapping[str, str] = {}


class GraphApi:
    """Calls in the name of one account."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    async def my_drive(self, *, operation: str, path: str) -> Drive:
        """The drive of whoever is signed in."""
        return await self.caller.ask("GET", f"{GRAPH}/me/drive", Drive, operation=operation, path=path)

    async def me(self, *, operation: str, path: str) -> User:
        """Whoever is signed in."""
        return await self.caller.ask("GET", f"{GRAPH}/me", User, operation=operation, path=path)

    async def organisations(self, *, operation: str, path: str) -> list[Organisation]:
        """The tenant of whoever is signed in."""
        page = await self.caller.ask(
            "GET", f"{GRAPH}/organization", Collection[Organisation], operation=operation, path=path
        )
        return page.value

    async def drive(self, drive_id: str, *, operation: str, path: str) -> Drive:
        """A drive, with its quota."""
        return await self.caller.ask("GET", drive_url(drive_id), Drive, operation=operation, path=path)

    async def drive_of_user(self, user: str, *, operation: str, path: str) -> Drive:
        """The OneDrive of a user, by id or user principal name."""
        url = f"{GRAPH}/users/{quote(user, safe='@')}/drive"
        return await self.caller.ask("GET", url, Drive, operation=operation, path=path)

    async def users(self, link: str | None, *, operation: str, path: str) -> Collection[User]:
        """A page of the users; the first one without a link."""
        url = f"{GRAPH}/users?{_USERS}" if link is None else graph_link(link)
        return await self.caller.ask("GET", url, Collection[User], operation=operation, path=path)

    async def sites(
        self, link: str | None, *, everything: bool, operation: str, path: str
    ) -> Collection[Site]:
        """A page of the sites: all of the tenant (for apps alone), or those that a person may use."""
        first = f"{GRAPH}/sites/getAllSites" if everything else f"{GRAPH}/sites?search=*"
        url = first if link is None else graph_link(link)
        return await self.caller.ask("GET", url, Collection[Site], operation=operation, path=path)

    async def subsites(
        self, site_id: str, link: str | None, *, operation: str, path: str
    ) -> Collection[Site]:
        """A page of the sites that stand directly below a site ("List subsites for a site")."""
        url = subsites_url(site_id) if link is None else graph_link(link)
        return await self.caller.ask("GET", url, Collection[Site], operation=operation, path=path)

    async def libraries(
        self, site_id: str, link: str | None, *, operation: str, path: str
    ) -> Collection[Drive]:
        """A page of a site's document libraries."""
        url = f"{GRAPH}/sites/{quote(site_id, safe=',')}/drives" if link is None else graph_link(link)
        return await self.caller.ask("GET", url, Collection[Drive], operation=operation, path=path)

    async def item(self, address: Address, *, with_link: bool = False, operation: str, path: str) -> Item:
        """An entry; `with_link` with the address of its content."""
        url = address.url() + ("" if with_link else f"?{SELECT}")
        about = None if address.below else address  # what is missing is mostly the name, not the folder
        return await self.caller.ask("GET", url, Item, operation=operation, path=path, about=about)

    async def children(
        self, address: Address, link: str | None, *, with_links: bool = False, operation: str, path: str
    ) -> Collection[Item]:
        """A page of a folder; `with_links` (of the first page) with the addresses of contents."""
        selected = WITH_LINKS if with_links else SELECT
        url = f"{address.url('children')}?$top={PAGE}&{selected}" if link is None else graph_link(link)
        return await self.caller.ask(
            "GET", url, Collection[Item], operation=operation, path=path, about=address
        )

    async def create_folder(self, parent: Address, name: str, *, operation: str, path: str) -> Item:
        """Make a folder. Raises Conflict."""
        body = {"name": name, "folder": {}, CONFLICT: "fail"}
        return await self.caller.ask(
            "POST", parent.url("children"), Item, body=body, operation=operation, path=path, about=parent
        )

    async def put_nothing(self, address: Address, *, if_match: str | None, operation: str, path: str) -> Item:
        """Make an empty file, or empty one: upload sessions take no content of no bytes."""
        url = address.url("content")
        headers = {"If-Match": if_match} if if_match else _NO_HEADERS
        if address.below:
            url += f"?{CONFLICT}=fail"
        return await self.caller.ask(
            "PUT", url, Item, headers=headers, operation=operation, path=path, about=address
        )

    async def update(self, address: Address, body: Mapping[str, Any], *, operation: str, path: str) -> Item:
        """Change name, folder or times."""
        return await self.caller.ask(
            "PATCH", address.url(), Item, body=body, operation=operation, path=path, about=address
        )

    async def delete(self, address: Address, *, operation: str, path: str) -> None:
        """Delete an entry."""
        await self.caller.do("DELETE", address.url(), operation=operation, path=path)

    async def create_session(
        self, address: Address, body: Mapping[str, Any], *, if_match: str | None, operation: str, path: str
    ) -> UploadSession:
        """Begin an upload."""
        return await self.caller.ask(
            "POST",
            address.url("createUploadSession"),
            UploadSession,
            body=body,
            headers={"If-Match": if_match} if if_match else _NO_HEADERS,
            operation=operation,
            path=path,
            about=address,
        )

    async def commit_session(
        self, address: Address, body: Mapping[str, Any], *, operation: str, path: str
    ) -> Item:
        """Make the file of an upload, at a personal drive. NotFound: the upload is gone."""
        return await self.caller.ask("PUT", address.url(), Item, body=body, operation=operation, path=path)

    async def delta(
        self, link: str, headers: Mapping[str, str] = _NO_HEADERS, *, operation: str, path: str
    ) -> Collection[Item]:
        """A page of changes."""
        return await self.caller.ask(
            "GET", graph_link(link), Collection[Item], headers=headers, operation=operation, path=path
        )

    async def permissions(self, address: Address, *, operation: str, path: str) -> list[PermissionLine]:
        """All permissions of an entry."""
        return await self._all(
            address, "permissions", Collection[PermissionLine], operation=operation, path=path
        )

    async def invite(self, address: Address, email: str, role: str, *, operation: str, path: str) -> None:
        """Permit something; nobody gets mail."""
        body = {
            "recipients": [{"email": email}],
            "roles": [role],
            "requireSignIn": True,
            "sendInvitation": False,
        }
        await self.caller.ask(
            "POST",
            address.url("invite"),
            msgspec.Raw,
            body=body,
            operation=operation,
            path=path,
            about=address,
        )

    async def delete_permission(
        self, address: Address, permission_id: str, *, operation: str, path: str
    ) -> None:
        """Take a permission back."""
        url = address.url(f"permissions/{quote(permission_id, safe='')}")
        await self.caller.do("DELETE", url, operation=operation, path=path, about=address)

    async def versions(self, address: Address, *, operation: str, path: str) -> list[VersionLine]:
        """All versions of a file, the newest first."""
        return await self._all(address, "versions", Collection[VersionLine], operation=operation, path=path)

    async def _all(
        self, address: Address, what: str, kind: type[Collection[T]], *, operation: str, path: str
    ) -> list[T]:
        """All pages of what belongs to an item."""
        found: list[T] = []
        link: str | None = address.url(what)
        while link is not None:
            page = await self.caller.ask(
                "GET", graph_link(link), kind, operation=operation, path=path, about=address
            )
            found += page.value
            link = page.next_link
        return found


def subsites_url(site_id: str) -> str:
    """The address of a site's subsites."""
    return f"{GRAPH}/sites/{quote(site_id, safe=',')}/sites"
