"""The entries of the in-memory service as a tree: by id, with an index of names, and a log of changes."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.memory.contents import Contents, Held

from mover.entries import EntryKind, join_path
from mover.naming import NameRules

ROOT_ID = "root"


@dataclass(frozen=True)
class Earlier:
    """What a file was before."""

    version: int
    contents: Contents
    modified_ns: int


@dataclass
class Node:
    """One entry. `version` grows with every change of the content; `order` is its place among its siblings."""

    id: str
    parent_id: str | None
    name: str
    kind: EntryKind
    contents: Contents = field(default_factory=lambda: Held(b""))
    modified_ns: int = 0
    created_ns: int = 0
    version: int = 1
    order: int = 0
    target: str | None = None
    media_type: str | None = None
    stored: bool = False
    earlier: list[Earlier] = field(default_factory=list)


class Tree:
    """All entries of an account. Nothing here knows of capabilities, errors or time."""

    def __init__(self, names: NameRules) -> None:
        self._names = names
        self._numbers = itertools.count(1)
        self.root = Node(ROOT_ID, None, "", EntryKind.FOLDER)
        self._nodes: dict[str, Node] = {ROOT_ID: self.root}
        self._children: dict[str, dict[str, Node]] = {ROOT_ID: {}}
        self._named: defaultdict[tuple[str, str], list[Node]] = defaultdict(list)
        self.changed: list[str] = []
        """Ids in the order of their changes; a cursor of the change feed is an index into it."""
        self.oldest_cursor = 0
        """Cursors before this one are too old."""

    def __len__(self) -> int:
        return len(self._nodes) - 1

    def node(self, id_: str) -> Node | None:
        """Find an entry by id."""
        return self._nodes.get(id_)

    def named(self, parent: Node, name: str) -> list[Node]:
        """Return the entries of a folder that the service takes for `name`, the oldest first."""
        return list(self._named.get((parent.id, self._names.key(name)), ()))

    def at(self, path: str) -> Node | None:
        """Find an entry by path, the oldest where several are meant."""
        node: Node | None = self.root
        for part in filter(None, path.split("/")):
            if node is None or node.kind is not EntryKind.FOLDER:
                return None
            found = self.named(node, part) or [
                n for n in self.children(node) if join_path("", n.name) == f"/{part}"
            ]
            node = found[0] if found else None
        return node

    def children(self, parent: Node) -> list[Node]:
        """Return what stands in a folder, in the order in which it came there."""
        return list(self._children.get(parent.id, {}).values())

    def path(self, node: Node) -> str:
        """Return where an entry stands."""
        names = []
        while node.parent_id is not None:
            names.append(node.name)
            node = self._nodes[node.parent_id]
        path = "/"
        for name in reversed(names):
            path = join_path(path, name)
        return path

    def walk(self, start: Node | None = None) -> Iterator[Node]:
        """Yield every entry below a folder, folders before what is in them."""
        for node in self.children(start or self.root):
            yield node
            if node.kind is EntryKind.FOLDER:
                yield from self.walk(node)

    def new(self, parent: Node, name: str, kind: EntryKind) -> Node:
        """Make an entry and put it in a folder, whether or not others have that name."""
        node = Node(f"e{next(self._numbers)}", parent.id, name, kind)
        self._nodes[node.id] = node
        if kind is EntryKind.FOLDER:
            self._children[node.id] = {}
        self._insert(node)
        return node

    def move(self, node: Node, parent: Node, name: str) -> None:
        """Give an entry another place or name; it keeps its id."""
        self._take_out(node)
        node.parent_id, node.name = parent.id, name
        self._insert(node)

    def remove(self, node: Node) -> None:
        """Remove an entry with all that is in it."""
        for child in self.children(node):
            self.remove(child)
        self._take_out(node)
        del self._nodes[node.id]
        self._children.pop(node.id, None)
        self.changed.append(node.id)

    def touch(self, node: Node) -> None:
        """Note that an entry changed."""
        self.changed.append(node.id)

    def _insert(self, node: Node) -> None:
        assert node.parent_id is not None
        node.order = next(self._numbers)
        self._children[node.parent_id][node.id] = node
        self._named[node.parent_id, self._names.key(node.name)].append(node)
        self.changed.append(node.id)

    def _take_out(self, node: Node) -> None:
        assert node.parent_id is not None
        del self._children[node.parent_id][node.id]
        key = (node.parent_id, self._names.key(node.name))
        self._named[key].remove(node)
        if not self._named[key]:
            del self._named[key]
