"""The vendor: hosts, app, and what tests make in it."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Host, Route, Router

from simulators.accounts import Group, Person
from simulators.clock import Clock
from simulators.faults import FaultScript, Faulty
from simulators.microsoft.graph import Graph
from simulators.microsoft.sign_in import LOGIN, SignIn
from simulators.microsoft.state import BUSINESS, LIBRARY, PERSONAL, SHARED, Library, Site, State
from simulators.microsoft.throttling import Throttle
from simulators.nodes import Grant, Node
from simulators.tally import Counted, Tally

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
PERSONAL_HOST = "my.microsoftpersonalcontent.com"


class Microsoft:
    """Entra ID, OneDrive and SharePoint of one tenant, and Microsoft accounts beside it.

    Attributes:
        state: All there is.
        throttle: Switched on by its `limit`.
        sign_in: Apps, secrets, certificates.
    """

    name = "microsoft"

    def __init__(self, clock: Clock, tenant: str = "contoso") -> None:
        self.faults = FaultScript()
        self.tally = Tally()
        self.state = State(clock, self.faults, tenant)
        self.throttle = Throttle(clock.now_s)
        self.sign_in = SignIn(self.state)
        graph = Graph(self.state, self.throttle, self.tally)
        login = Router(
            [
                Route("/{tenant}/oauth2/v2.0/authorize", self.sign_in.page, methods=["GET", "POST"]),
                Route("/{tenant}/oauth2/v2.0/token", self.sign_in.token, methods=["POST"]),
            ]
        )
        at_graph = Router([Route("/{path:path}", graph.answer, methods=_METHODS)])
        contents = Router([Route("/{path:path}", graph.content, methods=_METHODS)])
        routes = [
            Host(LOGIN, login),
            Host("graph.microsoft.com", at_graph),
            *(Host(host, contents) for host in self.hosts[2:]),
            Route("/{path:path}", _of_no_host),
        ]
        self.app = Counted(Faulty(Starlette(routes=routes), self.faults), self.tally)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Names that it answers for."""
        return (LOGIN, "graph.microsoft.com", self.state.host, self.state.my_host, PERSONAL_HOST)

    def add_user(
        self,
        name: str,
        *,
        quota: int | None = None,
        provisioned: bool = True,
        is_admin: bool = False,
    ) -> Person:
        """Add a user of the tenant by the first part of the address, with a OneDrive unless that is not provisioned."""
        state = self.state
        person = state.accounts.add_person(
            f"{name}@{state.domain}", person_id=state.ids.guid(), quota=quota, is_admin=is_admin
        )
        person.provisioned = provisioned
        address = f"personal/{person.email.replace('@', '_').replace('.', '_')}"
        site = self._site(state.my_host, address, person.name, is_personal=True)
        state.drive_of[person.id] = state.add_drive(
            BUSINESS, "OneDrive", state.my_host, f"/{address}/Documents", owner=person, site=site, quota=quota
        )
        return person

    def add_microsoft_account(self, email: str, *, quota: int | None = None) -> Person:
        """Add somebody with a personal OneDrive."""
        state = self.state
        person = state.accounts.add_person(email, person_id=state.ids.personal_drive(), quota=quota)
        state.drive_of[person.id] = state.add_drive(
            PERSONAL,
            "OneDrive",
            PERSONAL_HOST,
            f"/personal/{person.id.lower()}/Documents",
            owner=person,
            quota=quota,
        )
        return person

    def add_group(self, name: str, members: Iterable[Person] = ()) -> Group:
        """Add a group of the tenant."""
        state = self.state
        return state.accounts.add_group(
            f"{name}@{state.domain}", name.title(), members, group_id=state.ids.guid()
        )

    def add_site(
        self,
        name: str,
        libraries: Iterable[str] = ("Documents",),
        *,
        address: str | None = None,
        members: list[Person] | None = None,
        quota: int | None = None,
        above: Site | None = None,
    ) -> Site:
        """Add a site with document libraries; `above` makes it a subsite."""
        state = self.state
        folder = above.address if above is not None else "sites"
        address = address or f"{folder}/{name.replace(' ', '')}"
        site = self._site(state.host, address, name, above=above)
        site.members = members
        for library in libraries:
            path = "Shared Documents" if library == "Documents" else library
            state.add_drive(LIBRARY, library, state.host, f"/{site.address}/{path}", site=site, quota=quota)
        return site

    def drive_of(self, person: Person) -> Library:
        """The OneDrive of somebody."""
        return self.state.drive_of[person.id]

    def token(self, person: Person | None, *, lifetime_s: float = 3600) -> str:
        """Issue an access token; for None in the name of an app."""
        return self.state.accounts.issue(person, lifetime_s=lifetime_s).value

    def share(self, node: Node, email: str, role: str = "read") -> None:
        """Let somebody use an entry, behind everybody's back."""
        node.grants.append(Grant(self.state.ids.guid(), "grant", email, role))
        self._sharing_changed(node)

    def unshare(self, node: Node, email: str) -> None:
        """Take that back, likewise."""
        node.grants[:] = [grant for grant in node.grants if grant.identity != email]
        self._sharing_changed(node)

    def share_by_link(self, node: Node, scope: str = "anonymous", role: str = "read") -> None:
        """Make a sharing link, likewise."""
        kind = "edit" if role == "write" else "view"
        details = {"scope": scope, "type": kind, "url": self.state.ids.secret()}
        node.grants.append(Grant(self.state.ids.guid(), "link", "", role, details))
        self._sharing_changed(node)

    def _sharing_changed(self, node: Node) -> None:
        for library in self.state.libraries.values():
            if library.drive.nodes.get(node.id) is node:
                library.drive.touch(node, SHARED)

    def _site(
        self, host: str, address: str, name: str, *, is_personal: bool = False, above: Site | None = None
    ) -> Site:
        guid = self.state.ids.guid
        collection = above.id.rpartition(",")[0] if above is not None else f"{host},{guid()}"
        made = Site(f"{collection},{guid()}", host, address, name, is_personal=is_personal, above=above)
        self.state.sites[made.id] = made
        return made


async def _of_no_host(request: Request) -> Response:
    return PlainTextResponse(f"nobody answers for {request.headers.get('host')}", 421)


def make(clock: Clock) -> Microsoft:
    """Make an empty tenant."""
    return Microsoft(clock)
