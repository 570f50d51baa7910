"""Sites and their document libraries, by name.

Names of sites need not be unique: of those that are the same, all carry the last part of their address in parentheses.
Sites behind users' OneDrives are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from mover.connectors.microsoft.addressing import ROOT_ITEM
from mover.connectors.microsoft.api import GraphApi
from mover.connectors.microsoft.model import Drive, Site
from mover.connectors.microsoft.territory import ManyDrives, folder_entry
from mover.entries import SLASH_IN_NAME, Entry
from mover.errors import NotFound

T = TypeVar("T")

_MOST_PAGES = 1000


class SitesDirectory:
    """The sites that an account can see, and their libraries; looked up once, and again for a name that is not known."""

    def __init__(self, api: GraphApi, *, everything: bool) -> None:
        self._api = api
        self._everything = everything
        self._sites: Mapping[str, Site] | None = None
        self._libraries: dict[str, Mapping[str, Drive]] = {}

    async def sites(self, *, operation: str, path: str, afresh: bool = False) -> Mapping[str, Site]:
        """All sites by name."""
        if self._sites is None or afresh:
            found: list[Site] = []
            link: str | None = None
            for _ in range(_MOST_PAGES):
                page = await self._api.sites(
                    link, everything=self._everything, operation=operation, path=path
                )
                found += [site for site in page.value if not _is_personal(site)]
                link = page.next_link
                if link is None:
                    break
            self._sites = _named(found)
        return self._sites

    async def libraries(
        self, site: Site, *, operation: str, path: str, afresh: bool = False
    ) -> Mapping[str, Drive]:
        """All libraries of a site by name."""
        if site.id not in self._libraries or afresh:
            found: list[Drive] = []
            link: str | None = None
            for _ in range(_MOST_PAGES):
                page = await self._api.libraries(site.id, link, operation=operation, path=path)
                found += page.value
                link = page.next_link
                if link is None:
                    break
            named: dict[str, Drive] = {}
            for drive in found:
                named.setdefault(_spelled(drive.name), drive)
            self._libraries[site.id] = named
        return self._libraries[site.id]

    async def site(self, name: str, *, operation: str, path: str) -> Site:
        """Find a site by name. Raises NotFound."""
        for afresh in (False, True):
            known = self._sites is not None
            found = _find(await self.sites(operation=operation, path=path, afresh=afresh), name)
            if found is not None:
                return found
            if not known:
                break
        raise NotFound(
            "there is no site of that name, or it is not shared with the account",
            operation=operation,
            path=path,
        )

    async def library(self, site: Site, name: str, *, operation: str, path: str) -> Drive:
        """Find a library of a site by name. Raises NotFound."""
        for afresh in (False, True):
            known = site.id in self._libraries
            found = _find(await self.libraries(site, operation=operation, path=path, afresh=afresh), name)
            if found is not None:
                return found
            if not known:
                break
        raise NotFound("the site has no library of that name", operation=operation, path=path)


class Sites(ManyDrives):
    """The territory of `sharepoint`: `/<Site>/<Library>/...`; of `office365` what stands below `/Sites`."""

    def __init__(self, directory: SitesDirectory, prefix: str = "") -> None:
        self._directory = directory
        self._prefix = prefix

    async def drive_of(self, path: str, *, operation: str) -> tuple[str, str] | None:
        """See `Territory`."""
        names = self._names(path)
        if len(names) < 2:  # noqa: PLR2004 - a site and a library
            return None
        site = await self._directory.site(names[0], operation=operation, path=path)
        library = await self._directory.library(site, names[1], operation=operation, path=path)
        return library.id, "/" + "/".join(names[2:])

    async def folder_above(self, path: str, *, operation: str) -> Entry:
        """See `Territory`."""
        names = self._names(path)
        if not names:
            return folder_entry(path.rpartition("/")[2], ":sites")
        site = await self._directory.site(names[0], operation=operation, path=path)
        return folder_entry(names[0], f":site/{site.id}")

    async def list_above(
        self, path: str, cursor: str | None
    ) -> AsyncGenerator[tuple[Sequence[Entry], str | None], None]:
        """See `Territory`. All in one page."""
        names = self._names(path)
        if cursor is not None:
            raise NotFound("the cursor is not known", operation="list_folder", path=path)
        if not names:
            sites = await self._directory.sites(operation="list_folder", path=path, afresh=True)
            yield [folder_entry(name, f":site/{site.id}") for name, site in sites.items()], None
            return
        site = await self._directory.site(names[0], operation="list_folder", path=path)
        libraries = await self._directory.libraries(site, operation="list_folder", path=path, afresh=True)
        yield [folder_entry(name, self.id_of(drive.id, ROOT_ITEM)) for name, drive in libraries.items()], None

    def _names(self, path: str) -> list[str]:
        return [name for name in path.removeprefix(self._prefix).split("/") if name]


def _find(known: Mapping[str, T], name: str) -> T | None:
    if name in known:
        return known[name]
    folded = name.casefold()
    return next((found for other, found in known.items() if other.casefold() == folded), None)


def _is_personal(site: Site) -> bool:
    return bool(site.is_personal_site) or "-my.sharepoint.com/personal/" in site.web_url.lower()


def _named(sites: Iterable[Site]) -> Mapping[str, Site]:
    """Give each site a name of its own, whatever others there are."""
    sites = list(sites)
    titles = {site.id: _spelled(site.display_name or site.name) for site in sites}
    count = Counter(title.casefold() for title in titles.values())
    named: dict[str, Site] = {}
    for site in sites:
        title = titles[site.id]
        if not title or count[title.casefold()] > 1:
            title = f"{title} ({_last_part(site)})".strip()
        named.setdefault(title, site)
    return named


def _last_part(site: Site) -> str:
    address = urlsplit(site.web_url)
    return _spelled(unquote(address.path.rstrip("/").rpartition("/")[2])) or (address.hostname or site.id)


def _spelled(name: str) -> str:
    return name.replace("/", SLASH_IN_NAME).strip()
