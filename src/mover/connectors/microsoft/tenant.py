"""All users and all sites of a tenant: the territory of `office365`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from mover.connectors.bounded import Bounded
from mover.connectors.microsoft.api import GraphApi
from mover.connectors.microsoft.links import graph_link
from mover.connectors.microsoft.model import User
from mover.connectors.microsoft.sites import Sites
from mover.connectors.microsoft.territory import OF_USER, ManyDrives, folder_entry
from mover.entries import Entry
from mover.errors import NotFound, UserNotFound

USERS = "/Users"
SITES = "/Sites"
_GUEST = "Guest"
_MOST_DRIVES = 10_000


class Tenant(ManyDrives):
    """`/Users/<address>/...` and `/Sites/<Site>/<Library>/...`."""

    def __init__(self, api: GraphApi, sites: Sites) -> None:
        self._api = api
        self._sites = sites
        self._drives: Bounded[str, str] = Bounded(_MOST_DRIVES)
        self._owners: Bounded[str, str] = Bounded(_MOST_DRIVES)

    async def drive_of(self, path: str, *, operation: str) -> tuple[str, str] | None:
        """See `Territory`."""
        match [name for name in path.split("/") if name]:
            case ["Users", address, *rest]:
                return await self._drive_of_user(address, operation=operation, path=path), "/" + "/".join(
                    rest
                )
            case ["Sites", *_]:
                return await self._sites.drive_of(path, operation=operation)
            case [] | ["Users"]:
                return None
            case _:
                raise NotFound("only /Users and /Sites stand here", operation=operation, path=path)

    async def folder_above(self, path: str, *, operation: str) -> Entry:
        """See `Territory`."""
        match [name for name in path.split("/") if name]:
            case []:
                return folder_entry("", ":tenant")
            case ["Users"]:
                return folder_entry("Users", ":users")
            case ["Sites", *_]:
                return await self._sites.folder_above(path, operation=operation)
            case _:
                raise NotFound("only /Users and /Sites stand here", operation=operation, path=path)

    async def list_above(
        self, path: str, cursor: str | None
    ) -> AsyncGenerator[tuple[Sequence[Entry], str | None], None]:
        """See `Territory`. Users whose OneDrive was not made yet are listed too: reading it says so."""
        match [name for name in path.split("/") if name]:
            case []:
                yield [folder_entry("Users", ":users"), folder_entry("Sites", ":sites")], None
            case ["Users"]:
                link = None if cursor is None else graph_link(cursor)
                while True:
                    page = await self._api.users(link, operation="list_folder", path=path)
                    link = page.next_link
                    yield [_entry(user) for user in page.value if is_member(user)], link
                    if link is None:
                        return
            case ["Sites", *_]:
                async for listed in self._sites.list_above(path, cursor):
                    yield listed
            case _:
                raise NotFound("only /Users and /Sites stand here", operation="list_folder", path=path)

    def owner_of(self, drive_id: str) -> str | None:
        """See `Territory`."""
        return self._owners.get(drive_id)

    async def _drive_of_user(self, address: str, *, operation: str, path: str) -> str:
        key = address.casefold()
        if (known := self._drives.get(key)) is not None:
            return known
        try:
            drive = await self._api.drive_of_user(address, operation=operation, path=path)
        except NotFound as error:
            raise UserNotFound(
                "there is no such user, or its OneDrive was not made yet",
                service=error.service,
                operation=operation,
                path=path,
                said=error.said,
            ) from error
        self._drives.put(key, drive.id)
        self._owners.put(drive.id, key)
        return drive.id


def is_member(user: User) -> bool:
    """Tell whether a user is one of the tenant's own, with a name that a path can hold."""
    return user.user_type != _GUEST and bool(user.user_principal_name) and "/" not in user.user_principal_name


def _entry(user: User) -> Entry:
    # Not the id of the drive, which would cost a call for each: an id that leads to the path again.
    return folder_entry(user.user_principal_name, f"{OF_USER}{user.user_principal_name}")
