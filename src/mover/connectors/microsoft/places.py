"""The people and sites of a tenant, with what can be put there now."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from urllib.parse import quote

from mover.connectors.contract import Place, PlaceKind
from mover.connectors.microsoft.addressing import GRAPH
from mover.connectors.microsoft.api import GraphApi, subsites_url
from mover.connectors.microsoft.batch import get_all
from mover.connectors.microsoft.model import Collection, Site, User
from mover.connectors.microsoft.sites import SitesDirectory
from mover.connectors.microsoft.tenant import SITES, USERS, is_member
from mover.entries import join_path

_OPERATION = "places"
_NOT_FOUND = 404
_AT_ONCE = 500
_Found = tuple[str | None, str, str, Site]
"""A site: the path of the site that holds it, its own, its name."""


class MicrosoftPlaces:
    """See `contract.Places`."""

    def __init__(self, api: GraphApi, directory: SitesDirectory) -> None:
        self._api = api
        self._directory = directory

    async def all(self) -> AsyncGenerator[Sequence[Place], None]:
        """See the contract. Twenty users cost one call more: whether their OneDrives were made stands in no listing.

        So do twenty sites: which have subsites.
        """
        link: str | None = None
        while True:
            page = await self._api.users(link, operation=_OPERATION, path=USERS)
            users = [user for user in page.value if is_member(user)]
            yield await self._people(users)
            link = page.next_link
            if link is None:
                break
        sites = await self._directory.sites(operation=_OPERATION, path=SITES, afresh=True)
        level: list[_Found] = [(None, join_path(SITES, name), name, site) for name, site in sites.items()]
        while level:
            for start in range(0, len(level), _AT_ONCE):
                yield [
                    Place(path=path, kind=PlaceKind.SITE, name=name, within=above)
                    for above, path, name, _ in level[start : start + _AT_ONCE]
                ]
            level = await self._below(level)

    async def _below(self, level: Sequence[_Found]) -> list[_Found]:
        """Subsites of all sites of a level. Twenty sites cost one call, those that have any two more."""
        urls = [subsites_url(site.id) for _, _, _, site in level]
        outcomes = await get_all(self._api.caller, urls, operation=_OPERATION, path=SITES)
        found: list[_Found] = []
        for (_, path, _, site), outcome in zip(level, outcomes, strict=True):
            if outcome.succeeded:
                page = self._api.caller.read(outcome.body, Collection[Site], operation=_OPERATION, path=path)
                if not page.value:
                    continue
            subsites = await self._directory.subsites(site, operation=_OPERATION, path=path, afresh=True)
            found += [(path, join_path(path, name), name, subsite) for name, subsite in subsites.items()]
        return found

    async def _people(self, users: Sequence[User]) -> list[Place]:
        urls = [
            f"{GRAPH}/users/{quote(user.id, safe='')}/drive?$select=id"
            for user in users
            if user.account_enabled is not False
        ]
        outcomes = iter(await get_all(self._api.caller, urls, operation=_OPERATION, path=USERS))
        places: list[Place] = []
        for user in users:
            ready: bool | None = False
            if user.account_enabled is not False:
                outcome = next(outcomes)
                ready = True if outcome.succeeded else (False if outcome.status == _NOT_FOUND else None)
            places.append(
                Place(
                    path=join_path(USERS, user.user_principal_name),
                    kind=PlaceKind.PERSON,
                    name=user.display_name or user.user_principal_name,
                    email=(user.mail or user.user_principal_name).lower(),
                    ready=ready,
                )
            )
        return places
