"""In whose name a call is made, and whether that user may make another one now."""

from __future__ import annotations

from collections import defaultdict, deque

from starlette.requests import Request

from simulators.accounts import Person
from simulators.box import errors
from simulators.box.organisation import Organisation
from simulators.tally import Tally

GENERAL_PER_MINUTE = 1000
UPLOADS_PER_MINUTE = 240
ADMIN_SCOPES = frozenset({"manage_managed_users", "as_user"})
_SECOND_NS = 1_000_000_000
_MINUTE_NS = 60 * _SECOND_NS


class RateLimits:
    """Calls a minute and user (guide "Rate limits"). Off until a number is set.

    Attributes:
        general: Calls of all kinds.
        uploads: Uploads of files, chunks among them.
    """

    def __init__(self, organisation: Organisation, tally: Tally) -> None:
        self.general: int | None = None
        self.uploads: int | None = None
        self._organisation = organisation
        self._tally = tally
        self._made: defaultdict[tuple[str, str], deque[int]] = defaultdict(deque)
        self._not_before: dict[tuple[str, str], int] = {}

    def enforce(self) -> None:
        """Limit calls as Box does."""
        self.general, self.uploads = GENERAL_PER_MINUTE, UPLOADS_PER_MINUTE

    def count(self, person: Person, *, upload: bool) -> None:
        """Count a call. Raises BoxError if it is one too many."""
        self._count(person, "general", self.general)
        if upload:
            self._count(person, "uploads", self.uploads)

    def _count(self, person: Person, kind: str, limit: int | None) -> None:
        if limit is None:
            return
        now, key = self._organisation.clock.now_ns(), (person.id, kind)
        made = self._made[key]
        while made and made[0] <= now - _MINUTE_NS:
            made.popleft()
        not_before = self._not_before.get(key, 0)
        if now < not_before:
            self._tally.early += 1
        elif len(made) < limit:
            made.append(now)
            return
        else:
            not_before = self._not_before[key] = made[0] + _MINUTE_NS
        raise errors.rate_limited(-(-(not_before - now) // _SECOND_NS))


class Callers:
    """Finds out in whose name a call is made.

    Args:
        organisation: Whose users there are.
        limits: Of calls.
    """

    def __init__(self, organisation: Organisation, limits: RateLimits) -> None:
        self._organisation = organisation
        self._limits = limits

    def who(self, request: Request, *, upload: bool = False) -> Person:
        """Return the user. Raises BoxError."""
        organisation = self._organisation
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        token = organisation.accounts.find(value) if kind.lower() == "bearer" else None
        if token is None or token.person is None or not token.person.is_active:
            raise errors.unauthorized()
        person = token.person
        if (named := request.headers.get("as-user")) is not None:
            if not person.is_admin:
                raise errors.insufficient_scope()
            found = organisation.accounts.people.get(named)
            if found is None or found is organisation.service_account or not found.is_active:
                raise errors.denied()  # unconfirmed: what Box answers for a user who is unknown or inactive
            person = found
        self._limits.count(person, upload=upload)
        return person
