"""Permissions in the ledger: what the source has, and what became of each at the destination.

Life of a line (one permission of one entry in one run):

    seen at the ──► planned ──┬─► given                                   the destination took it, perhaps as a lower role
     source            │      ├─► already_there                           nothing to do
                       │      ├─► failed, unsupported                     problems: a person should look
                       │      └─► not_there                               its entry did not arrive
                       ├─► already_there                                  it holds there, by itself or through a folder above
                       ├─► listed, dropped                                told only: external, by link; or the map says so
                       └─► failed, unsupported                            nobody of that name, no such kind there

     given by an earlier run and gone from the source ──► planned ──► taken_back, failed
     more people see the entry at the destination ──► wider, listed
"""

from __future__ import annotations

import enum

import msgspec

from mover.entries import AccessRole, EntryKind, GranteeKind
from mover.ledger.states import ItemState


class GrantState(enum.StrEnum):
    """Where a line stands; see the drawing above."""

    PLANNED = "planned"
    GIVEN = "given"
    TAKEN_BACK = "taken_back"
    ALREADY_THERE = "already_there"
    LISTED = "listed"
    DROPPED = "dropped"
    NOT_THERE = "not_there"
    UNSUPPORTED = "unsupported"
    FAILED = "failed"
    WIDER = "wider"


GRANT_PROBLEMS = frozenset({GrantState.UNSUPPORTED, GrantState.FAILED, GrantState.WIDER})


class GrantAction(enum.StrEnum):
    """What a line asks for."""

    GIVE = "give"
    TAKE_BACK = "take_back"
    TELL = "tell"  # nothing: it says that the entry is open to somebody


class Grantee(msgspec.Struct, frozen=True, order=True):
    """Somebody at the destination; `identity` as `Permission.identity`."""

    kind: GranteeKind
    identity: str


class NewGrant(msgspec.Struct, frozen=True, kw_only=True):
    """A line about an entry that was just seen.

    Attributes:
        source_key: Of the entry's item; `/` for the pair's root.
        kind, identity, role, service_role: As the source has it; None and empty for lines about the destination alone.
        target: Who is meant at the destination; None if nobody.
        target_role: What is asked for there.
        before: What the target had there on that very entry, to be given back when ours is taken back.
    """

    source_key: str
    action: GrantAction = GrantAction.GIVE
    kind: GranteeKind | None = None
    identity: str = ""
    role: AccessRole | None = None
    service_role: str = ""
    target: Grantee | None = None
    target_role: AccessRole | None = None
    before: AccessRole | None = None
    state: GrantState
    reason: str | None = None
    side: str | None = None
    message: str = ""


class DueGrant(msgspec.Struct, frozen=True, kw_only=True):
    """A planned line, with where its entry stands. Paths are relative to the pair's roots.

    `item_state` is None for the root.
    """

    id: int
    source_key: str
    action: GrantAction
    target: Grantee
    role: AccessRole
    before: AccessRole | None
    destination_path: str
    destination_id: str | None
    item_state: ItemState | None
    item_reason: str | None


class GrantOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a planned line; `role` is the one that was given."""

    id: int
    state: GrantState
    role: AccessRole
    reason: str | None = None
    side: str | None = None
    message: str = ""


class Granted(msgspec.Struct, frozen=True, kw_only=True):
    """What Mover itself has permitted at the destination, or was about to. All that it may ever take back.

    `asked` is what the source has; `role` is narrower where the destination has no such role.
    """

    source_key: str
    target: Grantee
    role: AccessRole
    asked: AccessRole
    before: AccessRole | None
    destination_path: str
    destination_id: str | None


class ReportGrant(msgspec.Struct, frozen=True, kw_only=True):
    """A line as a report shows it. Paths are relative to the pair's roots."""

    id: int
    path: str
    entry_kind: EntryKind
    action: GrantAction
    kind: GranteeKind | None
    identity: str
    role: AccessRole | None
    service_role: str
    target: Grantee | None
    target_role: AccessRole | None
    state: GrantState
    reason: str | None
    side: str | None
    message: str


class GrantTally(msgspec.Struct, frozen=True):
    """How many lines stand in one state for one reason."""

    state: GrantState
    reason: str | None
    count: int
