"""A drive: entries in folders, their versions, who may use them, and the log of changes. Vendors add their own rules.

What differs between vendors is given to `Drive`: how names are compared, whether one may stand twice in a folder, how ids
look. Everything else that a vendor keeps on an entry goes into `Node.properties`.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from simulators.accounts import Person
from simulators.blobs import Blob

FILE = "file"
FOLDER = "folder"
_LOG_LINES = 1_000_000


class NameTakenError(Exception):
    """Something of that name stands there already."""

    def __init__(self, standing: Node) -> None:
        super().__init__(standing.name)
        self.standing = standing


class OverQuotaError(Exception):
    """The drive's owner has no room for it."""


class InsideItselfError(Exception):
    """A folder cannot be moved into one of its own."""


@dataclass(eq=False)
class Version:
    """One content of a file."""

    id: str
    blob: Blob
    modified_ns: int
    made_ns: int
    author: Person | None = None
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Grant:
    """Somebody may use an entry and all below it.

    Attributes:
        id: The vendor's.
        kind: `user`, `group`, `domain`, `anyone`, as the vendor calls them.
        identity: E-mail address, domain, or empty.
        role: As the vendor calls it.
    """

    id: str
    kind: str
    identity: str
    role: str
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Node:
    """An entry of a drive. Changed through its `Drive` alone.

    Attributes:
        revision: Counts all changes of the entry; the basis of etags.
        made_ns: When the service made it, whatever times the client gave it.
    """

    id: str
    name: str
    kind: str
    parent: Node | None
    owner: Person | None
    created_ns: int
    modified_ns: int
    made_ns: int
    versions: list[Version] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    revision: int = 1
    is_trashed: bool = False
    properties: dict[str, Any] = field(default_factory=dict)

    @property
    def is_folder(self) -> bool:
        """It holds others."""
        return self.kind == FOLDER

    @property
    def version(self) -> Version:
        """The current content."""
        return self.versions[-1]

    @property
    def size(self) -> int:
        """Of the current content; 0 without one."""
        return self.version.blob.size if self.versions else 0

    def ancestors(self) -> Iterator[Node]:
        """The folder that holds it, and those above, up to the root."""
        above = self.parent
        while above is not None:
            yield above
            above = above.parent

    @property
    def path(self) -> str:
        """For tests: names from below the root, each after a slash."""
        names = [self.name, *(node.name for node in self.ancestors() if node.parent is not None)]
        return "/" if self.parent is None else "/" + "/".join(reversed(names))


@dataclass(frozen=True)
class Line:
    """One line of the log of changes."""

    sequence: int
    node_id: str
    what: str
    at_ns: int
    parent_id: str | None
    name: str
    is_folder: bool


class Drive:
    """One tree of entries.

    Args:
        drive_id: The vendor's.
        now_ns: The world's clock.
        root_id: Of the root folder.
        new_id: Makes ids of entries.
        fold: What of a name counts when two are compared.
        duplicates: One name may stand twice in a folder.
        owner: Whose it is, and whose quota counts.
        quota: Bytes; None: no limit. Versions count.
    """

    def __init__(
        self,
        drive_id: str,
        now_ns: Callable[[], int],
        *,
        root_id: str,
        new_id: Callable[[], str],
        fold: Callable[[str], str] = str,
        duplicates: bool = False,
        owner: Person | None = None,
        quota: int | None = None,
    ) -> None:
        self.id = drive_id
        self.owner = owner
        self.quota = quota
        self.used = 0
        self.lag_ns = 0
        """New entries are missing in listings for so long."""
        self.log: deque[Line] = deque(maxlen=_LOG_LINES)
        self.nodes: dict[str, Node] = {}
        self._now_ns = now_ns
        self._new_id = new_id
        self._fold = fold
        self._duplicates = duplicates
        self._children: dict[str, dict[str, list[Node]]] = {}
        self._sequence = itertools.count(1)
        self._last = 0
        now = now_ns()
        self.root = Node(root_id, "", FOLDER, None, owner, now, now, now)
        self.nodes[root_id] = self.root
        self._children[root_id] = {}

    @property
    def sequence(self) -> int:
        """Of the newest line of the log; 0 before the first."""
        return self._last

    def children(self, folder: Node, *, listed: bool = False) -> list[Node]:
        """Return what stands in a folder, in the order in which it came; `listed`: as a listing that lags shows it."""
        found = [node for same in self._children[folder.id].values() for node in same if not node.is_trashed]
        if listed and self.lag_ns:
            seen_until = self._now_ns() - self.lag_ns
            found = [node for node in found if node.made_ns <= seen_until]
        return found

    def find(self, folder: Node, name: str) -> Node | None:
        """Return the oldest entry of that name in a folder."""
        same = self._children[folder.id].get(self._fold(name), ())
        return next((node for node in same if not node.is_trashed), None)

    def at(self, path: str) -> Node | None:
        """Return the entry at a path of names, from the root."""
        node: Node | None = self.root
        for name in filter(None, path.split("/")):
            node = self.find(node, name) if node is not None and node.is_folder else None
        return node

    def below(self, folder: Node) -> Iterator[Node]:
        """Walk all that stands in a folder and its folders, trashed entries too."""
        for same in list(self._children.get(folder.id, {}).values()):
            for node in list(same):
                yield node
                if node.is_folder:
                    yield from self.below(node)

    def add(
        self,
        parent: Node,
        name: str,
        *,
        kind: str = FILE,
        blob: Blob | None = None,
        owner: Person | None = None,
        author: Person | None = None,
        modified_ns: int | None = None,
        created_ns: int | None = None,
        node_id: str | None = None,
    ) -> Node:
        """Add an entry. Raises NameTakenError, OverQuotaError."""
        if not self._duplicates and (standing := self.find(parent, name)) is not None:
            raise NameTakenError(standing)
        if blob is not None:
            self._reserve(blob.size)
        now = self._now_ns()
        made = Node(
            node_id or self._new_id(),
            name,
            kind,
            parent,
            owner or self.owner,
            now if created_ns is None else created_ns,
            now if modified_ns is None else modified_ns,
            now,
        )
        if blob is not None:
            made.versions.append(Version(self._new_id(), blob, made.modified_ns, now, author or made.owner))
        self.nodes[made.id] = made
        if kind == FOLDER:
            self._children[made.id] = {}
        self._stand(made, parent)
        self._note(made, "added")
        return made

    def folder(self, path: str) -> Node:
        """Return the folder at a path of names, made with those above it where it is not there; for tests."""
        node = self.root
        for name in filter(None, path.split("/")):
            node = self.find(node, name) or self.add(node, name, kind=FOLDER)
        return node

    def put(
        self,
        node: Node,
        blob: Blob,
        *,
        modified_ns: int | None = None,
        author: Person | None = None,
        keeps: int = 100,
    ) -> Version:
        """Give a file a new content; `keeps` earlier versions stay. Raises OverQuotaError."""
        self._reserve(blob.size)
        now = self._now_ns()
        node.modified_ns = now if modified_ns is None else modified_ns
        made = Version(self._new_id(), blob, node.modified_ns, now, author or node.owner)
        node.versions.append(made)
        while len(node.versions) > keeps + 1:
            self.used -= node.versions.pop(0).blob.size
        self.touch(node, "changed")
        return made

    def touch(self, node: Node, what: str = "changed") -> None:
        """Count a change of an entry that was made directly, and log it."""
        node.revision += 1
        self._note(node, what)

    def move(self, node: Node, parent: Node, name: str) -> None:
        """Rename or move an entry within the drive. Raises NameTakenError, InsideItselfError."""
        if node is parent or node in parent.ancestors():
            raise InsideItselfError
        if not self._duplicates:
            standing = self.find(parent, name)
            if standing is not None and standing is not node:
                raise NameTakenError(standing)
        self._leave(node)
        node.name = name
        node.parent = parent
        self._stand(node, parent)
        self.touch(node, "moved")

    def trash(self, node: Node) -> None:
        """Put an entry into the trash, with all below it."""
        node.is_trashed = True
        self.touch(node, "trashed")

    def restore(self, node: Node) -> None:
        """Take an entry out of the trash."""
        node.is_trashed = False
        self.touch(node, "restored")

    def remove(self, node: Node) -> None:
        """Delete an entry for good, with all below it."""
        for inner in [*self.below(node), node]:
            self._leave(inner)
            self.used -= sum(version.blob.size for version in inner.versions)
            del self.nodes[inner.id]
            self._children.pop(inner.id, None)
        self._note(node, "removed")

    def lines_after(self, sequence: int) -> list[Line]:
        """Return the lines of the log after one of them. Raises LookupError if they are no longer kept."""
        if self.log and sequence + 1 < self.log[0].sequence:
            raise LookupError(sequence)
        return [line for line in self.log if line.sequence > sequence]

    def forget_log(self) -> None:
        """Make all positions in the log of changes too old."""
        self.log.clear()
        self._note(self.root, "forgotten")

    def _reserve(self, size: int) -> None:
        if self.quota is not None and self.used + size > self.quota:
            raise OverQuotaError
        self.used += size

    def _stand(self, node: Node, parent: Node) -> None:
        self._children[parent.id].setdefault(self._fold(node.name), []).append(node)

    def _leave(self, node: Node) -> None:
        if node.parent is not None and node.parent.id in self._children:
            same = self._children[node.parent.id][self._fold(node.name)]
            same.remove(node)
            if not same:
                del self._children[node.parent.id][self._fold(node.name)]

    def _note(self, node: Node, what: str) -> None:
        self._last = next(self._sequence)
        parent_id = node.parent.id if node.parent is not None else None
        self.log.append(Line(self._last, node.id, what, self._now_ns(), parent_id, node.name, node.is_folder))
