"""Who is let in where: API keys at `/api/v1`, sessions at `/app/v1`, and neither at the other's (nor at the staff's)."""

from __future__ import annotations

import ipaddress
import re
from http import HTTPStatus
from typing import Protocol, assert_never

from starlette.requests import Request

from mover.accounts.records import Client, Requirement, SignedIn
from mover.api.admitted import Admitted
from mover.api.cookies import session_token
from mover.api.operations import Audience, Open, Operation
from mover.api.problems import HttpProblem, not_signed_in
from mover.api.services import services_of
from mover.errors import SignInFailed
from mover.settings import IPAddress
from mover.vault.secret import Secret

CSRF_HEADER = "X-CSRF-Token"

_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/-]{1,512}=*)")  # RFC 6750 section 2.1


class Door(Protocol):
    """Lets callers in, or raises."""

    audience: Audience

    async def admit(self, request: Request, operation: Operation) -> Admitted:
        """Find out who calls. Raises HttpProblem (401, 403) and Throttled."""


class KeyDoor:
    """The way in with `Authorization: Bearer mvr_...`. Cookies are not looked at."""

    audience = Audience.KEYS

    async def admit(self, request: Request, operation: Operation) -> Admitted:  # noqa: ARG002 - of the protocol
        """See `Door`."""
        credential = bearer(
            request,
            advice="Send it as `Authorization: Bearer mvr_...`; an administrator of the organisation makes API keys.",
        )
        try:
            use = await services_of(request).api_keys.authenticate(credential, client_address(request))
        except SignInFailed as error:
            raise not_signed_in(
                error.message, scheme='Bearer error="invalid_token",', advice=error.advice
            ) from None
        return Admitted(
            use.actor,
            credential,
            client_of(request),
            key=use.key,
            headers={"RateLimit-Policy": f'"key";q={use.key.calls_per_minute};w=60;burst={use.key.burst}'},
        )


class SessionDoor:
    """The way in with the session cookie; a request that may change something has to prove that it is the page's own."""

    audience = Audience.SESSIONS

    async def admit(self, request: Request, operation: Operation) -> Admitted:
        """See `Door`."""
        if "authorization" in request.headers:
            raise not_signed_in(
                "API keys are not accepted here", scheme=None, advice="Use the public API at /api/v1."
            )
        services = services_of(request)
        token = session_token(request)
        if token is None:
            raise not_signed_in("nobody is signed in", scheme=None, advice="Sign in.")
        try:
            signed_in = await services.sessions.find(token, used=not asks_for_stream(request))
        except SignInFailed as error:
            raise not_signed_in(error.message, scheme=None, advice=error.advice) from None
        check_same_origin(request, services.site.origin)
        if operation.unsafe:
            check_csrf(request, signed_in, request.headers.get(CSRF_HEADER, ""))
        if signed_in.requirement is not None and operation.need is not Open.SIGNED_IN:
            raise unmet(signed_in.requirement)
        return Admitted(signed_in.actor, token, client_of(request), signed_in=signed_in)


def bearer(request: Request, *, advice: str) -> Secret:
    """The key that a program sent. Raises HttpProblem (401)."""
    given = request.headers.getlist("authorization")
    match = _BEARER.fullmatch(given[0].strip()) if len(given) == 1 else None
    if match is None:
        raise not_signed_in(
            "no API key was sent" if not given else "the Authorization header holds no API key",
            scheme="Bearer",
            advice=advice,
        )
    return Secret(match[1])


def asks_for_stream(request: Request) -> bool:
    """Tell whether a page asks by itself for what goes on (an `EventSource` says so): nobody need be there."""
    return "text/event-stream" in request.headers.get("accept", "")


def check_same_origin(request: Request, origin: str) -> None:
    """Refuse requests that a page of another site makes the browser send (Fetch metadata; Origin where there is none of it).

    Raises HttpProblem (403). For pages' forms too, also before anybody is signed in; navigations need no check.
    """
    site = request.headers.get("sec-fetch-site")
    sent_by = request.headers.get("origin")
    if (site is None or site in {"same-origin", "none"}) and (sent_by is None or sent_by == origin):
        return
    # A form of a page with `Referrer-Policy: no-referrer` is sent with `Origin: null` (Fetch standard, "append a request
    # `Origin` header"): then only the metadata tells, which no page can forge.
    if site == "same-origin" and sent_by == "null":
        return
    raise HttpProblem(
        HTTPStatus.FORBIDDEN,
        "cross_site",
        "the request comes from a page of another site",
        advice=f"Use the pages at {origin}.",
    )


def check_csrf(request: Request, signed_in: SignedIn, presented: str) -> None:
    """Refuse a request that changes something unless it shows the session's CSRF token. Raises HttpProblem (403)."""
    if not presented or not signed_in.csrf_matches(presented):
        raise HttpProblem(
            HTTPStatus.FORBIDDEN,
            "csrf",
            f"{request.method} needs the session's CSRF token",
            advice=f"Send the token that GET /app/v1/session tells as {CSRF_HEADER}; reload the page if it is older than the session.",
        )


def unmet(requirement: Requirement) -> HttpProblem:
    """403: the session has to meet a requirement first."""
    match requirement:
        case Requirement.SECOND_FACTOR:
            detail = "this organisation asks for a second factor"
            advice = "Set one up, or sign in with it."
        case Requirement.SINGLE_SIGN_ON:
            detail, advice = "this organisation lets people in by single sign-on only", "Sign in that way."
        case Requirement.ORGANISATION:
            detail = "this account does not belong to the organisation, or to none"
            advice = "Switch to another organisation, or ask for an invitation."
        case _:
            assert_never(requirement)
    return HttpProblem(HTTPStatus.FORBIDDEN, f"needs_{requirement.value}", detail, advice=advice)


def client_address(request: Request) -> IPAddress:
    """The sender, as `Front` settled it."""
    assert request.client is not None
    return ipaddress.ip_address(request.client.host)


def client_of(request: Request) -> Client:
    """Where a request comes from, for sessions and the audit log."""
    return Client(str(client_address(request)), request.headers.get("user-agent", "")[:300])
