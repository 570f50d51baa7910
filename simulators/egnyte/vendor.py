"""One domain of Egnyte: its state, and which address is answered by what."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Awaitable, Callable, Iterable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.accounts import Accounts, Person, Token
from simulators.blobs import Bytes
from simulators.clock import Clock
from simulators.consent import Consent, ConsentRules, OAuthError
from simulators.egnyte.answers import RefusedError, refused, user_name
from simulators.egnyte.contents import Contents
from simulators.egnyte.directory import OWNER, Directory
from simulators.egnyte.events import Events
from simulators.egnyte.files import Files
from simulators.egnyte.gate import Gate
from simulators.faults import FaultScript, Faulty
from simulators.nodes import FOLDER, Drive, Grant, Node
from simulators.tally import Counted, Tally

DOMAIN = "acme.egnyte.com"

Answer = Callable[[Request, Person], Awaitable[Response]]
_NAMESPACE = uuid.UUID("7c9d6e61-7d1a-4b8e-9c35-1b0f7a4e5d20")


class Egnyte:
    """The vendor. Tests add people, then look at `drive` and turn `gate.limits` and `faults`."""

    name = "egnyte"
    hosts = (DOMAIN, "*.egnyte.com")

    def __init__(self, clock: Clock) -> None:
        self.faults = FaultScript()
        self.tally = Tally()
        self.accounts = Accounts(clock.now_ns, self.name)
        numbers = itertools.count(1)
        self.drive = Drive(
            DOMAIN,
            clock.now_ns,
            root_id=str(uuid.uuid5(_NAMESPACE, "root")),
            new_id=lambda: str(uuid.uuid5(_NAMESPACE, str(next(numbers)))),
            fold=str.lower,
        )
        self.shared = self.drive.add(self.drive.root, "Shared", kind=FOLDER)
        self.private = self.drive.add(self.drive.root, "Private", kind=FOLDER)
        self.gate = Gate(self.accounts, clock)
        self.directory = Directory(self.accounts, self.drive)
        self.files = Files(self.drive, self.directory)
        self.contents = Contents(self.drive, self.files, clock)
        self.consent = Consent(self.accounts, ConsentRules(access_lifetime_s=30 * 86_400))
        self._events = Events(self.drive)
        self.app = Counted(Faulty(Starlette(routes=self._routes()), self.faults), self.tally)

    def add_person(self, email: str, name: str = "", *, is_admin: bool = False) -> Person:
        """Add a user with a folder in /Private and, for administrators, all of /Shared."""
        made = self.accounts.add_person(email, name, is_admin=is_admin)
        self.drive.add(self.private, user_name(made), kind=FOLDER, owner=made)
        return made

    def share(self, folder: Node, name: str, level: str = OWNER, *, kind: str = "user") -> None:
        """Give a user or group a level on a folder, behind the API's back."""
        folder.grants.append(Grant(f"{folder.id}-{kind}-{name}", kind, name, level))

    def fill(self, folder: str, names: Iterable[str]) -> None:
        """Put empty files into a folder, behind the API's back."""
        parent = self.drive.folder(folder)
        for name in names:
            self.drive.add(parent, name, blob=Bytes())

    def sign_in(self, person: Person, lifetime_s: float | None = None) -> Token:
        """Return an access token; Egnyte's live until the password changes."""
        return self.accounts.issue(person, lifetime_s=lifetime_s)

    def _routes(self) -> list[Route]:
        files, contents, directory, events = self.files, self.contents, self.directory, self._events

        async def folder_permissions(request: Request, person: Person) -> Response:
            folder = self._folder(request, person)
            if request.method == "GET":
                return await directory.permissions(request, folder)
            self.files.need(folder, person, OWNER)
            return await directory.set_permissions(request, folder)

        async def folder_permissions_v1(request: Request, person: Person) -> Response:
            folder = self._folder(request, person)
            if request.method == "GET":
                return await directory.permissions_v1(request, folder)
            self.files.need(folder, person, OWNER)
            return await directory.set_permissions_v1(request, folder)

        async def entries(request: Request, person: Person) -> Response:
            match request.method:
                case "POST":
                    return await files.act(request, person)
                case "DELETE":
                    return await files.delete(request, person)
                case _:
                    return await files.describe(request, person)

        async def bytes_of(request: Request, person: Person) -> Response:
            if request.method == "POST":
                return await contents.upload(request, person)
            return await contents.download(request, person)

        return [
            Route("/puboauth/token", self._oauth, methods=["GET", "POST"]),
            self._route("/pubapi/v1/userinfo", directory.user_info),
            self._route("/pubapi/v2/users", directory.users),
            self._route("/pubapi/v2/groups", directory.groups),
            self._route("/pubapi/v1/events/cursor", events.cursor),
            self._route("/pubapi/v2/events/cursor", events.cursor),
            self._route("/pubapi/v1/events", events.after),
            self._route("/pubapi/v2/events", events.after),
            self._route("/pubapi/v2/perms", folder_permissions, "GET", "POST", below=True),
            self._route("/pubapi/v1/perms/folder", folder_permissions_v1, "GET", "POST", below=True),
            self._route("/pubapi/v1/fs/ids/{kind}/{node_id}", entries, "GET", "POST", "DELETE"),
            self._route("/pubapi/v1/fs", entries, "GET", "POST", "DELETE", below=True),
            self._route("/pubapi/v1/fs-content/ids/{kind}/{node_id}", bytes_of, "GET"),
            self._route("/pubapi/v1/fs-content-chunked", contents.chunk, "POST", below=True),
            self._route("/pubapi/v1/fs-content", bytes_of, "GET", "POST", below=True),
        ]

    def _route(self, path: str, answer: Answer, *methods: str, below: bool = False) -> Route:
        async def answered(request: Request) -> Response:
            request.scope["path_prefix"] = path
            try:
                person = self.gate.admit(request)
                response = await answer(request, person)
            except RefusedError as error:
                response = error.answer
            response.headers.update(self.gate.headers_for(request))
            return response

        return Route(path + ("/{rest:path}" if below else ""), answered, methods=methods or ("GET",))

    def _folder(self, request: Request, person: Person) -> Node:
        found = self.files.find(request, person)
        if not found.is_folder:
            raise refused(400, "Permissions can be set on folders only")
        return found

    async def _oauth(self, request: Request) -> Response:
        """GET asks for consent, POST with a `grant_type` exchanges a code; both have the same address."""
        request.scope["operation"] = "oauth"
        if request.method == "GET" or "response_type" in request.query_params:
            return await self.consent.page(request)
        form = {name: str(value) for name, value in (await request.form()).items()}
        if self.faults.take("too many tokens"):
            return JSONResponse({"error": "limit_exceeded"}, status_code=409, headers={"Retry-After": "60"})
        try:
            answer = self.consent.exchange(form)
        except OAuthError as error:
            return JSONResponse(
                {"error": error.error, "error_description": error.description}, status_code=400
            )
        return JSONResponse(
            {"access_token": answer["access_token"], "token_type": "bearer", "expires_in": -1}
        )


def make(clock: Clock) -> Egnyte:
    """Make an empty domain."""
    return Egnyte(clock)
