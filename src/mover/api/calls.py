"""What a handler gets: who calls, the services, and how to say more than the answer's body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Response

from mover.accounts.actor import Actor
from mover.accounts.records import SignedIn
from mover.api.admitted import Admitted
from mover.api.conditions import expected_versions, overtaken
from mover.api.cursors import Cursors, cursors_of
from mover.api.services import Services, services_of

ADMITTED = "mover.admitted"
"""Where the guard of a route leaves who was let in, in the request's scope."""


@dataclass(frozen=True)
class Call:
    """One call of an operation.

    Attributes:
        services: All that can be done.
        request: As it came.
        response: Headers that are set on it go out with the answer.
    """

    services: Services
    request: Request
    response: Response

    @property
    def admitted(self) -> Admitted:
        """Who was let in."""
        found = self.request.scope[ADMITTED]
        assert isinstance(found, Admitted)
        return found

    @property
    def actor(self) -> Actor:
        """Who acts."""
        return self.admitted.actor

    @property
    def signed_in(self) -> SignedIn:
        """The session; only in operations for sessions."""
        signed_in = self.admitted.signed_in
        assert signed_in is not None
        return signed_in

    @property
    def cursors(self) -> Cursors:
        """Makes and opens this list's cursors: they hold for the same address and the same query."""
        return cursors_of(self.request, self.admitted)

    def shows(self, version: int) -> None:
        """Say which version of a thing the answer shows: it goes into the ETag."""
        self.response.headers[VERSION_HEADER] = str(version)

    def made(self, path: str) -> None:
        """Say where the new thing is, below the same mount."""
        mount = "/".join(self.request.url.path.split("/")[:3])
        self.response.headers["Location"] = f"{mount}{path}"

    async def nudge(self) -> None:
        """Tell the runners that there is something to do for the caller's organisation."""
        await self.services.nudging.nudge(self.actor.organisation_id)

    def check_version(self, version: int) -> int:
        """Return the version that is to be changed. Raises HttpProblem unless If-Match names it (428, 412)."""
        expected = expected_versions(self.request)
        if expected is not None and version not in expected:
            raise overtaken()
        return version


VERSION_HEADER = "X-Mover-Version"
"""From the handler to the guard; the guard takes it out."""


def _call(request: Request, response: Response) -> Call:
    return Call(services_of(request), request, response)


Calling = Annotated[Call, Depends(_call)]
