"""What a tenant keeps: drives of people, sites with libraries, upload sessions, links with a right of their own."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from simulators.accounts import Accounts, Group, Person
from simulators.blobs import Blob
from simulators.clock import SECOND_NS, Clock
from simulators.faults import FaultScript
from simulators.microsoft.ids import Ids
from simulators.microsoft.quickxor import quick_xor_hash
from simulators.nodes import Drive, Node, Version

PERSONAL = "personal"
BUSINESS = "business"
LIBRARY = "documentLibrary"
SHARED = "shared"
"""What the log says of an entry whose permissions alone changed."""
FULL_CONTROL = "Sites.FullControl.All"
APP_ROLES = frozenset({"Files.ReadWrite.All", "Sites.ReadWrite.All", "User.Read.All"})
DOWNLOADABLE_S = 3600


@dataclass(eq=False)
class Site:
    """A SharePoint site.

    Attributes:
        address: Its path at the host: `sites/marketing`; empty for the root site.
        members: Who may use it; None: everybody of the tenant.
        is_personal: It is the site behind a user's OneDrive.
        above: The site that it is a subsite of.
    """

    id: str
    host: str
    address: str
    name: str
    members: list[Person] | None = None
    libraries: list[Library] = field(default_factory=list)
    is_personal: bool = False
    above: Site | None = None

    @property
    def web_url(self) -> str:
        """Where browsers find it."""
        return f"https://{self.host}/{self.address}".rstrip("/")


@dataclass(eq=False)
class Library:
    """A drive as Graph knows it.

    Attributes:
        kind: PERSONAL, BUSINESS or LIBRARY.
        host: That serves its contents.
        prefix: The path of its root at the host.
        is_locked: Its site takes no calls.
    """

    drive: Drive
    name: str
    kind: str
    host: str
    prefix: str
    site: Site | None = None
    is_locked: bool = False

    @property
    def id(self) -> str:
        """Of the drive."""
        return self.drive.id

    @property
    def is_personal(self) -> bool:
        """It belongs to a Microsoft account."""
        return self.kind == PERSONAL


@dataclass(eq=False)
class Session:
    """An upload on its way.

    Attributes:
        node: The file to be replaced; None: a new one.
        behaviour: What happens to a file of the same name.
        uneven: A fragment was no multiple of 320 KiB.
    """

    library: Library
    parent: Node
    name: str
    node: Node | None
    behaviour: str
    modified_ns: int | None
    created_ns: int | None
    deferred: bool
    author: Person | None
    expires_ns: int
    parts: list[Blob] = field(default_factory=list)
    received: int = 0
    total: int | None = None
    uneven: bool = False


@dataclass(frozen=True)
class Ticket:
    """A link to a content."""

    library: Library
    node_id: str
    version: Version | None
    expires_ns: int


class State:
    """All of one tenant, and the Microsoft accounts beside it."""

    def __init__(self, clock: Clock, faults: FaultScript, tenant: str) -> None:
        self.clock = clock
        self.faults = faults
        self.tenant = tenant
        self.ids = Ids()
        self.tenant_id = self.ids.guid()
        self.domain = f"{tenant}.example"
        self.host = f"{tenant}.sharepoint.com"
        self.my_host = f"{tenant}-my.sharepoint.com"
        self.accounts = Accounts(clock.now_ns, "microsoft")
        self.libraries: dict[str, Library] = {}
        self.sites: dict[str, Site] = {}
        self.drive_of: dict[str, Library] = {}
        self.sessions: dict[str, Session] = {}
        self.tickets: dict[str, Ticket] = {}
        self.fresh: dict[str, int] = {}
        self.app_roles: dict[str, frozenset[str]] = {}
        """Permissions of apps by client id, where they are others than `APP_ROLES`."""

    def roles_of(self, client_id: str) -> frozenset[str]:
        """Which application permissions an app was granted."""
        return self.app_roles.get(client_id, APP_ROLES)

    def add_drive(
        self,
        kind: str,
        name: str,
        host: str,
        prefix: str,
        *,
        owner: Person | None = None,
        site: Site | None = None,
        quota: int | None = None,
    ) -> Library:
        """Make an empty drive."""
        personal = kind == PERSONAL
        drive_id = self.ids.personal_drive() if personal else self.ids.drive()

        def new_id() -> str:
            return self.ids.personal_item(drive_id) if personal else self.ids.item()

        drive = Drive(
            drive_id,
            self.clock.now_ns,
            root_id=new_id(),
            new_id=new_id,
            fold=fold,
            owner=owner,
            quota=quota,
        )
        made = Library(drive, name, kind, host, prefix, site)
        self.libraries[fold_drive_id(drive_id)] = made
        if site is not None:
            site.libraries.append(made)
        return made

    def library(self, drive_id: str) -> Library | None:
        """Find a drive; personal ones also by an id that lost its leading zero, or in other case."""
        return self.libraries.get(fold_drive_id(drive_id))

    def is_mine(self, person: Person) -> bool:
        """Tell whether somebody is of the tenant."""
        return person.domain == self.domain

    def grantee(self, email: str) -> Person | Group | None:
        """Find whom an address names."""
        return self.accounts.person_of(email) or self.accounts.group_of(email)

    def ticket(self, library: Library, node: Node, version: Version | None = None) -> str:
        """Make a link to the content of a file."""
        secret = self.ids.secret()
        expires = self.clock.now_ns() + DOWNLOADABLE_S * SECOND_NS
        self.tickets[secret] = Ticket(library, node.id, version, expires)
        if library.is_personal:
            return f"https://{library.host}/personal/{library.id.lower()}/download.aspx?tempauth={secret}"
        address = quote(library.site.address) if library.site is not None else ""
        return f"https://{library.host}/{address}/_layouts/15/download.aspx?tempauth={secret}"


def fold(name: str) -> str:
    """What of a name counts."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def fold_drive_id(drive_id: str) -> str:
    """What of a drive's id counts."""
    return drive_id if drive_id.startswith("b!") else drive_id.lower().zfill(16)


def quickxor_of(version: Version) -> str:
    """The hash of a content, counted once."""
    found: Any = version.properties.get("quickxor")
    if found is None:
        found = version.properties["quickxor"] = quick_xor_hash(version.blob)
    return str(found)
