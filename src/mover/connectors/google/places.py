"""The people and shared drives of a domain."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from mover.connectors.contract import Place, PlaceKind
from mover.connectors.google.addresses import DRIVES, OWN_NAMES, USERS, Address
from mover.connectors.google.listing import Listings
from mover.connectors.google.tree import Tree
from mover.entries import join_path


class DomainPlaces:
    """Satisfies `Places`."""

    def __init__(self, listings: Listings, tree: Tree) -> None:
        self._listings = listings
        self._tree = tree

    async def all(self) -> AsyncGenerator[Sequence[Place], None]:
        """Yield all users, 500 a call, then all shared drives, 100 a call."""
        async for users in self._listings.users("places"):
            yield [
                Place(
                    path=join_path(f"/{OWN_NAMES[USERS.item]}", user.primary_email.lower()),
                    kind=PlaceKind.PERSON,
                    name=(user.name.full_name if user.name else None) or user.primary_email,
                    email=user.primary_email.lower(),
                    ready=not (user.suspended or user.archived),
                )
                for user in users
                if Address.is_user(user.primary_email.lower())
            ]
        drives = await self._tree.drives("places")
        if drives:
            yield [
                Place(
                    path=join_path(f"/{OWN_NAMES[DRIVES.item]}", drive.name),
                    kind=PlaceKind.SITE,
                    name=drive.name,
                    ready=True,
                )
                for drive in drives
            ]
