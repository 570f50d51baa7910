"""Who asks, and whether they may now: tokens, acting for others, calls a second and a day."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from starlette.requests import Request

from simulators.accounts import Accounts, Person
from simulators.clock import SECOND_NS, Clock
from simulators.egnyte.answers import over_limit, refused

_DAY_S = 86_400


@dataclass
class Limits:
    """Calls that one token may make; None: no limit. Egnyte grants two a second and a thousand a day until it is asked for more."""

    per_second: int | None = None
    per_day: int | None = None


@dataclass
class _Used:
    """What a token has used."""

    lately: deque[int] = field(default_factory=deque)
    today: int = 0
    day_began_ns: int = 0
    blocked_until_ns: int = 0


class Gate:
    """Looks at each request before it is answered."""

    def __init__(self, accounts: Accounts, clock: Clock) -> None:
        self.limits = Limits()
        self.early = 0
        self._accounts = accounts
        self._clock = clock
        self._used: dict[str, _Used] = {}

    def admit(self, request: Request) -> Person:
        """Return in whose name the request is made. Raises RefusedError."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        token = self._accounts.find(value) if scheme.lower() == "bearer" else None
        if token is None or token.person is None or not token.person.is_active:
            raise refused(
                401, "Not authorized", headers={"WWW-Authenticate": 'Bearer realm="", error="invalid_token"'}
            )
        self._count(value, request)
        return self._acting(request, token.person)

    def headers_for(self, request: Request) -> dict[str, str]:
        """What every answer tells about the limits."""
        _, _, value = request.headers.get("authorization", "").partition(" ")
        used = self._used.get(value) or _Used()
        shown = {
            "X-Accesstoken-Qps-Allotted": str(self.limits.per_second or 100),
            "X-Accesstoken-Qps-Current": str(len(used.lately)),
            "X-Accesstoken-Quota-Allotted": str(self.limits.per_day or 10_000_000),
            "X-Accesstoken-Quota-Current": str(used.today),
        }
        return shown if value else {}

    def _count(self, value: str, request: Request) -> None:
        now = self._clock.now_ns()
        used = self._used.setdefault(value, _Used(day_began_ns=now))
        if now < used.blocked_until_ns:
            self.early += 1
        while used.lately and used.lately[0] <= now - SECOND_NS:
            used.lately.popleft()
        if now - used.day_began_ns >= _DAY_S * SECOND_NS:
            used.day_began_ns, used.today = now, 0
        if self.limits.per_day is not None and used.today >= self.limits.per_day:
            left_s = _DAY_S - (now - used.day_began_ns) // SECOND_NS
            raise over_limit("ERR_403_DEVELOPER_OVER_RATE", left_s, "Developer Over Rate")
        if self.limits.per_second is not None and len(used.lately) >= self.limits.per_second:
            request.scope["operation"] = "over the limit"
            used.blocked_until_ns = now + SECOND_NS
            raise over_limit("ERR_403_DEVELOPER_OVER_QPS", 1, "Developer Over Qps")
        used.lately.append(now)
        used.today += 1

    def _acting(self, request: Request, person: Person) -> Person:
        by_email = request.headers.get("x-egnyte-act-as-email")
        by_name = request.headers.get("x-egnyte-act-as")
        if by_email is None and by_name is None:
            return person
        if not person.is_admin:
            raise refused(403, "You do not have permission to act as another user")
        for candidate in self._accounts.people.values():
            if candidate.email == (by_email or "").lower() or candidate.email.partition("@")[0] == by_name:
                return candidate
        raise refused(400, "User to act as does not exist")
