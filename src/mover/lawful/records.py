"""What goes in and comes out of lawful exports. Times in nanoseconds since 1970 UTC, sizes in bytes."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from mover.lawful.recipients import recipients_digest
from mover.staff.records import Request, RequestKind, Scope


class AnswerState(enum.StrEnum):
    """Where a runner stands with a call. The words are stored."""

    ASKED = "asked"
    ANSWERING = "answering"
    ANSWERED = "answered"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether nothing more comes from it."""
        return self in {AnswerState.ANSWERED, AnswerState.FAILED}

    @property
    def words(self) -> str:
        """What it is for a call that is closed."""
        match self:
            case AnswerState.ASKED:
                return "did not answer"
            case AnswerState.ANSWERING:
                return "did not finish"
            case AnswerState.ANSWERED:
                return "answered"
            case AnswerState.FAILED:
                return "failed"


class Outcome(enum.StrEnum):
    """What became of a part that was held. The words are stored."""

    SEALING = "sealing"  # the runner is at it, or was when it ended
    SEALED = "sealed"
    CUT = "cut"  # it was removed while it was read: its beginning is sealed
    GONE = "gone"  # it was removed before it was read
    DAMAGED = "damaged"
    TOO_LARGE = "too_large"  # more than the limit of the export leaves room for

    @property
    def has_content(self) -> bool:
        """Whether there is an age file of it."""
        return self in {Outcome.SEALED, Outcome.CUT}


@dataclass(frozen=True, kw_only=True)
class Order:
    """A request for a lawful export, and who can open what comes of it."""

    request: Request
    recipients: tuple[str, ...]

    @property
    def is_bound(self) -> bool:
        """Whether these are the recipients that it was asked for with."""
        return bool(self.recipients) and self.request.bound == recipients_digest(self.recipients)

    def stands(self, now_ns: int) -> bool:
        """Whether it is an order for an export, approved with exactly these recipients, and may be acted upon at that moment."""
        return self.request.kind is RequestKind.LEGAL_EXPORT and self.request.stands(now_ns) and self.is_bound


@dataclass(frozen=True, kw_only=True)
class Call:
    """What a runner is asked for: what the order says, and no more than `most_bytes` of all runners together.

    The order is the request itself as it is now, with its approvals, so that a runner sees for itself whether it stands.
    """

    collection_id: str
    order: Order
    most_bytes: int

    @property
    def scope(self) -> Scope:
        """What it is about."""
        return self.order.request.scope


@dataclass(frozen=True, kw_only=True)
class Collection:
    """A call as whoever exports sees it."""

    id: str
    request_id: str
    opened_ns: int
    deadline_ns: int
    closed_ns: int | None
    expires_ns: int


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a runner said."""

    runner: str
    state: AnswerState
    message: str
    ended_ns: int | None


@dataclass(frozen=True, kw_only=True)
class Whose:
    """What a runner knows of an item whose bytes it holds."""

    pair_id: int
    item_id: int
    path: str


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """An age file and what is in it."""

    read_bytes: int
    sha256: str
    sealed_bytes: int
    sealed_sha256: str


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part that a runner held."""

    id: int
    runner: str
    whose: Whose
    offset: int
    held_bytes: int
    complete: bool
    place: str
    since_ns: int
    looked_ns: int
    outcome: Outcome
    sealed: Sealed
