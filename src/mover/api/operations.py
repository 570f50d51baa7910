"""How a route is declared: once, with the permission that it needs; mounted for API keys, for sessions, or for both.

    pairs = Resource("Pairs", "What is moved where.")

    @pairs.get("/migrations/{migration_id}/pairs", Permission.READ)
    async def list_pairs(call: Calling, migration_id: Id, ...) -> PairPage: ...

The name of the function is the operation's id, and so the name of the method in generated clients.
What the staff's API answers is declared in `mover.api.staff`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from mover.accounts.actor import Permission

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

USUAL_BODY_BYTES = 1 << 20
USUAL_LIMIT_S = 30.0


class Audience(enum.Enum):
    """Who may call."""

    KEYS = "keys"  # /api/v1
    SESSIONS = "sessions"  # /app/v1
    STAFF = "staff"  # /staff/api/v1


EVERYBODY = frozenset({Audience.KEYS, Audience.SESSIONS})
"""Of an organisation."""

SESSIONS_ONLY = frozenset({Audience.SESSIONS})
STAFF_ONLY = frozenset({Audience.STAFF})


class Open(enum.Enum):
    """In place of a permission, where none is needed; a route that declares neither is a defect that a test finds."""

    SIGNED_IN = "signed_in"  # whoever is let in, also while a requirement (a second factor) is not met
    ANYBODY = "anybody"  # without credentials


Need = Permission | Open


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one address.

    Attributes:
        method: Upper case.
        path: Below the mount's prefix.
        need: What the caller must be allowed.
        endpoint: The function that does it.
        status: Of the answer when all went well.
        audiences: Where it is mounted.
        resource: The title of the group that it belongs to.
        conditional: It changes something that has an ETag, so If-Match is demanded (428 without).
        shows_secret: Its answer holds a secret that is shown this once.
        largest_body: In bytes.
        limit_s: Longest time until the answer begins.
        media_types: Of the answer, as the client chooses.
        problems: Statuses of the problems particular to it, beyond those that all have.
    """

    method: str
    path: str
    need: Need
    endpoint: Callable[..., Any]
    status: int
    audiences: frozenset[Audience]
    resource: str
    conditional: bool = False
    shows_secret: bool = False
    largest_body: int = USUAL_BODY_BYTES
    limit_s: float = USUAL_LIMIT_S
    media_types: tuple[str, ...] = ("application/json",)
    problems: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """The operation's id."""
        return self.endpoint.__name__

    @property
    def unsafe(self) -> bool:
        """Whether it may change something (RFC 9110 section 9.2.1)."""
        return self.method not in {"GET", "HEAD", "OPTIONS"}

    @property
    def repeatable(self) -> bool:
        """Whether an Idempotency-Key counts: other methods are idempotent by themselves."""
        return self.method == "POST"


class Resource:
    """A group of operations that belong together; one a module of `mover.api.resources`."""

    def __init__(self, title: str, description: str) -> None:
        self.title = title
        self.description = description
        self.operations: list[Operation] = []

    def get(self, path: str, need: Need, **more: Any) -> Callable[[Endpoint], Endpoint]:
        """Declare a GET."""
        return self._declare("GET", path, need, **{"status": 200, **more})

    def post(self, path: str, need: Need, **more: Any) -> Callable[[Endpoint], Endpoint]:
        """Declare a POST; it answers 201 unless it says otherwise."""
        return self._declare("POST", path, need, **{"status": 201, **more})

    def put(self, path: str, need: Need, **more: Any) -> Callable[[Endpoint], Endpoint]:
        """Declare a PUT."""
        return self._declare("PUT", path, need, **{"status": 200, **more})

    def patch(self, path: str, need: Need, **more: Any) -> Callable[[Endpoint], Endpoint]:
        """Declare a PATCH."""
        return self._declare("PATCH", path, need, **{"status": 200, **more})

    def delete(self, path: str, need: Need, **more: Any) -> Callable[[Endpoint], Endpoint]:
        """Declare a DELETE; it answers 204."""
        return self._declare("DELETE", path, need, **{"status": 204, **more})

    def _declare(self, method: str, path: str, need: Need, **more: Any) -> Callable[[Endpoint], Endpoint]:
        def declare(endpoint: Endpoint) -> Endpoint:
            operation = Operation(
                method=method,
                path=path,
                need=need,
                endpoint=endpoint,
                resource=self.title,
                **{"audiences": EVERYBODY, **more},
            )
            self.operations.append(operation)
            return endpoint

        return declare
