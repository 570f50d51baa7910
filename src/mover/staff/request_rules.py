"""What a request has to be, and who may do something about it."""

from __future__ import annotations

import hmac

from sqlalchemy import Connection

from mover.accounts.refusals import MayNot, NoSuchThing, NotAcceptable, NotPossible
from mover.errors import one_line
from mover.staff.approving import asked_digest
from mover.staff.letters import moment
from mover.staff.queries import people
from mover.staff.queries import requests as queries
from mover.staff.records import Request, RequestKind, Scope, StaffMember

LONGEST_REASON = 1000

_SECOND_NS = 1_000_000_000
_SHORTEST_REASON = 10
_LONGEST_CASE = 100
_ROUND_NS = 60 * _SECOND_NS
_LARGEST_NS = 2**63 - 1  # of a column


def locked(transaction: Connection, staff: StaffMember, request_id: str) -> Request:
    """Find a request for somebody who is of the staff still, and keep others from changing it. Raises NotFound, PermissionDenied."""
    expect_staff(transaction, staff)
    return there(queries.lock(transaction, request_id))


def expect_period(kind: RequestKind, scope: Scope) -> None:
    """Raise InvalidConfiguration if the scope has a period that cannot be."""
    if kind is RequestKind.BREAK_GLASS and (scope.from_ns is not None or scope.until_ns is not None):
        raise NotAcceptable("a period is for a legal export; what is looked at here has none")
    for moment_ns in (scope.from_ns, scope.until_ns):
        expect_near(moment_ns)
    if scope.from_ns is not None and scope.until_ns is not None and scope.from_ns >= scope.until_ns:
        raise NotAcceptable("the period ends before it begins")


def there(found: Request | None) -> Request:
    """What was found. Raises NotFound: nothing."""
    if found is None:
        raise NoSuchThing("there is no such request")
    return found


def expect_staff(transaction: Connection, staff: StaffMember) -> None:
    """Raise PermissionDenied if the account was removed, maybe a moment ago."""
    if people.find(transaction, staff.id) is None:
        raise MayNot("this account is not of the staff any more")


def expect_in_time(request: Request, now_ns: int) -> None:
    """Raise Conflict if it is over by now."""
    if now_ns >= request.expires_ns:
        raise NotPossible(f"this request expired on {moment(request.expires_ns)}")


def expect_shown(request: Request, shown: str) -> None:
    """Raise Conflict unless this is what somebody was shown before they agreed; `shown` is the digest of that."""
    if not hmac.compare_digest(asked_digest(request).encode(), shown.encode("utf-8", "surrogatepass")):
        raise NotPossible("this request is not what you were shown; look at it again")


def expect_near(moment_ns: int | None) -> None:
    """Raise InvalidConfiguration if no column can hold this moment."""
    if moment_ns is not None and not -_LARGEST_NS <= moment_ns <= _LARGEST_NS:
        raise NotAcceptable("this day is too far off")


def reason_of(text: str) -> str:
    """Take a reason that was typed. Raises InvalidConfiguration."""
    reason = one_line(text, limit=LONGEST_REASON + 1)
    if len(reason) < _SHORTEST_REASON:
        raise NotAcceptable("give a reason that the other side will understand: at least 10 characters")
    if len(reason) > LONGEST_REASON:
        raise NotAcceptable(f"the reason is longer than {LONGEST_REASON} characters")
    return reason


def case_of(kind: RequestKind, text: str) -> str:
    """Take the name of a case that was typed. Raises InvalidConfiguration."""
    case = one_line(text, limit=_LONGEST_CASE + 1)
    if kind is RequestKind.LEGAL_EXPORT and not case:
        raise NotAcceptable("a legal export needs the name of the case: that of the court or the authority")
    if len(case) > _LONGEST_CASE:
        raise NotAcceptable(f"the name of the case is longer than {_LONGEST_CASE} characters")
    return case


def expiry_of(kind: RequestKind, expires_ns: int, now_ns: int) -> int:
    """Take a moment that was chosen, and never one that is too far off. Raises InvalidConfiguration."""
    longest_ns = kind.longest_s * _SECOND_NS
    if expires_ns <= now_ns:
        raise NotAcceptable("the expiry has passed already")
    # A form names minutes: what was chosen to be the longest time must not fail for the seconds that it took to send it.
    if expires_ns > now_ns + longest_ns + _ROUND_NS:
        raise NotAcceptable(f"the expiry is too far off: at most {kind.longest_s // 86_400} days")
    return min(expires_ns, now_ns + longest_ns)
