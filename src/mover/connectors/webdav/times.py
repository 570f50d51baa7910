"""Setting modified times by PROPPATCH, and finding out whether the server means it when it agrees."""

from __future__ import annotations

from mover.connectors.times import http_date
from mover.connectors.webdav.api import DavApi
from mover.connectors.webdav.config import Dialect
from mover.connectors.webdav.dates import modified_ns
from mover.connectors.webdav.urls import Root
from mover.entries import EntryRef

_SECOND_NS = 1_000_000_000


class ModifiedTimes:
    """`Times` for WebDAV: one call an entry, and one more for the first file and the first folder.

    RFC 4918 does not say whether `getlastmodified` can be set. Servers differ: WsgiDAV sets it, Apache refuses or
    stores a dead property of that name, Nextcloud and ownCloud have a property `lastmodified` of their own for it. So
    the first time set is read back. A server that did not keep it for a file is not asked again.
    """

    def __init__(self, api: DavApi, root: Root, dialect: Dialect) -> None:
        self._api = api
        self._root = root
        self._dialect = dialect
        self._kept: dict[bool, bool] = {}  # folder? -> a time that was set there was found again

    async def set_modified(self, entry: EntryRef, modified_ns: int) -> bool:
        """Set the modified time, in whole seconds; False if the server cannot, then it is not asked again."""
        if self._kept.get(False) is False:
            return False
        url = self._root.file_url(entry.path)
        if self._dialect is Dialect.GENERIC:
            name, value = "getlastmodified", http_date(modified_ns)
        else:
            name, value = "lastmodified", str(modified_ns // _SECOND_NS)
        changed = await self._api.set_property(url, name, value, operation="set_modified", path=entry.path)
        if changed is None:
            if not self._kept:  # else it can, only not here
                found = await self._api.resource(
                    url, b"<resourcetype/>", operation="set_modified", path=entry.path
                )
                self._kept[found.folder] = False
            return False
        folder = changed.href.rstrip().endswith("/")
        if folder not in self._kept:
            self._kept[folder] = await self._is_kept(url, entry.path, modified_ns)
        return self._kept[folder]

    async def _is_kept(self, url: str, path: str, wanted_ns: int) -> bool:
        found = await self._api.resource(url, b"<getlastmodified/>", operation="set_modified", path=path)
        return modified_ns(found.modified) == wanted_ns // _SECOND_NS * _SECOND_NS
