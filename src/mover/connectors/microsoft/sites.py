"""Sites, their subsites and document libraries, by name.

    /<Site>/<Library>/...   /<Site>/<Subsite>/<Library>/...   and so on

Names of sites need not be unique: of those that are the same, all carry the last part of their address in parentheses, or
more of it where that does not tell them apart. So does a subsite that is called as a library of its site is, or as another
subsite: a library always keeps its name. Sites behind users' OneDrives are left out. Searches find subsites as well: one
whose site is found too stands below that only.
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
from mover.errors import NotFound, PermissionDenied

T = TypeVar("T")

_MOST_PAGES = 1000
SITES_ID = ":site"
"""Begins the ids of all sites together (`:sites`), and of each (`:site/<id>`)."""


class SitesDirectory:
    """The sites that an account can see, and their libraries; looked up once, and again for a name that is not known.

    Attributes:
        remarks: What a person should know of names and rights, each once, in their order.
    """

    def __init__(self, api: GraphApi, *, everything: bool) -> None:
        self._api = api
        self._everything = everything
        self._sites: Mapping[str, Site] | None = None
        self._libraries: dict[str, Mapping[str, Drive]] = {}
        self._subsites: dict[str, Mapping[str, Site]] = {}
        self.remarks: dict[str, None] = {}

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
            self._sites = _named(_highest(found))
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

    async def subsites(
        self, site: Site, *, operation: str, path: str, afresh: bool = False
    ) -> Mapping[str, Site]:
        """The sites directly below a site, by name: another one than those of its libraries."""
        if site.id not in self._subsites or afresh:
            found: list[Site] = []
            link: str | None = None
            try:
                for _ in range(_MOST_PAGES):
                    page = await self._api.subsites(site.id, link, operation=operation, path=path)
                    found += page.value
                    link = page.next_link
                    if link is None:
                        break
            except PermissionDenied:
                self._remark(f"the account may not list the subsites of {path}, so none of them is seen")
            libraries = await self.libraries(site, operation=operation, path=path) if found else {}
            named = self._subsites[site.id] = _named(found, taken=libraries)
            for name, subsite in named.items():
                if _title(subsite).casefold() in {library.casefold() for library in libraries}:
                    self._remark(
                        f"a site has a library and a subsite of one name; the subsite at {subsite.web_url} "
                        f"is called {name!r}"
                    )
        return self._subsites[site.id]

    async def below(self, site: Site, name: str, *, operation: str, path: str) -> Drive | Site:
        """Find a library of a site, or a subsite, by name. Raises NotFound."""
        for afresh in (False, True):
            known = site.id in self._libraries and site.id in self._subsites
            libraries = await self.libraries(site, operation=operation, path=path, afresh=afresh)
            if (library := _find(libraries, name)) is not None:
                return library
            subsites = await self.subsites(site, operation=operation, path=path, afresh=afresh)
            if (subsite := _find(subsites, name)) is not None:
                return subsite
            if not known:
                break
        raise NotFound("the site has no library of that name, and no subsite", operation=operation, path=path)

    def _remark(self, text: str) -> None:
        self.remarks[text] = None


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
        _, library, rest = await self._reach(names, operation=operation, path=path)
        return None if library is None else (library.id, "/" + "/".join(rest))

    async def folder_above(self, path: str, *, operation: str) -> Entry:
        """See `Territory`."""
        names = self._names(path)
        if not names:
            return folder_entry(path.rpartition("/")[2], f"{SITES_ID}s")
        site, _, _ = await self._reach(names, operation=operation, path=path)
        return _site_entry(names[-1], site)

    async def list_above(
        self, path: str, cursor: str | None
    ) -> AsyncGenerator[tuple[Sequence[Entry], str | None], None]:
        """See `Territory`. All in one page: of a site the libraries, then the subsites."""
        names = self._names(path)
        operation = "list_folder"
        if cursor is not None:
            raise NotFound("the cursor is not known", operation=operation, path=path)
        if not names:
            sites = await self._directory.sites(operation=operation, path=path, afresh=True)
            yield [_site_entry(name, site) for name, site in sites.items()], None
            return
        site, _, _ = await self._reach(names, operation=operation, path=path)
        libraries = await self._directory.libraries(site, operation=operation, path=path, afresh=True)
        subsites = await self._directory.subsites(site, operation=operation, path=path, afresh=True)
        yield (
            [
                *(folder_entry(name, self.id_of(drive.id, ROOT_ITEM)) for name, drive in libraries.items()),
                *(_site_entry(name, subsite) for name, subsite in subsites.items()),
            ],
            None,
        )

    async def _reach(
        self, names: Sequence[str], *, operation: str, path: str
    ) -> tuple[Site, Drive | None, Sequence[str]]:
        """Go from site to subsite as far as names lead, to a library if they do. Raises NotFound."""
        site = await self._directory.site(names[0], operation=operation, path=path)
        for depth, name in enumerate(names[1:], start=2):
            found = await self._directory.below(site, name, operation=operation, path=path)
            if isinstance(found, Drive):
                return site, found, names[depth:]
            site = found
        return site, None, ()

    def _names(self, path: str) -> list[str]:
        return [name for name in path.removeprefix(self._prefix).split("/") if name]


def _find(known: Mapping[str, T], name: str) -> T | None:
    if name in known:
        return known[name]
    folded = name.casefold()
    return next((found for other, found in known.items() if other.casefold() == folded), None)


def _is_personal(site: Site) -> bool:
    return bool(site.is_personal_site) or "-my.sharepoint.com/personal/" in site.web_url.lower()


def _site_entry(name: str, site: Site) -> Entry:
    return folder_entry(name, f"{SITES_ID}/{site.id}")


def _highest(sites: Sequence[Site]) -> list[Site]:
    """Leave out subsites of others: an id is `<host>,<site collection>,<site>`, and an address is that of the site above and a name."""
    places = {_place(site) for site in sites}
    found = []
    for site in sites:
        collection, address = _place(site)
        if (collection, address.rpartition("/")[0]) not in places:
            found.append(site)
    return found


def _place(site: Site) -> tuple[str, str]:
    return site.id.rpartition(",")[0] or site.id, site.web_url.rstrip("/").casefold()


def _named(sites: Iterable[Site], *, taken: Iterable[str] = ()) -> Mapping[str, Site]:
    """Give each site a name of its own, whatever others there are."""
    forms = {site.id: (site, _forms(site)) for site in sites}
    level = dict.fromkeys(forms, 0)
    others = {name.casefold() for name in taken}
    while True:
        count = Counter(known[level[key]].casefold() for key, (_, known) in forms.items())
        unclear = [
            key
            for key, (_, known) in forms.items()
            if level[key] + 1 < len(known)
            and (not (name := known[level[key]].casefold()) or count[name] > 1 or name in others)
        ]
        if not unclear:
            break
        for key in unclear:
            level[key] += 1
    return {known[level[key]]: site for key, (site, known) in forms.items()}


def _forms(site: Site) -> tuple[str, ...]:
    """Return what a site may be called, the best first; the last one is its own for certain."""
    address = urlsplit(site.web_url)
    path = unquote(address.path).strip("/")
    last = _spelled(path.rpartition("/")[2]) or (address.hostname or site.id)
    title = _title(site)
    return title, *(f"{title} ({part})".strip() for part in (last, _spelled(path) or last, site.id))


def _title(site: Site) -> str:
    return _spelled(site.display_name or site.name)


def _spelled(name: str) -> str:
    return name.replace("/", SLASH_IN_NAME).strip()
