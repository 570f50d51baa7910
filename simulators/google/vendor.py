"""The simulated Google: its hosts, its app, its people."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from simulators.accounts import Accounts, Person
from simulators.clock import Clock
from simulators.faults import FaultScript, Faulty
from simulators.google import changes, directory, drives, files, revisions
from simulators.google.batch import Batch
from simulators.google.calls import DIRECTORY, Door
from simulators.google.listing import Listing
from simulators.google.pace import Pace
from simulators.google.permissions import Permissions
from simulators.google.sign_in import SignIn
from simulators.google.state import State
from simulators.google.uploads import Uploads
from simulators.nodes import Drive
from simulators.tally import Counted, Tally

ODDITIES = (
    "unknown parents are empty",  # a search in a folder that is not there finds nothing, rather than 404
    "repeat a page",
    "incomplete search",
    "forget page tokens",
)
"""Names for `faults.switch`."""


class Google:
    """All of Google's services that matter here, for one organisation and people outside of it.

    Attributes:
        accounts: People, groups and tokens.
        state: Drives.
        sign_in: The authorization server.
        permissions: Sharing, and who got mail of it.
        uploads: Sessions of uploads.
        pace: Limits of calls.
    """

    name = "google"
    hosts = (
        "www.googleapis.com",
        "oauth2.googleapis.com",
        "accounts.google.com",
        "admin.googleapis.com",
        "docs.google.com",
        "doc-0g-docstext.googleusercontent.com",
    )

    def __init__(self, clock: Clock) -> None:
        self.faults = FaultScript()
        self.tally = Tally()
        self.accounts = Accounts(clock.now_ns, self.name)
        self.state = State(self.accounts, clock.now_ns)
        self.sign_in = SignIn(self.accounts, clock.now_s)
        self.permissions = Permissions()
        self.uploads = Uploads(self.state, clock.now_ns)
        self.pace = Pace(clock.now_ns)
        inner = Starlette(routes=self._routes())
        inner.router.routes.append(Route("/batch/drive/v3", Batch(inner).answer, methods=["POST"]))
        self.app: ASGIApp = Counted(Faulty(inner, self.faults), self.tally)

    def add_person(
        self, email: str, *, is_admin: bool = False, quota: int | None = None, name: str = ""
    ) -> Person:
        """Add a user with an empty My Drive."""
        person = self.accounts.add_person(email, name, is_admin=is_admin, quota=quota)
        self.state.my_drive(person)
        return person

    def drive_of(self, email: str) -> Drive:
        """Return a user's My Drive."""
        person = self.accounts.person_of(email)
        assert person is not None, email
        return self.state.my_drive(person)

    def token(self, email: str, *, lifetime_s: float | None = 3600, scopes: Iterable[str] = ()) -> str:
        """Issue an access token of a user."""
        return self.accounts.issue(self.accounts.person_of(email), lifetime_s=lifetime_s, scopes=scopes).value

    def _routes(self) -> list[Route]:
        door = Door(self.accounts, self.state, self.pace)
        listing, uploads, permissions = Listing(self.faults), self.uploads, self.permissions
        api, upload = "/drive/v3", "/upload/drive/v3"
        one, granted = api + "/files/{file_id}", api + "/files/{file_id}/permissions"
        directory_api = "/admin/directory/v1/users"
        return [
            Route(api + "/about", door("about.get", drives.about)),
            Route(api + "/files/generateIds", door("files.generateIds", files.generate_ids)),
            Route(api + "/files", door("files.list", listing.search), methods=["GET"]),
            Route(api + "/files", door("files.create", files.create), methods=["POST"]),
            Route(one, door("files.get", files.get), methods=["GET"]),
            Route(one, door("files.update", files.update), methods=["PATCH"]),
            Route(one, door("files.delete", files.delete), methods=["DELETE"]),
            Route(one + "/copy", door("files.copy", files.copy), methods=["POST"]),
            Route(one + "/export", door("files.export", files.export)),
            Route(granted, door("permissions.list", permissions.list), methods=["GET"]),
            Route(granted, door("permissions.create", permissions.create), methods=["POST"]),
            Route(granted + "/{permission_id}", door("permissions.get", permissions.get), methods=["GET"]),
            Route(
                granted + "/{permission_id}",
                door("permissions.update", permissions.update),
                methods=["PATCH"],
            ),
            Route(
                granted + "/{permission_id}",
                door("permissions.delete", permissions.delete),
                methods=["DELETE"],
            ),
            Route(one + "/revisions", door("revisions.list", revisions.list_)),
            Route(one + "/revisions/{revision_id}", door("revisions.get", revisions.get)),
            Route(api + "/changes/startPageToken", door("changes.getStartPageToken", changes.start)),
            Route(api + "/changes", door("changes.list", changes.list_)),
            Route(api + "/drives", door("drives.list", drives.list_), methods=["GET"]),
            Route(api + "/drives", door("drives.create", drives.create), methods=["POST"]),
            Route(api + "/drives/{drive_id}", door("drives.get", drives.get)),
            Route(
                upload + "/files",
                uploads.or_begun(door("files.create.upload", uploads.create)),
                methods=["POST"],
            ),
            Route(
                upload + "/files/{file_id}",
                uploads.or_begun(door("files.update.upload", uploads.update)),
                methods=["PATCH", "POST"],
            ),
            Route(upload + "/files", uploads.put, methods=["PUT"]),
            Route(upload + "/files/{file_id}", uploads.put, methods=["PUT"]),
            Route(upload + "/files", uploads.cancel, methods=["DELETE"]),
            Route(upload + "/files/{file_id}", uploads.cancel, methods=["DELETE"]),
            Route(directory_api, door("directory.users.list", directory.list_, scopes=DIRECTORY)),
            Route(
                directory_api + "/{user_key}", door("directory.users.get", directory.get, scopes=DIRECTORY)
            ),
            Route("/{family}/export", door("docs.export", files.export_page)),
            Route("/export/{token}", self._exported),
            Route("/o/oauth2/v2/auth", self.sign_in.page, methods=["GET", "POST"]),
            Route("/o/oauth2/auth", self.sign_in.page, methods=["GET", "POST"]),
            Route("/token", self.sign_in.token, methods=["POST"]),
            Route("/revoke", self.sign_in.revoke, methods=["POST"]),
        ]

    async def _exported(self, request: Request) -> Response:
        request.scope["operation"] = "docs.exported"
        return files.exported_by_token(self.state, request.path_params["token"])
