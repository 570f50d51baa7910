"""Namespaces: the trees that Dropbox keeps, how they are mounted in one another, and the journal of their changes.

A person's home, a shared folder, a team folder and the root of a team each are one. A mount is a folder of one namespace
that shows another; it has the same id wherever it stands.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from simulators.accounts import Group, Person
from simulators.nodes import FOLDER, Drive, Node

MOUNT = "mount"


def token_text(number: int, length: int) -> str:
    """Return text that looks like Dropbox's ids, different for each number."""
    digest = hashlib.sha512(f"dropbox {number}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()[:length]


@dataclass(frozen=True)
class Step:
    """One line of a namespace's journal: what now stands at a path, or that nothing does any more."""

    sequence: int
    names: tuple[str, ...]
    node_id: str | None


@dataclass
class Member:
    """Somebody who may use a shared folder or file.

    Attributes:
        who: A person, a group, or the address of somebody invited.
        access: `owner`, `editor`, `viewer`.
    """

    who: Person | Group | str
    access: str

    @property
    def key(self) -> str:
        """What tells members apart."""
        return self.who if isinstance(self.who, str) else self.who.email

    def includes(self, person: Person) -> bool:
        """Tell whether it is that person, or a group with it."""
        return self.who is person or (isinstance(self.who, Group) and person in self.who.members)


@dataclass(eq=False)
class Namespace:
    """One tree.

    Attributes:
        id: Digits.
        kind: `home`, `shared`, `team_folder`, `team_root`.
        name: For people.
        members: Of a shared folder, by address.
        parent: The shared folder that it stands in, if there is one.
        folder_id: Id of its mounts.
    """

    id: str
    drive: Drive
    kind: str
    name: str
    owner: Person | None
    folder_id: str = ""
    members: dict[str, Member] = field(default_factory=dict)
    parent: Namespace | None = None
    mounts: list[tuple[Namespace, Node]] = field(default_factory=list)
    journal: list[Step] = field(default_factory=list)
    is_writing: bool = False
    properties: dict[str, Any] = field(default_factory=dict)

    def access_of(self, person: Person) -> str | None:
        """The highest access that somebody has: `owner`, `editor`, `viewer`, or None."""
        if self.kind == "home":
            return "owner" if person is self.owner else None
        found = [member.access for member in self.members.values() if member.includes(person)]
        if self.parent is not None and (above := self.parent.access_of(person)):
            found.append(above)
        return min(found, key=ACCESS.index, default=None)


ACCESS = ("owner", "editor", "viewer")


def names_of(node: Node) -> tuple[str, ...]:
    """The names from below the root of its namespace down to an entry."""
    names = [node.name, *(above.name for above in node.ancestors())]
    return tuple(reversed(names[:-1])) if node.parent is not None else ()


class Forest:
    """All namespaces.

    Args:
        now_ns: The world's clock.
    """

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self.now_ns = now_ns
        self.namespaces: dict[str, Namespace] = {}
        self._numbers = itertools.count(1)
        self._revs = itertools.count(1)
        self._sequence = 0
        self.oldest_sequence = 0

    @property
    def sequence(self) -> int:
        """Of the newest step of all journals."""
        return self._sequence

    def forget_journals(self) -> None:
        """Make all cursors too old."""
        self._sequence += 1
        self.oldest_sequence = self._sequence

    def new_id(self) -> str:
        """Make the id of an entry."""
        return "id:" + token_text(next(self._numbers), 22)

    def new_rev(self, namespace: Namespace) -> str:
        """Make a revision: hexadecimal, and different for each."""
        return f"{next(self._revs):x}".rjust(7, "0") + f"{int(namespace.id):010x}"

    def add(
        self, kind: str, name: str, owner: Person | None, *, quota: int | None = None, folder_id: str = ""
    ) -> Namespace:
        """Add an empty namespace."""
        namespace_id = str(1_000_000_000 + next(self._numbers) * 16)
        drive = Drive(
            namespace_id,
            self.now_ns,
            root_id=f"root:{namespace_id}",
            new_id=self.new_id,
            fold=str.lower,
            owner=owner,
            quota=quota,
        )
        made = Namespace(namespace_id, drive, kind, name, owner, folder_id or self.new_id())
        self.namespaces[namespace_id] = made
        return made

    def mount(self, namespace: Namespace, into: Namespace, parent: Node, name: str) -> Node:
        """Show a namespace as a folder of another one."""
        standing = into.drive.nodes.get(namespace.folder_id)
        node = standing or into.drive.add(parent, name, kind=FOLDER, node_id=namespace.folder_id)
        node.properties[MOUNT] = namespace
        namespace.mounts.append((into, node))
        self.note(into, node)
        self.note_all(namespace, namespace.drive.root)
        return node

    def unmount(self, namespace: Namespace, into: Namespace) -> None:
        """Show it there no longer."""
        for where, node in list(namespace.mounts):
            if where is into:
                namespace.mounts.remove((where, node))
                self.note_gone(into, names_of(node))
                into.drive.remove(node)

    def note(self, namespace: Namespace, node: Node) -> None:
        """Write into the journal that an entry was added or changed."""
        self._sequence += 1
        namespace.journal.append(Step(self._sequence, names_of(node), node.id))

    def note_all(self, namespace: Namespace, folder: Node) -> None:
        """Likewise, of all below a folder."""
        for node in namespace.drive.below(folder):
            self.note(namespace, node)

    def note_gone(self, namespace: Namespace, names: tuple[str, ...]) -> None:
        """Write into the journal that nothing stands at a path any more."""
        self._sequence += 1
        namespace.journal.append(Step(self._sequence, names, None))

    def carve(self, namespace: Namespace, folder: Node, owner: Person | None) -> Namespace:
        """Make a folder a namespace of its own, mounted where it stood; all keep their ids and revisions."""
        made = self.add("shared", folder.name, owner, folder_id=folder.id)
        made.drive.quota = None
        self.transplant(namespace, folder, made, made.drive.root)
        for node in namespace.drive.children(folder):
            namespace.drive.remove(node)
        folder.properties[MOUNT] = made
        made.mounts.append((namespace, folder))
        self.note(namespace, folder)
        return made

    def transplant(self, source: Namespace, folder: Node, target: Namespace, into: Node) -> None:
        """Copy what stands in a folder into one of another namespace; ids and revisions stay."""
        for child in list(source.drive.children(folder)):
            copy = target.drive.add(
                into,
                child.name,
                kind=child.kind,
                node_id=child.id,
                created_ns=child.created_ns,
                modified_ns=child.modified_ns,
            )
            copy.versions = list(child.versions)
            target.drive.used += sum(version.blob.size for version in child.versions)
            copy.grants = child.grants
            copy.properties = child.properties
            if (mounted := child.properties.get(MOUNT)) is not None:
                mounted.mounts = [
                    (target, copy) if node is child else (where, node) for where, node in mounted.mounts
                ]
                mounted.parent = target
            elif child.is_folder:
                self.transplant(source, child, target, copy)

    def walk(self, namespace: Namespace, folder: Node) -> Iterator[tuple[Namespace, Node]]:
        """All below a folder, through mounts."""
        for node in namespace.drive.children(folder):
            yield namespace, node
            if (mounted := node.properties.get(MOUNT)) is not None:
                yield from self.walk(mounted, mounted.drive.root)
            elif node.is_folder:
                yield from self.walk(namespace, node)
