"""What all calls have in common: who calls, with which scopes, how often; and refusals that become answers."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from simulators.accounts import Accounts, Person
from simulators.google.errors import (
    Refusal,
    anonymous,
    bad_request,
    insufficient_scopes,
    not_found,
    unauthenticated,
)
from simulators.google.fields import Mask, applied, parsed
from simulators.google.pace import Pace
from simulators.google.resources import KNOWN
from simulators.google.state import RANKS, State
from simulators.nodes import Drive, Node

_SCOPE = "https://www.googleapis.com/auth/"
_READING = frozenset({_SCOPE + "drive", _SCOPE + "drive.readonly"})
_WRITING = frozenset({_SCOPE + "drive"})
DIRECTORY = frozenset({_SCOPE + "admin.directory.user", _SCOPE + "admin.directory.user.readonly"})


@dataclass
class Call:
    """One call of a signed-in user."""

    request: Request
    me: Person
    state: State

    def asked(self, name: str, default: str = "") -> str:
        """Return a parameter."""
        return self.request.query_params.get(name, default)

    def says(self, name: str) -> bool:
        """Tell whether a parameter is `true`."""
        return self.asked(name).lower() == "true"

    def mask(self, default: Mask) -> Mask:
        """Return what is to be told."""
        text = self.asked("fields")
        return parsed(text, KNOWN) if text else default

    def number(self, name: str, default: int, most: int) -> int:
        """Return a number; what is above `most` is `most`."""
        text = self.asked(name)
        if not text:
            return default
        if not text.isdigit() or not int(text):
            raise Refusal(400, "invalidParameter", f"Invalid value '{text}'", location=name)
        return min(int(text), most)

    async def body(self) -> dict[str, Any]:
        """Read a JSON body."""
        return as_object(await self.request.body())

    def node(self, node_id: str, *, needs: str = "reader", admin: bool = False) -> tuple[Drive, Node]:
        """Find an entry on which the caller has a role. Raises Refusal."""
        found = self.state.find(self.state.my_drive(self.me).id if node_id == "root" else node_id)
        if found is None:
            raise not_found(node_id)
        drive, node = found
        in_shared_drive = self.state.is_shared_drive(drive)
        knows = self.says("supportsAllDrives") or self.says("supportsTeamDrives")
        # Downloads do without: rclone leaves it out, and fetches from shared drives all the same.
        if in_shared_drive and not knows and self.asked("alt") != "media":
            raise not_found(node_id)
        if admin and self.me.is_admin and in_shared_drive and node is drive.root:
            return drive, node
        rank = self.state.rank(self.me, node)
        if not rank:
            raise not_found(node_id)
        if rank < RANKS[needs]:
            raise Refusal(
                403,
                "insufficientFilePermissions",
                "The user does not have sufficient permissions for this file.",
            )
        return drive, node


Handler = Callable[[Call], Awaitable[Response]]


def as_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object; nothing at all is an empty one."""
    if not body.strip():
        return {}
    try:
        value = json.loads(body)
    except ValueError:
        raise Refusal(400, "parseError", "Parse Error") from None
    if not isinstance(value, dict):
        raise bad_request()
    return value


def told(value: Any, mask: Mask) -> JSONResponse:
    """Answer what the mask selects."""
    return JSONResponse(applied(mask, value), headers={"Cache-Control": "no-cache, no-store, max-age=0"})


class Door:
    """Lets signed-in users in.

    Args:
        accounts: Who has which tokens.
        state: For the calls.
        pace: Counts them.
    """

    def __init__(self, accounts: Accounts, state: State, pace: Pace) -> None:
        self._accounts = accounts
        self._state = state
        self._pace = pace

    def __call__(
        self, operation: str, handler: Handler, *, scopes: frozenset[str] | None = None
    ) -> Callable[[Request], Awaitable[Response]]:
        """Make an endpoint of a handler."""

        async def endpoint(request: Request) -> Response:
            request.scope["operation"] = operation
            try:
                me, granted = self._caller(request)
                needed = scopes or (_READING if request.method == "GET" else _WRITING)
                if granted and not needed & set(granted):
                    raise insufficient_scopes()
                self._pace.count(me.email)
                return await handler(Call(request, me, self._state))
            except Refusal as refusal:
                await _drained(request)
                return refusal.answer()

        return endpoint

    def _caller(self, request: Request) -> tuple[Person, tuple[str, ...]]:
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not value:
            raise anonymous()
        token = self._accounts.find(value.strip())
        if token is None or token.person is None or not token.person.is_active:
            raise unauthenticated()
        return token.person, token.scopes


async def _drained(request: Request) -> None:
    """Read the rest of a body: who is refused in the middle of sending would see a broken connection instead."""
    try:
        async for _ in request.stream():
            pass
    except (RuntimeError, ClientDisconnect):
        pass  # read already, or there is nobody any more
