"""Where files of people and of groups of people stand: `/Private/<user>`, and the folders at the top of `/Shared`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from mover.connectors.contract import Place, PlaceKind
from mover.connectors.egnyte.api import EgnyteApi
from mover.entries import EntryRef, join_path


class EgnytePlaces:
    """Satisfies `contract.Places`; for administrators of the domain."""

    def __init__(self, api: EgnyteApi) -> None:
        self._api = api

    async def all(self) -> AsyncGenerator[Sequence[Place], None]:
        """See the contract: a call for 100 users, and one for a page of folders."""
        first = 1
        while True:
            page = await self._api.users(first=first)
            if page.resources:
                yield [
                    Place(
                        path=join_path("/Private", user.userName),
                        kind=PlaceKind.PERSON,
                        name=str((user.name or {}).get("formatted") or user.userName),
                        email=user.email.lower() or None,
                        ready=user.active,
                    )
                    for user in page.resources
                ]
            first += len(page.resources)
            if not page.resources or first > page.totalResults:
                break
        offset = 0
        while True:
            listing = await self._api.list(EntryRef("/Shared"), offset)
            if listing.folders:
                yield [
                    Place(
                        path=join_path("/Shared", folder.name),
                        kind=PlaceKind.SITE,
                        name=folder.name,
                        ready=True,
                    )
                    for folder in listing.folders
                ]
            offset += len(listing.folders) + len(listing.files)
            if not (listing.folders or listing.files) or offset >= (listing.total_count or 0):
                return
