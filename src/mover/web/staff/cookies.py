"""The cookie of the staff's sessions. People's sessions have another name and another table: neither is good for the other."""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.responses import Response

from mover.vault.secret import Secret

STAFF_COOKIE = "__Host-mover-staff"
_LONGEST = 512


def staff_token(request: HTTPConnection) -> Secret | None:
    """The token that a browser sent, if any."""
    value = request.cookies.get(STAFF_COOKIE, "")
    return Secret(value) if value and len(value) <= _LONGEST and value.isascii() else None


def set_staff(response: Response, token: Secret) -> None:
    """Give the browser a session. `Strict`: no link from elsewhere opens a page of the staff as the one who is signed in."""
    response.set_cookie(STAFF_COOKIE, token.reveal(), path="/", secure=True, httponly=True, samesite="strict")


def clear_staff(response: Response) -> None:
    """Take the cookie back."""
    response.delete_cookie(STAFF_COOKIE, path="/", secure=True, httponly=True, samesite="strict")
