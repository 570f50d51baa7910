"""Folders as pages of entries; everything that is needed of an entry is in its listing."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from mover.connectors.box.addresses import FOLDER, ROOT_ID
from mover.connectors.box.api import BoxApi
from mover.connectors.box.describing import Descriptions
from mover.connectors.box.directory import ROOT_ID as ENTERPRISE
from mover.connectors.box.directory import USERS, USERS_ID, Directory
from mover.connectors.box.spots import Spot, doing_at
from mover.connectors.contract import Page
from mover.entries import Entry, EntryKind
from mover.errors import NotFound, ProtocolViolation

OPERATION = "list_folder"


async def list_items(
    api: BoxApi, descriptions: Descriptions, folder: Spot, path: str, cursor: str | None, limit: int
) -> AsyncGenerator[Page, None]:
    """Yield what stands in a folder. One call a page."""
    if folder.kind != FOLDER:
        raise NotFound("this is no folder")
    doing = doing_at(folder, OPERATION, path)
    if folder.id == ROOT_ID:
        descriptions.remember_plain(folder.entry_id)  # nobody can collaborate on a root
    while True:
        page = await api.items(folder.id, cursor, doing, limit=limit)
        entries = [
            descriptions.entry(item, in_folder=folder.entry_id)
            for item in page.entries or ()
            if item.item_status in {None, "active"}
        ]
        if page.next_marker and page.next_marker == cursor:
            raise ProtocolViolation("the service repeats a page of the folder")
        cursor = page.next_marker or None
        yield Page(entries, cursor)
        if cursor is None:
            return


async def list_users(directory: Directory, cursor: str | None) -> AsyncGenerator[Page, None]:
    """Yield the users of an enterprise as folders."""
    async for users, following in directory.pages(OPERATION, f"/{USERS}", cursor):
        entries = [
            Entry(
                name=(user.login or "").lower(),
                kind=EntryKind.FOLDER,
                id=f"user-{user.id}",
                owner=(user.login or "").lower(),
                shared=False,
            )
            for user in users
        ]
        yield Page(entries, following)


def top_entry(path: str) -> Entry | None:
    """Describe what stands above the users: the root and `/Users`. None for everything else."""
    names = [name for name in path.split("/") if name]
    if not names:
        return Entry(name="", kind=EntryKind.FOLDER, id=ENTERPRISE)
    if names == [USERS]:
        return Entry(name=USERS, kind=EntryKind.FOLDER, id=USERS_ID)
    return None
