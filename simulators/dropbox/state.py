"""What Dropbox keeps: accounts, a team, trees, sessions, jobs and links; and how a test fills it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simulators.accounts import Accounts, Person
from simulators.blobs import Bytes
from simulators.clock import Clock
from simulators.dropbox.jobs import Job
from simulators.dropbox.namespaces import Forest, Member, Namespace, token_text
from simulators.dropbox.sessions import Sessions
from simulators.dropbox.views import Standing, View
from simulators.faults import FaultScript
from simulators.nodes import Node

ALL_SCOPES = (
    "account_info.read",
    "files.metadata.read",
    "files.content.read",
    "files.content.write",
    "sharing.read",
    "sharing.write",
    "team_info.read",
    "members.read",
    "groups.read",
    "team_data.member",
    "team_data.team_space",
    "team_data.content.read",
    "team_data.content.write",
)


@dataclass
class Limits:
    """What Dropbox lets clients do; a test sets what it needs.

    Attributes:
        calls_per_s: Of one user, in the long run; None: any number.
        burst: Calls at once.
        pause_s: What `Retry-After` says.
        write_s: How long a write holds the lock of its namespace.
        lock_patience_s: How long another one waits for it before it is refused.
        folders_at_once: Of a batch; more are a job (the number is a guess).
        folder_job_s: How long such a job takes.
    """

    calls_per_s: float | None = None
    burst: int = 50
    pause_s: int = 1
    write_s: float = 0.0
    lock_patience_s: float = 0.05
    folders_at_once: int = 100
    folder_job_s: float = 0.0


class State:
    """All that is kept.

    Attributes:
        forest: All trees.
        nested_sharing: A folder within a shared folder can be shared with more people (unconfirmed outside of teams).
        bans_outsiders: The team does not let anything be shared outside of it.
        share_s: How long sharing and unsharing of a folder takes; 0: done at once.
        links_page: Links on a page.
        mails: Whom Dropbox has written to.
        faults: What goes wrong.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.faults = FaultScript()
        self.limits = Limits()
        self.accounts = Accounts(clock.now_ns, "dropbox")
        self.forest = Forest(clock.now_ns)
        self.sessions = Sessions()
        self.jobs: dict[str, Job] = {}
        self.links: list[dict[str, Any]] = []
        self.homes: dict[str, Namespace] = {}
        self.team_name = ""
        self.team_members: list[Person] = []
        self.team_root: Namespace | None = None
        self.nested_sharing = True
        self.bans_outsiders = False
        self.share_s = 0.0
        self.links_page = 200
        self.mails: list[str] = []
        self.walked: dict[tuple[str, str, str, int], list[Standing]] = {}  # of the last recursive listing

    def now_ns(self) -> int:
        """The world's time."""
        return self.clock.now_ns()

    def add_person(self, email: str, *, name: str = "", quota: int | None = 2_000_000_000) -> Person:
        """Add a personal account."""
        number = 4_400_000 + len(self.accounts.people)
        person = self.accounts.add_person(
            email, name, person_id="dbid:" + token_text(number, 35), quota=quota
        )
        self.homes[person.id] = self.forest.add("home", person.name, person, quota=quota)
        return person

    def add_member(self, email: str, *, name: str = "", is_admin: bool = False) -> Person:
        """Add a member of the team."""
        self.team_name = self.team_name or "Example Ltd"
        person = self.add_person(email, name=name)
        person.is_admin = is_admin
        self.team_members.append(person)
        if self.team_root is not None:
            self.forest.mount(self.homes[person.id], self.team_root, self.team_root.drive.root, person.name)
        return person

    def make_team_space(self) -> Namespace:
        """Give the team a space of its own, above the homes of its members."""
        self.team_root = self.forest.add("team_root", self.team_name, None)
        for person in self.team_members:
            self.forest.mount(self.homes[person.id], self.team_root, self.team_root.drive.root, person.name)
        return self.team_root

    def add_team_folder(self, name: str, access: str = "editor") -> Namespace:
        """Add a team folder that all members may use."""
        made = self.forest.add("team_folder", name, None)
        for person in self.team_members:
            made.members[person.email] = Member(person, "owner" if person.is_admin else access)
        if self.team_root is not None:
            self.forest.mount(made, self.team_root, self.team_root.drive.root, name)
        else:
            for person in self.team_members:
                home = self.homes[person.id]
                self.forest.mount(made, home, home.drive.root, name)
        return made

    def member_id(self, person: Person) -> str:
        """Id of somebody as a member of the team."""
        return "dbmid:" + person.id.removeprefix("dbid:")[:35]

    def token_of(self, person: Person, *, lifetime_s: float | None = None) -> str:
        """Issue an access token for one account."""
        return self.accounts.issue(person, lifetime_s=lifetime_s).value

    def team_token(
        self, admin: Person, *, lifetime_s: float | None = None, scopes: tuple[str, ...] = ALL_SCOPES
    ) -> str:
        """Issue an access token for the whole team."""
        return self.accounts.issue(admin, lifetime_s=lifetime_s, scopes=scopes).value

    def root_of(self, person: Person) -> Namespace:
        """Where the tree of everything that somebody sees begins."""
        if person in self.team_members and self.team_root is not None:
            return self.team_root
        return self.homes[person.id]

    def removed_paths(self, view: View) -> set[str]:
        """Paths at which something stood and nothing stands."""
        found = set()
        for namespace in view.reachable():
            for step in namespace.journal:
                names = view.names(namespace, step.names) if step.node_id is None else None
                if names is not None:
                    found.add("/" + "/".join(names).lower())
        return found

    def put(self, person: Person, path: str, data: bytes, *, modified_ns: int | None = None) -> Node:
        """Put a file into a home, behind everybody's back; its time is kept in whole seconds."""
        home = self.homes[person.id]
        folder = home.drive.folder(path.rpartition("/")[0])
        seconds_ns = None if modified_ns is None else modified_ns // 10**9 * 10**9
        node = home.drive.add(
            folder, path.rpartition("/")[2], blob=Bytes(data), author=person, modified_ns=seconds_ns
        )
        node.version.id = self.forest.new_rev(home)
        self.forest.note(home, node)
        return node

    def share_by_link(
        self, person: Person, node_id: str, *, visibility: str = "public", access: str = "viewer"
    ) -> None:
        """Make a link to an entry."""
        self.links.append(
            {
                "by": person,
                "node_id": node_id,
                "url": f"https://www.dropbox.com/scl/x/{len(self.links)}",
                "visibility": visibility,
                "access": access,
            }
        )
