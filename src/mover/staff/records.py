"""What the staff's services hand out. None of these holds a hash, a token or another secret."""

from __future__ import annotations

import enum
import hmac
from dataclasses import dataclass, field

import msgspec

from mover.accounts.actor import Actor, ActorKind
from mover.vault.secret import Secret

STAFF_LOG = "staff"
"""Stands for an organisation in the audit log: what the staff did that is no organisation's, or not yet for its eyes.

Ids of organisations are 32 hexadecimal digits, so none of them is called like this.
"""


class StaffMember(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who runs this installation."""

    id: str
    email: str
    name: str
    created_ns: int
    last_sign_in_ns: int | None
    has_second_factor: bool
    password_given: bool  # by the operator, who therefore knows it

    def actor(self, organisation_id: str = STAFF_LOG) -> Actor:
        """For the audit log of an organisation, or the staff's own. It has no permission: staff act through `Requests` alone."""
        return Actor(organisation_id, ActorKind.STAFF, self.id, self.email, frozenset())


class StaffSession(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in that lasts. Its token is only with the browser; without a second factor it opens nothing."""

    id: str
    staff_id: str
    second_factor_ns: int | None
    address: str
    device: str
    created_ns: int
    last_seen_ns: int
    expires_ns: int
    seal: str = ""  # of seals.py; without a right one it is nobody's


class StaffKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key of the staff's API, as lists show it. `networks`: from where it works; empty: from anywhere."""

    id: str
    staff_id: str
    email: str
    name: str
    networks: tuple[str, ...]
    created_ns: int
    expires_ns: int
    revoked_ns: int | None
    last_used_ns: int | None
    last_used_address: str | None

    def works(self, now_ns: int) -> bool:
        """Whether it has not ended at that moment."""
        return self.revoked_ns is None and now_ns < self.expires_ns


class Step(enum.StrEnum):
    """What stands between a session and the pages; in this order."""

    CODE = "code"  # the authenticator app's
    SET_UP = "set_up"  # there is no authenticator app as yet
    NEW_PASSWORD = "new_password"  # noqa: S105 - the operator knows the present one


@dataclass(frozen=True)
class StaffSignedIn:
    """Who sits behind a session's token.

    Attributes:
        session: The session.
        member: Whose it is.
        step: What they have to do first; None: nothing.
        csrf_token: What a form of this session has to send along.
    """

    session: StaffSession
    member: StaffMember
    step: Step | None
    csrf_token: Secret = field(repr=False)

    def csrf_matches(self, presented: str) -> bool:
        """Tell whether a form was made for this session; takes the same time for all that are wrong."""
        return hmac.compare_digest(
            self.csrf_token.reveal().encode(), presented.encode("utf-8", "surrogatepass")
        )


@dataclass(frozen=True)
class StaffEntrance:
    """A sign-in, or a step of it: `token` becomes the cookie, in the place of the one before."""

    token: Secret = field(repr=False)
    signed_in: StaffSignedIn


class RequestKind(enum.StrEnum):
    """What can be asked for. The words are stored."""

    BREAK_GLASS = (
        "break_glass"  # see an organisation's configuration and messages in full, hold or end its runs
    )
    LEGAL_EXPORT = "legal_export"  # hand out what is held at a moment

    @property
    def approvals(self) -> int:
        """How many people other than the one who asks have to approve."""
        match self:
            case RequestKind.BREAK_GLASS:
                return 1
            case RequestKind.LEGAL_EXPORT:
                return 2

    @property
    def longest_s(self) -> int:
        """How far off its expiry may be."""
        match self:
            case RequestKind.BREAK_GLASS:
                return 3 * 86_400
            case RequestKind.LEGAL_EXPORT:
                return 30 * 86_400


class RequestState(enum.StrEnum):
    """Where a request stands. Past its expiry each of them is over, whatever it says.

    OPEN ──► APPROVED ──┬──► WITHDRAWN  by the one who asked
      └─────────────────┴──► REFUSED    by anybody else: also what was approved can be stopped
    """

    OPEN = "open"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"

    @property
    def is_over(self) -> bool:
        """Whether nothing can happen to it any more."""
        return self in {RequestState.REFUSED, RequestState.WITHDRAWN}


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What a request is about: an organisation, or less of it.

    Attributes:
        organisation_id: Always one.
        person_id: Only what is this person's.
        connection_id: Only what goes through this connection.
        pair_id: Only this pair of a migration.
        from_ns: Only what is from then on.
        until_ns: Only what is from before then.
    """

    organisation_id: str
    person_id: str | None = None
    connection_id: str | None = None
    pair_id: str | None = None
    from_ns: int | None = None
    until_ns: int | None = None


@dataclass(frozen=True)
class Approval:
    """One person's."""

    staff_id: str
    email: str
    approved_ns: int
    signature: str = field(default="", repr=False)  # of `approving.py`; without a right one it does not count


@dataclass(frozen=True, kw_only=True)
class Request:
    """An exception that was asked for, with everything that became of it.

    Attributes:
        reason: In the asker's words.
        case: Of a court, an authority, a ticket; may be empty for `BREAK_GLASS`.
        expires_ns: Then it is over, approved or not.
        bound: A digest of what else was asked for along with it: approved as well. Empty: nothing else.
        approved_ns: When it came to stand.
        ended_by_email: Who refused or withdrew it, and `ended_why`.
        disclosed_ns: Of a legal export: from when on the organisation may know of it; None: nobody has said yet.
        told_ns: When its audit log was told.
    """

    id: str
    kind: RequestKind
    scope: Scope
    organisation_name: str
    reason: str
    case: str
    asked_by: str
    asked_by_email: str
    asked_ns: int
    expires_ns: int
    state: RequestState
    bound: str = ""
    approvals: tuple[Approval, ...] = field(default=())
    approved_ns: int | None = None
    ended_by_email: str | None = None
    ended_ns: int | None = None
    ended_why: str = ""
    disclosed_ns: int | None = None
    told_ns: int | None = None

    @property
    def missing(self) -> int:
        """How many approvals of others it still needs; an asker's own would not count."""
        return max(0, self.kind.approvals - len(self.approvers))

    @property
    def approvers(self) -> frozenset[str]:
        """The ids of those who approved, without whoever asked, by whatever account of the same address."""
        return frozenset(
            one.staff_id
            for one in self.approvals
            if one.staff_id != self.asked_by and one.email != self.asked_by_email
        )

    def stands(self, now_ns: int) -> bool:
        """Whether it may be acted upon at that moment."""
        return self.state is RequestState.APPROVED and not self.missing and now_ns < self.expires_ns
