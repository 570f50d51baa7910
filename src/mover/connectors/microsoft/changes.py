"""The change feed of a drive ("driveItem: delta"). A cursor is the service's own link.

It tells of permissions, too, if asked to ("Scanning permissions hierarchies" there, and "Best practices for discovering
files and detecting changes at scale"): of drives of work, to an app with Sites.FullControl.All. Whoever asks with less
is told only of what changes for himself. A folder then comes without what is in it, and what changed without the
folders above it. That a line is there because of permissions (`@microsoft.graph.sharedChanged`) is not looked at: it is
missing on folders, and where something was taken back. Changes of a whole library end the feed (`resyncRequired`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence

from mover.connectors.bounded import Bounded
from mover.connectors.contract import Change
from mover.connectors.microsoft.addressing import GRAPH, ROOT_ITEM, Address, drive_url
from mover.connectors.microsoft.api import PAGE, GraphApi
from mover.connectors.microsoft.links import graph_link
from mover.connectors.microsoft.listing import Lister
from mover.connectors.microsoft.model import SELECT, Item
from mover.connectors.microsoft.territory import Territory, in_drive
from mover.entries import ROOT, EntryRef
from mover.errors import NotFound, ProtocolViolation

_SEPARATOR = " "
_WITH_SHARING = {
    "Prefer": "deltashowremovedasdeleted, deltatraversepermissiongaps, deltashowsharingchanges, hierarchicalsharing",
    "deltaExcludeParent": "true",
}
_MOST_ROOTS = 10_000


class MicrosoftChanges:
    """See `contract.Changes`: one feed for each drive. Of what stands above drives `ManyFeeds` makes one.

    With `sharing` as in `Connector.sharing_changes`.
    """

    def __init__(self, api: GraphApi, territory: Territory, lister: Lister, *, sharing: bool = False) -> None:
        self._api = api
        self._headers: Mapping[str, str] = _WITH_SHARING if sharing else {}
        self._territory = territory
        self._lister = lister
        self._roots: Bounded[str, str] = Bounded(_MOST_ROOTS)

    async def cursor(self, folder: EntryRef = ROOT) -> str:
        """See the contract; Unsupported above drives."""
        address = await in_drive(self._territory, folder, operation="changes")
        link = f"{drive_url(address.drive)}/root/delta?token=latest&{SELECT}&$top={PAGE}"
        for _ in range(10):
            page = await self._api.delta(link, self._headers, operation="changes", path=folder.path)
            if page.delta_link is not None:
                return _spelled(address.drive, page.delta_link)
            if page.next_link is None or page.next_link == link:
                break
            link = page.next_link
        raise ProtocolViolation(
            "the service gives no link to later changes", operation="changes", path=folder.path
        )

    async def since(self, cursor: str) -> AsyncGenerator[tuple[Sequence[Change], str], None]:
        """See the contract. A resync of either kind (410) is a cursor that is too old: all is listed again."""
        drive, link = _read(cursor)
        root_id = ""
        while True:
            page = await self._api.delta(link, self._headers, operation="changes", path="/")
            for item in page.value:
                if item.root is not None:
                    root_id = item.id
            following = page.next_link or page.delta_link
            if following is None or page.next_link == link:
                raise ProtocolViolation("the service gives no link to later changes", operation="changes")
            if not root_id and any(_names_a_parent(item) for item in page.value):
                root_id = await self._root_of(drive)
            changes = [self._change(drive, item, root_id) for item in page.value if item.root is None]
            yield changes, _spelled(drive, following)
            if page.next_link is None:
                return
            link = page.next_link

    async def _root_of(self, drive: str) -> str:
        """The id by which lines call the root of a drive; one call, once, where the feed does not tell it with them.

        Lines have no paths ("driveItem: delta", remarks), and nothing promises that the root comes along each time.
        """
        root_id = self._roots.get(drive)
        if root_id is None:
            root_id = (await self._api.item(Address(drive, ROOT_ITEM), operation="changes", path="/")).id
            self._roots.put(drive, root_id)
        return root_id

    def _change(self, drive: str, item: Item, root_id: str) -> Change:
        change_id = self._territory.id_of(drive, item.id)
        if item.deleted is not None:
            return Change(change_id, None)
        return Change(change_id, self._lister.entry(drive, item), self._parent_id(drive, item, root_id))

    def _parent_id(self, drive: str, item: Item, root_id: str) -> str | None:
        parent = item.parent_reference
        if parent is None or parent.id is None:
            return None
        is_root = parent.id == root_id or (parent.path or "").endswith("/root:")
        return self._territory.id_of(drive, ROOT_ITEM if is_root else parent.id)


def _names_a_parent(item: Item) -> bool:
    """Whether an item is told to stand in a folder, by its id alone."""
    if item.deleted is not None or item.root is not None or (parent := item.parent_reference) is None:
        return False
    return parent.id is not None and not parent.path


def _spelled(drive: str, link: str) -> str:
    return f"{drive}{_SEPARATOR}{graph_link(link).removeprefix(GRAPH)}"


def _read(cursor: str) -> tuple[str, str]:
    drive, separator, rest = cursor.partition(_SEPARATOR)
    if not separator or not drive:
        raise NotFound("the cursor is not known", operation="changes")
    return drive, rest if rest.startswith("https:") else GRAPH + rest
