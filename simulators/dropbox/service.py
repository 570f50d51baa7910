"""Dropbox: its accounts, teams and trees, and the way of a call through tokens, limits and roots to its route."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from simulators.accounts import Accounts, Person, Token
from simulators.blobs import Bytes
from simulators.clock import Clock
from simulators.consent import Consent, ConsentRules, OAuthError
from simulators.dropbox import file_sharing, files, folders, listing, sharing, team, uploads, users, zips
from simulators.dropbox.calls import Call, Route, read_argument
from simulators.dropbox.namespaces import Forest, Member, Namespace, token_text
from simulators.dropbox.refusals import (
    BadInputError,
    PathRootError,
    RefusalError,
    SlowDownError,
    UnauthorizedError,
)
from simulators.dropbox.views import View
from simulators.faults import FaultScript, Faulty
from simulators.nodes import Node
from simulators.tally import Counted, Tally

HOSTS = ("api.dropboxapi.com", "content.dropboxapi.com", "notify.dropboxapi.com", "www.dropbox.com")
_ACCESS_LIFETIME_S = 14_400
_TEAM_SCOPES = ("team_", "members.", "groups.")
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
_ROUTES: Mapping[str, Route] = {
    **files.ROUTES,
    **zips.ROUTES,
    **folders.ROUTES,
    **listing.ROUTES,
    **uploads.ROUTES,
    **users.ROUTES,
    **sharing.ROUTES,
    **file_sharing.ROUTES,
    **team.ROUTES,
}


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


@dataclass
class _Bucket:
    left: float
    at_s: float
    closed_until_s: float = 0.0


class Dropbox:
    """The service.

    Attributes:
        forest: All trees.
        nested_sharing: A folder within a shared folder can be shared with more people (unconfirmed outside of teams).
        bans_outsiders: The team does not let anything be shared outside of it.
        share_s: How long sharing and unsharing of a folder takes; 0: done at once.
        links_page: Links on a page.
        mails: Whom Dropbox has written to.
    """

    name = "dropbox"
    hosts = HOSTS

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.faults = FaultScript()
        self.tally = Tally()
        self.limits = Limits()
        self.accounts = Accounts(clock.now_ns, "dropbox")
        rules = ConsentRules(access_lifetime_s=_ACCESS_LIFETIME_S, offline={"token_access_type": "offline"})
        self.consent = Consent(self.accounts, rules)
        self.forest = Forest(clock.now_ns)
        self.sessions = uploads.Sessions()
        self.jobs: dict[str, sharing.Job] = {}
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
        self._requests = itertools.count(1)
        self._buckets: dict[str, _Bucket] = {}
        self.app = Counted(Faulty(self._answer, self.faults), self.tally)

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

    @staticmethod
    def _is_of_team(token: Token) -> bool:
        """An administrator granted it permissions of the whole team."""
        return any(scope.startswith(_TEAM_SCOPES) for scope in token.scopes)

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

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        request_id = f"{next(self._requests):032x}"
        try:
            response = await self._routed(request)
        except RefusalError as error:
            response = error.response(request_id)
        response.headers.setdefault("X-Dropbox-Request-Id", request_id)
        await response(scope, receive, send)

    async def _routed(self, request: Request) -> Response:
        for job in self.jobs.values():
            job.advance(self.now_ns())
        path = request.url.path
        match path:
            case "/oauth2/authorize":
                request.scope["operation"] = "authorize"
                return await self.consent.page(request)
            case "/oauth2/token":
                request.scope["operation"] = "token"
                return await self._token(request)
            case _:
                name = path.removeprefix("/2/")
                route = _ROUTES.get(name)
                request.scope["operation"] = name
        if route is None or request.method != "POST" or not self._is_host(request, route):
            return PlainTextResponse("Unknown API function" if route is None else "Not Found", 404)
        return await self._called(request, name, route)

    @staticmethod
    def _is_host(request: Request, route: Route) -> bool:
        host = request.headers.get("host", "").partition(":")[0]
        return not host.endswith("dropboxapi.com") or host == f"{route.host}.dropboxapi.com"

    async def _called(self, request: Request, name: str, route: Route) -> Response:
        if route.auth == "noauth":
            arg = read_argument(name, route.style, request.headers, await request.body())
            return _plain(await route.handler(Call(self, name, request, arg, None, None, None)))
        token = self._authenticated(request)
        if name == "auth/token/revoke":
            self.consent.revoke(token.value)
            return _plain(None)
        person, admin = self._on_behalf(request, name, route, token)
        self._throttle(person or admin, name, as_text=route.style != "rpc")
        view = self._view(request, person, admin) if person is not None else None
        body = await request.body() if route.style != "upload" else b""
        arg = read_argument(name, route.style, request.headers, body)
        return _plain(await route.handler(Call(self, name, request, arg, person, admin, view)))

    def _authenticated(self, request: Request) -> Token:
        header = request.headers.get("authorization", "")
        if not header.startswith("Bearer "):
            raise UnauthorizedError("invalid_access_token")
        value = header.removeprefix("Bearer ")
        token = self.accounts.find(value)
        if token is None:
            known = self.accounts.tokens.get(value)
            expired = known is not None and not known.is_spent and self.accounts.has_expired(known)
            raise UnauthorizedError("expired_access_token" if expired else "invalid_access_token")
        return token

    def _on_behalf(
        self, request: Request, name: str, route: Route, token: Token
    ) -> tuple[Person | None, Person | None]:
        assert token.person is not None
        if route.scope is not None and token.scopes and route.scope not in token.scopes:
            raise UnauthorizedError("missing_scope", required_scope=route.scope)
        if not self._is_of_team(token):
            if route.auth == "team":
                raise BadInputError(
                    name,
                    "This API function operates on an entire Dropbox Business team, but the OAuth 2 access token you "
                    "provided is for a single Dropbox account.",
                )
            if not token.person.is_active:
                raise UnauthorizedError("user_suspended")
            return token.person, None
        if route.auth == "team":
            return None, token.person
        selected = request.headers.get("dropbox-api-select-user")
        as_admin = request.headers.get("dropbox-api-select-admin")
        if selected is None and as_admin is None:
            raise BadInputError(
                name,
                "This API function operates on a single Dropbox account, but the OAuth 2 access token you provided is "
                "for an entire Dropbox Business team.  Since your API app key has team member file access permissions, "
                'you can operate on a team member\'s Dropbox by providing the "Dropbox-API-Select-User" HTTP header or '
                '"select_user" URL parameter to specify the exact user '
                "<https://www.dropbox.com/developers/documentation/http/teams>.",
            )
        member_id = selected if selected is not None else as_admin
        person = next((one for one in self.team_members if self.member_id(one) == member_id), None)
        if person is None or (as_admin is not None and not person.is_admin):
            raise UnauthorizedError("invalid_select_user" if selected is not None else "invalid_select_admin")
        if not person.is_active:
            raise UnauthorizedError("user_suspended")
        if as_admin is not None and not route.admin:
            raise UnauthorizedError("invalid_select_admin")
        return person, person if as_admin is not None else None

    def root_of(self, person: Person) -> Namespace:
        """Where the tree of everything that somebody sees begins."""
        if person in self.team_members and self.team_root is not None:
            return self.team_root
        return self.homes[person.id]

    def _view(self, request: Request, person: Person, admin: Person | None) -> View:
        home = self.homes[person.id]
        is_admin = admin is not None
        header = request.headers.get("dropbox-api-path-root")
        if header is None:
            return View(self.forest, person, home, is_admin=is_admin)
        try:
            asked = json.loads(header)
            tag = asked[".tag"]
        except (ValueError, TypeError, KeyError):
            raise BadInputError(
                request.url.path.removeprefix("/2/"),
                'HTTP header "Dropbox-API-Path-Root": could not decode input as JSON',
            ) from None
        if tag == "home":
            return View(self.forest, person, home, is_admin=is_admin)
        root = self.root_of(person)
        if tag == "root":
            if asked.get("root") != root.id:
                raise PathRootError("invalid_root", users.root_info(self, person))
            return View(self.forest, person, root, is_admin=is_admin)
        namespace = self.forest.namespaces.get(str(asked.get("namespace_id")))
        if namespace is None:
            raise PathRootError("no_permission")
        view = View(self.forest, person, namespace, is_admin=is_admin)
        if view.access(namespace) is None:
            raise PathRootError("no_permission")
        return view

    def _throttle(self, person: Person | None, name: str, *, as_text: bool) -> None:
        limits = self.limits
        if limits.calls_per_s is None or person is None:
            return
        now_s = self.clock.now_s()
        bucket = self._buckets.setdefault(person.id, _Bucket(float(limits.burst), now_s))
        bucket.left = min(float(limits.burst), bucket.left + (now_s - bucket.at_s) * limits.calls_per_s)
        bucket.at_s = now_s
        if now_s < bucket.closed_until_s:
            self.tally.early += 1
            left_s = max(1, round(bucket.closed_until_s - now_s))
            raise SlowDownError("too_many_requests", left_s, as_text=as_text)
        if bucket.left < 1:
            bucket.closed_until_s = now_s + limits.pause_s
            raise SlowDownError("too_many_requests", limits.pause_s, as_text=as_text)
        bucket.left -= 1
        assert name

    async def _token(self, request: Request) -> Response:
        form = {key: str(value) for key, value in (await request.form()).items()}
        if (basic := request.headers.get("authorization", "")).startswith("Basic "):
            form["client_id"], _, form["client_secret"] = (
                base64.b64decode(basic.removeprefix("Basic ")).decode().partition(":")
            )
        try:
            answer = self.consent.exchange(form)
        except OAuthError as error:
            return JSONResponse({"error": error.error, "error_description": error.description}, 400)
        token = self.accounts.tokens[str(answer["access_token"])]
        assert token.person is not None
        if self._is_of_team(token):
            answer |= {"team_id": "dbtid:" + token_text(1, 34), "uid": ""}
        else:
            answer |= {"uid": str(self.homes[token.person.id].id), "account_id": token.person.id}
        return JSONResponse(answer)


def _plain(result: Any) -> Response:
    return result if isinstance(result, Response) else JSONResponse(result)
