"""One enterprise at Box: its people with a tree each, who collaborates where, and what happened."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from simulators.accounts import Accounts, Group, Person
from simulators.box import errors
from simulators.clock import Clock
from simulators.nodes import Drive, Node

ROOT_ID = "0"
WEB_LINK = "web_link"
ENTERPRISE_ID = "900100"
ALL_FILES = "All Files"

READS = frozenset({"owner", "co-owner", "editor", "viewer uploader", "viewer"})
UPLOADS = frozenset({"owner", "co-owner", "editor", "viewer uploader", "previewer uploader", "uploader"})
EDITS = frozenset({"owner", "co-owner", "editor"})
ROLES = (
    "uploader",
    "previewer",
    "viewer",
    "previewer uploader",
    "viewer uploader",
    "editor",
    "co-owner",
    "owner",
)
"""The lowest first, as far as they can be compared."""


@dataclass(eq=False)
class Collaboration:
    """Somebody may use an entry and what is below it.

    Attributes:
        grantee: A person or group of the enterprise; None for an address that nobody there has.
        invite_email: That address.
        status: `accepted`, `pending`, `rejected`.
    """

    id: str
    node: Node
    grantee: Person | Group | None
    role: str
    created_by: Person
    created_ns: int
    invite_email: str | None = None
    status: str = "accepted"
    can_view_path: bool = False


@dataclass(frozen=True)
class Event:
    """One event, for the streams of some people."""

    id: str
    position: int
    kind: str
    at_ns: int
    by: Person | None
    source: dict[str, Any]
    people: frozenset[str]


@dataclass(eq=False)
class Session:
    """A chunked upload. `parts` are by offset: id, sha1 in hexadecimal, content."""

    id: str
    person: Person
    folder: Node
    name: str
    size: int
    part_size: int
    expires_ns: int
    replaces: Node | None = None
    parts: dict[int, tuple[str, str, bytes]] = field(default_factory=dict)
    commits: int = 0


def fold(name: str) -> str:
    """What counts of a name when two are compared: Box does not tell cases apart (normalisation: unconfirmed)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


class Organisation:
    """All state of one enterprise.

    Attributes:
        statuses: Of people who are not `active`, by id: `inactive`, `cannot_delete_edit`, `cannot_delete_edit_upload`.
        service_account: In whose name an app acts that uses the enterprise's credentials.
        max_upload_size: Of a file, in bytes.
        smallest_session: Files smaller than this are not taken in chunks.
        part_size: Of chunks; None: by the size of the file.
        keeps_versions: Earlier versions that stay.
        inherits: Listings of collaborations tell what comes from folders above, and `has_collaborations` counts it
            (unconfirmed: the description only says "all the users that have access to the folder").
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.accounts = Accounts(clock.now_ns, "box")
        self.drives: dict[str, Drive] = {}
        self.collaborations: dict[str, Collaboration] = {}
        self.sessions: dict[str, Session] = {}
        self.statuses: dict[str, str] = {}
        self.events: list[Event] = []
        self.blocked: set[str] = set()
        self.not_ready: dict[str, int] = {}
        self.max_upload_size = 5 * 1024**3
        self.smallest_session = 20_000_000
        self.part_size: int | None = None
        self.keeps_versions = 100
        self.inherits = True
        self._numbers = itertools.count(160_000_000_001)
        self._positions = itertools.count(30_400_984_754_258_517)
        self.position = next(self._positions)
        self.service_account = self.add_person(
            f"AutomationUser_{ENTERPRISE_ID}@boxdevedition.com", "Mover", is_admin=True
        )

    def new_id(self) -> str:
        """A number that nothing else has."""
        return str(next(self._numbers))

    def add_person(
        self, email: str, name: str = "", *, is_admin: bool = False, quota: int | None = None
    ) -> Person:
        """Add a managed user with an empty tree."""
        person = self.accounts.add_person(
            email, name, person_id=self.new_id(), is_admin=is_admin, quota=quota
        )
        self.drives[person.id] = Drive(
            person.id,
            self.clock.now_ns,
            root_id=ROOT_ID,
            new_id=self.new_id,
            fold=fold,
            owner=person,
            quota=quota,
        )
        return person

    def add_group(self, name: str, members: tuple[Person, ...] = ()) -> Group:
        """Add a group; they have no addresses at Box."""
        return self.accounts.add_group("", name, members, group_id=self.new_id())

    def drive(self, email: str) -> Drive:
        """The tree of a user, for tests."""
        person = self.accounts.person_of(email)
        assert person is not None
        return self.drives[person.id]

    def drive_of(self, node: Node) -> Drive:
        """The tree in which an entry stands."""
        root = next((above for above in node.ancestors() if above.parent is None), node)
        return next(drive for drive in self.drives.values() if drive.root is root)

    def suspend(self, person: Person, status: str = "inactive") -> None:
        """Give a user another status than `active`."""
        self.statuses[person.id] = status
        person.is_active = status != "inactive"

    def find(self, person: Person, kind: str, node_id: str, *, in_trash: bool = False) -> Node:
        """Return an entry that a user may see. Raises BoxError."""
        if not node_id.isdecimal():
            raise errors.BoxError(405, "method_not_allowed", "Method Not Allowed")
        if node_id == ROOT_ID and kind == "folder":
            return self.drives[person.id].root
        node = next((drive.nodes[node_id] for drive in self.drives.values() if node_id in drive.nodes), None)
        if node is None or node.kind != kind or node.id == ROOT_ID or self.role(person, node) is None:
            raise errors.not_found()
        if self.is_trashed(node) is not in_trash:
            raise (
                errors.trashed()
                if self.is_trashed(node)
                else errors.BoxError(404, "not_trashed", "Item is not trashed")
            )
        return node

    def is_trashed(self, node: Node) -> bool:
        """Tell whether an entry, or a folder above it, is in the trash."""
        return node.is_trashed or any(above.is_trashed for above in node.ancestors())

    def role(self, person: Person, node: Node) -> str | None:
        """The highest role that a user has on an entry; None: it is hidden."""
        owner = self.drive_of(node).owner
        if owner is person:
            return "owner"
        roles = [
            found.role
            for found in self.applying(node)
            if found.status == "accepted" and _is_for(found, person)
        ]
        return max(roles, key=ROLES.index, default=None)

    def demand(self, person: Person, node: Node, allowed: frozenset[str]) -> None:
        """Raise BoxError unless a user's role on an entry is one of these."""
        if self.role(person, node) not in allowed:
            raise errors.denied()
        if self.statuses.get(person.id, "active") != "active" and allowed is not READS:
            raise errors.denied()

    def applying(self, node: Node) -> Iterator[Collaboration]:
        """All collaborations on an entry and on the folders above it."""
        chain = {node.id, *(above.id for above in node.ancestors() if above.parent is not None)}
        return (found for found in self.collaborations.values() if found.node.id in chain)

    def of(self, node: Node) -> list[Collaboration]:
        """The collaborations on an entry as listings tell them."""
        if self.inherits:
            return list(self.applying(node))
        return [found for found in self.collaborations.values() if found.node is node]

    def collaborate(
        self,
        node: Node,
        grantee: Person | Group | str,
        role: str,
        *,
        by: Person | None = None,
        status: str = "accepted",
    ) -> Collaboration:
        """Let somebody use an entry; a text is an address that nobody in the enterprise has."""
        invited = grantee if isinstance(grantee, str) else None
        made = Collaboration(
            self.new_id(),
            node,
            None if isinstance(grantee, str) else grantee,
            role,
            by or self.drive_of(node).owner or self.service_account,
            self.clock.now_ns(),
            invite_email=invited,
            status="pending" if invited else status,
        )
        self.collaborations[made.id] = made
        return made

    def shared_with(self, person: Person) -> list[Node]:
        """Entries of others that stand in a user's root, since somebody invited the user to them."""
        found = {
            collaboration.node.id: collaboration.node
            for collaboration in self.collaborations.values()
            if collaboration.status == "accepted"
            and _is_for(collaboration, person)
            and self.drive_of(collaboration.node).owner is not person
            and not self.is_trashed(collaboration.node)
        }
        return [node for node in found.values() if not any(above.id in found for above in node.ancestors())]

    def who_sees(self, node: Node) -> frozenset[str]:
        """The ids of people in whose streams what happens to an entry is told."""
        owner = self.drive_of(node).owner
        people = {owner.id} if owner is not None else set()
        for found in self.applying(node):
            match found.grantee:
                case Person() as person if found.status == "accepted":
                    people.add(person.id)
                case Group() as group:
                    people |= {member.id for member in group.members}
                case _:
                    pass
        return frozenset(people)

    def record(self, kind: str, source: dict[str, Any], people: frozenset[str], by: Person | None) -> None:
        """Add an event."""
        self.position = next(self._positions)
        self.events.append(
            Event(f"{self.position:040x}", self.position, kind, self.clock.now_ns(), by, source, people)
        )

    def forget_events(self) -> None:
        """Let two months pass for the streams: nothing tells those who come back later that something is missing."""
        self.events.clear()


def _is_for(collaboration: Collaboration, person: Person) -> bool:
    match collaboration.grantee:
        case Person() as grantee:
            return grantee is person
        case Group() as group:
            return person in group.members
        case None:
            return False
