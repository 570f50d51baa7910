"""The session cookie: `__Host-` makes the browser insist on Secure, on Path=/ and on this very host (RFC 6265bis section 4.1.3)."""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.responses import Response

from mover.vault.secret import Secret

SESSION_COOKIE = "__Host-mover"
DEVICE_COOKIE = "__Host-mover-device"
LEAVING_COOKIE = "__Host-mover-connecting"
"""Somebody who left for the sign-in page of a service that they connect."""

_LEAVING_S = 10 * 60
_DEVICE_S = 365 * 24 * 3600


def session_token(request: HTTPConnection) -> Secret | None:
    """The token that a browser sent, if any."""
    return _secret(request, SESSION_COOKIE)


def device_token(request: HTTPConnection) -> Secret | None:
    """The mark of a browser in which somebody has signed in before, if any."""
    return _secret(request, DEVICE_COOKIE)


def set_session(response: Response, token: Secret, *, device: Secret | None = None) -> None:
    """Give the browser a session: until it is closed, or the session ends.

    `Lax` lets a link in a mail open a page as the person who is signed in; whatever changes something is a POST with a
    CSRF token, to which a page of another site brings neither cookie nor token.
    """
    response.set_cookie(SESSION_COOKIE, token.reveal(), path="/", secure=True, httponly=True, samesite="lax")
    if device is not None:
        set_device(response, device)


def set_device(response: Response, device: Secret) -> None:
    """Mark a browser as one that its person is known by."""
    response.set_cookie(
        DEVICE_COOKIE,
        device.reveal(),
        max_age=_DEVICE_S,
        path="/",
        secure=True,
        httponly=True,
        samesite="lax",
    )


def clear_session(response: Response) -> None:
    """Take the session's cookie back; the device stays known."""
    response.delete_cookie(SESSION_COOKIE, path="/", secure=True, httponly=True, samesite="lax")


def keep_leaving(response: Response, ticket: Secret) -> None:
    """Keep the ticket of somebody who leaves for a service's page. Lax: that page leads back here."""
    response.set_cookie(
        LEAVING_COOKIE,
        ticket.reveal(),
        max_age=_LEAVING_S,
        path="/",
        secure=True,
        httponly=True,
        samesite="lax",
    )


def leaving_ticket(request: HTTPConnection) -> Secret | None:
    """The ticket of somebody who comes back, if any."""
    return _secret(request, LEAVING_COOKIE)


def _secret(request: HTTPConnection, name: str) -> Secret | None:
    value = request.cookies.get(name, "")
    return Secret(value) if value and len(value) <= 512 and value.isascii() else None  # noqa: PLR2004 - longer than any token
