"""Who is let in at the staff's API: keys of the staff, and nothing else."""

from __future__ import annotations

from starlette.requests import Request

from mover.api.admission import bearer, client_address, client_of
from mover.api.admitted import Admitted
from mover.api.operations import Audience, Operation
from mover.api.problems import not_signed_in
from mover.api.services import services_of
from mover.errors import SignInFailed
from mover.staff.keys import BURST, CALLS_PER_MINUTE

_ADVICE = "Send a key that was made at /staff/keys as `Authorization: Bearer mvs_...`; the list there says whether it is still valid."


class StaffDoor:
    """The way in with `Authorization: Bearer mvs_...`. Cookies are not looked at, of the staff neither."""

    audience = Audience.STAFF

    async def admit(self, request: Request, operation: Operation) -> Admitted:  # noqa: ARG002 - of the protocol
        """See `Door`."""
        credential = bearer(request, advice=_ADVICE)
        try:
            use = await services_of(request).staff.keys.authenticate(credential, client_address(request))
        except SignInFailed as error:
            raise not_signed_in(
                error.message, scheme='Bearer error="invalid_token",', advice=_ADVICE
            ) from None
        return Admitted(
            use.member.actor(),
            credential,
            client_of(request),
            staff=use,
            headers={"RateLimit-Policy": f'"key";q={CALLS_PER_MINUTE};w=60;burst={BURST}'},
        )
