"""What the audit log consists of, as values. The same structs are stored, exported and verified."""

from __future__ import annotations

import msgspec

BROKEN = "audit.broken"
"""The action of an event that says: when Mover went on with this chain, what stood there was not as it had been signed."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event, as it is stored: see `tables.audit_events`."""

    id: int
    organisation_id: str
    happened_ns: int
    actor_kind: str
    actor_id: str
    actor_name: str
    action: str
    subject: str
    details: str
    salt: str | None
    number: int | None
    hash: str | None
    position: int | None
    redaction: str | None


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The signed state of a chain: its events are those after `cut_number`, up to `number`."""

    organisation_id: str
    cut_number: int
    cut_hash: str
    number: int
    hash: str
    closed: bool
    signed_ns: int
    key_id: str
    signature: str


class Roster(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The signed list of chains and keys.

    Attributes:
        position: Of the last sealed event: how many were ever sealed.
        forgotten: How many of these are in no chain any more. All others are numbered in one, so that of an older state
            of one chain beside present ones some are missing. None: signed by a Mover that did not count; then keys
            that were retired may have signed checkpoints.
    """

    chains: int
    chains_digest: str
    keys_digest: str
    position: int
    forgotten: int | None = None
    signed_ns: int
    key_id: str
    signature: str


class PublicKey(msgspec.Struct, frozen=True, kw_only=True):
    """A published key: 32 bytes in base64. `retired_ns`: it signs nothing new since then."""

    id: str
    public_key: str
    created_ns: int
    retired_ns: int | None


class Redaction(msgspec.Struct, frozen=True, kw_only=True):
    """That words of an event were replaced, since they named a person who was deleted.

    Attributes:
        digest: Of the words as they were sealed; without their salt, which is gone, nobody can guess them from it.
        redacted_ns: When.
        key_id: Of the key that signed it.
        signature: Over all this and the words as they are now.
    """

    digest: str
    redacted_ns: int
    key_id: str
    signature: str


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """How far copies elsewhere have come: see `tables.audit_streams`."""

    name: str
    position: int
    sent_ns: int
    trouble: str
    failures: int
    due_ns: int
