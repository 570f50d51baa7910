"""All that stands below a folder of the in-memory service, told in pages while it may change.

Each page tells some of what differs from what was told before, in an order that nobody would choose: what is in folders before
the folders. So what changes meanwhile is told again, and the last page leaves what stands there then.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
from tests.memory.connector import MemoryChanges
from tests.memory.writing import find_folder

from mover.connectors.contract import TreeLine, TreePage
from mover.entries import Entry, EntryKind, EntryRef
from mover.errors import NotFound

if TYPE_CHECKING:
    from tests.memory.nodes import Node

Told = dict[str, Entry]


class MemoryTrees(MemoryChanges):
    """The change feed, and what it begins with."""

    async def below(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[TreePage, None]:
        """See the contract. A call a page, of `tree_page` lines."""
        connector, account = self._connector, self._connector.account
        size = account.tree_page
        assert size is not None
        while True:
            async with connector.operation("list_tree", connector.label(folder)):
                if cursor is not None and cursor not in account.trees:
                    raise NotFound("the place in the tree is lost")
                told = dict(account.trees[cursor]) if cursor is not None else {}
                standing = self._standing(find_folder(account, folder))
                lines: list[TreeLine] = []
                while len(lines) < size and (line := _difference(told, standing, len(account.trees))):
                    lines.append(msgspec.structs.replace(line, path=self._path(folder, line)))
                    _apply(told, line)
                is_last = _difference(told, standing, 0) is None
                cursor = f"tree {len(account.trees)}"
                account.trees[cursor] = told
                feed = str(len(account.nodes.changed)) if is_last else None
            yield TreePage(lines, cursor, feed)
            if is_last:
                return

    async def taken_up(self, folder: EntryRef, entries: Sequence[Entry], *, begins: bool, ends: bool) -> None:
        """See the contract."""
        names = [entry.name for entry in entries]
        self._connector.account.taken_up.append((self._connector.label(folder), names, begins, ends))

    def _path(self, folder: EntryRef, line: TreeLine) -> str:
        """For people: below the folder."""
        account = self._connector.account
        node = account.nodes.node(line.entry.id or "") if line.entry is not None else None
        top = account.nodes.path(find_folder(account, folder)).rstrip("/")
        return account.nodes.path(node).removeprefix(top) if node is not None else line.place

    def _standing(self, folder: Node) -> Told:
        """What stands below, by place. Of services where names are no addresses the place is one of ids."""
        account = self._connector.account
        names = account.capabilities.names
        found: Told = {}
        waiting = [("", folder)]
        while waiting:
            above, node = waiting.pop()
            for child in account.nodes.children(node):
                own = child.id if account.capabilities.duplicate_names else names.key(child.name)
                found[f"{above}/{own}"] = account.describe(child)
                if child.kind is EntryKind.FOLDER:
                    waiting.append((f"{above}/{own}", child))
        return found


def _difference(told: Mapping[str, Entry], standing: Mapping[str, Entry], seed: int) -> TreeLine | None:
    """One of the lines that are to be told yet."""
    gone = [place for place in told if place not in standing]
    if gone:
        return TreeLine(gone[0], gone[0], None)
    new = sorted(place for place, entry in standing.items() if told.get(place) != entry)
    if not new:
        return None
    place = random.Random(seed).choice(new)
    return TreeLine(place, place, standing[place])


def _apply(told: Told, line: TreeLine) -> None:
    """As the contract says that lines are applied."""
    if line.entry is None or line.entry.kind is not EntryKind.FOLDER:
        for place in [one for one in told if one == line.place or one.startswith(f"{line.place}/")]:
            del told[place]
    if line.entry is not None:
        told[line.place] = line.entry
