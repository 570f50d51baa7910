"""Entries as Graph tells them, and listings."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import AsyncGenerator

from mover.connectors.bounded import Bounded
from mover.connectors.contract import Page
from mover.connectors.microsoft.addressing import ROOT_ITEM, Address
from mover.connectors.microsoft.api import GraphApi
from mover.connectors.microsoft.model import Item
from mover.connectors.microsoft.territory import Territory, folder_entry
from mover.connectors.microsoft.times import read_time
from mover.connectors.microsoft.told_links import LARGEST, ToldLink, ToldLinks
from mover.entries import Entry, EntryKind, HashName
from mover.errors import NotFound, ProtocolViolation
from mover.vault.secret import Secret

_HEXADECIMAL = re.compile(r"[0-9a-f]+")
_DIGITS = {HashName.SHA1: 40, HashName.SHA256: 64}
_QUICKXOR_BYTES = 20
_ONENOTE = "oneNote"
_MOST_FOLDERS = 20_000  # known as such, so that an empty one costs no second call


def entry_of(territory: Territory, drive_id: str, item: Item, *, notebooks_open: bool) -> Entry:
    """Describe an item.

    A OneNote notebook is a "package": neither file nor folder. Where `notebooks_open` its sections can be listed and read
    as files ("List children": items with a package facet can have children), so it is a folder; personal drives do not
    give them out, and it is told as a document without an export.
    """
    kind = _kind(item, notebooks_open=notebooks_open)
    is_file = kind is EntryKind.FILE
    info = item.file_system_info
    return Entry(
        name=item.name if item.root is None else "",
        kind=kind,
        id=territory.id_of(drive_id, ROOT_ITEM if item.root is not None else item.id),
        size=item.size if is_file else None,
        modified_ns=read_time((info and info.last_modified_date_time) or item.last_modified_date_time),
        created_ns=read_time((info and info.created_date_time) or item.created_date_time),
        version=(item.c_tag or item.e_tag) if kind in {EntryKind.FILE, EntryKind.NATIVE} else None,
        hashes=hashes_of(item) if is_file else {},
        target=item.remote_item.web_url if item.remote_item is not None else None,
        media_type=item.file.mime_type if item.file is not None else None,
        owner=territory.owner_of(drive_id),
        shared=item.shared is not None,
    )


def _kind(item: Item, *, notebooks_open: bool) -> EntryKind:
    if item.remote_item is not None:
        return EntryKind.SHORTCUT
    if item.package is not None:
        is_notebook = item.package.get("type") == _ONENOTE
        return EntryKind.FOLDER if is_notebook and notebooks_open else EntryKind.NATIVE
    if item.folder is not None or item.root is not None:
        return EntryKind.FOLDER
    return EntryKind.FILE if item.file is not None else EntryKind.SPECIAL


def hashes_of(item: Item) -> dict[HashName, str]:
    """The hashes of a content, in hexadecimal; what cannot be one is left out."""
    told = item.file.hashes if item.file is not None else None
    if told is None or not item.size:  # those of empty files are missing or wrong
        return {}
    found: dict[HashName, str] = {}
    if told.quick_xor_hash and (quickxor := _from_base64(told.quick_xor_hash)) is not None:
        found[HashName.QUICKXOR] = quickxor
    for name, text in ((HashName.SHA1, told.sha1_hash), (HashName.SHA256, told.sha256_hash)):
        digits = (text or "").lower()
        if len(digits) == _DIGITS[name] and _HEXADECIMAL.fullmatch(digits):
            found[name] = digits
    return found


def _from_base64(text: str) -> str | None:
    try:
        raw = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
    return raw.hex() if len(raw) == _QUICKXOR_BYTES else None


class Lister:
    """Lists folders.

    Args:
        api: The calls.
        territory: Where drives stand.
        links: Of small files, as listings tell them.
        notebooks_open: See `entry_of`.
    """

    def __init__(
        self, api: GraphApi, territory: Territory, links: ToldLinks, *, notebooks_open: bool
    ) -> None:
        self._api = api
        self._links = links
        self._territory = territory
        self.notebooks_open = notebooks_open
        self._folders: Bounded[tuple[str, str], None] = Bounded(_MOST_FOLDERS)

    def entry(self, drive_id: str, item: Item) -> Entry:
        """Describe an item."""
        entry = entry_of(self._territory, drive_id, item, notebooks_open=self.notebooks_open)
        if entry.kind is EntryKind.FOLDER:
            self._folders.put((drive_id, item.id), None)
        return entry

    async def above(self, path: str, cursor: str | None) -> AsyncGenerator[Page, None]:
        """List a folder above drives."""
        async for entries, following in self._territory.list_above(path, cursor):
            yield Page(entries, following)

    async def pages(self, address: Address, path: str, cursor: str | None) -> AsyncGenerator[Page, None]:
        """List a folder of a drive. Cursors are the service's own links."""
        link = cursor
        is_first = cursor is None
        while True:
            page = await self._api.children(
                address, link, with_links=self._links.has_room, operation="list_folder", path=path
            )
            if is_first and not page.value and page.next_link is None:
                await self._check_is_folder(address, path)
            is_first = False
            if page.next_link is not None and page.next_link == link:
                raise ProtocolViolation(
                    "the service names the same page as the next one", operation="list_folder", path=path
                )
            link = page.next_link
            there = [item for item in page.value if item.deleted is None]
            entries = [self.entry(address.drive, item) for item in there]
            for item, entry in zip(there, entries, strict=True):
                self._keep_link(address.drive, item, entry)
            yield Page(entries, link)
            if link is None:
                return

    def _keep_link(self, drive: str, item: Item, entry: Entry) -> None:
        quickxor = entry.hashes.get(HashName.QUICKXOR)
        if item.download_url is None or item.malware is not None or quickxor is None:
            return
        if entry.kind is EntryKind.FILE and entry.size is not None and entry.size <= LARGEST:
            url = Secret(item.download_url)
            versions = frozenset({item.c_tag, item.e_tag, None})
            self._links.put(drive, item.id, ToldLink(url, versions, entry.size, quickxor))

    async def _check_is_folder(self, address: Address, path: str) -> None:
        """The children of a file are none, where the service does not refuse to tell them."""
        if not address.below and (
            address.item == ROOT_ITEM or (address.drive, address.item) in self._folders
        ):
            return
        item = await self._api.item(address, operation="list_folder", path=path)
        if self.entry(address.drive, item).kind is not EntryKind.FOLDER:
            raise NotFound("it is no folder", operation="list_folder", path=path)


def root_entry(territory: Territory, drive_id: str, name: str) -> Entry:
    """Describe the root of a drive."""
    return folder_entry(name, territory.id_of(drive_id, ROOT_ITEM))
