"""Drives of people and shared ones: whose they are, who may see what in them, and how ids look."""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from simulators.accounts import Accounts, Group, Person
from simulators.blobs import Blob, Bytes
from simulators.nodes import FILE, FOLDER, Drive, Grant, Node

FOLDER_TYPE = "application/vnd.google-apps.folder"
SHORTCUT_TYPE = "application/vnd.google-apps.shortcut"
DEFAULT_TYPE = "application/octet-stream"
NATIVE_PREFIX = "application/vnd.google-apps."

RANKS = {"reader": 1, "commenter": 2, "writer": 3, "fileOrganizer": 4, "organizer": 5, "owner": 6}
WRITER = RANKS["writer"]


@dataclass(eq=False)
class SharedDrive:
    """A drive that belongs to an organisation; its members are granted on its root."""

    id: str
    name: str
    drive: Drive
    created_ns: int


@dataclass(frozen=True)
class Detail:
    """Why somebody has a role on an entry."""

    role: str
    inherited_from: str | None


@dataclass
class Effective:
    """All that one grantee has on an entry."""

    id: str
    kind: str
    identity: str
    details: list[Detail] = field(default_factory=list)
    is_found: bool = False

    @property
    def role(self) -> str:
        """The highest."""
        return max((detail.role for detail in self.details), key=RANKS.__getitem__)


class State:
    """All drives of the people of the simulated Google.

    Args:
        accounts: Everybody.
        now_ns: The world's clock.
    """

    def __init__(self, accounts: Accounts, now_ns: Callable[[], int]) -> None:
        self.accounts = accounts
        self.now_ns = now_ns
        self.shared: dict[str, SharedDrive] = {}
        self._mine: dict[str, Drive] = {}
        self._numbers = itertools.count(1)
        self.generated: set[str] = set()

    def new_id(self) -> str:
        """Return an id that no entry has."""
        digest = hashlib.sha256(f"google entry {next(self._numbers)}".encode()).digest()
        return "1" + base64.urlsafe_b64encode(digest[:24]).decode()

    def _root_id(self, of: str) -> str:
        digest = hashlib.sha256(f"google root {of}".encode()).digest()
        return "0A" + base64.urlsafe_b64encode(digest[:9]).decode() + "Uk9PVA"

    def my_drive(self, person: Person) -> Drive:
        """Return a user's My Drive."""
        if person.id not in self._mine:
            root_id = self._root_id(person.email)
            self._mine[person.id] = Drive(
                root_id,
                self.now_ns,
                root_id=root_id,
                new_id=self.new_id,
                duplicates=True,
                owner=person,
                quota=person.quota,
            )
            self._mine[person.id].root.name = "My Drive"
        return self._mine[person.id]

    def share_drive(self, name: str, members: dict[str, str]) -> SharedDrive:
        """Make a shared drive with members: roles by address."""
        drive_id = self._root_id(f"{name} {next(self._numbers)}")
        drive = Drive(drive_id, self.now_ns, root_id=drive_id, new_id=self.new_id, duplicates=True)
        drive.root.name = name
        made = SharedDrive(drive_id, name, drive, self.now_ns())
        for email, role in members.items():
            self.grant(drive.root, email, role)
        self.shared[drive_id] = made
        return made

    @property
    def drives(self) -> Iterator[Drive]:
        """All drives that somebody has used."""
        yield from self._mine.values()
        for shared in self.shared.values():
            yield shared.drive

    def find(self, node_id: str) -> tuple[Drive, Node] | None:
        """Find an entry anywhere."""
        for drive in self.drives:
            if (node := drive.nodes.get(node_id)) is not None:
                return drive, node
        return None

    def is_shared_drive(self, drive: Drive) -> bool:
        """Tell whether a drive is no My Drive."""
        return drive.id in self.shared

    def add_native(
        self, drive: Drive, parent: Node, name: str, media_type: str, *, text: str = "", export_size: int = 0
    ) -> Node:
        """Add a native document (`document`, `spreadsheet`, `form`, ...); `export_size` makes its exports that large."""
        node = drive.add(parent, name, kind=FILE)
        node.properties |= {"mimeType": NATIVE_PREFIX + media_type, "text": text, "export_size": export_size}
        return node

    def edit(self, drive: Drive, node: Node, text: str) -> None:
        """Change what is in a native document."""
        node.properties["text"] = text
        node.modified_ns = self.now_ns()
        drive.touch(node)

    def add_file(
        self, drive: Drive, path: str, blob: Blob | bytes = b"", *, modified_ns: int | None = None
    ) -> Node:
        """Add a file at a path of names, with the folders above it; for tests."""
        folder, _, name = path.rpartition("/")
        content = Bytes(blob) if isinstance(blob, bytes) else blob
        return drive.add(drive.folder(folder), name, blob=content, modified_ns=modified_ns)

    # who may do what

    def grant(
        self, node: Node, identity: str, role: str, kind: str | None = None, **properties: object
    ) -> Grant:
        """Grant a role on an entry, or change the role that is granted on it."""
        identity = identity.lower()
        if kind is None:
            kind = "group" if self.accounts.group_of(identity) else "user"
        for grant in node.grants:
            if (grant.kind, grant.identity) == (kind, identity):
                grant.role = role
                grant.properties |= properties
                return grant
        made = Grant(self.permission_id(kind, identity, **properties), kind, identity, role, dict(properties))
        node.grants.append(made)
        return made

    def permission_id(self, kind: str, identity: str, **properties: object) -> str:
        """Return the id of a permission: the same for one grantee everywhere."""
        if kind == "anyone":
            return "anyone" if properties.get("allowFileDiscovery") else "anyoneWithLink"
        digits = str(int.from_bytes(hashlib.sha256(f"{kind} {identity}".encode()).digest()[:9], "big"))
        return digits.rjust(20, "1")[:20] + ("k" if kind == "domain" else "")

    def effective(self, node: Node) -> list[Effective]:
        """Return who has what on an entry, the owner first."""
        found: dict[tuple[str, str], Effective] = {}

        def note(kind: str, identity: str, role: str, above: Node | None, **properties: object) -> None:
            line = found.setdefault(
                (kind, identity),
                Effective(self.permission_id(kind, identity, **properties), kind, identity),
            )
            line.is_found = line.is_found or bool(properties.get("allowFileDiscovery"))
            line.details.append(Detail(role, above.id if above is not None else None))

        if node.owner is not None:
            note("user", node.owner.email, "owner", None)
        for grant in node.grants:
            note(grant.kind, grant.identity, grant.role, None, **grant.properties)
        for above in node.ancestors():
            for grant in above.grants:
                note(grant.kind, grant.identity, grant.role, above, **grant.properties)
            if above.owner is not None and above.owner is not node.owner:
                note("user", above.owner.email, "writer", above)
        return list(found.values())

    def rank(self, person: Person, node: Node) -> int:
        """Return how much a user may do with an entry: 0 nothing, see `RANKS`."""
        return max(
            (RANKS[line.role] for line in self.effective(node) if self._means(line, person)), default=0
        )

    def sees_by_grant(self, person: Person, node: Node) -> bool:
        """Tell whether an entry was shared with a user by name: that is what "shared with me" shows."""
        return any(
            grant.kind in {"user", "group"} and self._is(grant.kind, grant.identity, person)
            for grant in node.grants
        )

    def _means(self, line: Effective, person: Person) -> bool:
        return line.kind == "anyone" or self._is(line.kind, line.identity, person)

    def _is(self, kind: str, identity: str, person: Person) -> bool:
        match kind:
            case "user":
                return identity == person.email
            case "group":
                group: Group | None = self.accounts.group_of(identity)
                return group is not None and person in group.members
            case "domain":
                return identity == person.domain
        return False


def media_type(node: Node) -> str:
    """Return an entry's `mimeType`."""
    if node.kind == FOLDER:
        return FOLDER_TYPE
    return str(node.properties.get("mimeType", DEFAULT_TYPE))


def is_native(node: Node) -> bool:
    """Tell whether an entry is a document of Google's own."""
    kind = media_type(node)
    return kind.startswith(NATIVE_PREFIX) and kind not in {FOLDER_TYPE, SHORTCUT_TYPE}
